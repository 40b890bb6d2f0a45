"""The simulated camera: it moves as time passes, within its limits, and keeps what it is told."""

from signalbox.device import simulated
from signalbox.device.driver import CAPS, Driver, Refused, Unsupported
from wire import raises

START = 123456


def later(ms):
    return START + ms


def camera():
    driver = simulated.create({}, None)
    driver.tick(later(0))
    return driver


def place(driver):
    state = driver.state()
    return state["pan"], state["tilt"], state["zoom"]


def test_it_moves_as_fast_as_it_is_told_until_it_is_stopped():
    driver = camera()
    driver.move(100, -50, 20)
    assert driver.state()["moving"]
    for ms in range(20, 1001, 20):
        driver.tick(later(ms))
    assert place(driver) == (60.0, -20.0, 5.0)
    driver.stop()
    assert not driver.state()["moving"]
    driver.tick(later(2000))
    assert place(driver) == (60.0, -20.0, 5.0)


def test_it_stops_at_its_limits():
    driver = camera()
    driver.move(-100, 100, 100)
    driver.tick(later(60000))
    assert place(driver) == (-170.0, 90.0, 100.0)
    driver.move(100, -100, -100)
    driver.tick(later(120000))
    assert place(driver) == (170.0, -30.0, 0.0)


def test_it_goes_to_a_position_and_stops_there():
    driver = camera()
    driver.position(-30, 45.5, None)
    driver.tick(later(500))
    assert place(driver) == (-30.0, 20.0, 0.0) and driver.state()["moving"]
    driver.tick(later(2000))
    assert place(driver) == (-30.0, 45.5, 0.0) and not driver.state()["moving"]
    for where in ((171, 0, 0), (0, -31, 0), (0, 0, 100.5), (0, 0, -1)):
        assert raises(Refused, driver.position, *where)
    assert not driver.state()["moving"]


def test_presets():
    driver = camera()
    assert raises(Refused, driver.preset_recall, 3)
    driver.move(100, 0, 0)
    driver.tick(later(1000))
    driver.stop()
    driver.preset_store(3)
    driver.position(0, 0, 50)
    driver.tick(later(5000))
    driver.preset_recall(3)
    driver.tick(later(9000))
    assert place(driver) == (60.0, 0.0, 0.0)


def test_without_power_it_does_not_move():
    driver = camera()
    driver.preset_store(0)
    driver.move(100, 0, 0)
    driver.power(False)
    assert not driver.state()["moving"] and not driver.state()["power"]
    for call in (
        lambda: driver.move(1, 0, 0),
        lambda: driver.position(1, 1, 1),
        lambda: driver.preset_recall(0),
        lambda: driver.focus("auto"),
    ):
        assert raises(Refused, call)
    driver.stop()
    driver.power(True)
    driver.move(1, 0, 0)


def test_what_it_is_told_stands_in_its_state():
    driver = camera()
    driver.focus(-3)
    driver.tally("program")
    driver.light(True)
    state = driver.state()
    assert (state["focus"], state["tally"], state["light"]) == ("manual", "program", True)
    driver.focus("auto")
    assert driver.state()["focus"] == "auto"
    driver.close()


def test_a_driver_supports_only_what_it_defines():
    driver = Driver()
    calls = (
        (driver.move, 0, 0, 0),
        (driver.stop,),
        (driver.position, 0, 0, 0),
        (driver.preset_store, 0),
        (driver.preset_recall, 0),
        (driver.focus, 0),
        (driver.power, True),
        (driver.tally, "off"),
        (driver.light, True),
    )
    for call, *arguments in calls:
        assert raises(Unsupported, call, *arguments)
    driver.tick(0)
    driver.close()
    assert driver.caps == () and driver.state() == {} and set(simulated.Simulated.caps) == set(CAPS)
