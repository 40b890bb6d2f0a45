"""One WebSocket connection after its opening handshake, without I/O.

Joins the incoming direction (message.py), the outgoing one (output.py) and the close handshake
(close.py), which decides. README.md beside this file says how to drive it.
"""

from ..compat import const, text_octets
from .buffers import Buffers
from .close import (
    INCOMING,
    OUTGOING,
    CloseOutcome,
    ConnectionClosed,
    accepts_messages,
    answers_ping,
    check_close,
    ready_state,
    valid_code,
)
from .message import MessageReader
from .output import Output
from .utf8 import is_ascii, validate

# Events of next_event(), besides the reader's NEED_DATA (0), TEXT (1), BINARY (2), CHUNK (3).
CLOSE = 8  # the peer's Close: `rcvd_code` and `rcvd_reason` are set
PING = 9  # answered already
PONG = 10  # `reader.data[offset:offset + length]` is what it carried
FAILED = 11  # the peer broke the protocol: `failed_with`

# What MicroPython's compiler puts into the code at once, under its name in the other module:
# for each name imported a board would pay octets in flash, in RAM and at every use.
_SENDING = const(0)  # close._SENDING
_QUEUED = const(1)  # close._QUEUED
_SENT = const(2)  # close._SENT
_SHUT = const(3)  # close._SHUT
_RECEIVING = const(0)  # close._RECEIVING
_CLOSED = const(1)  # close._CLOSED
_ENDED = const(3)  # close._ENDED
_LOCAL_CLOSE = const(0)  # close._LOCAL_CLOSE
_CLOSE_WRITTEN = const(1)  # close._CLOSE_WRITTEN
_PEER_CLOSE = const(2)  # close._PEER_CLOSE
_FAIL = const(3)  # close._FAIL
_TCP_EOF = const(4)  # close._TCP_EOF
_WRITE_BROKEN = const(5)  # close._WRITE_BROKEN
_TCP_DOWN = const(6)  # close._TCP_DOWN
_EVENTS = const(7)  # close.EVENTS
_PROTOCOL_ERROR = const(1002)  # close.PROTOCOL_ERROR
_NO_STATUS = const(1005)  # close.NO_STATUS
_ABNORMAL = const(1006)  # close.ABNORMAL
_INVALID_DATA = const(1007)  # close.INVALID_DATA
_MESSAGE_TOO_BIG = const(1009)  # close.MESSAGE_TOO_BIG
_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR
_CLOSE = const(8)
_PING = const(9)
_FAILED = const(11)
_FIN_TEXT = const(0x81)
_FIN_BINARY = const(0x82)
_FIN_PING = const(0x89)
_LARGEST_REASON = const(123)
_NONE = const(0)  # output._NONE
_BEGUN = const(3)  # output._BEGUN
_WRITTEN = const(4)  # output.WRITTEN

# Answers of want_close_tcp().
KEEP = 0
DRAIN = 1  # read until it would block, write nothing more, then close
ABORT = 2  # close at once

_KEEP = const(0)
_DRAIN = const(1)
_ABORT = const(2)

# What came to pass, in one small int: a board counts the octets.
_HEARD = const(1)  # since the last tick
_PINGED = const(2)
_WINDOW_WANTED = const(4)
_WINDOW = const(8)
_FRAGMENTING = const(16)  # a fragmented message of ours is open
_TRUNCATED = const(32)
_TCP_RESET = const(64)
_NO_ECHO = const(128)
_TIMED_OUT = const(256)
_ABORTED = const(512)
_LINGERING = const(1024)
_LINGERED = const(2048)
_CLOSING = const(4096)
_PATIENT = const(8192)  # as a server, wait for the client's end
_NO_ROOM = const(16384)  # for the Ping that is due, or its Pong isn't read

_TICKS = const(0x3FFFFFFF)  # MicroPython's clock starts over after 2**30 ms
_OFF = const(-1)  # a stopwatch that the next tick() starts


