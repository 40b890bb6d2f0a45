"""The test pattern: what there is to be seen of the camera, of time, and of the lamp."""

from signalbox.device import preview_pattern
from signalbox.device.preview_pattern import Pattern
from test_jpeg_blocks import decode


class Camera:
    """A driver."""

    def __init__(self, **state):
        self._state = state

    def state(self):
        return self._state


def picture(now=0, **state):
    pattern = Pattern(Camera(**state))
    octets = pattern.capture(bytearray(pattern.size), now)
    assert len(octets) <= pattern.size
    return decode(octets)


def test_pattern_moves_with_time_and_with_the_camera():
    still = picture(0, pan=0, tilt=0, zoom=0)
    assert still[:2] == (80, 45) and len(set(still[2])) > 10
    assert picture(0, pan=0, tilt=0, zoom=0) == still
    for now, state in (
        (500, {"pan": 0, "tilt": 0, "zoom": 0}),
        (0, {"pan": 0.5, "tilt": 0, "zoom": 0}),
        (0, {"pan": 0, "tilt": 2, "zoom": 0}),
        (0, {"pan": 0, "tilt": 0, "zoom": 5}),
        (0, {"pan": 0, "tilt": 0, "zoom": 0, "tally": "program"}),
        (0, {"pan": 0, "tilt": 0, "zoom": 0, "tally": "preview"}),
        (0, {"pan": 0, "tilt": 0, "zoom": 0, "power": False}),
    ):
        assert picture(now, **state)[2] != still[2], state


def test_pattern_pans_by_as_much_as_the_camera():
    # 12 degrees are a bar, or 16 of the 80 columns of 60 degrees.
    row = 10 * 80
    before = picture(0, pan=100, tilt=0, zoom=0)[2][row : row + 80]
    after = picture(0, pan=112, tilt=0, zoom=0)[2][row : row + 80]
    assert before[16:] == after[:64]


def test_pattern_is_whole_wherever_the_camera_looks():
    # decode() wants as many blocks as there are, no more and no fewer.
    for pan in range(-170, 171, 31):
        columns, rows, colours = picture(
            pan * 100 + 20000, pan=pan, tilt=pan / 9, zoom=abs(pan) // 2
        )
        assert len(colours) == columns * rows
        # What is above and below of the bars is as wide as they are.
        for row in (5, 40):
            assert len(set(colours[row * 80 : row * 80 + 80])) <= 24


def test_pattern_without_power_is_dark():
    colours = picture(0, power=False)[2]
    assert set(colours[: 44 * 80]) == {0x108080}


def test_pattern_fits_its_buffer_wherever_the_camera_looks():
    largest = 0
    pattern = Pattern(None)
    buf = bytearray(pattern.size)
    for pan in range(-170, 171, 68):
        for tilt in (-30, -8, 0, 8, 90):
            for zoom in (0, 50, 100):
                pattern._driver = Camera(pan=pan + 0.3, tilt=tilt, zoom=zoom, tally="program")
                octets = pattern.capture(buf, (pan + tilt + 300) * 37)
                largest = max(largest, len(octets))
    assert largest < pattern.size * 9 // 10


def test_pattern_of_a_driver_that_knows_nothing():
    pattern = preview_pattern.create({}, None)
    octets = pattern.capture(bytearray(pattern.size), 0)
    assert decode(octets)[2] == picture(0, pan=0, tilt=0, zoom=0)[2]
    pattern.close()
