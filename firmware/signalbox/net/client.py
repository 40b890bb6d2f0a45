"""The client side: connect()."""

import asyncio
import errno

from ..ws.connection import Connection, Settings
from ..ws.handshake_client import URL, ClientHandshake
from ..ws.http import HandshakeError, Head
from .dialer import client_context, open_transport
from .endpoint import Deadline, WebSocket, write_all
from .transport import recover

OPEN_TIMEOUT = 10000  # ms for TCP, TLS and the opening handshake together

_settings = Settings()


class connect:
    """Open a WebSocket: `ws = await connect(url)`, or `async with connect(url) as ws`.

    `async for ws in connect(url)` connects again and again: after every end that the application
    did not ask for with ws.close(), and after every attempt that failed, with Backoff between.

    Raises OSError when the server can't be reached, or its certificate isn't to be trusted;
    asyncio.TimeoutError after `open_timeout` ms; HandshakeRejected for an answer other than 101 (a
    redirect, 401, 403, 503 …); HandshakeError for one that isn't a WebSocket's.
    """

    # What is seldom given is kept here until it is: a board counts the octets.
    on_retry = None
    backoff = None
    _headers = None
    _subprotocols = ()
    _context = None
    _settings = _settings
    _timeout = OPEN_TIMEOUT

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
        parsed = URL(url)
        if parsed.secure and context is None:
            context = client_context(ca)
        ClientHandshake(parsed, headers, subprotocols)  # complains now, not at every attempt
        self._url = url
        self._ws = None
        if headers:
            self._headers = headers
        if subprotocols:
            self._subprotocols = subprotocols
        if context:
            self._context = context
        if settings:
            self._settings = settings
        if open_timeout != OPEN_TIMEOUT:
            self._timeout = open_timeout
        if on_retry:
            self.on_retry = on_retry
        if backoff:
            self.backoff = backoff

    async def open(self):
        """Open one connection. Returns the WebSocket."""
        deadline = Deadline(self._timeout)
        transport = None
        try:
            url = URL(self._url)
            context = self._context if url.secure else None
            transport = await open_transport(url.host, url.port, context)
            handshake = ClientHandshake(url, self._headers, self._subprotocols)
            await write_all(transport, handshake.request)
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
            recover()
            if isinstance(error, ValueError):
                # That is how TLS says it. It may be no fault of ours, nor last: a clock, say.
                why = " ".join(str(error).split())  # it says it in several lines
                raise OSError(errno.EACCES, "certificate refused: " + why) from None
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
        from .reconnect import Reconnect  # a client that connects once needs none of it

        return Reconnect(self)
