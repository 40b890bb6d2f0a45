"""Viper twins of `utf8.py`. Never imported by CPython."""

import micropython


@micropython.viper
def validate(buf: ptr8, offset: int, n: int, state: int) -> int:
    """See `utf8.validate_portable`. Between characters, ASCII is passed a word at a time."""
    at = int(buf) + offset
    end = at + n
    high = 0x8080  # as a constant, 0x80808080 would be an object on a 32-bit port
    high |= high << 16
    while at < end:
        octet = ptr8(at)[0]
        at += 1
        if state:
            if octet < (state >> 8) & 0xFF or octet > state >> 16:
                return -1
            state = (state & 3) - 1
            if state:
                state |= 0xBF8000
        elif octet < 0x80:
            if not at & 3:
                last = end - 8
                while at <= last and not (ptr32(at)[0] | ptr32(at)[1]) & high:
                    at += 8
        elif octet < 0xC2:
            return -1
        elif octet < 0xE0:
            state = 0xBF8001
        elif octet < 0xF0:
            state = 0xBF8002
            if octet == 0xE0:
                state = 0xBFA002
            elif octet == 0xED:
                state = 0x9F8002
        elif octet < 0xF5:
            state = 0xBF8003
            if octet == 0xF0:
                state = 0xBF9003
            elif octet == 0xF4:
                state = 0x8F8003
        else:
            return -1
    return state


@micropython.viper
def is_ascii(text: ptr8, n: int) -> bool:
    """See `utf8.is_ascii_portable`."""
    at = int(text)
    end = at + n
    high = 0x8080
    high |= high << 16
    seen = 0
    while at < end and at & 3:
        seen |= ptr8(at)[0]
        at += 1
    last = end - 16
    while at <= last and not seen & high:
        q = ptr32(at)
        seen |= q[0] | q[1] | q[2] | q[3]
        at += 16
    while at < end and not seen & high:
        seen |= ptr8(at)[0]
        at += 1
    if seen & high:
        return False
    return True
