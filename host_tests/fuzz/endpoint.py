"""Drives a Connection as firmware/signalbox/ws/README.md says, and keeps records of its own.

Portable: runs on MicroPython, too.
"""

from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import CLOSE, FAILED, PING, PONG, Connection, Settings
from signalbox.ws.masking_keys import MaskingKeys
from signalbox.ws.message import BINARY, CHUNK, NEED_DATA, TEXT

from .wire import check, octets_of, text_of

REFUSED = "refused"  # no room now
ALL = 1 << 30


class Randomness:
    """Masking keys that are the same in every replay, each different from all others."""

    def __init__(self):
        self._count = 0

    def __call__(self, n):
        octets = b""
        while len(octets) < n:
            self._count += 1
            octets += (self._count * 2654435761 % 0x100000000).to_bytes(4, "big")
        return octets[:n]


class Source:
    """Read by send_source(): `octets` in reads of at most `step`, then an end or an OSError."""

    def __init__(self, octets, step, broken):
        self._octets = octets
        self._step = step
        self._broken = broken
        self.ended = False

    def readinto(self, buf):
        """As a file's."""
        if not self._octets:
            self.ended = True
            if self._broken:
                raise OSError(5)
        n = min(len(buf), self._step, len(self._octets))
        buf[:n] = self._octets[:n]
        self._octets = self._octets[n:]
        return n


class Unit:
    """What the core has accepted: a frame, or all of a source. `good`: a source that ends well."""

    def __init__(self, first, payload, source=None, good=True):
        self.first = first
        self.payload = payload
        self.source = source
        self.good = good

    @property
    def failed(self):
        """Whether it is a source that turned out not to end well."""
        return not self.good and self.source.ended


