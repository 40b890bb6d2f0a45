"""A camera that speaks VISCA over IP, in Sony's way: UDP, with a header of type, length, sequence.

After Sony's command list for SRG cameras, "VISCA over IP". A message that is sent again keeps its
number; that the camera calls the number wrong then says that it has had the message before.
"""

from ..compat import const
from .visca import Visca

_HEADER = const(8)
_LARGEST = const(24)  # a header, and a message of 16 octets
_AT_ONCE = const(8)  # datagrams in a tick: who sends without end must not keep all else waiting
_COMMAND = const(0x0100)
_INQUIRY = const(0x0110)
_REPLY = const(0x0111)
_CONTROL = const(0x0200)
_CONTROL_REPLY = const(0x0201)
_RESET = b"\x01"


def options():
    """A row for each key, as config.py has them."""
    from ..checks import REQUIRED, integer, number, string

    return (
        ("host", REQUIRED, string(1, 63)),  # the camera's address or name
        ("port", 52381, integer(1, 65535)),  # Sony's
        ("pan_speed", 24, integer(1, 24)),  # the camera's fastest, in VISCA's steps
        ("tilt_speed", 20, integer(1, 24)),  # the camera's fastest, in VISCA's steps
        ("units", 14.4, number(1, 1000)),  # VISCA's units in a degree of pan and tilt
        ("presets", 16, integer(1, 255)),  # how many the camera has
    )


def create(options, hardware):
    """The Driver."""
    return ViscaIP(options, hardware.udp(options["host"], options["port"]))


class ViscaIP(Visca):
    """On UDP. The numbers begin again with every greeting."""

    greetings = (_RESET, b"\x81\x01\x00\x01\xff")  # and IF_Clear

    def __init__(self, options, udp):
        Visca.__init__(self, options)
        self._udp = udp
        self._number = 0

    def send(self, message):
        if message == _RESET:
            if self._answers is False and self.tries == 1:
                self._udp.close()  # its name may stand for another address by now
            kind = _CONTROL
            self._number = 0
        else:
            kind = _INQUIRY if message[1] == 9 else _COMMAND
            if self.tries == 1:
                self._number = self._number + 1 & 0xFFFFFFFF
        header = (kind << 16 | len(message)).to_bytes(4, "big")
        header += self._number.to_bytes(4, "big")
        self._udp.send(header + message, not self.in_timer)

    def poll(self):
        for _ in range(_AT_ONCE):
            datagram = self._udp.receive(_LARGEST)
            if datagram is None:
                return
            if len(datagram) > _HEADER:
                self._came(datagram)

    def close(self):
        self._udp.close()

    def _came(self, datagram):
        kind = datagram[0] << 8 | datagram[1]
        body = datagram[_HEADER:]
        if len(body) != datagram[2] << 8 | datagram[3]:
            return
        current = int.from_bytes(datagram[4:8], "big") == self._number and self.sent is not None
        if kind == _CONTROL_REPLY:
            if body == _RESET and self.sent == _RESET:
                self.done()
            elif body[:1] == b"\x0f" and current and self.sent != _RESET:
                self._refused(body)
        elif kind == _REPLY and len(body) > 2 and body[0] == 0x90 and body[-1] == 0xFF:
            self.heard(body, len(body) - 1, current and self.sent != _RESET)

    def _refused(self, body):
        if body[1:] == b"\x01" and self.tries > 1:
            self.done()  # it has come before, and the reply was lost
        else:
            self.begin()
