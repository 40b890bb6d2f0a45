"""A SignallingPeer at a server, through every loss of the connection."""

import asyncio
import gc

from .compat import const, print_exception, sleep_ms
from .net.client import connect
from .net.outbox import Outbox
from .net.reconnect import Backoff
from .ws.buffers import Pool
from .ws.connection import Settings

MAX_MESSAGE = 18432  # octets: an SDP of 16 KiB as JSON
BUFFER = 736  # octets: large messages are read into the pool, and written piece by piece

_NORMAL = const(1000)  # close.NORMAL
_GOING_AWAY = const(1001)  # close.GOING_AWAY
_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR
_RETRY = const(100)  # ms until there may be memory again


class SignallingClient:
    """Connects `peer` to the server at `url`. `outcome`: of the last connection, or None."""

    outcome = None
    _hurried = False

    def __init__(
        self, peer, url, token=None, ca=None, max_message=MAX_MESSAGE, backoff=None, on_close=None
    ):
        """`token`: for `Authorization: Bearer`. `ca`: see net.client.connect(). `on_close(outcome)`
        is called when a connection has ended. ValueError.
        """
        self.peer = peer
        self._pool = Pool(1, max_message)
        self._on_close = on_close
        self._outbox = None
        self._task = None
        self._stopped = False
        self._backoff = backoff or Backoff()
        self._connect = connect(
            url,
            headers={"Authorization": "Bearer " + token} if token else None,
            ca=ca,
            settings=Settings(max_message=max_message, buffer=BUFFER, pool=self._pool),
            on_retry=self._retry,
            backoff=self._backoff,
        )

    async def run(self):
        """Be connected until stop(), again after whatever ends the connection (7.2.3)."""
        self._task = asyncio.current_task()
        ws = None
        again = False
        try:
            while not self._stopped:
                self._outbox = None  # the end of its connection may have been broken off
                try:
                    if again:
                        # Ended from this side: for want of memory, or for a reason of the outbox's.
                        await sleep_ms(_RETRY)
                        await sleep_ms(self._backoff.next())
                    again = True
                    async for ws in self._connect:
                        await self._converse(ws)
                        if self._stopped:
                            # It ended before stop() could; that is no reason to go on.
                            ws.close(_NORMAL)
                except MemoryError:
                    gc.collect()
                    if ws:
                        ws.close(_INTERNAL_ERROR)
                except asyncio.CancelledError:
                    if not self._hurried:
                        raise
                    self._hurried = again = False
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        finally:
            self._task = None

    async def _converse(self, ws):
        self._well = True
        try:
            while True:
                try:
                    if self._outbox is None:
                        self._outbox = Outbox(ws)
                        ws.on_close = self._closed
                        self.peer.connected()
                    async for message in ws:
                        self._receive(ws, message)
                        await sleep_ms(0)
                    return
                except MemoryError as error:
                    # To the end: what comes in until then holds buffers of the pool.
                    self._give_up(ws, error)
                    await sleep_ms(_RETRY)
        except asyncio.CancelledError:
            ws.close(_GOING_AWAY)
            raise
        finally:
            # Every session's end is told, however full the heap is (too full for a call, even), and
            # whatever a delegate raises.
            while self._outbox:
                try:
                    self.peer.disconnected()
                    self._outbox = None
                except Exception as error:
                    _report(error)
                    await sleep_ms(_RETRY)

    def _receive(self, ws, message):
        try:
            # After a failure a message is missing, and those behind it may make no sense.
            if isinstance(message, bytearray) and self._well:
                self.peer.receive(message)
                self.deliver()
        except Exception as error:
            self._give_up(ws, error)
        finally:
            self._pool.give_back(message)

    def _give_up(self, ws, error):
        # The server is told by a new connection that the sessions are no more.
        self._well = False
        ws.close(_INTERNAL_ERROR)
        _report(error)

    def deliver(self):
        """Send what the peer has to say: call it after the peer's calls. Doesn't wait."""
        messages = self.peer.take()
        if self._outbox:
            for message in messages:
                self._outbox.put(message)

    def stop(self, code=_NORMAL):
        """Close the connection behind what was delivered, and have run() end."""
        self._stopped = True
        if self._outbox:
            self._outbox.close(code)
        elif self._task:
            self._task.cancel()

    def hurry(self):
        """Connect anew now, whatever it waits for: the network was away, and is there again."""
        if self._task and not self._stopped:
            self._hurried = True
            self._backoff.reset()
            self._task.cancel()

    def _closed(self, outcome):
        self.outcome = outcome
        if self._on_close:
            self._on_close(outcome)

    def _retry(self, why, delay):
        print("signalling server:", why, "- again in", delay, "ms")


def _report(error):
    if isinstance(error, MemoryError):
        gc.collect()
    else:
        print_exception(error)
