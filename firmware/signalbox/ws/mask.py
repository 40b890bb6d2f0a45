"""Masking (RFC 6455 section 5.3), and the plain copy that goes with it.

The portable twins are here; `mask_native.py` has the same functions for ports whose MicroPython
can run viper code. Both are tested against each other; `xor` and `move` are whichever loaded.
"""

import os


def xor_portable(buf, offset, n, key, k):
    """Mask or unmask `n` bytes of `buf` in place, from `offset` on.

    `k` is 4 times the index in `key` at which the 4 octets of the masking key begin, plus the one
    (0-3) of them that the first byte meets: so a payload that arrives in parts goes on where it
    stopped. Returns all resulting bytes OR-ed together: below 0x80 exactly when all are ASCII.
    """
    key_offset = k >> 2
    seen = 0
    for i in range(offset, offset + n):
        octet = buf[i] ^ key[key_offset + (k & 3)]
        buf[i] = octet
        seen |= octet
        k += 1
    return seen


def move_portable(dst, dst_offset, src, src_offset, n):
    """Copy `n` bytes of `src` from `src_offset` on into `dst` at `dst_offset`, without a slice.

    `src` is anything with the buffer protocol. The two must not overlap. Nothing is allocated
    by the native twin; this one allocates a view.
    """
    dst[dst_offset : dst_offset + n] = memoryview(src)[src_offset : src_offset + n]


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


try:
    from .mask_native import move, xor
except (ImportError, ValueError, SyntaxError):  # CPython; wrong architecture; no viper emitter
    xor = xor_portable
    move = move_portable
