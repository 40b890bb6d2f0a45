"""The only file that asks which interpreter this is.

MicroPython runs the product; CPython runs the same files for tests, coverage and fuzzing.
"""

import asyncio
import sys
import time

MICROPYTHON = sys.implementation.name == "micropython"

# Octets that may be on their way to one peer before it has answered for them; 0: any number. The
# RP2 port's lwIP keeps all that is not acknowledged in one heap of 8000 octets for all connections;
# when that is full, a write blocks the whole board for up to 10 s. Four peers fit into it.
IN_FLIGHT = 1400 if sys.platform == "rp2" else 0

if MICROPYTHON:
    from micropython import const

    ticks_ms = time.ticks_ms
    ticks_diff = time.ticks_diff
    sleep_ms = asyncio.sleep_ms

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

    def const(value):
        """MicroPython's compiler folds `_X = const(1)` into the code; elsewhere it is the value."""
        return value

    def text_octets(text):
        """UTF-8 octets of `text`, as an object with the buffer protocol."""
        return text.encode()

    def ticks_ms():
        """Milliseconds of a clock that only ever goes forward."""
        return int(time.monotonic() * 1000)

    def ticks_diff(later, earlier):
        """Milliseconds between two of these; MicroPython's start over after 2**30 ms."""
        return later - earlier

    def sleep_ms(ms):
        """As MicroPython's asyncio has it."""
        return asyncio.sleep(ms / 1000)

    class _Done:
        def __await__(self):
            return iter(())

    DONE = _Done()
