"""Heads of HTTP/1.1 messages (RFC 9112), as far as the opening handshake needs them."""

LARGEST_HEAD = 4096  # octets of a request or response head
MOST_FIELDS = 48  # header fields in it

_TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class HandshakeError(Exception):
    """The opening handshake failed. `status`: the HTTP status to answer with, or that came in."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


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
            if not colon or not is_token(name) or "\n" in line or "\r" in line or "\0" in line:
                raise HandshakeError("malformed header field")
            name = name.lower()
            value = value.strip(" \t")
            if name in fields:
                if name in ("host", "sec-websocket-key", "sec-websocket-accept"):
                    raise HandshakeError("header field %s twice" % name)
                value = fields[name] + ", " + value
            fields[name] = value
        return lines[0], fields


def is_token(text):
    """Whether it is a token (RFC 9110 section 5.6.2)."""
    return text != "" and all(c in _TOKEN for c in text)


def has_token(value, token):
    """Whether a comma-separated field `value` has `token`, in any case (RFC 9110 section 5.6.1)."""
    return any(part.strip(" \t").lower() == token for part in value.split(","))


def field(name, value):
    """A header field's line. ValueError for what would end it early."""
    # A line break in a value would let it smuggle in fields of its own.
    if not is_token(name) or "\r" in value or "\n" in value or "\0" in value:
        raise ValueError("not a header field: %r: %r" % (name, value))
    return "%s: %s" % (name, value)
