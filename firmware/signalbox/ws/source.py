"""A message that is read from somewhere while it is sent, never assembled.

A part of the output, which most connections never need: loaded with the first such message.
"""

from ..compat import const
from .frame import header_size, put_header
from .utf8 import validate

_FIN = const(0x80)  # frame._FIN
_LARGEST_HEADER = const(8)  # of a frame whose payload fits in a buffer: 4 octets and a key


class Source:
    """Reads with `file.readinto(buf)` until that returns 0. Each read becomes a fragment (5.4)."""

    def __init__(self, file, text):
        """`text`: the message is one, and the file is to have UTF-8."""
        self._file = file
        self._first = 1 if text else 2
        self._utf8 = 0 if text else -1

    def fill(self, output):
        """Make the next fragment in an Output in which nothing is left to write.

        Raises what the file raises, and ValueError when a text isn't UTF-8.
        """
        output._enlarge()
        tx = output._tx
        keys = output._keys
        n = self._file.readinto(memoryview(tx)[_LARGEST_HEADER:]) or 0
        first = self._first
        if self._utf8 >= 0:
            self._utf8 = validate(tx, _LARGEST_HEADER, n, self._utf8)
            if self._utf8 < 0 or (self._utf8 and n == 0):
                raise ValueError("source is not UTF-8")
        if n == 0:
            output._source = None
            output.whole = True
            first |= _FIN
        # The header goes right before the payload.
        start = _LARGEST_HEADER - header_size(n, keys)
        put_header(tx, start, first, n, output._mask_bit)
        if keys:
            keys.put(tx, _LARGEST_HEADER - 4)
            keys.mask(tx, _LARGEST_HEADER, n)
        output._start = output._first = start
        output._end = _LARGEST_HEADER + n
        self._first = 0
