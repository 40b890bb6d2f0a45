"""Viper twins of `mask_portable.py`. Never imported by CPython.

Words are aligned (RP2040 and Xtensa trap on unaligned access); all supported chips are
little-endian. A viper int is a machine word, so only the low 32 bits of a sum are looked at.
Viper keeps the first three locals in registers and the others in memory: so the parameters are
what the loops run on, whatever they are called, which makes them three times as fast.
"""

import micropython


@micropython.viper
def xor(buf: ptr8, offset: int, n: int, key: ptr8, k: int) -> int:
    """See `mask_portable.xor`."""
    phase = k & 3
    key = ptr8(int(key) + (k >> 2))
    buf = ptr8(int(buf) + offset)
    end = int(buf) + n
    n = 0  # all that came out, OR-ed together
    while int(buf) < end and int(buf) & 3:
        buf[0] = buf[0] ^ key[phase & 3]
        n |= buf[0]
        phase += 1
        buf = ptr8(int(buf) + 1)
    # The key as a word that begins where the loop has come to.
    offset = (
        key[phase & 3]
        | key[(phase + 1) & 3] << 8
        | key[(phase + 2) & 3] << 16
        | key[(phase + 3) & 3] << 24
    )
    last = end - 16
    while int(buf) <= last:
        ptr32(buf)[0] = ptr32(buf)[0] ^ offset
        ptr32(buf)[1] = ptr32(buf)[1] ^ offset
        ptr32(buf)[2] = ptr32(buf)[2] ^ offset
        ptr32(buf)[3] = ptr32(buf)[3] ^ offset
        n |= ptr32(buf)[0] | ptr32(buf)[1] | ptr32(buf)[2] | ptr32(buf)[3]
        buf = ptr8(int(buf) + 16)
    last = end - 4
    while int(buf) <= last:
        ptr32(buf)[0] = ptr32(buf)[0] ^ offset
        n |= ptr32(buf)[0]
        buf = ptr8(int(buf) + 4)
    n |= n >> 8 | n >> 16 | n >> 24
    while int(buf) < end:
        buf[0] = buf[0] ^ key[phase & 3]
        n |= buf[0]
        phase += 1
        buf = ptr8(int(buf) + 1)
    return n & 0xFF


@micropython.viper
def move(dst: ptr8, dst_offset: int, src: ptr8, src_offset: int, n: int):
    """See `mask_portable.move`. Unequal alignment is met by shifting two aligned words."""
    dst = ptr8(int(dst) + dst_offset)
    src = ptr8(int(src) + src_offset)
    end = int(dst) + n
    while int(dst) < end and int(dst) & 3:
        dst[0] = src[0]
        dst = ptr8(int(dst) + 1)
        src = ptr8(int(src) + 1)
    shift = (int(src) & 3) << 3
    if shift:
        # Reading stops a word early: the last aligned word may reach past the source.
        last = end - 8
        if int(dst) <= last:
            back = 32 - shift
            src = ptr8(int(src) - (shift >> 3))
            dst_offset = ptr32(src)[0]
            while int(dst) <= last:
                n = ptr32(src)[1]
                ptr32(dst)[0] = int(uint(dst_offset) >> uint(shift)) | n << back
                dst_offset = n
                dst = ptr8(int(dst) + 4)
                src = ptr8(int(src) + 4)
            src = ptr8(int(src) + (shift >> 3))
    else:
        dst_offset = end - 16
        while int(dst) <= dst_offset:
            ptr32(dst)[0] = ptr32(src)[0]
            ptr32(dst)[1] = ptr32(src)[1]
            ptr32(dst)[2] = ptr32(src)[2]
            ptr32(dst)[3] = ptr32(src)[3]
            dst = ptr8(int(dst) + 16)
            src = ptr8(int(src) + 16)
        dst_offset = end - 4
        while int(dst) <= dst_offset:
            ptr32(dst)[0] = ptr32(src)[0]
            dst = ptr8(int(dst) + 4)
            src = ptr8(int(src) + 4)
    while int(dst) < end:
        dst[0] = src[0]
        dst = ptr8(int(dst) + 1)
        src = ptr8(int(src) + 1)