class Settings:
    """Sizes in octets and times in milliseconds, shared by any number of connections.

    A time of 0 switches that timer off, where that makes sense (`ping_interval`).
    """

    max_message = 32768  # the largest message that is assembled; a larger one is failed with 1009
    buffer = 4224  # what a connection borrows while it reads or writes: 140 to 65535
    ping_interval = 20000  # silence before a Ping
    pong_timeout = 10000  # silence after it before the peer is taken for dead
    close_timeout = 5000  # from the first Close, ours queued or theirs received, to both done
    finish_timeout = 3000  # the application's window after the peer's Close
    tcp_timeout = 2000  # client: wait for the server's FIN; after a failure: for the peer's
    quiet = 200  # after a failure, and for a server over TLS: silence that ends the wait early
    drain = 1 << 20  # after a failure: the most that is read and discarded
    stream = False  # give out CHUNKs instead of assembled messages
    finish_window = False  # let the application go on sending after the peer's Close
    pool = None  # a Pool: text is given out as octets, in buffers of it; see message.py

    def __init__(self, **settings):
        """Change some; TypeError for a name that isn't there, ValueError for an unfit value."""
        for name, value in settings.items():
            if not hasattr(Settings, name):
                raise TypeError("no setting %r" % name)
            if name != "pool" and value < 0:
                raise ValueError("%s: a number from 0 on, not %r" % (name, value))
            setattr(self, name, value)
        if not 140 <= self.buffer <= 65535:
            raise ValueError("buffer: 140 to 65535 octets, not %r" % self.buffer)
        if self.finish_timeout >= self.close_timeout:
            raise ValueError("finish_timeout must be shorter than close_timeout")
        if self.pool and (self.stream or self.max_message > self.pool.size):
            raise ValueError("max_message: what a buffer of the pool holds, and no stream")
        self.buffers = Buffers(self.buffer)


_defaults = Settings()
_keys = None  # masking keys, shared by every client connection


def _client_keys():
    global _keys
    if _keys is None:
        from .masking_keys import MaskingKeys  # a server has none

        _keys = MaskingKeys()
    return _keys


