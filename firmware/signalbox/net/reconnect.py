"""Connecting again after whatever ended the connection (RFC 6455 section 7.2.3)."""

import asyncio
import os

from ..compat import const, sleep_ms, ticks_diff, ticks_ms
from ..ws.http import HandshakeError

_NORMAL = const(1000)  # close.NORMAL
_LASTING = const(10000)  # ms after which a connection counts as a success for the backoff
_TICKS = const(0x3FFFFFFF)  # a board's clock starts over after 2**30 ms, 12 days


class Backoff:
    """How long to wait before the next attempt (RFC 6455 section 7.2.3), in ms.

    The first wait is random, so that the boards of a house don't all come back at once after a
    power cut; then the range doubles up to `most`, and each wait is drawn from its upper half.
    """

    def __init__(self, first=1000, most=60000, random=os.urandom):
        self._first = first
        self._most = most
        self._random = random
        self._range = 0

    def reset(self):
        """The last attempt went well."""
        self._range = 0

    def next(self):
        """The next wait."""
        octets = self._random(2)
        part = octets[0] << 8 | octets[1]  # of 65536
        if self._range == 0:
            self._range = self._first
            return self._first * part >> 16
        self._range = min(2 * self._range, self._most)
        half = self._range >> 1
        return half + (half * part >> 16)


class Reconnect:
    """What `async for ws in connect(url)` iterates over; see client.connect."""

    def __init__(self, connect):
        self._connect = connect
        self._backoff = connect.backoff or Backoff()
        self._ws = None
        self._opened = ticks_ms()

    def __aiter__(self):
        return self

    async def __anext__(self):
        ws = self._ws
        if ws is not None:
            self._ws = None
            asked = ws.asked
            ws.close(_NORMAL)  # if the loop's body left it open
            outcome = await ws.wait_closed()
            if asked:
                raise StopAsyncIteration
            # A server that takes every connection and drops it must not be hammered.
            # (More than 6 days are less than nothing to ticks_diff() alone.)
            lasted = ticks_diff(ticks_ms(), self._opened) & _TICKS
            if outcome.peer_no_echo or lasted >= _LASTING:
                self._backoff.reset()
            await self._wait(outcome)
        while True:
            try:
                self._ws = ws = await self._connect.open()
                self._opened = ticks_ms()
                return ws
            except (OSError, asyncio.TimeoutError, HandshakeError, MemoryError) as error:
                why = error
            await self._wait(why)

    async def _wait(self, why):
        delay = self._backoff.next()
        if self._connect.on_retry:
            self._connect.on_retry(why, delay)
        await sleep_ms(delay)
