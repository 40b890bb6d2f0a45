"""VISCA, Sony's protocol for cameras: its messages, and the course of the talk with one camera.

After Sony's command lists for EVI and SRG cameras, which others follow. `visca_serial.py` and
`visca_ip.py` carry it. One message is on its way at a time: it is sent until the camera has
replied, three times at most. What waits behind it is bounded, and of speeds only the newest waits.
A camera that doesn't answer is greeted again and again, and told to stop when it does: nobody knows
what it has heard.
"""

from ..compat import const, ticks_diff
from .driver import Driver, Refused

_REPLY = const(250)  # ms that a camera has to reply; Sony: 16, and over IP what the net takes
_TRIES = const(3)
_AGAIN = const(2000)  # ms until the next greeting
_POLL = const(1000)  # ms between two inquiries
_MOVING_POLL = const(250)
_TRAVEL = const(30000)  # ms in which any motion has ended, whatever the camera says
_MOST = const(8)  # commands that wait
_FARTHEST = const(0x7FFF)  # units
_ZOOM_END = const(0x4000)
_TRANSIENT = const(3)  # errors up to it: noise has made 1 and 2 of a good message, or it was busy
_FULL = const(3)  # its buffer is
_COMMAND = const(1)
_INQUIRY = const(9)
_CANCEL = const(0x20)  # and the socket
_ON = const(2)
_OFF = const(3)

_STILL = (0, 0, 0)
# What stands behind the first two octets.
_SPEEDS = (b"\x06\x01", b"\x04\x07", b"\x04\x08")  # pan and tilt, zoom, focus
_TRAVELS = (b"\x06\x02", b"\x04\x47")  # to a place, to a zoom
_RECALL = b"\x04\x3f\x02"
_STOPS = (b"\x06\x01\x01\x01\x03\x03\xff", b"\x04\x07\x00\xff", b"\x04\x08\x00\xff")
_INQUIRIES = (b"\x04\x00", b"\x06\x12", b"\x04\x47")  # power, place, zoom

_SILENT = "the camera does not answer: check its power, its address and the cable"
_ERRORS = {2: "syntax error", 3: "its buffer is full", 0x41: "not executable now"}


