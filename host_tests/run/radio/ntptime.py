"""micropython-lib's module of this name, whose server doesn't answer at first."""

import time as _time

host = None
_asked = 0


def time():
    """As there."""
    global _asked
    _asked += 1
    if _asked == 1:
        raise OSError(110)
    return int(_time.time())


def settime():
    """As there."""
    print("clock: asked", host)
