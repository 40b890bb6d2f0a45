"""Masking (RFC 6455 section 5.3), and the plain copy that goes with it.

`xor` and `move` are written twice: `mask_native.py` for ports whose MicroPython can run viper code,
`mask_portable.py` for the others. Both are tested against each other; a board gets one of them.
"""

try:
    from .mask_native import move, xor
except (ImportError, ValueError, SyntaxError):  # CPython; wrong architecture; no viper emitter
    from .mask_portable import move, xor  # noqa: F401
