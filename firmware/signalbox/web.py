"""What the board's port answers: the page and /health to browsers, and whom each WebSocket is for.

A page is a file that tools/web.py makes: the header fields of its response, an empty line, and the
body, gzip'd. So the board needs no more code for it than what reads that.
"""

import json
import sys

from .compat import const
from .net.server import Response

PAGE = "page.http"  # in a directory of sys.path

_TRY_AGAIN_LATER = const(1013)
_MAX_MESSAGE = const(4096)  # octets: control requests
_TEXT = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


class Site:
    """Hand it to serve(): the Site as `process_request`, serve() as the handler, `subprotocols`."""

    def __init__(self, access, health, routes, subprotocols=()):
        """`access`: a net.access.Access. The page itself needs no token: it has to ask for it.

        `health`: returns the dict that /health tells as JSON; `paths`, of the WebSockets, is added.
        `routes`: {path: route} for WebSockets; None in the place of a path stands for all others,
        and is signalling's. A route has `full`, whether it takes no more WebSockets, and
        `serve(ws)`, a coroutine as net.server.serve() takes it.
        `subprotocols`: of the routes, the best first.
        """
        self.routes = routes
        self.subprotocols = tuple(subprotocols) + access.subprotocols
        self._access = access
        self._health = health

    def __call__(self, request):
        """None for a WebSocket that may be opened; else the Response."""
        path = request.path
        if request.upgrade:
            return self._access(request) or self._refuse(self._route(path))
        if path not in ("/", "/health"):
            return Response(404, "there is nothing here: the page is at /\n", _TEXT)
        if request.method not in ("GET", "HEAD"):
            fields = dict(_TEXT)
            fields["Allow"] = "GET, HEAD"
            return Response(405, "only GET and HEAD\n", fields)
        if path == "/":
            return page(request)
        return self._access(request) or self._tell(request)

    async def serve(self, ws):
        """The handler of every WebSocket."""
        route = self._route(ws.path.partition("?")[0])
        # Others may have come since it was asked.
        refused = route is None or route.full
        if refused or route is not self.routes.get(None):
            # Nobody but signalling gives buffers of its pool back.
            reader = ws.connection.reader
            reader.pool = None
            reader.max_message = _MAX_MESSAGE
        if refused:
            ws.close(_TRY_AGAIN_LATER)
        else:
            await route.serve(ws)

    def _route(self, path):
        return self.routes.get(path) or self.routes.get(None)

    def _refuse(self, route):
        if route is None:
            return Response(404, "no WebSocket is served here\n", _TEXT)
        if route.full:
            fields = dict(_TEXT)
            fields["Retry-After"] = "5"
            return Response(503, "all connections for this are in use\n", fields)
        return None

    def _tell(self, request):
        fields = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        if request.method == "HEAD":
            return Response(200, None, fields)
        health = self._health()
        health["paths"] = [path or "/" for path in self.routes]
        return Response(200, Json(health), fields)


def page(request):
    """The Response with the page, or 304 when the browser has it."""
    file = _open()
    if file is None:
        return Response(404, "the page is not on this board: `make deploy` brings it\n", _TEXT)
    fields = {}
    line = file.readline().strip()
    while line:
        name, _, value = str(line, "utf-8").partition(": ")
        fields[name] = value
        line = file.readline().strip()
    if request.method == "GET" and request.headers.get("if-none-match") != fields["ETag"]:
        return Response(200, file, fields)
    file.close()
    if request.method == "HEAD":
        return Response(200, None, fields)
    del fields["Content-Length"]  # of what isn't sent
    return Response(304, None, fields)


def _open():
    for directory in sys.path:
        try:
            return open(directory + "/" + PAGE, "rb")
        except OSError:
            pass
    return None


class Json:
    """A value as JSON (RFC 8259), to be read piece by piece: it is never there as a whole.

    A generator becomes an array.
    """

    def __init__(self, value):
        self._pieces = _pieces(value)
        self._rest = b""

    def readinto(self, buf):
        """Fill `buf`. Returns the octets read, 0 at the end."""
        n = 0
        while n < len(buf):
            if not self._rest:
                try:
                    self._rest = next(self._pieces).encode()
                except StopIteration:
                    break
            taken = min(len(buf) - n, len(self._rest))
            buf[n : n + taken] = self._rest[:taken]
            self._rest = self._rest[taken:]
            n += taken
        return n

    def close(self):
        """As a file has it."""


def _pieces(value):
    if isinstance(value, dict):
        mark = "{"
        for name in value:
            yield mark + json.dumps(name) + ":"
            yield from _pieces(value[name])
            mark = ","
        yield "{}" if mark == "{" else "}"
    elif isinstance(value, (list, tuple)) or hasattr(value, "__next__"):
        mark = "["
        for item in value:
            yield mark
            yield from _pieces(item)
            mark = ","
        yield "[]" if mark == "[" else "]"
    else:
        yield json.dumps(value)
