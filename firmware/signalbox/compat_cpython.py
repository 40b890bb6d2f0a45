"""What CPython takes in the place of MicroPython's own: see compat.py. No board gets this file."""

import asyncio
import sys
import time
import traceback

_PERIOD = 1 << 30  # of a board's clock


def const(value):
    """MicroPython's compiler folds `_X = const(1)` into the code; elsewhere it is the value."""
    return value


def text_octets(text):
    """UTF-8 octets of `text`, as an object with the buffer protocol."""
    return text.encode()


def ticks_ms():
    """Milliseconds of a clock that starts over after 2**30, as a board's does."""
    return int(time.monotonic() * 1000) % _PERIOD


def ticks_diff(later, earlier):
    """Milliseconds between two of these, less than 2**29 either way."""
    return (later - earlier + _PERIOD // 2) % _PERIOD - _PERIOD // 2


def print_exception(error):
    """Print it with its traceback."""
    sys.excepthook(type(error), error, error.__traceback__)


def exception_text(error):
    """What print_exception() prints."""
    return "".join(traceback.format_exception(error))


def sleep_ms(ms):
    """As MicroPython's asyncio has it."""
    return asyncio.sleep(ms / 1000)


class _Done:
    def __await__(self):
        return iter(())


DONE = _Done()
