"""hardware.py for computers: serial devices and ptys by their path, and simulated pins.

`pins` has what is on each pin that was asked for, so that a program can look at it.
"""

import select
import termios

if hasattr(termios, "setraw"):
    setraw = termios.setraw  # MicroPython's
else:
    from tty import setraw

pins = {}  # {pin: SimulatedPin or SimulatedPWM}

_ISPEED = 4
_OSPEED = 5


class SerialDevice:
    """What hardware.uart() returns, on a serial device or a pty. One that is unplugged is opened
    again when it is there again.
    """

    _file = None

    def __init__(self, path, baudrate):
        """OSError. ValueError for a baud rate that this computer's interface doesn't name."""
        self._path = path
        self._speed = getattr(termios, "B%d" % baudrate, None)
        if self._speed is None:
            raise ValueError("no such baud rate on a computer: %d" % baudrate)
        self._poll = select.poll()
        self._open()

    def _open(self):
        file = open(self._path, "r+b", buffering=0)  # noqa: SIM115
        fd = file.fileno()
        setraw(fd)
        attributes = termios.tcgetattr(fd)
        attributes[_ISPEED] = attributes[_OSPEED] = self._speed
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
        self._poll.register(file, select.POLLIN)
        self._file = file

    def any(self):
        """Whether octets are there; it can't be said how many."""
        return 1 if self._is(select.POLLIN) else 0

    # One octet at a time: MicroPython's files wait until they have read or written all that was
    # asked for.

    def readinto(self, buf, n=None):
        """As UART.readinto()."""
        most = len(buf) if n is None else n
        count = 0
        while count < most and self._is(select.POLLIN):
            octet = self._file.read(1)
            if not octet:
                break
            buf[count] = octet[0]
            count += 1
        return count or None

    def write(self, octets):
        """As UART.write(): what finds no room is dropped, as on a line that nobody reads."""
        for i in range(len(octets)):
            if not self._is(select.POLLOUT):
                return i
            self._file.write(octets[i : i + 1])
        return len(octets)

    def deinit(self):
        """Close it."""
        if self._file:
            self._poll.unregister(self._file)
            self._file.close()
            self._file = None

    def _is(self, event):
        try:
            if self._file is None:
                self._open()
            self._poll.modify(self._file, event)
            found = 0
            for _, found in self._poll.poll(0):
                if found & (select.POLLHUP | select.POLLERR):
                    self.deinit()
                    return False
            return found & event != 0
        except OSError:
            return False  # it isn't there yet


class SimulatedPin:
    """What hardware.output() returns."""

    def __init__(self, value):
        self._value = value

    def value(self, value=None):
        """Set it; without an argument, what it is."""
        if value is None:
            return self._value
        self._value = 1 if value else 0
        return None


class SimulatedPWM:
    """What hardware.pwm() returns. `hz`; `ns` that it is on in each period."""

    def __init__(self, hz):
        self.hz = hz
        self.ns = 0

    def duty_ns(self, ns):
        """As PWM.duty_ns()."""
        self.ns = ns

    def duty_u16(self, duty):
        """As PWM.duty_u16()."""
        self.ns = 1000000000 // self.hz * duty // 65535

    def deinit(self):
        """Off."""
        self.ns = 0


def uart(number, baudrate, tx=None, rx=None, parity=None, stop=1, rxbuf=256):
    """As hardware.uart(); `number` is the path of a serial device, which has 8N1."""
    return SerialDevice(number, baudrate)


def output(pin, value=0):
    """As hardware.output()."""
    pins[pin] = found = SimulatedPin(value)
    return found


def pwm(pin, hz):
    """As hardware.pwm()."""
    pins[pin] = found = SimulatedPWM(hz)
    return found


def udp(host, port):
    """As hardware.udp()."""
    from .net.udp import UDP

    return UDP(host, port)
