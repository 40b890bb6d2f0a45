"""Pools of small buffers, for tests that make an application and send it nothing large.

On a board, where each module is one by itself, there is not always room for one of 18 KB.
"""

from signalbox.ws.buffers import Pool

SIZE = 1024  # octets


class SmallPools:
    """Use it as `with SmallPools():` around what makes pools."""

    def __enter__(self):
        self._init = init = Pool.__init__

        def small(pool, count, size):
            init(pool, count, SIZE)
            pool.size = size

        Pool.__init__ = small

    def __exit__(self, kind, error, traceback):
        Pool.__init__ = self._init