class Connection:
    """See README.md. Attributes that begin with no underscore may be read, not written."""

    rcvd_reason = ""
    outcome = None

    def __init__(self, client, settings=_defaults, keys=None):
        """`client`: our role. `keys`: MaskingKeys for a client, or None for the shared ones."""
        self.client = client
        self.settings = settings
        self.reader = MessageReader(
            not client, settings.max_message, settings.stream, settings.pool
        )
        self.output = Output(settings.buffers, (keys or _client_keys()) if client else None)
        self.outgoing = _SENDING
        self.incoming = _RECEIVING
        self.accepting = True
        self.rcvd_code = None
        self.failed_with = None
        self.discarded = 0
        self._initiator = None
        self._flags = _HEARD | (_WINDOW_WANTED if settings.finish_window else 0)
        self._lost = 0
        self._drained = 0
        self._heard_at = 0
        self._since = _OFF  # of the phase: pinged, closing or lingering

    def _flag(self, flag):
        self._flags |= flag

    @property
    def window(self):
        """Whether the peer's Close was received and the application may go on sending (R5)."""
        return self._flags & _WINDOW != 0

    def want_window(self):
        """Open the window when the peer's Close arrives, as Settings.finish_window does."""
        self._flag(_WINDOW_WANTED)

    @property
    def state(self):
        """RFC 6455's name of the state: "OPEN", "CLOSING" or "CLOSED"."""
        return ready_state(self.outgoing, self.incoming)

    def _step(self, event):
        self.outgoing = OUTGOING[_EVENTS * self.outgoing + event]
        self.incoming = INCOMING[_EVENTS * self.incoming + event]
        self.accepting = accepts_messages(self.outgoing, self.incoming, self._flags & _WINDOW)
        if not self._flags & _CLOSING and self.outgoing + self.incoming:
            self._flag(_CLOSING)
            self._since = _OFF

    # Incoming

    def receive_data(self, buf, at, end):
        """`buf[at:end]` (of a bytearray, which is changed) came in.

        The connection refers to it until next_event() returns NEED_DATA: call it until then.
        """
        self._flags |= _HEARD
        if self.incoming == _RECEIVING:
            self.reader.feed(buf, at, end)
        else:
            self._drained += end - at

    def next_event(self):
        """The next event of what came in, NEED_DATA when there is none. Pings are answered here."""
        event = self.pull()
        return event if 0 <= event < _CLOSE else self.handle(event)

    def pull(self):
        """The next event, not yet acted on. Pass one below 0, or from CLOSE on, to handle().

        So a driver can let the application answer the messages before a Close or a violation first.
        """
        try:
            return self.reader.next()
        except MemoryError:
            return -_MESSAGE_TOO_BIG

    def direct(self):
        """Octets that may be read straight into `reader.body` at `reader.body_size`; often 0."""
        return self.reader.direct()

    def received(self, n):
        """`n` octets were read there. Returns an event, as pull() does."""
        self._flags |= _HEARD
        try:
            return self.reader.received(n)
        except MemoryError:
            return -_MESSAGE_TOO_BIG

    def heard(self):
        """There is input that the driver leaves unread: the peer is to be taken for alive now, or,
        while something is to be written, whenever TCP takes some of it.
        """
        self._flags |= _HEARD if self.output.empty else _NO_ROOM

    def receive_eof(self, reset=False):
        """The peer's FIN came in, or a reset. Everything before it must have been parsed."""
        if self.incoming == _ENDED:
            return
        if reset:
            self._flag(_TCP_RESET)
        if self.rcvd_code is None and self.failed_with is None:
            if self.reader.partial:
                self._flag(_TRUNCATED)
            if self.output.close_state == _WRITTEN:
                self._flag(_NO_ECHO)
        self.reader.stop()
        self.finish()
        self._step(_TCP_EOF)
        if reset:
            self._step(_WRITE_BROKEN)

    def handle(self, event):
        """Act on an event from pull(); returns what next_event() would."""
        reader = self.reader
        if event < 0:
            self.fail(-event)
            return _FAILED
        if event == _CLOSE:
            return self._peer_close(reader.data, reader.offset, reader.length)
        if event == _PING and answers_ping(self.outgoing, self.incoming):
            self.output.put_pong(reader.data, reader.offset, reader.length)
        return event

    def _peer_close(self, data, at, n):
        if self.incoming != _RECEIVING:  # we failed it while the driver kept this event
            return _FAILED
        code = _NO_STATUS
        if n:
            code = data[at] << 8 | data[at + 1] if n > 1 else 0
            if not valid_code(code):
                self.fail(_PROTOCOL_ERROR)
                return _FAILED
            if validate(data, at + 2, n - 2, 0):
                self.fail(_INVALID_DATA)
                return _FAILED
            if n > 2:
                try:
                    self.rcvd_reason = str(memoryview(data)[at + 2 : at + n], "utf-8")
                except MemoryError:
                    pass  # the code matters more
        self.rcvd_code = code
        if self.reader.partial:
            self._flag(_TRUNCATED)
        self.reader.stop()
        if self.output.close_state == _NONE:
            self._initiator = "peer"
        elif self.output.close_state >= _BEGUN:
            self._initiator = "local"
        else:
            self._initiator = "both"
        if self._flags & _WINDOW_WANTED:
            self._flag(_WINDOW)
        self._step(_PEER_CLOSE)
        if not self.window:
            self.finish()
        return _CLOSE

    # Outgoing

    def send_text(self, text):
        """Accept a text message. False, and nothing taken, when there is no room now.

        Raises ConnectionClosed behind a Close, ValueError for a str that isn't Unicode text (a
        lone surrogate: 5.6), RuntimeError inside a fragmented message.
        """
        if not self.accepting or self._flags & _FRAGMENTING:
            self._refuse()
        n = len(text)
        if is_ascii(text, n):
            octets = text_octets(text)
        else:
            octets = encode(text)
            n = len(octets)
        return self.output.put(_FIN_TEXT, octets, n)

    def send_binary(self, data, text=False):
        """Accept a binary message, any object of octets with the buffer protocol; as send_text().

        A message larger than the buffer is referred to until `output.whole`: don't change it.
        `text`: it is a text message; that the octets are UTF-8 is the caller's to check.
        """
        if not self.accepting or self._flags & _FRAGMENTING:
            self._refuse()
        return self.output.put(_FIN_TEXT if text else _FIN_BINARY, data, len(data))

    def send_fragment(self, data, final, text=False):
        """Accept the next fragment of a message (5.4): as send_binary(). The first begins one.

        The octets of a text may be cut anywhere, and are the caller's to check.
        """
        if not self.accepting:
            self._refuse()
        opcode = 0 if self._flags & _FRAGMENTING else 1 if text else 2
        taken = self.output.put(opcode | (0x80 if final else 0), data, len(data))
        if taken:
            self._flags = self._flags & ~_FRAGMENTING if final else self._flags | _FRAGMENTING
        return taken

    def send_source(self, source, text=False):
        """Accept a message that is read with source.readinto(buf), fragment by fragment, until 0.

        It is never assembled. False when there is no room now. If the source raises OSError, or a
        text turns out not to be UTF-8, the connection is failed with 1011.
        """
        if not self.accepting or self._flags & _FRAGMENTING:
            self._refuse()
        from .source import Source  # most need none of it

        return self.output.put_source(Source(source, text))

    def ping(self, payload=b"signalbox"):
        """Accept a Ping with at most 125 octets. False when there is no room now.

        Those of the keepalive carry the same as others: a peer may answer the newest only (5.5.3),
        and whoever waits for an earlier one's Pong is not to wait for ever.
        """
        if not self.accepting:
            self._refuse()
        if len(payload) > 125:
            raise ValueError("a ping carries 125 octets at most, not %d" % len(payload))
        return self.output.put(_FIN_PING, payload, len(payload))

    def close(self, code=None, reason=""):
        """Send a Close behind everything accepted so far. The first one counts; others join it.

        Reason: text of which 123 octets fit, cut between characters. ValueError for a code that
        may not be sent (7.4), a reason without a code or one that isn't Unicode text; nothing is
        sent then.
        """
        check_close(code, reason)
        n = len(reason)
        if is_ascii(reason, n):
            octets = text_octets(reason)
            n = min(n, _LARGEST_REASON)
        else:
            try:
                octets = encode(reason)
            except MemoryError:
                octets = b""  # the code matters more
            n = len(octets)
            if n > _LARGEST_REASON:
                n = _LARGEST_REASON
                while octets[n] & 0xC0 == 0x80:
                    n -= 1
        if self.outgoing == _SENDING and self.incoming != _ENDED:
            self._queue_close(code or 0, octets, n)

    def finish(self):
        """End the window after the peer's Close: reply to it, if that has not been done."""
        if self.outgoing == _SENDING and self.incoming == _CLOSED:
            self._queue_close(0 if self.rcvd_code == _NO_STATUS else self.rcvd_code, b"", 0)

    def fail(self, code):
        """_Fail the WebSocket Connection_ (7.1.7), or a source that can't go on.

        The frame that is being written is finished, the rest is given up, and a Close with `code`
        follows, unless our Close is there already. Nothing more is parsed.
        """
        if not valid_code(code):
            raise ValueError("a connection can't be failed with %r" % code)
        if self.failed_with is not None or self.incoming != _RECEIVING:
            return
        self.failed_with = code
        if self.reader.partial:
            self._flag(_TRUNCATED)
        self.reader.stop()
        self._drop()
        if self.outgoing == _SENDING:
            self._queue_close(code, b"", 0)
        self._step(_FAIL)

    def _drop(self):
        before = self.output.unsent()
        self.output.drop()
        self._lost += before - self.output.unsent()

    def _queue_close(self, code, reason, n):
        self._flags &= ~_WINDOW
        self.output.put_close(code, reason, n)
        self._step(_LOCAL_CLOSE)

    def _refuse(self):
        if self.accepting:
            raise RuntimeError("a fragmented message is open: finish it first")
        raise ConnectionClosed(self.state)

    def ready(self):
        """How many octets to write: `output.buf` from `output.offset` on. 0: nothing now."""
        if self.outgoing == _SHUT:
            return 0
        try:
            return self.output.ready()
        except Exception:  # a source's own, of whatever kind: its message can't be finished
            self._drop()
            self.finish()
            self.fail(_INTERNAL_ERROR)
            return self.output.ready()

    def advance(self, n):
        """`n` of them were handed to TCP."""
        self.output.advance(n)
        if self._flags & _NO_ROOM:
            self._flags |= _HEARD  # a link that takes octets isn't stalled
        if self.outgoing == _QUEUED and self.output.close_state == _WRITTEN:
            self._step(_CLOSE_WRITTEN)

    def hold(self, n):
        """The transport has begun on the next `n` octets and must be offered the same again.

        TLS does: a record that was made can't be unmade, so fail() leaves them alone.
        """
        self.output.hold(n)

    def write_failed(self, reset=False):
        """TCP takes nothing more. Reading goes on: the peer's Close may be on its way (7.1.5)."""
        if reset:
            self._flag(_TCP_RESET)
        self._step(_WRITE_BROKEN)

    # Ending

    def linger(self):
        """For a server over TLS: wait `quiet` for the client's end, too, before our own."""
        self._flag(_PATIENT)

    def want_close_tcp(self):
        """KEEP, DRAIN or ABORT: what to do with TCP (7.1.1)."""
        if self._flags & _ABORTED:
            return _ABORT
        if self.incoming == _ENDED:
            done = self.outgoing == _SHUT or self.output.empty
        elif self.failed_with is not None or self.rcvd_code is None or self.outgoing < _SENT:
            done = False
        else:
            # Both done: the server closes TCP first, the client waits for that. What may still be
            # unwritten is a Pong.
            waits = self.client or self._flags & _PATIENT
            done = self.outgoing == _SHUT or (not waits and self.output.empty)
        return _DRAIN if done or self._flags & _LINGERED else _KEEP

    def close_now(self):
        """Give up: TCP is to be taken down at once. The outcome tells what was reached."""
        self._flag(_ABORTED)

    def tcp_closed(self):
        """TCP is down. Returns the CloseOutcome, always the same."""
        if self.outcome is None:
            self._step(_TCP_DOWN)
            self.reader.stop()
            written = self.output.close_state == _WRITTEN
            begun = self.output.close_state >= _BEGUN
            flags = self._flags
            open_message = 1 if flags & _FRAGMENTING else 0
            self.outcome = CloseOutcome(
                self.rcvd_code or _ABNORMAL,
                self.rcvd_reason,
                written and self.rcvd_code is not None,
                self._initiator or ("local" if begun else "transport"),
                (self.output.close_code or _NO_STATUS) if written else None,
                self.rcvd_code,
                self.failed_with,
                self._lost + self.output.unsent() + open_message,
                self.discarded,
                flags & _TIMED_OUT != 0,
                flags & _TRUNCATED != 0,
                flags & _TCP_RESET != 0,
                flags & _NO_ECHO != 0,
            )
        return self.outcome

    # Time

    def tick(self, now):
        """Act on what is due at `now`, a clock in milliseconds modulo 2**30.

        Returns the milliseconds to the next thing that may be due, -1 when nothing is. A stopwatch
        starts at the first tick after its cause.
        """
        if self._flags & _HEARD:
            self._heard_at = now
            self._flags &= ~(_HEARD | _PINGED | _NO_ROOM)
        if self.outcome is not None:
            return -1
        if not self._flags & _CLOSING:
            return self._keep_alive(now)
        if self._since == _OFF:
            self._since = now
        settings = self.settings
        if self.outgoing >= _SENT and (self.rcvd_code is not None or self.failed_with is not None):
            return self._linger(now)
        left = settings.close_timeout - _elapsed(now, self._since)
        if left <= 0:
            self._flag(_TIMED_OUT | _ABORTED)
            return 0
        if self.window:
            window = settings.finish_timeout - _elapsed(now, self._since)
            if window <= 0:
                self.finish()
            else:
                left = min(left, window)
        return left

    def _keep_alive(self, now):
        settings = self.settings
        if not settings.ping_interval:
            return -1
        if self._flags & _PINGED:
            left = settings.pong_timeout - _elapsed(now, self._since)
            if left <= 0:
                self.close(_INTERNAL_ERROR, "no pong")
                self._since = now
                return settings.close_timeout
            return left
        left = settings.ping_interval - _elapsed(now, self._heard_at)
        if left > 0:
            return left
        # Where a stalled link or a full heap leaves no room for it, the silence counts as well.
        try:
            if not self.ping():
                self._flag(_NO_ROOM)
        except MemoryError:
            pass
        self._flag(_PINGED)
        self._since = now
        return settings.pong_timeout

    def _linger(self, now):
        settings = self.settings
        if not self._flags & _LINGERING:
            self._flag(_LINGERING)
            self._since = now
        left = settings.tcp_timeout - _elapsed(now, self._since)
        if self.failed_with is not None or self._flags & _PATIENT:
            if self._drained >= settings.drain:
                left = 0
            quiet = min(_elapsed(now, self._heard_at), _elapsed(now, self._since))
            left = min(left, settings.quiet - quiet)
        if left <= 0:
            self._flag(_LINGERED)
            return 0
        return left


def _elapsed(now, then):
    return (now - then) & _TICKS


def encode(text):
    """The UTF-8 of `text`. ValueError for a lone surrogate (5.6)."""
    octets = text.encode()
    # MicroPython encodes a lone surrogate without complaint.
    if validate(octets, 0, len(octets), 0):
        raise ValueError("text with a lone surrogate can't be sent")
    return octets
