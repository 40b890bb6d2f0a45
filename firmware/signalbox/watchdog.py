"""Resets a board whose event loop stands still, through the port's hardware watchdog.

An RP2's ends after 8388 ms, and lwIP can block a write for 10 s. So a timer feeds it there, whose
callback runs inside such a write, too; but only while the supervisor finds nobody late. An ESP32's
waits as long as it is told, and the event loop feeds it.
"""

import sys

import machine

from .compat import const, ticks_ms
from .supervisor import PATIENCE

_RP2_TIMEOUT = const(8300)  # ms
_RP2_PERIOD = const(200)  # ms
_RP2040 = const(0x40058000)  # WATCHDOG_CTRL
_RP2350 = const(0x400D8000)
_CLEAR = const(0x3000)  # from a register to where writing clears bits of it
_ENABLE = const(1 << 30)
_DAY = const(86400000)  # ms


class Watchdog:
    """Armed from the start; it can be disarmed, for whoever comes by the serial line."""

    def __init__(self, supervisor, rescue, platform=sys.platform):
        """`rescue(now)`: called about every 200 ms, if the port can, even while the loop stands."""
        self._supervisor = supervisor
        self._rescue = rescue
        self._timer = None
        if platform == "rp2":
            self._wdt = machine.WDT(timeout=_RP2_TIMEOUT)
            self._timer = machine.Timer(
                -1, period=_RP2_PERIOD, mode=machine.Timer.PERIODIC, callback=self._on_timer
            )
        else:
            self._wdt = machine.WDT(timeout=PATIENCE)

    def tick(self, now):
        """Called by the clock."""
        if self._timer is None and self._supervisor.late(now) is None:
            self._wdt.feed()

    def disarm(self):
        """Nothing resets the board any more: neither port can stop it, officially."""
        if self._timer is None:
            machine.WDT(timeout=_DAY)
            return
        self._timer.deinit()
        chip = _RP2350 if "RP2350" in getattr(sys.implementation, "_machine", "") else _RP2040
        machine.mem32[chip + _CLEAR] = _ENABLE

    def _on_timer(self, timer):
        now = ticks_ms()
        if self._supervisor.late(now) is None:
            self._wdt.feed()
        self._rescue(now)
