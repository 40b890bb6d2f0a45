"""Frames as octets, written and read independently of the core (RFC 6455 section 5.2).

Portable: runs on MicroPython, too.
"""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN = 0x80
KEEPALIVE = b"signalbox"  # what its own Pings carry


class Finding(Exception):
    """The core did something that it must not do."""


def check(condition, text, *values):
    """Raise a Finding with `text % values` unless `condition` holds."""
    if not condition:
        raise Finding(text % values if values else text)


def mask(octets, key):
    """`octets` with the masking key applied, or taken off (5.3)."""
    n = len(octets)
    keys = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(octets, "big") ^ int.from_bytes(keys, "big")).to_bytes(n, "big")


def frame(first, payload, key=None, form=None, length=None):
    """A frame; `form` (0, 2, 8) and `length` make the header lie about its payload."""
    n = len(payload) if length is None else length
    if form is None:
        form = 0 if n < 126 else 2 if n < 0x10000 else 8
    mask_bit = 0x80 if key else 0
    if form == 0:
        head = bytes((first, mask_bit | n & 0x7F))
    else:
        head = bytes((first, mask_bit | (126 if form == 2 else 127))) + n.to_bytes(form, "big")
    return head + key + mask(payload, key) if key else head + payload


class Frame:
    """One frame of a stream: `octets[start:end]`; `end` may lie past what is there."""

    def __init__(self, octets, start, masked):
        self.start = start
        self.first = octets[start]
        self.opcode = self.first & 0xF
        self.key = None
        self.end = len(octets) + 1
        self.payload = b""
        check(
            self.first & 0x70 == 0 and (self.opcode < 3 or 8 <= self.opcode <= 10),
            "the first octet of a frame on the wire is %02x",
            self.first,
        )
        head = octets[start : start + 14]
        if len(head) < 2:
            return
        check(head[1] & 0x80 == (0x80 if masked else 0), "a frame's mask bit is wrong")
        n = head[1] & 0x7F
        at = 2
        if n > 125:
            at = 4 if n == 126 else 10
            if len(head) < at:
                return
            long = n == 127
            n = int.from_bytes(head[2:at], "big")
            check(n > (0xFFFF if long else 125), "a length isn't minimal")
        check(self.opcode < 8 or (n <= 125 and self.first & FIN), "a control frame is too long")
        if masked:
            self.key = bytes(head[at : at + 4])
            at += 4
        self.end = start + at + n
        payload = bytes(octets[start + at : self.end])
        self.payload = mask(payload, self.key) if masked and payload else payload


def split(octets, masked):
    """The frames of a stream, the last of them perhaps not whole: its `end` is past `octets`."""
    frames = []
    at = 0
    while at < len(octets):
        frames.append(Frame(octets, at, masked))
        at = frames[-1].end
    return frames


_PATTERN = bytes([(i * 89 + (i >> 3)) & 0xFF for i in range(509)])
_TEXTS = (
    "plain text, all of it ASCII; ",
    "grün, ß and ÿ\u0080\u07ff ",
    "€ \u0800\ud7ff\ue000\uffff 漢字かな ",
    "𝄞 \U00010000\U0010ffff🚂 a",
)


def octets_of(n, salt):
    """`n` octets that differ with `salt`."""
    return (_PATTERN[salt % 509 :] + _PATTERN * (n // 509 + 1))[:n]


def text_of(n, salt):
    """A text of `n` characters that differs with `salt`."""
    text = _TEXTS[salt & 3]
    text = text[salt % len(text) :] + text
    return (text * (n // len(text) + 1))[:n]
