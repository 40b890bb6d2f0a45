"""Pelco-D, octet by octet."""

from signalbox.device import pelco_d
from signalbox.device.driver import Refused
from visca_wires import Hardware, options_of
from wire import clock_period, raises

STOP = "ff010000000001"


class Line:
    """A driver on a scripted UART, and a clock."""

    def __init__(self, **options):
        hardware = Hardware()
        self.driver = pelco_d.create(options_of(pelco_d, uart=1, **options), hardware)
        self.asked = hardware.asked
        self.port = hardware.port
        self.now = 1000

    def wait(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now += 20
            self.driver.tick(self.now)
        written = self.port.written
        self.port.written = []
        return [w.hex() for w in written]


def test_a_port_is_opened_as_the_camera_needs_it():
    line = Line(baudrate=2400, tx=4)
    assert line.asked == (1, 2400, 4, None, None, 1)
    line.driver.close()
    assert line.port.closed


def test_pan_and_tilt():
    for speeds, message in (
        ((51, 0, 0), "ff010002200023"),  # right
        ((-51, 0, 0), "ff010004200025"),  # left
        ((0, 51, 0), "ff010008002029"),  # up
        ((0, -51, 0), "ff010010002031"),  # down
        ((100, 100, 0), "ff01000a3f3f89"),
        ((-100, -100, 0), "ff0100143f3f93"),
        ((1, 0, 0), "ff010002010004"),
    ):
        line = Line()
        line.driver.move(*speeds)
        assert line.wait(20) == [message]
        assert line.driver.state()["moving"]


def test_addresses_and_sums():
    line = Line(address=255)
    line.driver.move(51, 0, 0)
    assert line.wait(20) == ["ffff0002200021"]


def test_zoom_and_focus_have_a_speed_that_is_set_first():
    line = Line()
    line.driver.move(0, 0, 100)
    assert line.wait(200) == ["ff010025000329", "ff010020000021"]
    line.driver.move(0, 0, -100)
    assert line.wait(200) == ["ff010040000041"]
    line.driver.move(0, 0, -1)
    assert line.wait(200) == ["ff010025000026"]
    line.driver.stop()
    line.wait(400)
    line.driver.focus(100)
    assert line.wait(300) == ["ff01002b00012d", "ff01002700032b", "ff010080000081"]
    line.driver.focus(-100)
    assert line.wait(200) == ["ff010100000002"]
    line.driver.focus("auto")
    assert line.wait(400) == [STOP] * 3 + ["ff01002b00002c"]
    assert line.driver.state() == {"moving": False, "focus": "auto"}


def test_presets_are_counted_from_one():
    line = Line(presets=255)
    line.driver.preset_store(0)
    line.driver.preset_recall(254)
    assert line.wait(200) == ["ff010003000105", "ff01000700ff07"]
    assert line.driver.presets == 255


def test_motion_is_repeated_and_a_stop_comes_three_times():
    line = Line()
    line.driver.move(51, 0, 0)
    assert line.wait(1200) == ["ff010002200023"] * 3
    line.driver.move(51, 0, 0)
    assert line.wait(60) == []
    line.driver.stop()
    assert line.wait(5000) == [STOP] * 3
    assert not line.driver.state()["moving"]


def test_it_obeys_whatever_the_clock_says_after_weeks_at_rest():
    for weeks in (clock_period() // 2, clock_period() // 4 * 3):
        line = Line()
        line.driver.stop()
        line.wait(1000)
        line.now = (line.now + weeks) % clock_period()
        line.driver.move(51, 0, 0)
        assert line.wait(600) == ["ff010002200023"] * 2


def test_messages_keep_their_distance():
    line = Line()
    line.driver.preset_store(1)
    line.driver.preset_store(2)
    assert [len(line.wait(20)) for _ in range(8)] == [1, 0, 0, 1, 0, 0, 0, 0]


def test_a_stop_goes_first_and_no_recall_comes_behind_it():
    line = Line()
    line.driver.move(51, 0, 0)
    line.wait(20)
    line.driver.preset_recall(1)
    line.driver.preset_store(2)
    line.driver.stop()
    assert line.wait(500) == [STOP] * 3 + ["ff010003000307"]


def test_what_waits_is_bounded():
    line = Line()
    for n in range(4):
        line.driver.preset_store(n)
    assert raises(Refused, line.driver.preset_store, 4)
    assert raises(Refused, line.driver.move, 0, 0, 100)
    line.driver.stop()
    assert line.wait(20) == [STOP]
