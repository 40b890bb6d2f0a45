"""A camera that speaks VISCA over RS-232 or RS-485: 8 data bits, no parity, 1 stop bit."""

from .visca import Visca

_LONGEST = 16  # octets of a message, FF included
_BROADCAST = 0x88
_NETWORK_CHANGE = 0x38


def options():
    """A row for each key, as config.py has them."""
    from ..checks import REQUIRED, choice, integer, number, pin, serial

    return (
        ("uart", REQUIRED, serial),  # the UART that the camera is wired to
        ("tx", None, pin),  # the pin to the camera, if not the one that MicroPython takes
        ("rx", None, pin),  # the pin from the camera, if not the one that MicroPython takes
        ("baudrate", 9600, choice(9600, 19200, 38400, 115200)),  # as set at the camera
        ("address", 1, integer(1, 7)),  # the camera's place in the chain
        ("pan_speed", 24, integer(1, 24)),  # the camera's fastest, in VISCA's steps
        ("tilt_speed", 20, integer(1, 24)),  # the camera's fastest, in VISCA's steps
        ("units", 14.4, number(1, 1000)),  # VISCA's units in a degree of pan and tilt
        ("presets", 16, integer(1, 255)),  # how many the camera has
    )


def create(options, hardware):
    """The Driver."""
    port = hardware.uart(options["uart"], options["baudrate"], options["tx"], options["rx"])
    return ViscaSerial(options, port)


class ViscaSerial(Visca):
    """On a UART. What is no message is passed over up to the next FF."""

    greetings = (b"\x88\x30\x01\xff", b"\x88\x01\x00\x01\xff")  # address set, IF_Clear

    def __init__(self, options, port):
        Visca.__init__(self, options, options["address"])
        self._port = port
        self._from = 0x80 | options["address"] << 4
        self._octet = bytearray(1)
        self._octets = bytearray(_LONGEST)
        self._n = 0  # of them, since the last FF

    def send(self, message):
        self._port.write(message)

    def poll(self):
        while self._port.any() and self._port.readinto(self._octet):
            octet = self._octet[0]
            if octet == 0xFF:
                if 2 <= self._n < _LONGEST:
                    self._message_came(self._octets, self._n)
                self._n = 0
            elif self._n < _LONGEST:
                self._octets[self._n] = octet
                self._n += 1

    def close(self):
        self._port.deinit()

    def _message_came(self, octets, n):
        if octets[0] == _BROADCAST:
            # A broadcast comes round to whom it came from.
            if self.sent is not None and self.sent[:2] == octets[:2]:
                self.done()
        elif octets[0] == self._from:
            if octets[1] == _NETWORK_CHANGE:
                self.begin()
            else:
                self.heard(octets, n)