class Endpoint:
    """A Connection with a transport that takes and gives any number of octets at a time."""

    def __init__(self, client, settings):
        self.client = client
        self.settings = Settings(**settings)
        keys = MaskingKeys(Randomness()) if client else None
        self.connection = Connection(client, self.settings, keys)
        self.wire = bytearray()  # handed to TCP
        self.held = b""  # octets that the transport has begun on, and wants to see again
        self.events = []  # what came in
        self.units = []  # what was accepted
        self.fragmenting = False
        self._text = False  # whether the message in fragments is one
        self._rest = b""  # octets of it that go into the next fragment
        self._parts = b""
        self._lent = None  # what the connection refers to
        self.pending = None  # an event that is not acted on yet

    # Local calls: True, REFUSED, or the exception that the core raised.

    def send(self, what, n, salt, extra=0):
        """Call send_text, send_binary, send_fragment, send_source or ping."""
        connection = self.connection
        try:
            if what == "text":
                text = text_of(n, salt)
                taken = connection.send_text(text)
                unit = Unit(0x81, text.encode())
            elif what == "surrogate":
                connection.send_text(text_of(n, salt) + chr(0xD800))
                check(False, "a lone surrogate was accepted")
            elif what == "binary":
                unit = Unit(0x82, octets_of(n, salt))
                taken = self._lend(connection.send_binary, unit.payload)
            elif what == "fragment":
                taken, unit = self._fragment(n, salt, extra & 1 > 0, extra & 2 > 0)
            elif what == "source":
                unit = _source(n, salt, extra)
                taken = connection.send_source(unit.source, unit.first == 1)
            else:
                payload = octets_of(1 + n % 125, salt)  # an empty one is the core's own
                unit = Unit(0x89, payload)
                taken = connection.ping(payload)
        except (ConnectionClosed, RuntimeError, ValueError) as error:
            return error
        if not taken:
            return REFUSED
        self.units.append(unit)
        return True

    def _fragment(self, n, salt, final, text):
        if self.fragmenting:
            text = self._text
        payload = text_of(n, salt).encode() if text else octets_of(n, salt)
        # A text is cut in the middle of a character, where that is possible.
        payload = self._rest + payload
        part = payload if final or not text else payload[:-1]
        opcode = 0 if self.fragmenting else 1 if text else 2
        unit = Unit(opcode | (0x80 if final else 0), part)
        taken = self._lend(self.connection.send_fragment, part, final, text)
        if taken:
            self.fragmenting = not final
            self._text = text
            self._rest = payload[len(part) :]
        return taken, unit

    def _lend(self, call, payload, *arguments):
        # Whoever sends may change the octets as soon as the core doesn't refer to them any more.
        self._scribble()
        lent = bytearray(payload)
        taken = call(lent, *arguments)
        if taken:
            check(self._lent is None, "two messages are referred to")
            self._lent = lent
            self._scribble()
        return taken

    def _scribble(self):
        if self._lent is not None and self.connection.output.whole:
            for i in range(len(self._lent)):
                self._lent[i] = 0xEE
            self._lent = None

    def _scribble_free(self):
        # Nobody may rely on a buffer that was given back.
        buffers = self.settings.buffers
        if buffers.size <= 4096:
            buf = buffers.borrow()
            buf[:] = b"\xee" * len(buf)
            buffers.give_back(buf)

    # Writing

    def offered(self):
        """The octets that the core wants to write now."""
        self._scribble_free()
        n = self.connection.ready()
        check(n == self.connection.ready(), "ready() changes its mind")
        output = self.connection.output
        octets = bytes(memoryview(output.buf)[output.offset : output.offset + n])
        check(len(octets) == n, "ready() promises more than there is")
        check(octets[: len(self.held)] == self.held, "octets that are held changed")
        return octets

    def write(self, limit):
        """TCP takes what is offered, `limit` octets at most; ALL: until nothing more is."""
        while self._write(limit) and limit == ALL:
            pass

    def _write(self, limit):
        octets = self.offered()
        if self.held:
            octets = octets[: len(self.held)]
        octets = octets[:limit]
        if octets:
            self.wire += octets
            self.held = self.held[len(octets) :]
            self.connection.advance(len(octets))
            self._scribble()
        return len(octets)

    def hold(self, limit):
        """TLS makes a record of up to `limit` octets and TCP takes none of it."""
        if not self.held:
            self.held = self.offered()[:limit]
            self.connection.hold(len(self.held))

    # Reading

    def receive(self, chunk, direct=False, late=False):
        """`chunk` came in; `direct`: it is read where it belongs, where that is possible.

        `late`: a Close or a violation is left for act(), and what is behind it is never looked at.
        """
        connection = self.connection
        reader = connection.reader
        while chunk:
            room = connection.direct() if direct else 0
            if room:
                part = chunk[:room]
                at = reader.body_size
                reader.body[at : at + len(part)] = part
                chunk = chunk[room:]
                self._event(connection.received(len(part)), late)
            else:
                lead = len(chunk) & 3
                buf = bytearray(b"\xa5" * lead + chunk + b"\xa5" * 5)
                connection.receive_data(buf, lead, lead + len(chunk))
                chunk = b""
                while self._event(connection.pull(), late):
                    pass
                if self.pending is None:
                    check(reader.unread == 0, "NEED_DATA, but there is some")
                    for i in range(len(buf)):
                        buf[i] = 0xA5
            if self.pending is not None:
                break

    def act(self):
        """Act on what receive() left, if there is something."""
        event = self.pending
        self.pending = None
        if event is not None:
            failed = self.connection.failed_with is not None
            event = self.connection.handle(event)
            if failed:
                check(event == FAILED, "%d after a failure", event)
            else:
                self._note(event)

    def _event(self, event, late):
        # Returns whether there may be another.
        if late and (event < 0 or event == CLOSE):
            self.pending = event
            return False
        if event < 0 or event >= CLOSE:
            event = self.connection.handle(event)
        self._note(event)
        return event != NEED_DATA

    def _note(self, event):
        reader = self.connection.reader
        if reader.body is not None:
            check(len(reader.body) <= self.settings.max_message, "a message has too much room")
        if event == NEED_DATA:
            return
        data = b""
        if event in (CHUNK, PING, PONG):
            data = bytes(reader.data[reader.offset : reader.offset + reader.length])
        if event == TEXT:
            self.events.append(["text", reader.message])
        elif event == BINARY:
            # Not a copy: what the application got is its own and must stay as it is.
            self.events.append(["binary", reader.message])
        elif event == CHUNK:
            self._parts += data
            if reader.chunk_final:
                text = reader.chunk_opcode == TEXT
                message = str(self._parts, "utf-8") if text else bytearray(self._parts)
                self.events.append(["text" if text else "binary", message])
                self._parts = b""
        elif event == PING:
            self.events.append(["ping", data])
        elif event == PONG:
            self.events.append(["pong", data])
        elif event == CLOSE:
            connection = self.connection
            self.events.append(["close", connection.rcvd_code, connection.rcvd_reason])
        else:
            check(event == FAILED, "event %r", event)
            self.events.append(["failed", self.connection.failed_with])


def close_payload(code, reason=b""):
    """What a Close with these says."""
    return code.to_bytes(2, "big") + reason if code else b""


def check_keys(frames):
    """Every masking key is fresh (5.3)."""
    keys = [frame.key for frame in frames if frame.key and len(frame.key) == 4]
    check(len(keys) == len(set(keys)), "a masking key was used twice")


def _source(n, salt, extra):
    # extra: 1 a text; 2 it breaks at its end: in the middle of a character, or (4) by an OSError
    text = extra & 1 > 0 or extra & 6 == 2
    payload = text_of(n, salt).encode() if text else octets_of(n, salt)
    if extra & 6 == 2:
        payload += b"\xf0\x9f"
    source = Source(payload, 1 + salt * 3, extra & 6 == 6)
    return Unit(1 if text else 2, payload, source, extra & 2 == 0)
