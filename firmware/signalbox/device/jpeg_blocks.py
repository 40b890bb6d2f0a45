"""Writes baseline JPEGs (ITU-T T.81) whose blocks of 8 x 8 pixels have one colour each.

Of the transform only the DC coefficients are left, in steps of 1, and the Huffman tables are made
for that: a block in the colour of the one before it takes 6 bits, all of them 0.
"""

from ..compat import const

_REST = const(5)  # bits besides those of the value: the category's code, and the block's end


def header(columns, rows):
    """What comes before the blocks, for a picture of so many of them."""
    width = columns * 8
    height = rows * 8
    return b"".join((
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
        # Quantization (B.2.4.1): 8, as the DC coefficient of a colour is 8 times its value.
        b"\xff\xdb\x00\x43\x00" + b"\x08" * 64,
        # Frame (B.2.2): 8 bits, three components, none of them subsampled.
        b"\xff\xc0\x00\x11\x08",
        bytes((height >> 8, height & 0xFF, width >> 8, width & 0xFF)),
        b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00",
        # Codes (B.2.4.2) for DC: 0 is `0`, 1 to 7 bits are `1000` to `1110`, 8 bits `11110`.
        b"\xff\xc4\x00\x1c\x00\x01\x00\x00\x07\x01" + bytes(11),
        b"\x00\x01\x02\x03\x04\x05\x06\x07\x08",
        # For AC: the end of the block is `0`, and there is nothing else.
        b"\xff\xc4\x00\x14\x10\x01" + bytes(15) + b"\x00",
        # Scan (B.2.3).
        b"\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00",
    ))  # fmt: skip


class Blocks:
    """Takes the colours of a picture's blocks, row by row, and writes them into a buffer.

    A colour is an int: Y << 16 | Cb << 8 | Cr. IndexError when the buffer is full.
    """

    def __init__(self, buf, at):
        """`at`: where to begin, behind the header()."""
        self._buf = buf
        self._at = at
        self._bits = 0  # those that are no whole octet yet,
        self._count = 0  # and how many: fewer than 8
        self._colour = 0x808080  # of the block before: what an encoder starts with

    def put(self, colour):
        """A block of this colour."""
        # One call with everything in locals: calls are most of a picture's time.
        before = self._colour
        self._colour = colour
        buf = self._buf
        at = self._at
        bits = self._bits
        count = self._count
        for shift in (16, 8, 0):
            value = (colour >> shift & 0xFF) - (before >> shift & 0xFF)
            # The category's code, the bits of the value, and the end of the block (F.1.2.1).
            if value == 0:
                bits <<= 2
                count += 2
            else:
                rest = abs(value)
                size = 1
                while rest > 1:
                    rest >>= 1
                    size += 1
                if value < 0:
                    value += (1 << size) - 1
                if size == 8:
                    value |= 0x1E << 8
                    size = 9  # its code has a bit more
                else:
                    value |= (size + 7) << size
                size += _REST
                bits = bits << size | value << 1
                count += size
            while count >= 8:
                count -= 8
                octet = bits >> count
                buf[at] = octet
                at += 1
                if octet == 0xFF:
                    buf[at] = 0  # else it would begin a marker (F.1.2.3)
                    at += 1
                bits &= (1 << count) - 1
        self._at = at
        self._bits = bits
        self._count = count

    def repeat(self, n):
        """`n` blocks of the same colour as the last one."""
        n = n * 6 + self._count
        if n < 8:
            self._bits <<= n - self._count
        else:
            buf = self._buf
            at = self._at
            # The first octet has what was left over.
            buf[at] = self._bits << (8 - self._count)
            if buf[at] == 0xFF:
                at += 1
                buf[at] = 0
            n -= 8
            while n >= 8:
                at += 1
                buf[at] = 0
                n -= 8
            self._at = at + 1
            self._bits = 0
        self._count = n

    def end(self):
        """No more blocks. Returns the octets of the whole picture."""
        if self._count:
            # The last octet is filled up with ones (F.1.2.3).
            octet = (self._bits << 8 | 0xFF) >> self._count & 0xFF
            self._buf[self._at] = octet
            self._at += 1
            if octet == 0xFF:
                self._buf[self._at] = 0
                self._at += 1
        self._buf[self._at] = 0xFF
        self._buf[self._at + 1] = 0xD9
        return self._at + 2
