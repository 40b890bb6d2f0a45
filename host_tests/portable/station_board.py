"""A Station whose hardware is wired to nothing, and who counts its confirmations."""

import scripted  # noqa: F401  CPython's transport, before what needs one
from signalbox import slots
from signalbox import station as station_module
from signalbox.config import check
from signalbox.station import Station
from small_pools import SmallPools


class WiFi:
    joined = False


class Crash:
    last = None

    def save(self, head, error):
        self.last = head


def station(**config):
    hardware = station_module._hardware
    station_module._hardware = lambda: None  # nothing here is wired to any
    try:
        with SmallPools():
            return Station(check(dict({"name": "cam", "wifi": []}, **config)), Crash())
    finally:
        station_module._hardware = hardware


class Confirmed:
    """Counts in the place of slots.confirm(). `fault`: why it can't be."""

    fault = None

    def __enter__(self):
        self.times = 0
        self._replaced = slots.confirm
        slots.confirm = self._confirm
        return self

    def __exit__(self, kind, error, traceback):
        slots.confirm = self._replaced

    def _confirm(self):
        self.times += 1
        if self.fault:
            raise self.fault
