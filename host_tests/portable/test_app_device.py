"""The device of the application: who ticks it while the event loop stands."""

from signalbox.app_device import Device
from signalbox.compat import ticks_ms
from signalbox.device.driver import Driver, Refused

LIMITS = {"deadman_ms": 600, "idle_ms": 10000, "rate": 30}


class Recorder(Driver):
    """Keeps when it was ticked, and whether from a timer."""

    def __init__(self):
        self.ticks = []
        self.fails = False

    def stop(self):
        pass

    def tick(self, now):
        self.ticks.append(self.in_timer)
        if self.fails:
            raise Refused("for a test")


def test_it_is_rescued_when_nobody_has_ticked_it_for_long():
    beats = []
    device = Device("cam", "none", None, beats.append)
    now = ticks_ms()
    device.rescue(now + 1000)  # there is nothing to stop
    driver = Recorder()
    device.drive(driver, LIMITS)
    device.rescue(now + 100)
    assert driver.ticks == []
    device.rescue(now + 1000)
    device.rescue(now + 1200)
    assert driver.ticks == [True]
    driver.fails = True
    device.rescue(now + 2000)
    driver.fails = False
    device._tick(now + 2020)
    assert driver.ticks == [True, True, False]
    assert beats == [now + 1000, now + 2000, now + 2020]
