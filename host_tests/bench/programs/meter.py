"""Octets that MicroPython allocates between two points, the collector being off."""

import gc


class Meter:
    def __init__(self):
        self._before = 0
        self._waits = 0

    def count(self, owner, *names):
        """Count the calls of methods that tasks wait on: each of them is one wake-up later."""
        for name in names:
            setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, wait):
        def counted(waiting):
            self._waits += 1
            return wait(waiting)

        return counted

    def begin(self):
        gc.collect()
        gc.disable()
        self._waits = 0
        self._before = gc.mem_alloc()

    def end(self):
        """Octets and waits, as text for the peer."""
        spent = gc.mem_alloc() - self._before
        gc.enable()
        return "%d %d" % (spent, self._waits)


def cost(act, *arguments):
    """What act(*arguments) allocates. Make a first call before, so that caches are filled."""
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    act(*arguments)
    after = gc.mem_alloc()
    gc.enable()
    return after - before
