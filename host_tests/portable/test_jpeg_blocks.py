"""JPEGs of blocks, read with a decoder that takes everything from their markers."""

from signalbox.device.jpeg_blocks import Blocks, header
from wire import raises

GREY = 0x808080


def decode(octets):
    """(columns, rows, colours) of a baseline JPEG with DC coefficients only (T.81 annex F.2)."""
    octets = bytes(octets)
    assert octets[:2] == b"\xff\xd8" and octets[-2:] == b"\xff\xd9"
    at = 2
    codes = {}
    quantum = None
    size = None
    while True:
        assert octets[at] == 0xFF
        marker = octets[at + 1]
        n = octets[at + 2] << 8 | octets[at + 3]
        part = octets[at + 4 : at + 2 + n]
        at += 2 + n
        if marker == 0xDB:
            assert part[0] == 0 and len(part) == 65
            quantum = part[1]
        elif marker == 0xC0:
            assert part[0] == 8 and part[5] == 3
            assert [part[6 + 3 * i + 1] for i in range(3)] == [0x11] * 3
            size = (part[3] << 8 | part[4], part[1] << 8 | part[2])
        elif marker == 0xC4:
            codes[part[0]] = huffman(part[1:17], part[17:])
        elif marker == 0xDA:
            break
    assert quantum == 8
    # Stuffing.
    data = octets[at:-2].replace(b"\xff\x00", b"\xff")
    assert octets[at:-2].count(b"\xff") == octets[at:-2].count(b"\xff\x00")
    columns, rows = size[0] // 8, size[1] // 8
    reader = Reader(data)
    colours = []
    colour = [128, 128, 128]
    for _ in range(columns * rows):
        for component in range(3):
            n = reader.code(codes[0x00])
            value = reader.bits(n)
            if n and value < 1 << n - 1:
                value -= (1 << n) - 1
            colour[component] += value
            assert 0 <= colour[component] <= 255
            assert reader.code(codes[0x10]) == 0  # the end of the block
        colours.append(colour[0] << 16 | colour[1] << 8 | colour[2])
    assert reader.rest() < 8 and reader.bits(reader.rest()) == (1 << reader.filled) - 1
    return columns, rows, colours


def huffman(counts, symbols):
    """{(length, code): symbol} (T.81 annex C)."""
    assert sum(counts) == len(symbols)
    table = {}
    code = i = 0
    for length in range(1, 17):
        for _ in range(counts[length - 1]):
            table[length, code] = symbols[i]
            code += 1
            i += 1
        assert code < 1 << length, "all ones is no code"
        code <<= 1
    return table


class Reader:
    def __init__(self, data):
        self._data = data
        self._at = 0
        self.filled = 0

    def bit(self):
        octet = self._data[self._at >> 3]
        self._at += 1
        return octet >> (7 - (self._at - 1 & 7)) & 1

    def bits(self, n):
        value = 0
        for _ in range(n):
            value = value << 1 | self.bit()
        return value

    def code(self, table):
        value = length = 0
        while (length, value) not in table:
            value = value << 1 | self.bit()
            length += 1
            assert length <= 16
        return table[length, value]

    def rest(self):
        if not self.filled:
            self.filled = 8 * len(self._data) - self._at
        return 8 * len(self._data) - self._at


def encode(columns, rows, colours):
    """With repeat() for every run, as the pattern does."""
    buf = bytearray(4096)
    head = header(columns, rows)
    buf[: len(head)] = head
    blocks = Blocks(buf, len(head))
    last = None
    n = 0
    for colour in colours:
        if colour == last:
            n += 1
            continue
        if n:
            blocks.repeat(n)
            n = 0
        blocks.put(colour)
        last = colour
    if n:
        blocks.repeat(n)
    return memoryview(buf)[: blocks.end()]


def check(columns, rows, colours):
    assert decode(encode(columns, rows, colours)) == (columns, rows, colours)


def test_one_block():
    for colour in (GREY, 0x000000, 0xFFFFFF, 0xFF0000, 0x00FF00, 0x0000FF, 0x818080, 0x7F8080):
        check(1, 1, [colour])


def test_every_difference():
    values = []
    for n in range(128):
        values.append(n << 16 | 0x80 << 8 | n)
        values.append((255 - n) << 16 | n << 8 | 0x80)
    check(16, 16, values)


def test_runs_at_every_bit():
    colours = []
    for n in range(1, 30):
        colours += [GREY + (n << 16)] * n
    check(len(colours), 1, colours)


def test_stuffing():
    # An octet 255 inside the data is followed by 0.
    found = 0
    for y in range(128, 256):
        picture = encode(3, 1, [y << 16 | 0xFF00, 0x00FF | y << 16, 0xFFFF00])
        found += bytes(picture[:-2]).count(b"\xff\x00")
        assert decode(picture)[2] == [y << 16 | 0xFF00, 0x00FF | y << 16, 0xFFFF00]
    assert found


def test_a_full_buffer_is_not_overrun():
    blocks = Blocks(bytearray(10), 0)

    def fill():
        for n in range(100):
            blocks.put(GREY + n)

    raises(IndexError, fill)
