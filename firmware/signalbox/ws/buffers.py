"""Buffers that connections share: each borrows one only while it has octets in it.

An idle connection holds none, and in steady state nothing is allocated.
"""

_FILL = bytes(128)

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


class Pool:
    """Buffers for large messages, made once: no heap is too torn for them later.

    Who finds none free waits, so it also bounds what is on its way over all connections.
    """

    def __init__(self, count, size):
        """`count` buffers of `size` octets. MemoryError."""
        self.size = size
        self._free = [bytearray(size + len(_FILL)) for _ in range(count)]
        self._lent = []
        self._waiting = []

    def borrow(self, n):
        """A bytearray of `n` octets (at most `size`), contents unknown, or None."""
        if not self._free:
            return None
        buf = self._free.pop()
        self._lent.append(buf)
        resize(buf, n)
        return buf

    def give_back(self, buf):
        """Lend it to others from now on. What was not borrowed here is left to the collector."""
        for i, lent in enumerate(self._lent):
            if lent is buf:
                self._free.append(self._lent.pop(i))
                self.wake()
                return

    @property
    def wanted(self):
        """Whether somebody waits for one."""
        return len(self._waiting) > 0

    def wait(self, event):
        """Whether there is none; event.set() is called when there is one again."""
        if self._free:
            return False
        if event not in self._waiting:
            self._waiting.append(event)
        return True

    def wake(self):
        """Have all who wait ask again: one of them may be gone."""
        while self._waiting:
            self._waiting.pop().set()


def resize(buf, n):
    """Make it `n` octets long. No view of it may live.

    Shrinking keeps the space, and growing back into that allocates nothing.
    """
    while len(buf) < n:
        buf.extend(_FILL)
    if len(buf) > n:
        buf[n:] = b""
