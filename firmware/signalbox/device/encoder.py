"""A stream encoder on a UART that owns the media: the board speaks to its peers for it.

The board takes part in signalling; the encoder makes the SDP and the candidates, and is told of
sessions. `line_link.py` brings the lines there and back; README.md has the verbs.
"""

import gc

from ..compat import const
from .driver import Driver
from .line_link import LineLink, escaped

MAX_SDP = 16384  # octets
MAX_WAITING = 20480  # octets of SDPs and candidates that wait for the encoder

_LINE = const(64)  # octets that a line takes while it waits, beside its text
_PIECE = const(190)  # octets of text in a line
_ESCAPED = const(200)  # the same, escaped
_RXBUF = const(1024)
_LARGEST_NUMBER = const(999)


def options():
    """A row for each key, as config.py has them."""
    from ..checks import REQUIRED, choice, integer, pin, serial

    return (
        ("uart", REQUIRED, serial),  # the UART that the encoder is wired to
        ("tx", None, pin),  # the pin to the encoder, if not the one that MicroPython takes
        ("rx", None, pin),  # the pin from the encoder, if not the one that MicroPython takes
        ("baudrate", 115200, choice(115200, 230400, 460800, 921600)),  # as set at the encoder
        ("max_sessions", 2, integer(1, 4)),  # at once
    )


def create(options, hardware):
    """The Driver."""
    port = hardware.uart(
        options["uart"], options["baudrate"], options["tx"], options["rx"], rxbuf=_RXBUF
    )
    return Encoder(options, port)


class Encoder(Driver):
    """It has nothing to control; it is `media`: what a Delegate is called, it is called with, too,
    and before that the member: whose `peer` is the SignallingPeer, and whose `deliver()` sends.
    """

    def __init__(self, options, port):
        self.media = self
        self._max_sessions = options["max_sessions"]
        self._link = LineLink(port, self._heard, self._link_changed)
        self._sessions = {}  # number: (member, session)
        self._number = 0
        self._waiting = []  # (head, text)
        self._at = 0  # octets of the first text that are sent
        self._size = 0  # octets of these
        self._coming = None  # (head, octets of its text) of what the encoder is sending

    def tick(self, now):
        self._link.tick(now)
        while self._waiting and self._link.ready:
            self._send_next()

    def state(self):
        if not self._link.up:
            return {"fault": "the encoder does not answer: check its power and the cable"}
        return {"sessions": len(self._sessions)}

    def close(self):
        self._end_all()

    # Media

    def session_started(self, member, session, offer):
        """As Delegate.session_started()."""
        if not self._link.up or len(self._sessions) >= self._max_sessions:
            return False
        if self._size + 2 * _LINE > MAX_WAITING:
            return False  # the encoder does not keep up
        while True:
            self._number = self._number % _LARGEST_NUMBER + 1
            if self._number not in self._sessions:
                break
        self._sessions[self._number] = (member, session)
        self._put(b"START %d" % self._number)
        if offer is not None:
            self.sdp(member, session, "offer", offer)
        return True

    def sdp(self, member, session, kind, sdp):
        """As Delegate.sdp()."""
        number = self._number_of(session)
        if number:
            self._put(b"SDP %d %s" % (number, kind.encode()), bytes(sdp), number)

    def ice(self, member, session, candidate, line_index):
        """As Delegate.ice()."""
        number = self._number_of(session)
        if number:
            self._put(b"ICE %d %d" % (number, line_index), candidate.encode(), number)

    def session_ended(self, member, session, error):
        """As Delegate.session_ended()."""
        number = self._number_of(session)
        if number:
            del self._sessions[number]
            self._put(b"END %d" % number)

    # To the encoder

    def _put(self, head, text=None, number=None):
        size = _weight(head, text)
        if number and self._size + size > MAX_WAITING:
            self._end(number, "the encoder does not keep up")
            return
        self._size += size
        self._waiting.append((head, text))

    def _send_next(self):
        head, text = self._waiting[0]
        at = self._at
        if text is None:
            self._link.send(head)
        else:
            end = min(at + _PIECE, len(text))
            piece = escaped(text[at:end])
            while len(piece) > _ESCAPED:
                end -= len(piece) - _ESCAPED
                piece = escaped(text[at:end])
            self._link.send(head + (b" + " if end < len(text) else b" . ") + piece)
            self._at = end
            if end < len(text):
                return
        self._at = 0
        self._waiting.pop(0)
        self._size -= _weight(head, text)

    # From the encoder

    def _link_changed(self, up):
        # When it comes up, too: there may have been no memory to end them all.
        self._coming = None
        self._end_all()

    def _heard(self, body):
        try:
            self._obey(bytes(body))
        except (ValueError, IndexError, KeyError):
            pass  # no line of ours, or of a session that has ended meanwhile
        except MemoryError:
            gc.collect()
            return False  # it is sent again
        return True

    def _obey(self, body):
        verb, number, rest = (body + b"  ").split(b" ", 2)
        number = int(number)
        member, session = self._sessions[number]
        if verb == b"END":
            self._end(number, str(rest, "utf-8").strip() or "the encoder has ended it", False)
            return
        what, more, text = rest[:-2].split(b" ", 2)
        octets = self._put_together((verb, number, what), more, text, number)
        if octets is None:
            return
        try:
            text = str(octets, "utf-8")
            if verb == b"SDP":
                self._say(member, member.peer.send_sdp, session, str(what, "utf-8"), text)
            elif verb == b"ICE":
                self._say(member, member.peer.send_ice, session, text, int(what))
        except MemoryError:
            # The pieces before this one won't come again.
            octets = text = None
            gc.collect()
            self._end(number, "out of memory")

    def _put_together(self, head, more, text, number):
        # Returns the whole text with its last piece.
        if self._coming is None or self._coming[0] != head:
            self._coming = (head, bytearray())
        octets = self._coming[1]
        if len(octets) + len(text) > MAX_SDP:
            self._coming = None
            self._end(number, "an SDP of more than %d octets" % MAX_SDP)
            return None
        octets.extend(text)
        if more != b".":
            return None
        self._coming = None
        return octets

    def _say(self, member, call, *arguments):
        call(*arguments)
        if member.deliver:
            member.deliver()

    def _end(self, number, why, tell=True):
        # From this side.
        member, session = self._sessions[number]
        print("session", session.id, "ends:", why)
        if not tell:
            del self._sessions[number]
        self._say(member, member.peer.end_session, session)  # which calls session_ended()

    def _end_all(self):
        for number in list(self._sessions):
            self._end(number, "the encoder is gone")
        self._waiting = []
        self._at = self._size = 0

    def _number_of(self, session):
        for number in self._sessions:
            if self._sessions[number][1] is session:
                return number
        return None


def _weight(head, text):
    return _LINE + len(head) + (len(text) if text else 0)
