"""A test pattern that moves: a room of colour bars, as the camera would see it that a driver has.

Needs nothing but a driver that knows where the camera looks (`position` in its caps); without one
it looks straight ahead.
"""

from math import sin

from ..checks import integer, number
from ..compat import const
from .jpeg_blocks import Blocks, header
from .preview import Source

OPTIONS = (
    ("fps", 5, number(0.1, 15)),  # pictures in a second at most
    ("viewers", 2, integer(1, 8)),  # who may watch at the same time
)

_COLUMNS = const(80)
_ROWS = const(45)
_LARGEST = const(6144)  # octets; the pictures have half to three quarters of that

_WIDEST = const(60)  # degrees from the left to the right, at zoom 0
_ZOOM = const(90)  # per cent of that which zoom 100 takes away
_BAR = const(12)  # degrees of a colour bar
_TOP = const(9)  # degrees from which on there is the wall above the bars
_BOTTOM = const(-7)  # and below which the floor is
_BALL = const(3)  # degrees, its radius

# Y << 16 | Cb << 8 | Cr (ITU-R BT.601, full range), 75 % bars as SMPTE has them, and greys.
_BARS = (
    0xBF8080, 0xA91E90, 0x869F20, 0x704A30, 0x4FB6D0, 0x3960E0, 0x16E070, 0x2A8A78,
)  # fmt: skip
_BLACK = const(0x108080)
_WHITE = const(0xEB8080)
_RED = const(0x4C55FF)
_GREEN = const(0x962C15)
_ORANGE = const(0xA83AC0)


def create(options, driver):
    """The Source."""
    return Pattern(driver)


class Pattern(Source):
    """See above. A picture depends on driver.state() and the time, and on nothing else."""

    size = _LARGEST

    def __init__(self, driver=None):
        self._driver = driver
        self._bar = bytearray(_COLUMNS)  # which one is at the left edge of a column
        self._part = bytearray(_COLUMNS)  # sixteenths of the column that it takes
        self._head = None

    def capture(self, buf, now):
        """The picture; see Source."""
        if self._head is None:
            self._head = header(_COLUMNS, _ROWS)
        state = self._driver.state() if self._driver else {}
        at = len(self._head)
        buf[:at] = self._head
        blocks = Blocks(buf, at)
        # A whole row of a lamp at the top, and of a hand that goes around in 4 s at the bottom.
        lamp = {"program": _RED, "preview": _GREEN}.get(state.get("tally"), _BLACK)
        blocks.put(lamp)
        blocks.repeat(_COLUMNS - 1)
        if state.get("power", True):
            self._room(blocks, state, now)
        else:
            blocks.put(_BLACK)
            blocks.repeat(_COLUMNS * (_ROWS - 2) - 1)
        hand = now % 4000 * (_COLUMNS - 4) // 4000
        blocks.put(_BLACK)
        blocks.repeat(hand)
        blocks.put(_WHITE)
        blocks.repeat(2)
        blocks.put(_BLACK)
        blocks.repeat(_COLUMNS - hand - 5)
        return memoryview(buf)[: blocks.end()]

    def close(self):
        """See Source."""
        self._head = None

    def _room(self, blocks, state, now):
        each = _WIDEST * (100 - state.get("zoom", 0) * _ZOOM / 100) / 100 / _COLUMNS  # degrees
        pan = state.get("pan", 0)
        self._look(pan - each * _COLUMNS / 2, each)
        elevation = state.get("tilt", 0) + each * _ROWS / 2
        # The ball swings to and fro, and up and down.
        ball = (20 * sin(now % 7854 / 1250) - pan) / each + _COLUMNS / 2
        height = 3 + 7 * sin(now % 6283 / 1000)
        for _ in range(_ROWS - 2):
            elevation -= each
            gap = abs(elevation - height)
            half = (_BALL * _BALL - gap * gap) ** 0.5 / each if gap < _BALL else 0
            left = int((ball - half) * 16)
            right = int((ball + half) * 16)
            _row(blocks, _colours(elevation, each), self._bar, self._part, left, right)

    def _look(self, azimuth, each):
        for column in range(_COLUMNS):
            place = azimuth / _BAR
            bar = int(place // 1)
            self._bar[column] = bar & 7
            self._part[column] = min(16, int((bar + 1 - place) * _BAR / each * 16))
            azimuth += each


def _row(blocks, colours, bars, parts, left, right):
    # `left` to `right`: where the ball is, in sixteenths of a column.
    last = -1
    n = 0
    for column in range(_COLUMNS):
        bar = bars[column]
        if parts[column] == 16:
            colour = colours[bar]
        else:
            colour = _mix(colours[bar], colours[bar + 1 & 7], parts[column])
        at = column * 16
        if left < at + 16 and right > at:
            colour = _mix(_ORANGE, colour, min(right, at + 16) - max(left, at))
        if colour == last:
            n += 1
        else:
            if n:
                blocks.repeat(n)
                n = 0
            blocks.put(colour)
            last = colour
    if n:
        blocks.repeat(n)


def _colours(elevation, each):
    # Of the eight bars, in a row of blocks whose upper edge is `elevation` + `each`.
    for edge in (_TOP, _BOTTOM):
        part = int((elevation + each - edge) / each * 16)
        if 0 < part < 16:
            above = _plain(edge + 1)
            below = _plain(edge - 1)
            return [_mix(above[i], below[i], part) for i in range(8)]
    return _plain(elevation)


def _plain(elevation):
    if elevation >= _TOP:
        y = max(0x30, 0x68 - int(elevation - _TOP))
        even = y << 16 | 0x8C78
        odd = (y + 8) << 16 | 0x8C78
    elif elevation >= _BOTTOM:
        return _BARS
    else:
        y = max(0x20, 0x78 + int(elevation - _BOTTOM))
        even = y << 16 | 0x7884
        odd = (y - 24) << 16 | 0x7884
        if int(elevation // 5) & 1:
            even, odd = odd, even
    return (even, odd, even, odd, even, odd, even, odd)


def _mix(one, other, part):
    # `part` sixteenths of the one, the rest of the other; red, green and blue would be no better.
    rest = 16 - part
    return (
        ((one >> 16) * part + (other >> 16) * rest >> 4) << 16
        | ((one >> 8 & 0xFF) * part + (other >> 8 & 0xFF) * rest >> 4) << 8
        | ((one & 0xFF) * part + (other & 0xFF) * rest >> 4)
    )
