"""The server side: accept, limits, HTTP pages, one task per client, graceful shutdown."""

import asyncio

from ..compat import const, print_exception, sleep_ms
from ..ws.close import GOING_AWAY, INTERNAL_ERROR, NORMAL, ConnectionClosed
from ..ws.connection import Connection, Settings
from ..ws.handshake_server import Request
from ..ws.http import HandshakeError, Head
from .endpoint import Deadline, WebSocket, write_all
from .listener import Listener
from .transport import recover

HANDSHAKE_TIMEOUT = 5000  # ms for TLS, the request and, where it is one, the page
MAX_CONNECTIONS = 4

_READ = const(512)
_RETRY = const(100)  # ms until there may be memory again

_settings = Settings()


class Response:
    """An HTTP response: what `process_request` returns to answer a request itself."""

    def __init__(self, status, body=b"", headers=None):
        """`body`: str, bytes, or an open binary file, which is sent piece by piece and closed; None
        for a response that has none, as to HEAD, whatever its fields say.
        """
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = headers


class Server:
    """What serve() returns. Use it as `async with serve(…) as server:`, or call close()."""

    def __init__(self, listener, handler, process_request, subprotocols, settings, limits):
        self.websockets = []
        self._listener = listener
        self._handler = handler
        self._process_request = process_request
        self._subprotocols = subprotocols
        self._settings = settings
        self._max_connections, self._handshake_timeout = limits
        self._clients = 0
        self._upgraded = []  # transports whose clients have a place
        self._closing = False
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._accept())

    def refuse(self):
        """Take no more clients. Those that are there may stay until they, or you, close."""
        if not self._closing:
            self._closing = True
            self._task.cancel()
            self._listener.close()
            self._changed.set()

    def close(self, code=GOING_AWAY, reason=""):
        """Take no more clients, and close every WebSocket. Await wait_closed() for the replies."""
        self.refuse()
        for ws in self.websockets:
            ws.close(code, reason)

    async def wait_closed(self):
        """Wait until the server takes no more clients and the last one is gone."""
        while self._clients or not self._closing:
            self._changed.clear()
            await self._changed.wait()

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        self.close()
        await self.wait_closed()

    async def _accept(self):
        # One more than the limit is taken, to be told 503; the others wait in the backlog.
        while True:
            transport = None
            try:
                if self._clients > self._max_connections:
                    self._changed.clear()
                    await self._changed.wait()
                    continue
                await self._listener.ready()
                transport = self._listener.accept()
                asyncio.create_task(self._client(transport))
                self._clients += 1
            except Exception:  # to name two of them takes memory
                # No room for this client, or no socket; there will be for others.
                if transport:
                    transport.close()
                recover()
                await sleep_ms(_RETRY)

    async def _client(self, transport):
        ws = None
        code = NORMAL
        try:
            ws = await self._open(transport)
            if ws is None:
                return
            self.websockets.append(ws)
            if self._closing:
                ws.close(GOING_AWAY)
            await self._handler(ws)
        except ConnectionClosed:
            pass
        except Exception as error:
            code = INTERNAL_ERROR
            print_exception(error)
        finally:
            if ws is not None:
                while ws.outcome is None:
                    try:
                        ws.close(code)
                        await ws.wait_closed()
                    except MemoryError:
                        await sleep_ms(_RETRY)  # the place must not be lost for good
                if ws in self.websockets:  # there may have been no memory for it
                    self.websockets.remove(ws)
            if transport in self._upgraded:
                self._upgraded.remove(transport)
            self._clients -= 1
            self._changed.set()
            if ws is None:
                transport.close()

    async def _open(self, transport):
        # Returns a WebSocket, or None when something else came of it.
        deadline = None
        try:
            deadline = Deadline(self._handshake_timeout)
            opened = await self._handshake(transport)
            if opened:
                connection = Connection(False, self._settings)
                if transport.secure:
                    connection.linger()
                return WebSocket(transport, connection, *opened)
        except OSError:
            pass  # the client is gone
        except MemoryError:
            recover()
        except asyncio.CancelledError:
            if not deadline.expired:
                raise
        finally:
            if deadline:
                deadline.done()
        return None

    async def _handshake(self, transport):
        # Returns target, subprotocol and what came behind the request, of which nothing else is
        # left when the WebSocket is made; None when it was answered with something else.
        try:
            buf = bytearray(_READ)
            head = Head()
            while not head.done:
                n = transport.read(buf, _READ)
                if n is None:
                    await transport.readable()
                elif n == 0:
                    return None
                else:
                    at = head.feed(buf, 0, n)
            request = Request(head)
            full = request.upgrade and len(self._upgraded) >= self._max_connections
            if full or self._closing:
                raise HandshakeError("all connections are in use", 503)
            answer = self._process_request and self._ask(request)
            if answer is None:
                octets, subprotocol = request.accept(self._subprotocols)
                self._upgraded.append(transport)  # before it has to wait
                await write_all(transport, octets)
                return request.target, subprotocol, buf[at:n] if at < n else None
        except HandshakeError as error:
            answer = error
        # Where every client opens a WebSocket, none needs these.
        from .respond import fields_of, respond

        if isinstance(answer, HandshakeError):
            text = str(answer) + "\n"
            answer = Response(answer.status, text, fields_of(answer.status))
        await respond(transport, answer)
        return None

    def _ask(self, request):
        try:
            return self._process_request(request)
        except Exception as error:
            print_exception(error)
            raise HandshakeError("the request can't be processed", 500)


def serve(
    handler,
    host="0.0.0.0",
    port=80,
    process_request=None,
    subprotocols=(),
    context=None,
    settings=None,
    max_connections=MAX_CONNECTIONS,
    handshake_timeout=HANDSHAKE_TIMEOUT,
):
    """Serve WebSockets. Call it in a running event loop; returns the Server, already listening.

    `handler(ws)`: a coroutine for each WebSocket. When it returns, the connection is closed with
    1000; when it raises, with 1011. `process_request(request)`: called with every Request; returns
    None to go on, or a Response: a page, or a refusal (401, 403 …). A request that isn't an upgrade
    and that it doesn't answer gets 426. `context`: see transport.server_context(). Past
    `max_connections` clients get 503. OSError when the address can't be bound.
    """
    listener = Listener(host, port, max_connections + 1, context)
    limits = (max_connections, handshake_timeout)
    return Server(listener, handler, process_request, subprotocols, settings or _settings, limits)
