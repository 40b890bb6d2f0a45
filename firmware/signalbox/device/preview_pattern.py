"""A test pattern that moves: a room of colour bars, as the camera would see it that a driver has.

Needs nothing but a driver that knows where the camera looks (`position` in its caps); without one
it looks straight ahead.
"""

from math import sin

from ..compat import const
from .jpeg_blocks import Blocks, header
from .preview import Source

_COLUMNS = const(80)
_ROWS = const(45)
_LARGEST = const(6144)  # octets; the pictures have half to three quarters of that

# Angles are whole numbers, so that a picture makes little garbage.
_DEGREE = const(1024)
_WIDEST = const(768)  # of a block, at zoom 0: 60 degrees from the left to the right
_ZOOM = const(90)  # per cent of that which zoom 100 takes away
_BAR = const(12288)  # 12 degrees of a colour bar
_TOP = const(9216)  # 9 degrees, from which on there is the wall above the bars
_BOTTOM = const(-7168)  # -7 degrees, below which the floor is
_TILE = const(5120)  # 5 degrees of the floor
_BALL = const(3072)  # 3 degrees, its radius

# Y << 16 | Cb << 8 | Cr (ITU-R BT.601, full range), 75 % bars as SMPTE has them, and greys.
_BARS = (
    0xBF8080, 0xA91E90, 0x869F20, 0x704A30, 0x4FB6D0, 0x3960E0, 0x16E070, 0x2A8A78,
)  # fmt: skip
_BLACK = const(0x108080)
_WHITE = const(0xEB8080)
_RED = const(0x4C55FF)
_GREEN = const(0x962C15)
_ORANGE = const(0xA83AC0)


def options():
    """A row for each key, as config.py has them."""
    from ..checks import integer, number

    return (
        ("fps", 5, number(0.1, 15)),  # pictures in a second at most
        ("viewers", 2, integer(1, 8)),  # who may watch at the same time
    )


def create(options, driver):
    """The Source."""
    return Pattern(driver)


class Pattern(Source):
    """See above. A picture depends on driver.state() and the time, and on nothing else."""

    size = _LARGEST

    def __init__(self, driver=None):
        self._driver = driver
        self._head = None
        self._bar = bytearray(_COLUMNS)  # which one is at the left edge of a column
        self._part = bytearray(_COLUMNS)  # sixteenths of the column that it takes
        self._runs = bytearray(_COLUMNS)  # columns from where on one of the two is another

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
        each = int(_WIDEST * (100 - state.get("zoom", 0) * _ZOOM / 100)) // 100
        pan = int(state.get("pan", 0) * _DEGREE)
        runs = self._look(pan - each * _COLUMNS // 2, each)
        elevation = int(state.get("tilt", 0) * _DEGREE) + each * _ROWS // 2
        # The ball swings to and fro, and up and down.
        ball = (int(20 * _DEGREE * sin(now % 7854 / 1250)) - pan) * 16 // each + _COLUMNS * 8
        height = int((3 + 7 * sin(now % 6283 / 1000)) * _DEGREE)
        for _ in range(_ROWS - 2):
            elevation -= each
            colours = _colours(elevation, each)
            gap = elevation - height
            if -_BALL < gap < _BALL:
                half = int((_BALL * _BALL - gap * gap) ** 0.5) * 16 // each
                self._row_with(blocks, colours, ball - half, ball + half)
            else:
                self._row(blocks, colours, runs)

    def _look(self, azimuth, each):
        # Returns how many runs there are.
        bar = azimuth // _BAR
        edge = ((bar + 1) * _BAR - azimuth) * 16 // each  # of the bar, in sixteenths of a column
        runs = 0
        before = None
        for column in range(_COLUMNS):
            while edge <= 0:
                bar += 1
                edge += _BAR * 16 // each
            part = min(16, edge)
            self._bar[column] = bar & 7
            self._part[column] = part
            if part != 16 or before != bar:
                self._runs[runs] = column
                runs += 1
            before = bar if part == 16 else None
            edge -= 16
        return runs

    def _colour(self, colours, column):
        bar = self._bar[column]
        part = self._part[column]
        if part == 16:
            return colours[bar]
        return _mix(colours[bar], colours[bar + 1 & 7], part)

    def _row(self, blocks, colours, runs):
        for i in range(runs):
            column = self._runs[i]
            blocks.put(self._colour(colours, column))
            end = self._runs[i + 1] if i + 1 < runs else _COLUMNS
            if end > column + 1:
                blocks.repeat(end - column - 1)

    def _row_with(self, blocks, colours, left, right):
        # `left` to `right`: where the ball is, in sixteenths of a column.
        last = -1
        n = 0
        for column in range(_COLUMNS):
            colour = self._colour(colours, column)
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
    # Of the eight bars, in a row of blocks whose lower edge is at `elevation`.
    for edge in (_TOP, _BOTTOM):
        part = (elevation + each - edge) * 16 // each
        if 0 < part < 16:
            above = _plain(edge)
            below = _plain(edge - 1)
            return [_mix(above[i], below[i], part) for i in range(8)]
    return _plain(elevation)


def _plain(elevation):
    if elevation >= _TOP:
        y = max(0x30, 0x68 - (elevation - _TOP) // _DEGREE)
        even = y << 16 | 0x8C78
        odd = (y + 8) << 16 | 0x8C78
    elif elevation >= _BOTTOM:
        return _BARS
    else:
        y = max(0x20, 0x78 - (_BOTTOM - elevation) // _DEGREE)
        even = y << 16 | 0x7884
        odd = (y - 24) << 16 | 0x7884
        if elevation // _TILE & 1:
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
