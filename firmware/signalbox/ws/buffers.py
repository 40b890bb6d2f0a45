"""Buffers of one size that connections share: each borrows one only while it has octets in it.

An idle connection holds none, and in steady state nothing is allocated.
"""

_KEPT = 2  # buffers kept for the next borrower; more than that only while peers are slow


class Buffers:
    """Lends them out."""

    def __init__(self, size):
        """`size`: octets of each."""
        self.size = size
        self._free = []

    def borrow(self):
        """A bytearray, contents unknown. MemoryError when there is none and none can be made."""
        return self._free.pop() if self._free else bytearray(self.size)

    def give_back(self, buf):
        """Lend it to others from now on. A buffer of another size is left to the collector."""
        if len(buf) == self.size and len(self._free) < _KEPT:
            self._free.append(buf)
