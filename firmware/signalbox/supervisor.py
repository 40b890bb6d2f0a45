"""Whether what must not stand still goes on, and what becomes of a part that crashes. Sans-IO."""

from .compat import const, ticks_diff

PATIENCE = 60000  # ms without a sign of life: more than lwIP's writes can block in a row

_MOST = const(5)  # crashes of one part
_WITHIN = const(600000)  # ms, in which that many are too many
_FIRST = const(500)  # ms before a part that crashed is started again; then twice that, …


class Supervisor:
    """Each task that is essential says now and then that it is alive."""

    def __init__(self):
        self._seen = {}

    def beat(self, name, now):
        """`name` is alive. From the first time on it must go on saying so."""
        self._seen[name] = now

    def late(self, now):
        """The name of one that hasn't been heard of for PATIENCE ms, or None."""
        for name in self._seen:
            if ticks_diff(now, self._seen[name]) >= PATIENCE:
                return name
        return None


class Restarts:
    """Of one part."""

    def __init__(self):
        self._crashes = []  # when

    def crashed(self, now):
        """It crashed. Returns the ms to wait before it is started again; None: there were too many,
        and only a reset can help.
        """
        recent = [then for then in self._crashes if 0 <= ticks_diff(now, then) < _WITHIN]
        recent.append(now)
        self._crashes = recent
        if len(recent) >= _MOST:
            return None
        return _FIRST << len(recent) - 1