class Visca(Driver):
    """A camera. What carries the messages is a subclass's, which defines `greetings`, send() and
    poll(), and calls heard() and done().
    """

    caps = ("ptz", "zoom", "focus", "preset", "power", "position")
    greetings: tuple = ()  # messages that begin the talk

    def __init__(self, options, address=1):
        """`options`: `pan_speed`, `tilt_speed`, `units` and `presets`; see visca_serial.py."""
        self.presets = options["presets"]
        self.sent = None  # the message without a reply, all of it
        self.tries = 0  # how often it was sent
        self._fastest = (options["pan_speed"], options["tilt_speed"])
        self._units = options["units"]
        self._to = 0x80 | address
        self._waiting = []
        self._since = None  # when `sent`, or else the last one, was sent
        self._hurry = False  # `sent` is not to be sent again
        self._running = {}  # socket: whether its command travels until it is complete
        self._set_out = 0  # when such a one was sent
        self._answers = None  # None: nobody knows yet
        self._refusal = None
        self._turn = 0  # of the inquiries
        self._speeds = _STILL
        self._focuses = False
        self._focus = "auto"
        self._pan = self._tilt = self._zoom = self._power = None

    def move(self, pan, tilt, zoom):
        before = self._speeds
        if (pan, tilt) != before[:2]:
            self._command(
                6,
                1,
                _speed(pan, self._fastest[0]),
                _speed(tilt, self._fastest[1]),
                _direction(-pan),
                _direction(tilt),
            )
        self._speeds = (pan, tilt, before[2])
        if zoom != before[2]:
            self._command(4, 7, _variable(zoom))
        self._speeds = (pan, tilt, zoom)

    def stop(self):
        # Before all that waits, and instead of what would move.
        self._waiting = [m for m in self._waiting if not _moves(m)]
        self._hurry = True
        stops = [self._message(_CANCEL | i) for i in self._running if self._running[i]]
        for stop in _STOPS if self._focuses else _STOPS[:2]:
            stops.append(bytes((self._to, _COMMAND)) + stop)
        self._waiting = stops + self._waiting
        self._speeds = _STILL
        self._focuses = False

    def position(self, pan, tilt, zoom):
        if pan is not None or tilt is not None:
            pan = self._pan if pan is None else round(pan * self._units)
            tilt = self._tilt if tilt is None else round(tilt * self._units)
            if pan is None or tilt is None:
                raise Refused("the camera has not told its position yet: give pan and tilt")
            if not (-_FARTHEST <= pan <= _FARTHEST and -_FARTHEST <= tilt <= _FARTHEST):
                raise Refused("VISCA has no such place: see the option units")
            self._command(6, 2, *(self._fastest + _nibbles(pan) + _nibbles(tilt)))
        if zoom is not None:
            self._command(4, 0x47, *_nibbles(round(zoom * _ZOOM_END / 100)))

    def preset_store(self, n):
        self._command(4, 0x3F, 1, n)

    def preset_recall(self, n):
        self._command(4, 0x3F, 2, n)

    def focus(self, speed):
        wanted = "auto" if speed == "auto" else "manual"
        if wanted != self._focus:
            self._command(4, 0x38, 2 if speed == "auto" else 3)
            self._focus = wanted
        if speed != "auto":
            self._command(4, 8, _variable(speed))
        self._focuses = speed != "auto" and speed != 0  # if that was refused, it is as before

    def power(self, on):
        self._command(4, 0, _ON if on else _OFF)

    def state(self):
        state = {"moving": self._is_moving(), "focus": self._focus}
        if self._pan is not None:
            state["pan"] = round(self._pan / self._units, 1)
            state["tilt"] = round(self._tilt / self._units, 1)
        if self._zoom is not None:
            state["zoom"] = round(self._zoom * 100 / _ZOOM_END, 1)
        if self._power is not None:
            state["power"] = self._power
        fault = _SILENT if self._answers is False else self._refusal
        if fault:
            state["fault"] = fault
        return state

    def tick(self, now):
        self.poll()
        if self._since is None:
            self._greet(now)
        passed = ticks_diff(now, self._since)
        if self._running and ticks_diff(now, self._set_out) >= _TRAVEL:
            self._running = {}
        if self.sent is not None:
            if passed < _REPLY:
                return
            if not self._hurry:
                if self.tries < _TRIES:
                    self._send(now)
                    return
                if self.sent not in self.greetings:  # not every camera answers these
                    self._answers = False
                    self._waiting = []
            self.sent = None
        if self._waiting:
            self.tries = 0
            self._hurry = False
            self.sent = self._waiting.pop(0)
            self._send(now)
        elif not self._answers:
            if passed >= _AGAIN:
                self._greet(now)
        elif passed >= (_MOVING_POLL if self._is_moving() else _POLL):
            self._inquire()

    # The carrier's part

    def send(self, message):
        """Send it, at the `tries`-th try. For a subclass."""

    def poll(self):
        """Call heard() for each message that has come. For a subclass."""

    def heard(self, octets, n, current=True):
        """A message of `n` octets came, its last, FF, not counted. `current`: not when it is known
        to be no reply to `sent`.
        """
        kind = octets[1] >> 4
        socket = octets[1] & 15
        sent = self.sent if current else None
        if kind == 4:
            if sent is not None:
                self._running[socket] = _travels(sent)
                self._refusal = None
                self.done()
        elif socket in self._running:
            # The end of what was acknowledged before.
            del self._running[socket]
            if kind == 6 and octets[2] == 0x41:
                self._refuse(0x41)
            if sent is not None and sent[1] == _CANCEL | socket:
                self.done()
        elif sent is not None and (kind == 5 or kind == 6):
            if sent[1] == _INQUIRY:
                self._told(sent[2:4], octets, n)
            elif (
                kind == 6
                and octets[2] <= _TRANSIENT
                and not self._hurry
                and (self.tries < _TRIES or (octets[2] == _FULL and sent[2:] in _STOPS))
            ):
                return  # it is sent again; a stop at last as if there were no answer
            elif kind == 6 and not _moves(sent):
                self._refuse(octets[2])
            self.done()

    def done(self):
        """`sent` has been replied to."""
        self.sent = None
        self._answers = True

    def begin(self):
        """The camera has forgotten everything: greet it, with the next tick."""
        self._since = None

    # The course

    def _message(self, *octets):
        return bytes((self._to,) + octets + (0xFF,))

    def _command(self, *octets):
        if self._answers is False:
            raise Refused(_SILENT)
        message = self._message(_COMMAND, *octets)
        what = message[2:4]
        if what in _SPEEDS:
            self._waiting = [m for m in self._waiting if m[1:4] != message[1:4]]
        if len(self._waiting) >= _MOST:
            raise Refused("the camera does not keep up: try again in a moment")
        self._waiting.append(message)

    def _greet(self, now):
        self.sent = None
        self._running = {}
        self._since = now
        self._focuses = True  # a stop may have been lost
        self.stop()
        self._waiting = list(self.greetings) + self._waiting

    def _send(self, now):
        self._since = now
        if _travels(self.sent):
            self._set_out = now
        self.tries += 1
        self.send(self.sent)

    def _is_moving(self):
        return self._speeds != _STILL or True in self._running.values()

    def _refuse(self, code):
        self._refusal = "the camera has refused: " + _ERRORS.get(code, "error %d" % code)

    def _inquire(self):
        # While it is off it knows nothing else.
        self._turn = (self._turn + 1) % 3 if self._power else 0
        self._waiting.append(bytes((self._to, _INQUIRY)) + _INQUIRIES[self._turn] + b"\xff")

    def _told(self, what, octets, n):
        if what == _INQUIRIES[0] and n == 3:
            self._power = octets[2] == _ON
        elif what == _INQUIRIES[1] and n == 10:
            self._pan = _signed(octets, 2)
            self._tilt = _signed(octets, 6)
        elif what == _INQUIRIES[2] and n == 6:
            self._zoom = _signed(octets, 2)


def _moves(message):
    # Whether it is about motion, cancelling included.
    return message[1:2] >= b"\x20" or message[2:4] in _SPEEDS or _travels(message)


def _travels(message):
    # Whether it sets out for somewhere, and ends when it is there.
    return message[2:4] in _TRAVELS or message[2:5] == _RECALL


def _speed(per_cent, fastest):
    # From 1 up: that it doesn't move is said by the direction.
    return max(1, (abs(per_cent) * fastest + 50) // 100)


def _direction(way):
    # 1: left, or up. 2: right, or down.
    return 1 if way > 0 else 2 if way else 3


def _variable(per_cent):
    # In, or far: 0x2p. Out, or near: 0x3p. p: 0 to 7.
    if not per_cent:
        return 0
    return (0x20 if per_cent > 0 else 0x30) | (abs(per_cent) * 7 + 50) // 100


def _nibbles(value):
    return (value >> 12 & 15, value >> 8 & 15, value >> 4 & 15, value & 15)


def _signed(octets, at):
    value = octets[at] << 12 | octets[at + 1] << 8 | octets[at + 2] << 4 | octets[at + 3]
    return value - 0x10000 if value >= 0x8000 else value
