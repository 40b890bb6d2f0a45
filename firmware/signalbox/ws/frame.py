"""The base framing protocol: RFC 6455 section 5.2, headers only.

Knows what one header may look like; not what may follow what (message.py), nor what is done
about it (connection.py).
"""

from ..compat import const
from .mask import move

_CLOSE = const(0x8)
_PONG = const(0xA)
_FIN = const(0x80)
_LARGEST_CONTROL = const(125)  # octets of payload in a control frame (5.5)
_LARGEST_HEADER = const(14)  # octets: 2, an 8-octet length, a masking key
_KEY_AT = const(10)  # where the kept key is in FrameParser.gathered
_KEY_K = const(40)  # the same, as mask.xor() takes it

# What parse_header() returns.
_HERE = const(0)  # it is parsed, and lies right before the payload
_GATHERED = const(1)  # it is parsed, and came in parts
_MORE = const(-1)  # it isn't all there yet
_VIOLATION = const(-2)  # fail with 1002
_TOO_BIG = const(-3)  # the length can't be held, whatever the limit: fail with 1009


class FrameParser:
    """Parses one incoming frame header after another, whatever chunks they arrive in.

    Works on a window of the caller's buffer; `position` is that of its next unread octet. After
    parse_header(): `first` (FIN, RSV and opcode as on the wire) and `payload` (octets of it).
    MicroPython keeps the state of a call on its heap when locals and operands need more than 11
    words, and a heap search for every frame costs more than all of the parsing: so the functions
    here are small.
    """

    def __init__(self, masked):
        """`masked`: whether the peer must mask, that is, whether it is the client (5.1)."""
        self._mask_bit = 0x80 if masked else 0
        self._buf = None  # the window: _buf[position:_end]
        self.position = 0
        self._end = 0
        self.first = 0
        self.payload = 0
        # What comes in parts: a header, whose end keeps a key, and a control frame's payload.
        self.gathered = bytearray(_LARGEST_HEADER + _LARGEST_CONTROL)
        self._have = 0

    def feed(self, buf, at, end):
        """Lend `buf[at:end]`, a bytearray. `buf` is referred to until all of it is parsed."""
        self._buf = buf
        self.position = at
        self._end = end

    @property
    def unread(self):
        """Octets of the window that were not reached."""
        return self._end - self.position

    def parse_header(self):
        """Parse the header that begins at the window's first unread octet, or began before it.

        Returns HERE or GATHERED, the payload being next in the window; MORE, all of the window
        being taken; VIOLATION or TOO_BIG. The first two octets are checked when both are there,
        the length with the last.
        """
        if self._have:
            return self._resume()
        at = self.position
        if self._end - at < 2:
            return self._keep()
        buf = self._buf
        first = buf[at]
        length = buf[at + 1]
        # RSV bits need an extension, and none is ever negotiated.
        if first & 0x70 or length & 0x80 != self._mask_bit:
            return _VIOLATION
        length &= 0x7F
        if first & 0xF > 2 and _is_no_control(first, length):
            return _VIOLATION
        at += 2
        if length > 125:
            at += 2 if length == 126 else 8
        if self._mask_bit:
            at += 4
        if at > self._end:
            return self._keep()
        if length > 125:
            length = _extended(buf, self.position + 2, length)
            if length < 0:
                return length
        self.first = first
        self.payload = length
        self.position = at
        return _HERE

    def keep_key(self):
        """Keep the key of a header that is HERE, for a payload that is not: see _KEY_K."""
        if self._mask_bit:
            move(self.gathered, _KEY_AT, self._buf, self.position - 4, 4)

    def _keep(self):
        n = self._end - self.position
        move(self.gathered, 0, self._buf, self.position, n)
        self._have = n
        self.position = self._end
        return _MORE

    def _resume(self):
        # Octet by octet, which is rare and short: parse what is gathered after each.
        buf = self._buf
        at = self.position
        end = self._end
        have = self._have
        result = _MORE
        while at < end and result == _MORE:
            self.gathered[have] = buf[at]
            at += 1
            have += 1
            self._have = 0
            self.feed(self.gathered, 0, have)
            result = self.parse_header()
        if result == _HERE:
            result = _GATHERED
            self.keep_key()
        self.feed(buf, at, end)
        return result


def _is_no_control(first, length):
    # Opcodes 3-7 and B-F are reserved; control frames are short and unfragmented (5.5).
    opcode = first & 0xF
    return opcode < _CLOSE or opcode > _PONG or first < _FIN or length > _LARGEST_CONTROL


def _extended(buf, at, form):
    # The minimal number of octets MUST be used (5.2). Lengths past 2**30 are not even computed:
    # on a 32-bit board such an int would be allocated.
    if form == 126:
        length = buf[at] << 8 | buf[at + 1]
        return length if length > 125 else _VIOLATION
    if buf[at] & 0x80:
        return _VIOLATION
    if buf[at] | buf[at + 1] | buf[at + 2] | buf[at + 3] | buf[at + 4] & 0xC0:
        return _TOO_BIG
    length = buf[at + 4] << 24 | buf[at + 5] << 16 | buf[at + 6] << 8 | buf[at + 7]
    return length if length > 0xFFFF else _VIOLATION


def header_size(n, masked):
    """Octets of the header of a frame with `n` octets of payload."""
    size = 2 if n < 126 else 4 if n < 0x10000 else 10
    return size + 4 if masked else size


def put_header(buf, at, first, n, mask_bit):
    """Write the header of a frame with `n` (< 2**30) octets of payload, but for the masking key.

    `first` is FIN and opcode; `mask_bit` 0x80 for a client, else 0. Returns the position after
    what was written, where a client's key belongs.
    """
    buf[at] = first
    at += 1
    if n < 126:
        buf[at] = mask_bit | n
        return at + 1
    if n < 0x10000:
        buf[at] = mask_bit | 126
    else:
        buf[at] = mask_bit | 127
        buf[at + 1] = buf[at + 2] = buf[at + 3] = buf[at + 4] = 0
        buf[at + 5] = n >> 24
        buf[at + 6] = n >> 16 & 0xFF
        at += 6
    buf[at + 1] = n >> 8 & 0xFF
    buf[at + 2] = n & 0xFF
    return at + 3


def frame_end(buf, at):
    """Position after the frame whose header, written by put_header, starts at buf[at].

    It may lie past the end of `buf`, when the payload goes on elsewhere.
    """
    n = buf[at + 1] & 0x7F
    masked = buf[at + 1] & 0x80
    if n == 126:
        n = buf[at + 2] << 8 | buf[at + 3]
    elif n == 127:
        n = buf[at + 6] << 24 | buf[at + 7] << 16 | buf[at + 8] << 8 | buf[at + 9]
    return at + header_size(n, masked) + n
