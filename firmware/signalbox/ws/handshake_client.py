"""The client's side of the opening handshake (RFC 6455 section 4.1), and WebSocket URIs (3)."""

import binascii
import os

from .handshake import VERSION, accept_key
from .http import HandshakeError, field, has_token, is_token


class HandshakeRejected(HandshakeError):
    """The server answered with something else than 101: a redirect, 401, 403, 503 …

    `status` is what it answered, `headers` a dict with lower-case names: `location`,
    `www-authenticate`, `retry-after` are there when the server sent them. Nothing is followed or
    repeated by itself.
    """

    def __init__(self, status, headers):
        super().__init__("the server answered %d" % status, status)
        self.headers = headers


class URL:
    """A ws or wss URI (RFC 6455 section 3): `secure`, `host`, `port`, `target`, `authority`."""

    def __init__(self, url):
        """ValueError, saying what is wrong, for any other URL."""
        scheme, sep, rest = url.partition("://")
        scheme = scheme.lower()
        if not sep or scheme not in ("ws", "wss"):
            raise ValueError("a WebSocket URL begins with ws:// or wss://, not %r" % url)
        if "#" in rest:
            raise ValueError("a WebSocket URL has no fragment: %r" % url)
        if any(c <= " " or c > "~" for c in rest):
            raise ValueError("percent-encode spaces and non-ASCII characters: %r" % url)
        authority = rest.split("/")[0].split("?")[0]
        target = rest[len(authority) :]
        self.target = target if target.startswith("/") else "/" + target
        if "@" in authority:
            raise ValueError("credentials go into headers, not into the URL")
        self.secure = scheme == "wss"
        default = 443 if self.secure else 80
        if authority.startswith("["):
            host, bracket, port = authority[1:].partition("]")
            if not bracket or (port and not port.startswith(":")):
                raise ValueError("malformed IPv6 address in %r" % url)
            port = port[1:]
        else:
            host, _, port = authority.partition(":")
        if not host:
            raise ValueError("no host in %r" % url)
        self.host = host
        self.port = default
        if port:
            if not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError("a port is 1 to 65535, not %r" % port)
            self.port = int(port)
        name = "[%s]" % host if ":" in host else host
        self.authority = name if self.port == default else "%s:%d" % (name, self.port)


class ClientHandshake:
    """Our request (4.1) and the check of the server's response."""

    def __init__(self, url, headers=None, subprotocols=(), random=os.urandom):
        """`url`: a URL. `headers`: more fields. ValueError for one that can't be sent."""
        self._key = str(binascii.b2a_base64(random(16)), "ascii").strip()
        self._subprotocols = subprotocols
        self.subprotocol = None
        lines = [
            "GET %s HTTP/1.1" % url.target,
            "Host: " + url.authority,
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: " + self._key,
            "Sec-WebSocket-Version: " + VERSION,
        ]
        if subprotocols:
            if not all(is_token(name) for name in subprotocols):
                raise ValueError("a subprotocol is a token: %r" % (subprotocols,))
            lines.append("Sec-WebSocket-Protocol: " + ", ".join(subprotocols))
        for name, value in (headers or {}).items():
            lines.append(field(name, value))
        lines.append("\r\n")
        self.request = "\r\n".join(lines).encode()

    def check(self, head):
        """Check the response in a Head that is done.

        HandshakeRejected for another status than 101; HandshakeError for an answer that 4.1
        doesn't allow.
        """
        line, headers = head.lines()
        status = line[9:].split(" ")[0]
        if line[:9] not in ("HTTP/1.1 ", "HTTP/1.0 ") or len(status) != 3 or not status.isdigit():
            raise HandshakeError("the server doesn't speak HTTP/1.1")
        if status != "101":
            raise HandshakeRejected(int(status), headers)
        if line[7] == "0" or headers.get("upgrade", "").lower() != "websocket":
            raise HandshakeError("the server upgraded to something else")
        if not has_token(headers.get("connection", ""), "upgrade"):
            raise HandshakeError("response without Connection: Upgrade")
        if headers.get("sec-websocket-accept") != accept_key(self._key):
            raise HandshakeError("Sec-WebSocket-Accept doesn't match our key")
        if headers.get("sec-websocket-extensions"):
            raise HandshakeError("the server uses an extension that was not offered")
        name = headers.get("sec-websocket-protocol")
        if name is not None and name not in self._subprotocols:
            raise HandshakeError("the server chose a subprotocol that was not offered")
        self.subprotocol = name
