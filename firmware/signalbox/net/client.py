"""The client side: connect(), and reconnecting after whatever ended the connection."""

import asyncio
import os

from ..compat import const, sleep_ms, ticks_diff, ticks_ms
from ..ws.close import NORMAL
from ..ws.connection import Connection, Settings
from ..ws.handshake import URL, ClientHandshake, HandshakeError, Head
from .endpoint import Deadline, WebSocket
from .transport import client_context, open_transport

OPEN_TIMEOUT = 10000  # ms for TCP, TLS and the opening handshake together

_LASTING = const(10000)  # ms after which a connection counts as a success for the backoff

_settings = Settings()


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
        octets = self._random(2)
        part = octets[0] << 8 | octets[1]  # of 65536
        if self._range == 0:
            self._range = self._first
            return self._first * part >> 16
        self._range = min(2 * self._range, self._most)
        half = self._range >> 1
        return half + (half * part >> 16)


class connect:
    """Open a WebSocket: `ws = await connect(url)`, or `async with connect(url) as ws`.

    `async for ws in connect(url)` connects again and again: after every end that the application
    did not ask for with ws.close(), and after every attempt that failed, with Backoff between.

    Raises OSError when the server can't be reached, asyncio.TimeoutError after `open_timeout` ms,
    HandshakeRejected for an answer other than 101 (a redirect, 401, 403, 503 …), HandshakeError
    for one that isn't a WebSocket's.
    """

    def __init__(
        self,
        url,
        headers=None,
        subprotocols=(),
        ca=None,
        context=None,
        settings=None,
        open_timeout=OPEN_TIMEOUT,
        on_retry=None,
        backoff=None,
    ):
        """ValueError for a URL or header that can't be.

        `headers`: dict of more request fields. `ca`: for wss, the authority's certificates (a
        file's path, or bytes); certificate and host name are always checked. `context`: an
        ssl.SSLContext of your own instead. `on_retry`: called with (exception or CloseOutcome,
        milliseconds until the next attempt) while reconnecting.
        """
        self._url = URL(url)
        self._headers = headers
        self._subprotocols = subprotocols
        self._context = context
        if self._url.secure and context is None:
            self._context = client_context(ca)
        ClientHandshake(self._url, headers, subprotocols)  # complains now, not at every attempt
        self._settings = settings or _settings
        self._timeout = open_timeout
        self._on_retry = on_retry
        self._backoff = backoff or Backoff()
        self._ws = None
        self._opened = ticks_ms()

    async def open(self):
        """Open one connection. Returns the WebSocket."""
        deadline = Deadline(self._timeout)
        transport = None
        try:
            url = self._url
            context = self._context if url.secure else None
            transport = await open_transport(url.host, url.port, context)
            handshake = ClientHandshake(url, self._headers, self._subprotocols)
            request = handshake.request
            at = 0
            while at < len(request):
                taken = transport.write(request, at, len(request) - at)
                if taken is None:
                    await transport.writable()
                else:
                    at += taken
            head = Head()
            buf = bytearray(512)
            while not head.done:
                n = transport.read(buf, len(buf))
                if n is None:
                    await transport.readable()
                elif n == 0:
                    raise HandshakeError("the server closed the connection during the handshake")
                else:
                    at = head.feed(buf, 0, n)
            handshake.check(head)
            rest = buf[at:n] if at < n else None
            connection = Connection(True, self._settings)
            return WebSocket(transport, connection, url.target, handshake.subprotocol, rest)
        except BaseException as error:
            # Before the connection is open there is no Close to send (7.1.7).
            if transport:
                transport.close()
            if deadline.expired and isinstance(error, asyncio.CancelledError):
                raise asyncio.TimeoutError("no answer from the server in time") from None
            raise
        finally:
            deadline.done()

    def __iter__(self):  # MicroPython awaits an object by iterating over it
        return self.open()

    def __await__(self):
        return self.open().__await__()

    async def __aenter__(self):
        self._ws = await self.open()
        return self._ws

    async def __aexit__(self, kind, error, traceback):
        ws = self._ws
        self._ws = None
        await ws.__aexit__(kind, error, traceback)

    def __aiter__(self):
        return self

    async def __anext__(self):
        ws = self._ws
        if ws is not None:
            self._ws = None
            asked = ws.asked
            ws.close(NORMAL)  # if the loop's body left it open
            outcome = await ws.wait_closed()
            if asked:
                raise StopAsyncIteration
            # A server that takes every connection and drops it must not be hammered.
            if outcome.peer_no_echo or ticks_diff(ticks_ms(), self._opened) >= _LASTING:
                self._backoff.reset()
            await self._wait(outcome)
        while True:
            try:
                self._ws = ws = await self.open()
                self._opened = ticks_ms()
                return ws
            except (OSError, asyncio.TimeoutError, HandshakeError, MemoryError) as error:
                why = error
            await self._wait(why)

    async def _wait(self, why):
        delay = self._backoff.next()
        if self._on_retry:
            self._on_retry(why, delay)
        await sleep_ms(delay)
