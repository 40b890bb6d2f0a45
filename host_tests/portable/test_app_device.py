"""The device of the application: who ticks it while the event loop stands, and how it is found."""

import json

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


def test_a_stream_that_is_off_again_is_found_as_the_configuration_says():
    for announce, roles in (("none", []), ("consumer", ["consumer"]), ("producer", ["consumer"])):
        device = Device("cam", announce, None, None)
        driver = Recorder()
        driver.media = driver
        device.drive(driver, LIMITS)
        peer = device.peer()
        peer.receive(bytearray(b'{"type":"welcome","peerId":"me"}'))
        for on in (True, False):
            peer.take()
            request = {"type": "customUpstreamEvent", "structureName": "stream"}
            request["structure"] = {"on": on}
            message = {"type": "control", "peerId": "x", "id": 1, "request": request}
            peer.receive(bytearray(json.dumps(message).encode()))
            assert json.loads(peer.take()[0])["roles"] == (["producer"] if on else roles)
