"""Servos: pulses, limits, soft starts and stops, presets that last."""

import os

from signalbox.device import servos
from signalbox.device.driver import Refused
from visca_wires import options_of
from wire import raises

PAN = 2
TILT = 3
PRESETS = "test_presets.json"


class PWM:
    def __init__(self, hz):
        self.hz = hz
        self.ns = []
        self.ended = False

    def duty_ns(self, ns):
        self.ns.append(ns)

    def deinit(self):
        self.ended = True


class Head:
    """A driver on scripted pins, and a clock."""

    def __init__(self, **options):
        self.pins = {}
        given = options_of(servos, pan=PAN, tilt=TILT, presets_file=PRESETS, **options)
        self.driver = servos.create(given, self)
        self.now = 1000
        self.driver.tick(self.now)

    def pwm(self, pin, hz):
        self.pins[pin] = PWM(hz)
        return self.pins[pin]

    def wait(self, ms, step=20):
        """Returns the pulses of the pan servo in µs."""
        self.pins[PAN].ns = []
        end = self.now + ms
        while self.now < end:
            self.now += step
            self.driver.tick(self.now)
        return [ns / 1000 for ns in self.pins[PAN].ns]

    def place(self):
        state = self.driver.state()
        return state["pan"], state["tilt"]


def changes(values):
    return [values[i + 1] - values[i] for i in range(len(values) - 1)]


def without_presets():
    if PRESETS in os.listdir("."):
        os.remove(PRESETS)


def test_nothing_moves_before_the_first_motion():
    head = Head()
    assert head.wait(1000) == []
    assert head.pins[PAN].hz == 50 and not head.driver.state()["moving"]


def test_a_start_is_soft_and_so_is_a_stop():
    head = Head()
    head.driver.move(100, 0, 0)
    pulses = head.wait(400)
    steps = changes(pulses)
    # 360 degrees a second in each second: 7.2 more every 20 ms, up to 90; 11.1 µs a degree.
    assert abs(steps[0] - 14.4 * 0.02 * 2000 / 180) < 0.01
    assert -0.01 <= min(changes(steps)) <= max(changes(steps)) < 7.2 * 0.02 * 2000 / 180 + 0.01
    assert abs(steps[-1] - 90 * 0.02 * 2000 / 180) < 0.01
    head.driver.stop()
    pulses = head.wait(600)
    steps = changes(pulses)
    assert max(changes(steps)) <= 0.01 and -min(changes(steps)) < 7.2 * 0.02 * 2000 / 180 + 0.01
    assert steps[-1] < 2 and not head.driver.state()["moving"]
    assert head.wait(200) == []


def test_it_stops_at_its_limits_softly():
    head = Head(pan_limit=30, tilt_lowest=-10, tilt_highest=20)
    head.driver.move(100, 100, 0)
    pulses = head.wait(3000)
    assert head.place() == (30, 20)
    assert max(pulses) <= 1500 + 30 * 2000 / 180 + 0.01
    steps = changes(pulses)
    assert min(changes(steps)) > -12
    assert not head.driver.state()["moving"]
    head.driver.move(-100, -100, 0)
    head.wait(5000)
    assert head.place() == (-30, -10)


def test_pulses_stay_within_what_the_servo_takes():
    head = Head(pan_limit=180, range=90, shortest=1000, longest=2000, speed=600)
    head.driver.move(100, 0, 0)
    pulses = head.wait(3000)
    head.driver.move(-100, 0, 0)
    pulses += head.wait(3000)
    assert (min(pulses), max(pulses)) == (1000, 2000)


def test_the_middle_may_be_out_of_reach():
    head = Head(tilt_lowest=-90, tilt_highest=0)
    assert head.place() == (0, 0)
    assert Head(range=60, pan_limit=90).driver._pan.highest == 30


def test_a_servo_the_other_way_round():
    head = Head(pan_inverted=True)
    head.driver.position(45, None, None)
    assert head.wait(2000)[-1] == 1000
    assert head.place() == (45, 0)


def test_positions():
    head = Head()
    head.driver.position(-45, 30, None)
    assert head.driver.state()["moving"]
    pulses = head.wait(3000)
    assert pulses[-1] == 1000 and head.place() == (-45, 30)
    assert not head.driver.state()["moving"]
    assert max([abs(change) for change in changes(changes(pulses))]) < 8
    for place in ((91, 0, None), (0, 46, None), (0, 0, 1)):
        assert raises(Refused, head.driver.position, *place)
    assert head.place() == (-45, 30)
    head.driver.position(None, 0, None)
    head.wait(20)
    head.driver.stop()
    head.wait(1000)
    assert 0 < head.place()[1] < 30


def test_it_takes_no_leap_after_a_pause():
    head = Head(acceleration=5000, speed=600)
    head.driver.move(100, 0, 0)
    head.now += 60000
    head.driver.tick(head.now)
    assert head.place()[0] <= 60


def test_pulses_end_some_time_after_it_came_to_rest():
    head = Head(detach=500)
    head.driver.position(10, None, None)
    assert head.wait(600)[-1] > 1500
    assert head.wait(1000) == [0]
    assert head.wait(1000) == []
    head.driver.move(50, 0, 0)
    assert head.wait(100)[0] > 1500
    head.driver.close()
    assert head.pins[PAN].ended and head.pins[TILT].ended


def test_presets_last():
    without_presets()
    head = Head()
    assert raises(Refused, head.driver.preset_recall, 0)
    head.driver.position(20, -20, None)
    head.wait(3000)
    head.driver.preset_store(0)
    head.driver.position(-20, 20, None)
    head.wait(3000)
    head.driver.preset_store(7)
    head = Head()
    head.driver.preset_recall(0)
    head.wait(3000)
    assert head.place() == (20, -20)
    head = Head(pan_limit=10)
    head.driver.preset_recall(7)
    head.wait(3000)
    assert head.place() == (-10, 20)
    for text in (
        "",
        "[",
        "[]",
        "{",
        '{"0":1}',
        '{"0":[1]}',
        '{"0":["a","b"]}',
        '{"0":null}',
        '{"0":{}}',
    ):
        with open(PRESETS, "w") as file:
            file.write(text)
        assert raises(Refused, head.driver.preset_recall, 0), text
        head.driver.preset_store(0)
        head.driver.preset_recall(0)
    without_presets()
    head.driver._file = "no/such/directory/presets.json"
    assert raises(Refused, head.driver.preset_store, 1)
