"""A pan/tilt head of two hobby servos: pulses of 0.5 to 2.5 ms, fifty times a second.

A servo runs as fast as it can to where the pulse says. So the place that is asked of it moves
there, with a speed and an acceleration that are bounded: a head with a camera on it starts and
stops softly. Where the servos stand at the start nobody knows; they are left alone until the first
motion.
"""

import json
import math
import os

from ..compat import const, ticks_diff
from .driver import Driver, Refused

_LONGEST_STEP = const(100)  # ms: after a pause it goes on, and doesn't jump


def options():
    """A row for each key, as config.py has them."""
    from ..checks import REQUIRED, boolean, integer, number, pin, string

    return (
        ("pan", REQUIRED, pin),  # the pin of the servo that pans
        ("tilt", REQUIRED, pin),  # the pin of the servo that tilts
        ("hz", 50, integer(40, 333)),  # pulses in a second
        ("shortest", 500, integer(400, 1500)),  # µs, the pulse at one end of the servos' range
        ("longest", 2500, integer(1500, 2600)),  # µs, the pulse at the other end
        ("range", 180, integer(30, 360)),  # degrees between these ends
        ("pan_limit", 90, number(1, 180)),  # degrees to either side of the middle
        ("tilt_lowest", -45, number(-180, 0)),  # degrees below the middle, where it stops
        ("tilt_highest", 45, number(0, 180)),  # degrees above the middle, where it stops
        ("pan_inverted", False, boolean),  # true if it turns the wrong way
        ("tilt_inverted", False, boolean),  # true if it turns the wrong way
        ("speed", 90, number(1, 600)),  # degrees in a second, at most
        ("acceleration", 360, number(10, 5000)),  # degrees in a second, in each second
        ("detach", 0, integer(0, 60000)),  # ms at rest, after which the pulses end; 0: never
        ("presets", 8, integer(1, 32)),  # how many there are
        ("presets_file", "presets.json", string(1, 64)),  # where they are kept
    )


def create(options, hardware):
    """The Driver."""
    return Servos(options, hardware)


class Servos(Driver):
    """Two Axes."""

    caps = ("ptz", "preset", "position")

    def __init__(self, options, hardware):
        limit = options["pan_limit"]
        self.presets = options["presets"]
        self._pan = Axis(options, hardware.pwm(options["pan"], options["hz"]), -limit, limit)
        self._tilt = Axis(
            options,
            hardware.pwm(options["tilt"], options["hz"]),
            options["tilt_lowest"],
            options["tilt_highest"],
        )
        self._pan.inverted = options["pan_inverted"]
        self._tilt.inverted = options["tilt_inverted"]
        self._axes = (self._pan, self._tilt)
        self._file = options["presets_file"]
        self._now = None

    def move(self, pan, tilt, zoom):
        self._pan.drive(pan)
        self._tilt.drive(tilt)

    def stop(self):
        self.move(0, 0, 0)

    def position(self, pan, tilt, zoom):
        if zoom is not None:
            raise Refused("this device has no zoom")
        for axis, place, name in ((self._pan, pan, "pan"), (self._tilt, tilt, "tilt")):
            if place is not None and not axis.lowest <= place <= axis.highest:
                raise Refused("%s: %d to %d degrees" % (name, axis.lowest, axis.highest))
        if pan is not None:
            self._pan.target = pan
        if tilt is not None:
            self._tilt.target = tilt

    def preset_store(self, n):
        presets = self._load()
        place = [round(axis.place, 1) for axis in self._axes]
        if presets.get(str(n)) != place:
            presets[str(n)] = place
            try:
                with open(self._file + ".new", "w") as file:
                    json.dump(presets, file)
                os.rename(self._file + ".new", self._file)  # all of it or nothing
            except OSError as error:
                raise Refused("the preset can't be kept: %s" % error)

    def preset_recall(self, n):
        place = self._load().get(str(n))
        if place is None:
            raise Refused("preset %d is empty: store it first" % n)
        for axis, at in zip(self._axes, place):
            axis.target = max(axis.lowest, min(axis.highest, at))

    def state(self):
        return {
            "pan": round(self._pan.place, 1),
            "tilt": round(self._tilt.place, 1),
            "moving": self._pan.moving or self._tilt.moving,
        }

    def tick(self, now):
        if self._now is not None:
            ms = min(ticks_diff(now, self._now), _LONGEST_STEP)
            for axis in self._axes:
                axis.advance(ms)
        self._now = now

    def close(self):
        for axis in self._axes:
            axis.close()

    def _load(self):
        # Whatever was in the way when it was written, it must not be in the way now.
        try:
            with open(self._file) as file:
                presets = json.load(file)
            for place in presets.values():
                place[0] + place[1] + 0.0
            return presets
        except (OSError, ValueError, TypeError, AttributeError, LookupError):
            return {}


class Axis:
    """One servo. `place`: degrees. `target`: where it is to go, None while it is driven."""

    inverted = False

    def __init__(self, options, pwm, lowest, highest):
        half = options["range"] / 2
        self.lowest = max(lowest, -half)
        self.highest = min(highest, half)
        self.place = max(self.lowest, min(self.highest, 0.0))
        self.target = None
        self._pwm = pwm
        self._shortest = options["shortest"]
        self._per_degree = (options["longest"] - options["shortest"]) / options["range"]
        self._half = half
        self._fastest = options["speed"]
        self._acceleration = options["acceleration"]
        self._detach = options["detach"]
        self._rate = 0  # degrees in a second that are asked for
        self._speed = 0.0  # and that there are
        self._rested = None  # ms at rest; None: there are no pulses

    @property
    def moving(self):
        """Whether it moves, or is about to."""
        return self.target is not None or self._speed != 0 or self._rate != 0

    def drive(self, per_cent):
        """Go on at this speed, -100 to 100."""
        self.target = None
        self._rate = per_cent * self._fastest / 100

    def advance(self, ms):
        """Let `ms` pass."""
        if not self.moving:
            self._rest(ms)
            return
        seconds = ms / 1000
        most = self._acceleration * seconds
        wanted = self._wanted()
        self._speed += max(-most, min(most, wanted - self._speed))
        step = self._speed * seconds
        if self.target is not None and abs(self.target - self.place) <= max(abs(step), 0.05):
            self.place = float(self.target)
            self.target = None
            self._speed = 0.0
            self._rate = 0
        else:
            self.place += step
            if not self.lowest < self.place < self.highest:
                self.place = max(self.lowest, min(self.highest, self.place))
                self._speed = 0.0
                self._rate = 0
        self._rested = 0
        self._pulse()

    def close(self):
        """No more pulses."""
        self._pwm.deinit()

    def _wanted(self):
        # The speed from which it can still stop in time: v² = 2as.
        if self.target is not None:
            way = self.target - self.place
            rate = self._fastest if way > 0 else -self._fastest
        else:
            rate = self._rate
            way = (self.highest if rate > 0 else self.lowest) - self.place
        most = math.sqrt(2 * self._acceleration * abs(way))
        return max(-most, min(most, rate))

    def _rest(self, ms):
        if self._detach and self._rested is not None:
            self._rested += ms
            if self._rested >= self._detach:
                self._rested = None
                self._pwm.duty_ns(0)

    def _pulse(self):
        degrees = -self.place if self.inverted else self.place
        us = self._shortest + (degrees + self._half) * self._per_degree
        self._pwm.duty_ns(int(us * 1000))
