"""Strict UTF-8 where no viper code runs: the twins of `utf8_native.py`."""

from ..compat import const

_REJECT = const(-1)  # utf8.REJECT


def validate(buf, offset, n, state):
    """Check `n` bytes of `buf` from `offset` on; returns the next state, or REJECT.

    The text is whole when the state is 0. The bounds are those of RFC 3629 section 4.
    """
    for i in range(offset, offset + n):
        octet = buf[i]
        if state:
            if octet < (state >> 8) & 0xFF or octet > state >> 16:
                return _REJECT
            missing = (state & 3) - 1
            state = 0xBF8000 | missing if missing else 0
        elif octet < 0x80:
            pass
        elif octet < 0xC2:
            return _REJECT
        elif octet < 0xE0:
            state = 0xBF8001
        elif octet < 0xF0:
            if octet == 0xE0:
                state = 0xBFA002
            elif octet == 0xED:
                state = 0x9F8002
            else:
                state = 0xBF8002
        elif octet < 0xF5:
            if octet == 0xF0:
                state = 0xBF9003
            elif octet == 0xF4:
                state = 0x8F8003
            else:
                state = 0xBF8003
        else:
            return _REJECT
    return state


def is_ascii(text, n):
    """Whether the first `n` octets of `text` (str or buffer of at least n octets) are ASCII.

    For a str, n = len(text) characters: its UTF-8 has at least as many octets, and no more of
    them exactly when all are ASCII.
    """
    if isinstance(text, str):
        return len(text.encode()) == n
    return max(memoryview(text)[:n], default=0) < 0x80 if n else True
