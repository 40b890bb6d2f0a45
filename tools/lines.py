"""What a board prints, line by line, over resets and unplugged cables."""

import errno
import time

import serial
from faults import WrongInput

BAUD_RATE = 115200
REOPEN_S = 0.3


class Lines:
    """The lines from a serial port, a path or a URL of pySerial's. `with` closes it. WrongInput:
    it can be no port.
    """

    def __init__(self, port):
        self.port = port
        self.connected = False
        self.forbidden_since = None  # time.monotonic(): it is there, and may not be opened
        self._serial = None
        self._rest = b""
        self._ready = []

    def __enter__(self):
        self._open()
        return self

    def __exit__(self, *_):
        self._close()

    def write(self, octets):
        """Send octets to the board. OSError if it is not connected."""
        if not self._serial:
            raise OSError("not connected")
        self._serial.write(octets)

    def read(self, timeout_s):
        """The next line, without its end; None when there was none in that time.

        A board that goes away is waited for; `connected` says whether it is there.
        """
        deadline = time.monotonic() + timeout_s
        while not self._ready:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._fetch(left_s)
        return self._ready.pop(0)

    def unfinished(self):
        """What came behind the last end of a line."""
        return _text(self._rest)

    def _fetch(self, left_s):
        if not self._serial and not self._open():
            time.sleep(min(left_s, REOPEN_S))
            return
        try:
            octets = self._serial.read(max(1, self._serial.in_waiting))
        except (OSError, serial.SerialException):
            self._close()
            return
        *lines, self._rest = (self._rest + octets).split(b"\n")
        self._ready += [_text(line) for line in lines]

    def _open(self):
        try:
            self._serial = serial.serial_for_url(self.port, BAUD_RATE, timeout=0.1)
        except (OSError, serial.SerialException) as error:
            if error.errno != errno.EACCES:
                self.forbidden_since = None
            elif self.forbidden_since is None:
                self.forbidden_since = time.monotonic()
            return False
        except ValueError as error:  # a URL that pySerial doesn't know
            raise WrongInput(f"{self.port}: {error}", "name the board's port: PORT=") from None
        self.forbidden_since = None
        self.connected = True
        return True

    def _close(self):
        if self._serial:
            self._serial.close()
        self._serial = None
        self.connected = False
        if self._rest:
            self._ready.append(_text(self._rest))  # all that will come of it
            self._rest = b""


def _text(octets):
    return octets.decode("utf-8", "replace").rstrip("\r")
