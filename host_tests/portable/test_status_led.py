# status_led.py: what is seen.

from signalbox.status_led import CONNECTING, FAULT, JOINING, OFF, ONLINE, StatusLed


class Pin:
    on = None

    def value(self, on):
        self.on = on


def seen(show, inverted=False):
    pin = Pin()
    led = StatusLed(pin, inverted)
    led.show = show
    lights = ""
    for now in range(10):
        led.tick(now * 100)
        lights += "#" if pin.on else "."
    return lights


def test_patterns():
    shown = [seen(show) for show in (OFF, JOINING, CONNECTING, ONLINE, FAULT)]
    assert shown[0] == ".........." and shown[3] == "##########"
    for lights, on, blinks in zip(shown, (0, 5, 5, 10, 2), (0, 5, 1, 0, 2)):
        assert lights.count("#") == on
        assert (lights + lights[0]).count(".#") == blinks
    assert len(set(shown)) == 5


def test_inverted():
    for show in (OFF, JOINING, CONNECTING, ONLINE, FAULT):
        plain = seen(show).replace("#", "x").replace(".", "#").replace("x", ".")
        assert seen(show, True) == plain
