"""Masking and copying where no viper code runs: the twins of `mask_native.py`."""


def xor(buf, offset, n, key, k):
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


def move(dst, dst_offset, src, src_offset, n):
    """Copy `n` bytes of `src` from `src_offset` on into `dst` at `dst_offset`, without a slice.

    `src` is anything with the buffer protocol. The two must not overlap. Nothing is allocated
    by the native twin; this one allocates a view.
    """
    dst[dst_offset : dst_offset + n] = memoryview(src)[src_offset : src_offset + n]
