"""The opening handshake: RFC 6455 section 4, both roles, and the HTTP/1.1 around it (RFC 9112).

Knows heads of requests and responses; bodies are none of its business. No extension is offered or
accepted (9.1).
"""

import binascii
import hashlib
import os

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # 1.3
VERSION = "13"

LARGEST_HEAD = 4096  # octets of a request or response head
MOST_FIELDS = 48  # header fields in it

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

_TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class HandshakeError(Exception):
    """The opening handshake failed. `status`: the HTTP status to answer with, or that came in."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


class HandshakeRejected(HandshakeError):
    """The server answered with something else than 101: a redirect, 401, 403, 503 …

    `status` is what it answered, `headers` a dict with lower-case names: `location`,
    `www-authenticate`, `retry-after` are there when the server sent them. Nothing is followed or
    repeated by itself.
    """

    def __init__(self, status, headers):
        super().__init__("the server answered %d %s" % (status, REASONS.get(status, "")), status)
        self.headers = headers


class Head:
    """Collects one head, in any chunks, up to its empty line."""

    def __init__(self):
        self._data = b""
        self.done = False

    def feed(self, buf, at, end):
        """Take octets of `buf[at:end]`; returns the position after those that belong to the head.

        HandshakeError (431) when it grows past LARGEST_HEAD.
        """
        have = len(self._data)
        data = self._data + bytes(memoryview(buf)[at:end])
        cut = data.find(b"\r\n\r\n")
        if cut >= 0:
            end = at + cut + 4 - have
            data = data[:cut]
            self.done = True
        if len(data) > LARGEST_HEAD:
            self._data = b""
            raise HandshakeError("head of more than %d octets" % LARGEST_HEAD, 431)
        self._data = data
        return end

    def lines(self):
        """The start line and a dict of the fields, names in lower case; ends the collecting.

        Fields that came several times are joined with ", " (RFC 9110 section 5.3), but for those
        that must not.
        """
        try:
            text = str(self._data, "utf-8")
        except ValueError:  # UnicodeError; MicroPython's is no subclass of it
            raise HandshakeError("head with octets that are not text") from None
        self._data = b""
        lines = text.split("\r\n")
        if len(lines) > MOST_FIELDS + 1:
            raise HandshakeError("head with more than %d fields" % MOST_FIELDS, 431)
        fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not _is_token(name) or "\n" in line or "\r" in line or "\0" in line:
                raise HandshakeError("malformed header field")
            name = name.lower()
            value = value.strip(" \t")
            if name in fields:
                if name in ("host", "sec-websocket-key", "sec-websocket-accept"):
                    raise HandshakeError("header field %s twice" % name)
                value = fields[name] + ", " + value
            fields[name] = value
        return lines[0], fields


def _is_token(text):
    return text != "" and all(c in _TOKEN for c in text)


def has_token(value, token):
    """Whether a comma-separated field `value` has `token`, in any case (RFC 9110 section 5.6.1)."""
    return any(part.strip(" \t").lower() == token for part in value.split(","))


def accept_key(key):
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key, both str (4.2.2)."""
    digest = hashlib.sha1(key.encode() + GUID).digest()
    return str(binascii.b2a_base64(digest), "ascii").strip()


def response(status, headers=None, length=None):
    """The head of an HTTP response, as bytes. `length`: octets of the body, when it is known."""
    lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, ""))]
    for name, value in (headers or {}).items():
        lines.append(_field(name, value))
    if length is not None:
        lines.append("content-length: %d" % length)
    lines.append("connection: close\r\n\r\n")
    return "\r\n".join(lines).encode()


def _field(name, value):
    # A line break in a value would let it smuggle in fields of its own.
    if not _is_token(name) or "\r" in value or "\n" in value or "\0" in value:
        raise ValueError("not a header field: %r: %r" % (name, value))
    return "%s: %s" % (name, value)


class Request:
    """A client's request, as the server sees it.

    `method`, `target` (as sent), `path` and `query` (its parts, still percent-encoded), `headers`
    (dict, lower-case names), `upgrade`: whether it asks for a WebSocket.
    """

    def __init__(self, head):
        """From a Head that is done. HandshakeError for what isn't HTTP/1.1."""
        line, self.headers = head.lines()
        parts = line.split(" ")
        if len(parts) != 3 or not _is_token(parts[0]) or not parts[1]:
            raise HandshakeError("malformed request line")
        self.method, self.target, version = parts
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise HandshakeError("not HTTP/1.1", 505)
        self.path, _, self.query = self.target.partition("?")
        self.upgrade = has_token(self.headers.get("upgrade", ""), "websocket")
        self._old = version == "HTTP/1.0"
        if not self._old and not self.headers.get("host"):
            raise HandshakeError("no Host field")

    def accept(self, subprotocols=()):
        """The response that opens the WebSocket (4.2.2), as (bytes, chosen subprotocol or None).

        `subprotocols`: ours, the best first. HandshakeError for a request that 4.2.1 doesn't allow;
        its status is 426 where another version or no upgrade was asked for.
        """
        headers = self.headers
        if self.method != "GET" or self._old:
            raise HandshakeError("a WebSocket is opened by GET of HTTP/1.1")
        if not self.upgrade:
            raise HandshakeError("no upgrade to websocket asked for", 426)
        if not has_token(headers.get("connection", ""), "upgrade"):
            raise HandshakeError("Connection without Upgrade")
        if headers.get("sec-websocket-version") != VERSION:
            raise HandshakeError("not version " + VERSION, 426)
        key = headers.get("sec-websocket-key", "")
        if not _is_nonce(key):
            raise HandshakeError("Sec-WebSocket-Key isn't 16 octets in base64")
        chosen = None
        offered = [p.strip(" \t") for p in headers.get("sec-websocket-protocol", "").split(",")]
        for name in subprotocols:
            if name in offered:
                chosen = name
                break
        # gst-plugins-rs wants "Upgrade" alone, and no subprotocol that it didn't ask for.
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " + accept_key(key) + "\r\n"
        )
        if chosen:
            answer += "Sec-WebSocket-Protocol: " + chosen + "\r\n"
        return (answer + "\r\n").encode(), chosen


def _is_nonce(key):
    # 24 characters, the last two of them padding, are 16 octets.
    if len(key) != 24 or key[22:] != "==":
        return False
    try:
        return len(binascii.a2b_base64(key)) == 16 and "=" not in key[:22]
    except ValueError:
        return False


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
        cut = len(rest)
        for c in "/?":
            at = rest.find(c)
            if 0 <= at < cut:
                cut = at
        authority = rest[:cut]
        target = rest[cut:]
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
            if not all(_is_token(name) for name in subprotocols):
                raise ValueError("a subprotocol is a token: %r" % (subprotocols,))
            lines.append("Sec-WebSocket-Protocol: " + ", ".join(subprotocols))
        for name, value in (headers or {}).items():
            lines.append(_field(name, value))
        lines.append("\r\n")
        self.request = "\r\n".join(lines).encode()

    def check(self, head):
        """Check the response in a Head that is done.

        HandshakeRejected for another status than 101; HandshakeError for an answer that 4.1
        doesn't allow.
        """
        line, headers = head.lines()
        parts = line.split(" ", 2)
        if len(parts) < 2 or parts[0] != "HTTP/1.1" or len(parts[1]) != 3 or not parts[1].isdigit():
            raise HandshakeError("the server doesn't speak HTTP/1.1")
        status = int(parts[1])
        if status != 101:
            raise HandshakeRejected(status, headers)
        if headers.get("upgrade", "").lower() != "websocket":
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
