"""Octets that MicroPython allocates between two points, the collector being off."""

import gc


class Meter:
    def __init__(self):
        self._before = 0

    def begin(self):
        gc.collect()
        gc.disable()
        self._before = gc.mem_alloc()

    def end(self):
        """As text, for the peer."""
        spent = gc.mem_alloc() - self._before
        gc.enable()
        return str(spent)


def cost(act, *arguments):
    """What act(*arguments) allocates. Make a first call before, so that caches are filled."""
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    act(*arguments)
    after = gc.mem_alloc()
    gc.enable()
    return after - before
