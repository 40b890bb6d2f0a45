"""A camera that is only computed: pan, tilt and zoom that take their time, and stop at limits."""

from ..compat import const, ticks_diff
from .driver import CAPS, Driver, Refused

# Per axis: pan and tilt in degrees, zoom in per cent.
LOWEST = (-170.0, -30.0, 0.0)
HIGHEST = (170.0, 90.0, 100.0)
FASTEST = (60, 40, 25)  # each second

_SECOND = const(100000)  # ms, times the per cent that a speed is given in


def options():
    """A row for each key, as config.py has them."""
    return ()


def create(options, hardware):
    """The Driver."""
    return Simulated()


class Simulated(Driver):
    """It has all that a camera can have. While the power is off it refuses to move."""

    caps = CAPS
    presets = 10

    def __init__(self):
        self._at = [0.0, 0.0, 0.0]
        self._speeds = (0, 0, 0)
        self._target = None
        self._presets = {}
        self._focus = "auto"
        self._power = True
        self._tally = "off"
        self._light = False
        self._now = None

    def move(self, pan, tilt, zoom):
        self._need_power()
        self._target = None
        self._speeds = (pan, tilt, zoom)

    def stop(self):
        self._target = None
        self._speeds = (0, 0, 0)

    def position(self, pan, tilt, zoom):
        self._need_power()
        wanted = (pan, tilt, zoom)
        for i in range(3):
            if wanted[i] is not None and not LOWEST[i] <= wanted[i] <= HIGHEST[i]:
                raise Refused(
                    "%s: %d to %d is what this camera reaches"
                    % (("pan", "tilt", "zoom")[i], LOWEST[i], HIGHEST[i])
                )
        self._go([self._at[i] if wanted[i] is None else wanted[i] for i in range(3)])

    def preset_store(self, n):
        self._presets[n] = tuple(self._at)

    def preset_recall(self, n):
        self._need_power()
        if n not in self._presets:
            raise Refused("preset %d is empty: store it first" % n)
        self._go(self._presets[n])

    def focus(self, speed):
        self._need_power()
        self._focus = "auto" if speed == "auto" else "manual"

    def power(self, on):
        self._power = on
        if not on:
            self.stop()

    def tally(self, state):
        self._tally = state

    def light(self, on):
        self._light = on

    def tick(self, now):
        if self._now is not None:
            self._pass(ticks_diff(now, self._now))
        self._now = now

    def state(self):
        return {
            "pan": round(self._at[0], 1),
            "tilt": round(self._at[1], 1),
            "zoom": round(self._at[2], 1),
            "moving": self._target is not None or any(self._speeds),
            "focus": self._focus,
            "power": self._power,
            "tally": self._tally,
            "light": self._light,
        }

    def _need_power(self):
        if not self._power:
            raise Refused("the power is off: switch it on first")

    def _go(self, target):
        self._speeds = (0, 0, 0)
        self._target = target

    def _pass(self, ms):
        arrived = True
        for i in range(3):
            if self._target is None:
                at = self._at[i] + self._speeds[i] * FASTEST[i] * ms / _SECOND
            else:
                way = self._target[i] - self._at[i]
                step = FASTEST[i] * ms / 1000
                at = self._at[i] + max(-step, min(step, way))
                arrived = arrived and abs(way) <= step
            self._at[i] = max(LOWEST[i], min(HIGHEST[i], at))
        if arrived and self._target is not None:
            self._at = [float(value) for value in self._target]
            self._target = None
