"""Lines over a UART that arrive once, in order and whole, or the other side counts as gone.

    $ 07 <body> * 1A2B3C4D \\n        without the spaces

07: the line's number, in hexadecimal; of an acknowledgement, whose body is `+`, that of the line
which it is for. Behind the `*`: the CRC-32 (zlib's) of all between `$` and `*`, in eight
hexadecimal digits. A line has MAX_LINE octets at most. In a body `\\\\`, `\\n` and `\\r` stand for
a backslash, LF and CR.

One line is on its way at a time in each direction. It is sent again every RETRY ms until it is
acknowledged; a receiver without room says nothing, and so holds up the sender. A line with the
number of the one before is that one again: it is acknowledged, and passed over. What isn't a whole
line is passed over up to the next LF. Who has nothing to say for PING ms sends a line `PING`; after
SILENCE ms without a line the other side is gone.

A side that starts, or finds the other one gone, sends `HELLO 1 <token>` until it is acknowledged;
the token is another one each time. It is up when that is so and it has heard the other's HELLO, and
takes no other line before. Who is up and hears a HELLO that it hasn't heard before forgets all that
was, and says its own again, with the token that it has.
"""

import binascii
import os

from ..compat import const, ticks_diff

MAX_LINE = 240  # octets, `$` and LF included
RETRY = 250  # ms; a line takes 21 at 115200 Bd
PING = 2000
SILENCE = 5000

_FRAME = const(13)  # octets of a line around its body
_READ = const(64)
_READS = const(16)  # that one tick makes, at most
_HELLO = b"HELLO"


class LineLink:
    """One side. `port`: a UART. `heard(body)`: called with each line's body, a bytearray, escapes
    undone; returns False to have it sent again, when there is no room. `up`: whether the other side
    is there; `changed(up)` is called when that changes.
    """

    up = False

    def __init__(self, port, heard, changed, random=os.urandom):
        """`random(n)`: n octets, for the tokens."""
        self._port = port
        self._heard = heard
        self._changed = changed
        self._random = random
        self._greeting = None  # the other side's HELLO
        self._number = 0
        self._line = None  # that waits for its acknowledgement
        self._hello = None  # of this side
        self._is_greeted = False  # it was acknowledged
        self._tried = None
        self._last = None  # number of the line received last
        self._since = None  # when that was
        self._buf = bytearray(_READ)
        self._in = bytearray(MAX_LINE)
        self._n = 0
        self._now = 0

    @property
    def ready(self):
        """Whether send() takes a line."""
        return self.up and self._line is None

    def send(self, body):
        """Send a line, when it is `ready`. `body`: bytes, escaped, at most MAX_LINE - 13 octets."""
        if not self.ready:
            raise RuntimeError("not ready")
        self._put(body)

    def tick(self, now):
        """Call it often: it reads what has come, and sees to what is due."""
        self._now = now
        if self._hello is None:
            self._begin()
        self._read()
        if ticks_diff(now, self._since) >= SILENCE:
            self._begin()
        if self._line is not None:
            if ticks_diff(now, self._tried) >= RETRY:
                self._write()
        elif not self._is_greeted:
            self._put(self._hello)
        elif self.up and ticks_diff(now, self._tried) >= PING:
            self._put(b"PING")

    def _put(self, body):
        self._number = self._number + 1 & 0xFF
        self._line = framed(self._number, body)
        self._write()

    def _write(self):
        self._tried = self._now
        self._port.write(self._line)

    def _begin(self):
        self._since = self._now
        self._greeting = None
        self._hello = _HELLO + b" 1 %06X" % int.from_bytes(self._random(3), "big")
        self._go_down()

    def _go_down(self):
        self._line = None
        self._last = None
        self._is_greeted = False
        if self.up:
            self.up = False
            self._changed(False)

    def _come_up(self):
        if self._is_greeted and self._greeting and not self.up:
            self.up = True
            self._changed(True)

    def _read(self):
        for _ in range(_READS):
            n = self._port.readinto(self._buf) if self._port.any() else 0
            if not n:
                return
            for i in range(n):
                octet = self._buf[i]
                if octet == 0x0A:
                    self._line_came()
                    self._n = 0
                elif octet == 0x24 and self._n == 0:
                    self._n = 1  # in the place of `$` nothing is kept
                elif octet != 0x0D and 0 < self._n < MAX_LINE:
                    self._in[self._n] = octet
                    self._n += 1

    def _line_came(self):
        n = self._n
        if n < _FRAME - 1 or self._in[n - 9] != 0x2A:
            return
        inner = bytes(memoryview(self._in)[1 : n - 9])
        try:
            number = int(inner[:2], 16)
            if (
                int(bytes(memoryview(self._in)[n - 8 : n]), 16)
                != binascii.crc32(inner) & 0xFFFFFFFF
            ):
                return
        except ValueError:
            return
        self._since = self._now
        if inner[2:] == b"+":
            self._acknowledged(number)
        else:
            self._received(number, inner[2:])

    def _acknowledged(self, number):
        if self._line is not None and number == self._number:
            self._line = None
            self._is_greeted = True
            self._come_up()

    def _received(self, number, body):
        if body.startswith(_HELLO):
            if body != self._greeting:
                if self.up:
                    self._go_down()
                self._greeting = body
        elif not self._takes(number, body):
            return
        self._last = number
        self._port.write(framed(number, b"+"))
        self._come_up()

    def _takes(self, number, body):
        if not self.up:
            return False
        return number == self._last or body == b"PING" or self._heard(unescaped(body)) is not False


def framed(number, body):
    """The line with this number and body (bytes, escaped)."""
    inner = b"%02X" % number + body
    return b"$" + inner + b"*%08X\n" % (binascii.crc32(inner) & 0xFFFFFFFF)


def escaped(octets):
    """As they may stand in a body."""
    return octets.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def unescaped(body):
    """What it stands for, a bytearray."""
    octets = bytearray(len(body))
    n = 0
    at = 0
    while at < len(body):
        octet = body[at]
        if octet == 0x5C and at + 1 < len(body):
            at += 1
            octet = {0x6E: 0x0A, 0x72: 0x0D}.get(body[at], body[at])
        octets[n] = octet
        n += 1
        at += 1
    return octets[:n]
