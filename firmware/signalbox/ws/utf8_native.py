"""Viper twins of `utf8_portable.py`. Never imported by CPython.

On parameters see `mask_native.py`.
"""

import micropython


@micropython.viper
def validate(buf: ptr8, offset: int, n: int, state: int) -> int:
    """See `utf8_portable.validate`. Between characters, ASCII is passed two words at a time."""
    buf = ptr8(int(buf) + offset)
    end = int(buf) + n
    last = end - 8
    high = 0x8080  # as a constant, 0x80808080 would be an object on a 32-bit port
    high |= high << 16
    while int(buf) < end:
        n = buf[0]
        buf = ptr8(int(buf) + 1)
        if state:
            if n < (state >> 8) & 0xFF or n > state >> 16:
                return -1
            state = (state & 3) - 1
            if state:
                state |= 0xBF8000
        elif n < 0x80:
            if not int(buf) & 3:
                n = high
                offset = last
                while int(buf) <= offset and not (ptr32(buf)[0] | ptr32(buf)[1]) & n:
                    buf = ptr8(int(buf) + 8)
        elif n < 0xC2:
            return -1
        elif n < 0xE0:
            state = 0xBF8001
        elif n < 0xF0:
            state = 0xBF8002
            if n == 0xE0:
                state = 0xBFA002
            elif n == 0xED:
                state = 0x9F8002
        elif n < 0xF5:
            state = 0xBF8003
            if n == 0xF0:
                state = 0xBF9003
            elif n == 0xF4:
                state = 0x8F8003
        else:
            return -1
    return state


@micropython.viper
def is_ascii(text: ptr8, n: int) -> bool:
    """See `utf8_portable.is_ascii`."""
    seen = 0
    n += int(text)  # the end
    while int(text) < n and int(text) & 3:
        seen |= text[0]
        text = ptr8(int(text) + 1)
    last = n - 16
    high = 0x8080
    high |= high << 16
    while int(text) <= last and not seen & high:
        seen |= ptr32(text)[0] | ptr32(text)[1] | ptr32(text)[2] | ptr32(text)[3]
        text = ptr8(int(text) + 16)
    while int(text) < n and not seen & high:
        seen |= text[0]
        text = ptr8(int(text) + 1)
    if seen & high:
        return False
    return True
