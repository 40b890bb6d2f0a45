"""The peer of a session: writes frames, and knows what must be reported of each.

Portable: runs on MicroPython, too.
"""

from signalbox.ws.close import NO_STATUS

from .endpoint import close_payload
from .wire import BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, frame, octets_of, text_of

BAD_REASONS = (b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ab\xe2\x82")
BAD_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
RESERVED = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
_KEY = b"\x37\xfa\x21\x80"


class Peer:
    """Keeps to RFC 6455, but for the frames that it is told to break."""

    def __init__(self, client, settings):
        """`client`: the peer's role. `settings`: those of the connection under test."""
        self._key = _KEY if client else None
        self._settings = settings
        self._kind = None  # of the message that is open
        self._sent = b""  # of its payload

    @property
    def is_open(self):
        """Whether a fragmented message has begun and not ended."""
        return self._kind is not None

    def frame(self, what, n, salt):
        """The octets of a frame, and the event that must be reported of it, or None."""
        if what == "ping" or what == "pong":
            payload = octets_of(n % 126, salt)
            first = FIN | (PING if what == "ping" else PONG)
            return frame(first, payload, self._key), [what, payload]
        if what == "close":
            reason = text_of(salt % 30, salt) if n else ""
            payload = close_payload(n, reason.encode())
            return frame(FIN | CLOSE, payload, self._key), ["close", n or NO_STATUS, reason]
        if what == "bad":
            return self._bad(n % 9, salt)
        return self._data(what, n, salt)

    def _data(self, what, n, salt):
        # "data": a whole message, or the end of the one that is open; "more", "last": fragments.
        kind = self._kind or ("text" if salt & 1 else "binary")
        payload = text_of(n, salt >> 1).encode() if kind == "text" else octets_of(n, salt)
        if len(self._sent) + len(payload) > self._settings.max_message:
            payload = b""
        first = CONTINUATION if self._kind else TEXT if kind == "text" else BINARY
        self._kind = kind
        self._sent += payload
        if what == "more":
            return frame(first, payload, self._key), None
        message = str(self._sent, "utf-8") if kind == "text" else bytearray(self._sent)
        self._kind = None
        self._sent = b""
        return frame(FIN | first, payload, self._key), [kind, message]

    def _bad(self, n, salt):
        key = self._key
        failed = ["failed", 1002]
        if n == 0:
            return frame(FIN | BINARY | 0x10 << salt % 3, b"rsv", key), failed
        if n == 1:
            return frame(FIN | RESERVED[salt % 10], b"opcode", key), failed
        if n == 2:
            return frame(FIN | PING, b"mask", None if key else _KEY), failed
        if n == 3:
            return frame(FIN | CLOSE, b"\x03", key), failed
        if n == 4:
            code = BAD_CODES[salt % len(BAD_CODES)]
            return frame(FIN | CLOSE, code.to_bytes(2, "big"), key), failed
        if n == 5:
            reason = BAD_REASONS[salt % len(BAD_REASONS)]
            return frame(FIN | CLOSE, close_payload(1000, reason), key), ["failed", 1007]
        if n == 6:
            return frame(PING, b"fragment", key), failed
        if n == 7 or self.is_open:
            return frame(FIN | (TEXT if self.is_open else CONTINUATION), b"order", key), failed
        if self._settings.stream:
            return frame(FIN | PING, bytes(126), key), failed
        too_big = self._settings.max_message + 1 + salt
        return frame(FIN | BINARY, b"", key, length=too_big), ["failed", 1009]
