"""The only file that asks which interpreter this is.

MicroPython runs the product; CPython runs the same files for tests, coverage and fuzzing.
"""

import sys

MICROPYTHON = sys.implementation.name == "micropython"

if MICROPYTHON:
    from micropython import const

    def text_octets(text):
        """UTF-8 octets of `text`, as an object with the buffer protocol: the str itself, uncopied.

        MicroPython keeps a str as UTF-8 and lends it as a buffer.
        """
        return text

else:

    def const(value):
        """MicroPython's compiler folds `_X = const(1)` into the code; elsewhere it is the value."""
        return value

    def text_octets(text):
        """UTF-8 octets of `text`, as an object with the buffer protocol."""
        return text.encode()
