"""HTTP responses other than the one that opens a WebSocket. Loaded with the first of them."""

from ..compat import const
from ..ws.handshake import VERSION
from ..ws.http import field
from .endpoint import write_all

_READ = const(512)
_DRAINS = const(64)

REASONS = {
    101: "Switching Protocols",
    200: "OK",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


def response(status, headers=None, length=None):
    """The head of an HTTP response, as bytes. `length`: octets of the body, when it is known."""
    lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, ""))]
    for name, value in (headers or {}).items():
        lines.append(field(name, value))
    if length is not None:
        lines.append("content-length: %d" % length)
    lines.append("connection: close\r\n\r\n")
    return "\r\n".join(lines).encode()


def fields_of(status):
    """What goes with a refusal of the server's own: a dict, or None."""
    if status == 426:
        return {"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION}
    if status == 503:
        return {"Retry-After": "5"}
    return None


async def respond(transport, answer):
    """Send a Response, and read what is unread."""
    body = answer.body
    headers = answer.headers
    if body is None:
        await write_all(transport, response(answer.status, headers))
    elif not hasattr(body, "readinto"):
        await write_all(transport, response(answer.status, headers, len(body)) + body)
    else:
        try:
            await write_all(transport, response(answer.status, headers))
            buf = bytearray(_READ)
            n = body.readinto(buf)
            while n:
                await write_all(transport, buf, n)
                n = body.readinto(buf)
        finally:
            body.close()
    # What is unread would turn the close into a reset, and the response would be lost.
    buf = bytearray(_READ)
    for _ in range(_DRAINS):
        if not transport.read(buf, _READ):
            break
