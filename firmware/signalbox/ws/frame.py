"""The base framing protocol: RFC 6455 section 5.2, headers only.

Knows what one header may look like; not what may follow what (message.py), nor what is done
about it (connection.py).
"""

from ..compat import const

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

FIN = 0x80

LARGEST_CONTROL = 125  # octets of payload in a control frame (5.5)
LARGEST_HEADER = 14  # octets: 2, an 8-octet length, a masking key

# What parse() returns instead of a position.
MORE = -1  # the header isn't all there yet
VIOLATION = -2  # fail with 1002
TOO_BIG = -3  # the length can't be held, whatever the limit: fail with 1009

_LARGEST_CONTROL = const(125)
_MORE = const(-1)
_VIOLATION = const(-2)
_TOO_BIG = const(-3)


class Header:
    """One incoming frame header after another, whatever chunks they arrive in.

    After parse() returned a position: `first` (FIN, RSV and opcode as on the wire), `opcode`,
    `length` (octets of payload) and, from a client, the masking key at
    `key_buf[key_offset:key_offset + 4]`: in the caller's buffer when the header lay in it whole.
    """

    def __init__(self, masked):
        """`masked`: whether the peer must mask, that is, whether it is the client (5.1)."""
        self._mask_bit = 0x80 if masked else 0
        self.first = 0
        self.opcode = 0
        self.length = 0
        self.key_buf = self._part = bytearray(LARGEST_HEADER)
        self.key_offset = 0
        self._have = 0

    def parse(self, buf, at, end):
        """Parse the header that starts at buf[at], or that earlier calls began.

        Returns the position after it, MORE (all octets up to `end` are taken), VIOLATION or
        TOO_BIG. The first two octets are checked when both are there, the length with the last.
        """
        have = self._have
        if have:
            return self._resume(buf, at, end)
        if end - at < 2:
            return self._keep(buf, at, end)
        first = buf[at]
        second = buf[at + 1]
        length = second & 0x7F
        opcode = first & 0x0F
        # RSV bits need an extension, and none is ever negotiated; 3-7 and B-F are reserved.
        if first & 0x70 or second & 0x80 != self._mask_bit:
            return _VIOLATION
        if opcode > 2 and (opcode < 8 or opcode > 10 or first < 0x80 or length > _LARGEST_CONTROL):
            return _VIOLATION
        after = at + 2
        if length > 125:
            after += 2 if length == 126 else 8
        if self._mask_bit:
            after += 4
        if after > end:
            return self._keep(buf, at, end)
        if length > 125:
            length = _extended(buf, at + 2, length)
            if length < 0:
                return length
        self.first = first
        self.opcode = opcode
        self.length = length
        self.key_buf = buf
        self.key_offset = after - 4
        return after

    @property
    def begun(self):
        """Whether some octets of a header are here, but not all."""
        return self._have > 0

    def keep_key(self):
        """Copy the masking key out of the caller's buffer, for a payload that goes on in another."""
        if self._mask_bit and self.key_buf is not self._part:
            for i in range(4):
                self._part[i] = self.key_buf[self.key_offset + i]
            self.key_buf = self._part
            self.key_offset = 0

    def _keep(self, buf, at, end):
        have = self._have
        while at < end:
            self._part[have] = buf[at]
            have += 1
            at += 1
        self._have = have
        return _MORE

    def _resume(self, buf, at, end):
        # Octet by octet, which is rare and short: parse what is kept after each.
        part = self._part
        while at < end:
            have = self._have
            part[have] = buf[at]
            at += 1
            self._have = 0
            result = self.parse(part, 0, have + 1)
            if result != _MORE:
                return at if result > 0 else result
        return _MORE


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


def put_header(buf, at, first, n, masked):
    """Write the header of a frame with `n` (< 2**30) octets of payload, but for the masking key.

    `first` is FIN and opcode. Returns the position after what was written, where a client's key
    belongs.
    """
    mask_bit = 0x80 if masked else 0
    buf[at] = first
    if n < 126:
        buf[at + 1] = mask_bit | n
        return at + 2
    if n < 0x10000:
        buf[at + 1] = mask_bit | 126
        buf[at + 2] = n >> 8
        buf[at + 3] = n & 0xFF
        return at + 4
    buf[at + 1] = mask_bit | 127
    for i in range(4):
        buf[at + 2 + i] = 0
    buf[at + 6] = n >> 24
    buf[at + 7] = n >> 16 & 0xFF
    buf[at + 8] = n >> 8 & 0xFF
    buf[at + 9] = n & 0xFF
    return at + 10


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
