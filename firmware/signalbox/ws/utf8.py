"""Strict UTF-8 (RFC 3629; RFC 6455 sections 5.6 and 8.1), checked as the bytes arrive.

MicroPython's own decoder takes overlong forms, surrogates and code points past U+10FFFF, so
nothing here relies on it. There is viper code in `utf8_native.py`, and the same for
other ports in `utf8_portable.py`; a board gets one of them.

The state between two calls is one small int: 0 between characters, else what the next byte must
be: `missing | lowest << 8 | highest << 16`. -1 means that a byte could not follow: the first bad
byte ends it, not the end of the message.
"""

try:
    from .utf8_native import is_ascii, validate
except (ImportError, ValueError, SyntaxError):  # CPython; wrong architecture; no viper emitter
    from .utf8_portable import is_ascii, validate  # noqa: F401

REJECT = -1
