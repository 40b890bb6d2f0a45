"""Viper twins of `mask.py`. Never imported by CPython.

Words are aligned (RP2040 and Xtensa trap on unaligned access); all supported chips are
little-endian. A viper int is a machine word, so only the low 32 bits of a sum are looked at.
"""

import micropython


@micropython.viper
def xor(buf: ptr8, offset: int, n: int, key: ptr8, k: int) -> int:
    """See `mask.xor_portable`."""
    at = int(buf) + offset
    end = at + n
    phase = k & 3
    k = int(key) + (k >> 2)
    seen = 0
    while at < end and at & 3:
        p = ptr8(at)
        octet = p[0] ^ ptr8(k)[phase & 3]
        p[0] = octet
        seen |= octet
        phase += 1
        at += 1
    if end - at >= 4:
        kp = ptr8(k)
        word = (
            kp[phase & 3]
            | kp[(phase + 1) & 3] << 8
            | kp[(phase + 2) & 3] << 16
            | kp[(phase + 3) & 3] << 24
        )
        sum32 = 0
        last = end - 16
        while at <= last:
            q = ptr32(at)
            w = q[0] ^ word
            q[0] = w
            sum32 |= w
            w = q[1] ^ word
            q[1] = w
            sum32 |= w
            w = q[2] ^ word
            q[2] = w
            sum32 |= w
            w = q[3] ^ word
            q[3] = w
            sum32 |= w
            at += 16
        last = end - 4
        while at <= last:
            q = ptr32(at)
            w = q[0] ^ word
            q[0] = w
            sum32 |= w
            at += 4
        seen |= sum32 | sum32 >> 8 | sum32 >> 16 | sum32 >> 24
    while at < end:
        p = ptr8(at)
        octet = p[0] ^ ptr8(k)[phase & 3]
        p[0] = octet
        seen |= octet
        phase += 1
        at += 1
    return seen & 0xFF


@micropython.viper
def move(dst: ptr8, dst_offset: int, src: ptr8, src_offset: int, n: int):
    """See `mask.move_portable`. Unequal alignment is met by shifting two aligned words."""
    to = int(dst) + dst_offset
    at = int(src) + src_offset
    end = to + n
    while to < end and to & 3:
        ptr8(to)[0] = ptr8(at)[0]
        to += 1
        at += 1
    shift = (at & 3) << 3
    if shift:
        # Reading stops a word early: the last aligned word may reach past the source.
        last = end - 8
        if to <= last:
            back = 32 - shift
            at -= shift >> 3
            low = uint(ptr32(at)[0])
            while to <= last:
                high = uint(ptr32(at)[1])
                ptr32(to)[0] = int((low >> uint(shift)) | (high << uint(back)))
                low = high
                to += 4
                at += 4
            at += shift >> 3
    else:
        last = end - 16
        while to <= last:
            p = ptr32(to)
            q = ptr32(at)
            p[0] = q[0]
            p[1] = q[1]
            p[2] = q[2]
            p[3] = q[3]
            to += 16
            at += 16
        last = end - 4
        while to <= last:
            ptr32(to)[0] = ptr32(at)[0]
            to += 4
            at += 4
    while to < end:
        ptr8(to)[0] = ptr8(at)[0]
        to += 1
        at += 1
