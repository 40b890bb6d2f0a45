"""Masking (RFC 6455 section 5.3), and the plain copy that goes with it.

`xor` and `move` are written twice: `mask_native.py` for ports whose MicroPython can run viper code,
`mask_portable.py` for the others. Both are tested against each other; a board gets one of them.
"""

import os

try:
    from .mask_native import move, xor
except (ImportError, ValueError, SyntaxError):  # CPython; wrong architecture; no viper emitter
    from .mask_portable import move, xor  # noqa: F401


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
