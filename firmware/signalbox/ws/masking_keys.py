"""How a client masks its frames (RFC 6455 section 5.3). A server loads none of it."""

import os

from .mask import move, xor


class MaskingKeys:
    """Fresh masking keys from a strong source of entropy (5.3), fetched for many frames at a time.

    `random(n)` returns n unpredictable bytes. It allocates, so one key is always kept back: when
    the heap is full, a Pong can still be masked. (A Close has its key from the beginning.)
    """

    def __init__(self, random=os.urandom):
        self._random = random
        self._pool = bytearray(random(64))
        self._next = 0

    def put(self, buf, at, reserve=False):
        """Write a key that was never used into buf[at:at + 4].

        MemoryError when there is none; `reserve`: the one that is kept back may be taken.
        """
        if self._next >= 60:
            try:
                self._pool[:] = self._random(64)
                self._next = 0
            except MemoryError:
                if self._next > 60 or not reserve:
                    raise
        move(buf, at, self._pool, self._next, 4)
        self._next += 4

    def mask(self, buf, at, n):
        """Mask the payload buf[at:at + n], before which its key stands."""
        xor(buf, at, n, buf, (at - 4) << 2)

    def refill(self, output):
        """Go on with the message that an Output refers to, in its buffer, which is empty.

        Returns how many octets there are to write.
        """
        output._enlarge()
        tx = output._tx
        n = min(len(tx) & ~3, output._body_end - output._body_at)
        move(tx, 0, output._body, output._body_at, n)
        xor(tx, 0, n, output._own_keys, 0)
        output._first = output._end = n
        output._body_at += n
        output._tail = output.offset = 0
        if output._body_at == output._body_end:
            output._body = None
            output.whole = True
            output._tail = output._body_first >> 7
        return n
