"""The only file that asks which interpreter this is.

MicroPython runs the product; CPython runs the same files for tests, coverage and fuzzing.
"""

import asyncio
import sys
import time

MICROPYTHON = sys.implementation.name == "micropython"
BOARD = sys.platform in ("esp32", "rp2")  # pins, a radio, nobody watching

# Octets that may be on their way to one peer before it has answered for them; 0: any number. The
# RP2 port's lwIP keeps all that is not acknowledged in one heap of 8000 octets for all connections;
# when that is full, a write blocks the whole board for up to 10 s. Four peers fit into it.
IN_FLIGHT = 1400 if sys.platform == "rp2" else 0

if MICROPYTHON:
    from micropython import const  # noqa: F401

    ticks_ms = time.ticks_ms
    ticks_diff = time.ticks_diff
    sleep_ms = asyncio.sleep_ms
    print_exception = sys.print_exception

    def exception_text(error):
        """What print_exception() prints."""
        from io import StringIO

        text = StringIO()
        print_exception(error, text)
        return text.getvalue()

    def text_octets(text):
        """UTF-8 octets of `text`, as an object with the buffer protocol: the str itself, uncopied.

        MicroPython keeps a str as UTF-8 and lends it as a buffer.
        """
        return text

    def _nothing():
        yield

    # What a call returns that had nothing to wait for. An exhausted generator can be awaited any
    # number of times here, and costs nothing.
    DONE = _nothing()
    for _ in DONE:
        pass

else:
    from .compat_cpython import *  # noqa: F403  the names above; naming them costs a board octets
