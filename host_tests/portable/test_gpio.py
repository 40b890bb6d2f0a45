"""Pins: what each level means, at the start and later; and drivers put together."""

from signalbox.device import composite, gpio, simulated
from signalbox.device.driver import Driver, Refused
from visca_wires import options_of
from wire import raises


class Pins:
    """As the hardware; `levels`: {pin: all its levels}."""

    def __init__(self):
        self.levels = {}

    def output(self, pin, value=0):
        self.levels[pin] = [value]
        return Pin(self.levels[pin])

    def last(self, pin):
        return self.levels[pin][-1]


class Pin:
    def __init__(self, levels):
        self._levels = levels

    def value(self, value):
        self._levels.append(value)


def board(**options):
    pins = Pins()
    return gpio.create(options_of(gpio, **options), pins), pins


def test_only_what_has_a_pin_can_be_switched():
    driver, pins = board()
    assert driver.caps == () and driver.state() == {} and pins.levels == {}
    driver, pins = board(light=3)
    assert driver.caps == ("light",) and pins.levels == {3: [0]}
    driver, _ = board(tally_preview=4)
    assert driver.caps == ("tally",)


def test_power_has_a_state_at_the_start():
    for at_start, inverted, level in (
        (True, False, 1),
        (True, True, 0),
        (False, False, 0),
        (False, True, 1),
    ):
        driver, pins = board(power=2, power_at_start=at_start, power_active_low=inverted)
        assert pins.levels == {2: [level]} and driver.state() == {"power": at_start}
        driver.power(not at_start)
        assert pins.last(2) == 1 - level and driver.state() == {"power": not at_start}
        driver.power(at_start)
        assert pins.last(2) == level


def test_tally_lamps():
    for inverted in (False, True):
        driver, pins = board(tally_program=5, tally_preview=6, tally_active_low=inverted)
        for state, red, green in (("off", 0, 0), ("program", 1, 0), ("preview", 0, 1)):
            driver.tally(state)
            assert (pins.last(5) ^ inverted, pins.last(6) ^ inverted) == (red, green)
            assert driver.state() == {"tally": state}
    driver, pins = board(tally_program=5)
    driver.tally("preview")
    assert pins.last(5) == 0


def test_the_light():
    driver, pins = board(light=7, light_active_low=True)
    assert pins.levels[7] == [1]
    driver.light(True)
    driver.light(False)
    assert pins.levels[7] == [1, 0, 1]


# Composite


class Recorder(Driver):
    def __init__(self, *caps, presets=0):
        self.caps = caps
        self.presets = presets
        self.calls = []
        self.own = {}
        self.failure = None
        self.closed = False

    def _call(self, *what):
        self.calls.append(what)
        if self.failure:
            raise self.failure

    def move(self, *speeds):
        self._call("move", *speeds)

    def stop(self):
        self._call("stop")

    def tally(self, state):
        self._call("tally", state)

    def preset_recall(self, n):
        self._call("recall", n)

    def tick(self, now):
        self._call("tick", now)

    def state(self):
        return dict(self.own)

    def close(self):
        self.closed = True


def test_each_verb_is_for_the_first_that_can():
    head = Recorder("ptz", "preset", presets=5)
    camera = Recorder("ptz", "zoom", "preset", "focus", presets=9)
    lamps = Recorder("tally")
    both = composite.Composite([head, camera, lamps])
    assert both.caps == ("ptz", "zoom", "focus", "preset", "tally") and both.presets == 5
    both.move(1, 2, 3)
    both.preset_recall(4)
    both.tally("program")
    assert head.calls == [("move", 1, 2, 0), ("recall", 4)]
    assert camera.calls == [("move", 0, 0, 3)]
    assert lamps.calls == [("tally", "program")]
    one = composite.Composite([lamps, camera])
    camera.calls = []
    one.move(1, 2, 3)
    assert camera.calls == [("move", 1, 2, 3)]


def test_a_stop_and_a_tick_are_for_all_whatever_one_does():
    one = Recorder("ptz")
    two = Recorder("zoom")
    one.failure = OSError(5)
    both = composite.Composite([one, gpio.create(options_of(gpio), Pins()), two])
    assert raises(OSError, both.stop)
    assert raises(OSError, both.tick, 7)
    assert one.calls == two.calls == [("stop",), ("tick", 7)]
    one.failure = None
    both.in_timer = True
    both.tick(8)
    assert one.in_timer and two.in_timer
    both.stop()
    both.close()
    assert one.closed and two.closed


def test_states_are_put_together_and_the_first_one_counts():
    one = Recorder("ptz")
    two = Recorder("zoom")
    both = composite.Composite([one, two])
    one.own = {"pan": 1, "power": True, "moving": False, "fault": "a"}
    two.own = {"pan": 2, "zoom": 3, "moving": True, "fault": "b"}
    assert both.state() == {"pan": 1, "power": True, "zoom": 3, "moving": True, "fault": "a; b"}
    one.own = two.own = {}
    assert both.state() == {"moving": False}


def test_made_from_the_configuration():
    parts = [
        {"driver": "simulated"},
        dict(options_of(gpio, light=1), driver="gpio"),
    ]
    pins = Pins()
    both = composite.create({"drivers": parts}, pins)
    assert both.caps == simulated.Simulated.caps and pins.levels == {1: [0]}
    both.power(False)
    assert raises(Refused, both.move, 1, 0, 0)
    both.power(True)
    both.focus("auto")
    both.light(True)
    both.preset_store(1)
    both.position(1, 1, 1)
    assert both.state()["moving"] and pins.last(1) == 0  # the camera has a light of its own
