"""Several drivers as one device: a camera on a UART and tally lamps on pins, say.

Each verb is for the first driver in the list that can do it; a stop is for all.
"""

import sys

from .driver import CAPS, Driver, Unsupported


def options():
    """A row for each key, as config.py has them."""
    from ..checks import REQUIRED, items
    from ..config import ModuleSection

    return (
        # Each is an object as `device` itself is: {"driver": …} and that driver's options.
        ("drivers", REQUIRED, items(ModuleSection("driver", ""), 1, 4)),
    )


def create(options, hardware):
    """The Driver."""
    drivers = []
    for part in options["drivers"]:
        name = "signalbox.device." + part["driver"]
        __import__(name)
        drivers.append(sys.modules[name].create(part, hardware))
    return Composite(drivers)


class Composite(Driver):
    """What `drivers` can do together."""

    def __init__(self, drivers):
        self._drivers = drivers
        self._first = {}  # of those that have a cap
        for driver in drivers:
            for cap in driver.caps:
                self._first.setdefault(cap, driver)
            if driver.media and not self.media:
                self.media = driver.media
        self.caps = tuple([cap for cap in CAPS if cap in self._first])
        self.presets = self._first["preset"].presets if "preset" in self._first else 0

    def move(self, pan, tilt, zoom):
        head = self._first.get("ptz")
        lens = self._first.get("zoom")
        if head is lens:
            head.move(pan, tilt, zoom)
            return
        if head:
            head.move(pan, tilt, 0)
        if lens:
            lens.move(0, 0, zoom)

    def stop(self):
        failure = None
        for driver in self._drivers:
            try:
                driver.stop()
            except Unsupported:
                pass
            except Exception as error:
                failure = error  # the others stop all the same
        if failure:
            raise failure

    def position(self, pan, tilt, zoom):
        self._first["position"].position(pan, tilt, zoom)

    def preset_store(self, n):
        self._first["preset"].preset_store(n)

    def preset_recall(self, n):
        self._first["preset"].preset_recall(n)

    def focus(self, speed):
        self._first["focus"].focus(speed)

    def power(self, on):
        self._first["power"].power(on)

    def tally(self, state):
        self._first["tally"].tally(state)

    def light(self, on):
        self._first["light"].light(on)

    def tick(self, now):
        failure = None
        for driver in self._drivers:
            driver.in_timer = self.in_timer
            try:
                driver.tick(now)
            except Exception as error:
                failure = error
        if failure:
            raise failure

    def state(self):
        state = {}
        moving = False
        faults = []
        for driver in reversed(self._drivers):
            own = driver.state()
            moving = own.get("moving", False) or moving
            if "fault" in own:
                faults.append(own["fault"])
            state.update(own)
        state["moving"] = moving
        if faults:
            state["fault"] = "; ".join(reversed(faults))
        return state

    def close(self):
        for driver in self._drivers:
            driver.close()
