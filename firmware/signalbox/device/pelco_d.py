"""A camera or a pan/tilt head that takes Pelco-D, over RS-485. It says nothing back.

A message: FF, address, two octets of what to do, two of how, and the sum of all but FF, mod 256.
As one may be lost without anybody knowing, what moves is told so again and again, and a stop three
times.
"""

from ..compat import const, ticks_diff
from .driver import Driver, Refused

_GAP = const(60)  # ms between two messages: some cameras overlook the second one else
_REPEAT = const(500)  # ms
_STOPS = const(3)
_MOST = const(4)  # messages that wait
_FASTEST = const(0x3F)
# The second octet of what to do; the first one has but FOCUS_NEAR.
_RIGHT = const(0x02)
_LEFT = const(0x04)
_UP = const(0x08)
_DOWN = const(0x10)
_TELE = const(0x20)
_WIDE = const(0x40)
_FOCUS_FAR = const(0x80)
_FOCUS_NEAR = const(0x01)
_SET_PRESET = const(0x03)
_GO_TO_PRESET = const(0x07)
_ZOOM_SPEED = const(0x25)
_FOCUS_SPEED = const(0x27)
_AUTO_FOCUS = const(0x2B)  # 0: on, 1: off


def options():
    """A row for each key, as config.py has them."""
    from ..checks import REQUIRED, choice, integer, pin, serial

    return (
        ("uart", REQUIRED, serial),  # the UART that the transceiver is wired to
        ("tx", None, pin),  # the pin to the camera, if not the one that MicroPython takes
        ("rx", None, pin),  # of the same UART; nothing is read from it
        ("baudrate", 9600, choice(2400, 4800, 9600, 19200)),  # as set at the camera
        ("address", 1, integer(1, 255)),  # as set at the camera
        ("presets", 32, integer(1, 255)),  # how many the camera has; its first is 1, here it is 0
    )


def create(options, hardware):
    """The Driver."""
    port = hardware.uart(options["uart"], options["baudrate"], options["tx"], options["rx"])
    return PelcoD(options, port)


class PelcoD(Driver):
    """At a UART."""

    caps = ("ptz", "zoom", "focus", "preset")

    def __init__(self, options, port):
        self.presets = options["presets"]
        self._port = port
        self._address = options["address"]
        self._motion = (0, 0, 0, 0)  # two octets of what to do, and two of how
        self._left = 0  # times that it is to be sent at once
        self._waiting = []
        self._sent = None  # when the last one was
        self._focus = "auto"
        self._kept = {}  # speeds, by what sets them

    def move(self, pan, tilt, zoom):
        if zoom:
            self._set_speed(_ZOOM_SPEED, zoom)
        motion = self._motion
        what = motion[1] & _FOCUS_FAR
        if pan:
            what |= _RIGHT if pan > 0 else _LEFT
        if tilt:
            what |= _UP if tilt > 0 else _DOWN
        if zoom:
            what |= _TELE if zoom > 0 else _WIDE
        self._go((motion[0], what, _scaled(pan, _FASTEST), _scaled(tilt, _FASTEST)))

    def stop(self):
        self._waiting = [m for m in self._waiting if m[1] != _GO_TO_PRESET]
        self._go((0, 0, 0, 0))

    def focus(self, speed):
        wanted = "auto" if speed == "auto" else "manual"
        if wanted != self._focus:
            self._put((0, _AUTO_FOCUS, 0, 0 if speed == "auto" else 1))
            self._focus = wanted
        way = 0 if speed == "auto" else speed
        if way:
            self._set_speed(_FOCUS_SPEED, way)
        _, what, pan, tilt = self._motion
        what = what & ~_FOCUS_FAR | (_FOCUS_FAR if way > 0 else 0)
        self._go((_FOCUS_NEAR if way < 0 else 0, what, pan, tilt))

    def preset_store(self, n):
        self._put((0, _SET_PRESET, 0, n + 1))

    def preset_recall(self, n):
        self._put((0, _GO_TO_PRESET, 0, n + 1))

    def state(self):
        return {"moving": self._is_moving(), "focus": self._focus}

    def tick(self, now):
        passed = _REPEAT if self._sent is None else ticks_diff(now, self._sent)
        message = self._next(passed) if passed >= _GAP else None
        if message:
            self._sent = now
            octets = (self._address,) + message
            self._port.write(bytes((0xFF,) + octets + (sum(octets) & 0xFF,)))
        elif passed >= _REPEAT:
            self._sent = None  # else it lay ahead, once the clock has come round

    def close(self):
        self._port.deinit()

    def _next(self, passed):
        # A stop goes before what waits; a motion behind it, as its speed may be in there.
        if self._waiting and (self._is_moving() or not self._left):
            return self._waiting.pop(0)
        if self._left:
            self._left -= 1
            return self._motion
        return self._motion if self._is_moving() and passed >= _REPEAT else None

    def _is_moving(self):
        return self._motion[0] != 0 or self._motion[1] != 0

    def _go(self, motion):
        if motion != self._motion:
            self._left = 1
        self._motion = motion
        if not self._is_moving():
            self._left = _STOPS

    def _put(self, message):
        if len(self._waiting) >= _MOST:
            raise Refused("the camera does not keep up: try again in a moment")
        self._waiting.append(message)

    def _set_speed(self, what, per_cent):
        # One of four, which the camera keeps; it is a message of its own.
        speed = _scaled(per_cent, 3)
        if self._kept.get(what) != speed:
            self._put((0, what, 0, speed))
            self._kept[what] = speed


def _scaled(per_cent, most):
    return (abs(per_cent) * most + 50) // 100
