"""One Connection, whatever happens to it, against the invariants of the close handshake.

The bookkeeping here is made from what was called, what the peer put on its wire and what came out
on ours; it asks the core for nothing that it could be wrong about. Portable: runs on MicroPython.

A plan: {"kind": "session", "client": bool, "settings": {...}, "steps": [[name, ...], ...],
"end": how it goes on when the steps are over}.
"""

from signalbox.ws.close import NO_STATUS, ConnectionClosed
from signalbox.ws.connection import ABORT, DRAIN, KEEP

from .endpoint import ALL, REFUSED, Endpoint, check_keys, close_payload
from .expected import Expected
from .peer import Peer
from .wire import CLOSE, FIN, PONG, check, split

ENDS = ("polite", "silent", "dripping", "eof", "reset")
_CLOCK = 0x3FFFFFFF


def run(plan):
    """Carry out a plan. Raises a Finding; returns the Session."""
    session = Session(plan["client"], plan["settings"])
    for step in plan["steps"]:
        getattr(session, "do_" + step[0])(*step[1:])
        session.check_events()
        if session.outcome is not None:
            break
    if session.outcome is None:
        session.end(plan["end"])
    session.check_outcome()
    session.check_wire()
    return session


class Session(Endpoint):
    """A Connection under test, its peer, its transport and its clock."""

    def __init__(self, client, settings):
        super().__init__(client, settings)
        self.now = _CLOCK - 20000  # what the connection is told of it wraps on the way
        # The peer's wire: what it has written, how much of that came in, and what it means.
        self.peer = Peer(not client, self.settings)
        self.inbound = b""
        self.peer_wrote = 0
        self.delivered = 0
        self.entries = []  # [start, end, event, whether a message is open behind it]
        self.expected = []  # events, as far as delivered
        self.due = 0  # index of the next entry
        self.message_open = False  # as far as delivered
        self.pings = []  # that must be answered: received and not behind the peer's Close
        self.pings_before_close = 0
        # What became of it.
        self.close = None  # payload of our Close, once that is certain
        self.initiator = None
        self.rcvd_code = None
        self.rcvd_reason = ""
        self.window = False
        self.failed_with = None
        self.begun_at_failure = 0  # frames
        self.truncated = False
        self.truncation_known = True
        self.eof = False
        self.reset = False
        self.broken = False
        self.no_echo = False
        self.aborted = False
        self.timed_out = False
        self.lives = False  # TCP lives and the peer answers
        self.flushed = False  # nothing was left to write
        self.outcome = None
        # Time.
        self.heard = True
        self.heard_at = 0
        self.pinged_at = None
        self.closing_at = None
        self.done_at = None
        self.keepalive_pings = 0
        self.drained = 0

    # Local calls

    def may_send(self):
        """Whether send() must be open."""
        return (
            self.close is None
            and self.failed_with is None
            and not self.eof
            and not self.broken
            and (self.rcvd_code is None or self.window)
        )

    def do_send(self, what, n, salt=0, extra=0):
        """A message, a fragment, a source or a ping."""
        allowed = self.may_send()
        inside = self.fragmenting and what not in ("fragment", "ping")
        nothing_unsent = self.connection.output.empty
        result = self.send(what, n, salt, extra)
        if not allowed:
            check(isinstance(result, ConnectionClosed), "accepted behind the end: %r", result)
        elif inside:
            check(isinstance(result, RuntimeError), "accepted inside a message: %r", result)
        elif what == "surrogate":
            check(isinstance(result, ValueError), "a lone surrogate: %r", result)
        else:
            check(result is True or result == REFUSED, "refused: %r", result)
            check(result is True or not nothing_unsent, "no room, but nothing is unsent")

    def do_close(self, code, reason=""):
        """A close() with any arguments."""
        good = not reason if code is None else may_be_sent(code)
        try:
            self.connection.close(code, reason)
        except ValueError:
            check(not good, "close(%r, %r) raised ValueError", code, reason)
            return
        check(good, "close(%r, %r) was accepted", code, reason)
        octets = reason.encode()
        if len(octets) > 123:
            octets = octets[:123]
            while octets and reason.encode()[len(octets)] & 0xC0 == 0x80:
                octets = octets[:-1]
        if not self.eof:
            self._close(close_payload(code, octets))

    def do_finish(self):
        """The application is done with its window."""
        self.connection.finish()
        if not self.eof:
            self._finish()

    def do_fail(self, code):
        """The application fails the connection."""
        self.connection.fail(code)
        self._fail(code, self._inside())

    def do_close_now(self):
        """Give up."""
        self.connection.close_now()
        self.aborted = True

    def _close(self, payload):
        if self.close is None and not self.broken and self.outcome is None:
            self.close = payload
            self.pings_before_close = len(self.pings)
            self.window = False

    def _finish(self):
        if self.rcvd_code is not None:
            self._close(close_payload(0 if self.rcvd_code == NO_STATUS else self.rcvd_code))

    def _fail(self, code, truncated):
        if self.failed_with is None and self.rcvd_code is None and not self.eof:
            self.failed_with = code
            self.truncated = truncated
            if self.pending is not None:
                self.truncation_known = False
            # A frame has begun when an octet of it was handed over, or is held by the transport.
            self.begun_at_failure = len(split(self.wire + self.held, self.client))
            self._close(close_payload(code))

    def _close_progress(self):
        # (begun, written) of our Close: by what TCP took, and begun also when TLS holds some of it.
        for each in split(self.wire + self.held, self.client):
            if each.opcode == CLOSE:
                return True, each.end <= len(self.wire)
        return False, False

    # The transport

    def do_write(self, limit):
        """TCP takes up to `limit` octets; 0: it would block."""
        if not self.broken:
            self.write(limit)

    def do_hold(self, limit):
        """TLS begins on up to `limit` octets."""
        if not self.broken:
            self.hold(limit)

    def offered(self):
        """As the Endpoint's; a source that can't go on is noticed here."""
        octets = super().offered()
        if self.units and self.units[-1].failed:
            self._fail(1011, self._inside())
            self._finish()  # what it has begun can't be ended, so nothing can follow it
        return octets

    def do_broken(self, reset):
        """A write fails."""
        self.connection.write_failed(reset)
        self.broken = True
        self.reset = self.reset or reset
        self.window = False

    def do_eof(self, reset, lost):
        """The peer's FIN or a reset, behind all that it sent or all but what was lost."""
        if self.eof:
            return
        if lost:
            self.inbound = b""
        self.do_deliver(0)
        self.check_events()
        if self.rcvd_code is None and self.failed_with is None:
            self.truncated = self._inside()
            self.no_echo = self._close_progress()[1]
        if not self.broken:
            self._finish()  # the peer may still be reading
        self.connection.receive_eof(reset)
        self.eof = True
        if reset:
            self.broken = self.reset = True
        self.window = False

    # The peer

    def do_peer(self, what, n=0, salt=0):
        """The peer writes a frame; it comes in when it is delivered."""
        octets, event = self.peer.frame(what, n, salt)
        start = self.peer_wrote
        self.inbound += octets
        self.peer_wrote += len(octets)
        self.entries.append([start, self.peer_wrote, event, self.peer.is_open])

    def do_deliver(self, n, how=0):
        """Up to `n` octets of the peer's come in; 0: all. `how`: 1 direct, 2 late (Endpoint)."""
        self.do_act()
        if self.eof:
            return
        chunk = self.inbound[: n or ALL]
        self.inbound = self.inbound[len(chunk) :]
        if chunk:
            self.heard = True
            if self.rcvd_code is not None or self.failed_with is not None:
                self.drained += len(chunk)
            self.delivered += len(chunk)
            self.receive(chunk, how == 1, how == 2)
            self._account()

    def do_act(self):
        """Act on a Close or a violation that was left for later."""
        if self.pending is not None:
            self.act()
            self._account()

    def _account(self):
        # What must have been reported, now that `delivered` octets are in.
        while self.due < len(self.entries):
            start, end, event, message_open = self.entries[self.due]
            if self.rcvd_code is not None or self.failed_with is not None:
                break
            failed = event is not None and event[0] == "failed"
            closed = event is not None and event[0] == "close"
            if self.pending is not None and (failed or closed):
                break
            # A violation may be reported as soon as its first octets are in.
            early = failed and start < self.delivered and len(self.events) > len(self.expected)
            if self.delivered < end and not early:
                break
            self.due += 1
            if failed:
                self.truncation_known = self.message_open  # else it depends on the violation
                self._fail(event[1], self.message_open)
            self.message_open = message_open
            if event is None:
                continue
            self.expected.append(event)
            if event[0] == "ping":
                self.pings.append(event[1])
            elif closed:
                self._peer_closed(event[1], event[2], message_open)

    def _peer_closed(self, code, reason, message_open):
        self.rcvd_code = code
        self.rcvd_reason = reason
        self.truncated = message_open
        if self.close is None:
            self.initiator = "peer"
        else:
            self.initiator = "local" if self._close_progress()[0] else "both"
        if self.settings.finish_window:
            self.window = self.close is None and not self.broken
        else:
            self._finish()

    def _inside(self):
        # Whether a frame or a message has begun to come in and has not ended.
        if self.message_open:
            return True
        return self.due < len(self.entries) and self.entries[self.due][0] < self.delivered

    def check_events(self):
        """Everything that came in was reported, in order, once."""
        check(self.events == self.expected, "reported %r", self.events[-3:])

    # Time

    def do_tick(self, ms):
        """Some time passes. Returns what tick() says."""
        self.now += ms
        told = self.connection.tick(self.now & _CLOCK)
        settings = self.settings
        if self.heard:
            self.heard = False
            self.heard_at = self.now
            self.pinged_at = None
        if self._closing():
            if self.closing_at is None:
                self.closing_at = self.now
            done = self.broken or (self.close is not None and self._close_progress()[1])
            if done and (self.rcvd_code is not None or self.failed_with is not None):
                if self.done_at is None:
                    self.done_at = self.now
            elif self._since(self.closing_at) >= settings.close_timeout:
                self.aborted = self.timed_out = True
            elif self.window and self._since(self.closing_at) >= settings.finish_timeout:
                self._finish()
            check(told >= 0, "tick() waits for nothing while closing")
        elif settings.ping_interval:
            if self.pinged_at is None:
                if self._since(self.heard_at) >= settings.ping_interval:
                    self.pinged_at = self.now
                    self.keepalive_pings += 1
            elif self._since(self.pinged_at) >= settings.pong_timeout:
                self._close(close_payload(1011, b"no pong"))
                self.closing_at = self.now
        else:
            check(told == -1, "tick() waits for something with nothing to wait for")
        if told == 0:
            check(self.connection.want_close_tcp() != KEEP, "tick() returns 0, nothing ends")
        return told

    def _closing(self):
        return (
            self.close is not None
            or self.rcvd_code is not None
            or self.failed_with is not None
            or self.eof
            or self.broken
        )

    def _since(self, then):
        return self.now - then

    # Ending

    def do_poll(self):
        """Do as want_close_tcp() says."""
        wanted = self.connection.want_close_tcp()
        check((wanted == ABORT) == self.aborted, "want_close_tcp() is %d", wanted)
        if wanted == DRAIN:
            self._check_drain()
            self.do_deliver(0)
        if wanted != KEEP:
            self.flushed = self.connection.output.empty and not self.broken
            self.outcome = self.connection.tcp_closed()

    def _check_drain(self):
        # DRAIN must not come too early: it ends everything.
        if self.broken and (self.eof or self.rcvd_code is not None):
            return
        settings = self.settings
        lingered = 0 if self.done_at is None else self._since(self.done_at)
        if self.eof:
            over = self.done_at is not None and lingered >= settings.tcp_timeout
            check(over or not self.offered(), "DRAIN with something to write")
            check(self.close is None or self._close_progress()[1], "DRAIN before our Close")
            return
        check(self.broken or self._close_progress()[1], "DRAIN before our Close is written")
        if self.failed_with is not None:
            wait = min(settings.quiet, settings.tcp_timeout)
            check(self.drained >= settings.drain or lingered >= wait, "DRAIN too early")
        else:
            check(self.rcvd_code is not None, "DRAIN before the peer's Close")
            if self.client:
                check(lingered >= settings.tcp_timeout, "the client didn't wait for the FIN")

    def end(self, how):
        """Bring it to an end, and see that the end comes in time."""
        settings = self.settings
        if not self._closing() and (how in ("polite", "dripping") or not settings.ping_interval):
            self.do_close(1000, "end")
        if how in ("eof", "reset"):
            self.do_eof(how == "reset", False)
        self.lives = how == "polite" and not (self.eof or self.broken)
        left = settings.ping_interval + settings.pong_timeout if not self._closing() else 0
        left += settings.close_timeout + settings.tcp_timeout + 3
        for _ in range(1000):
            if how != "silent":
                self.do_write(ALL if how != "dripping" else 1)
            if how == "polite":
                self._be_polite()
            elif how == "dripping" and not self.inbound:
                self.do_peer("data", 40)
            self.do_deliver(1 if how == "dripping" else 0)
            self.check_events()
            self.do_poll()
            if self.outcome is not None:
                return
            told = self.do_tick(0)
            self.do_poll()
            if self.outcome is not None:
                return
            check(left > 0, "it doesn't end in time")
            check(told > 0 or how != "silent", "tick() says %d and nothing ends", told)
            step = 0 if told < 0 else min(told, left)
            if how == "dripping":
                step = min(step, 100)
            left -= step
            self.do_tick(step)
        check(False, "it doesn't end")

    def _be_polite(self):
        # Answer a Close, and end TCP when both are done.
        self.do_deliver(0)
        self.do_write(ALL)
        if self._offered_nothing() and not self.eof:
            if self._close_progress()[1] and self.rcvd_code is None and self.failed_with is None:
                self.do_peer("close", 1000)
                self.do_deliver(0)
            elif self._close_progress()[1] and self.client:
                self.do_eof(False, False)

    def _offered_nothing(self):
        return not self.broken and not self.offered()

    def check_outcome(self):
        """One outcome, that says what happened, and nothing changes it."""
        connection = self.connection
        outcome = self.outcome
        before = (bytes(self.wire), list(self.events))
        for what in ("text", "binary", "fragment", "source", "ping"):
            result = self.send(what, 3, 3)
            check(isinstance(result, ConnectionClosed), "%s after the end: %r", what, result)
        connection.close(4999)
        connection.finish()
        connection.fail(1011)
        connection.close_now()
        connection.receive_eof(True)
        connection.write_failed(True)
        check(connection.tick(self.now & _CLOCK) == -1, "tick() goes on after the end")
        check(connection.tcp_closed() is outcome, "two outcomes")
        check(connection.state == "CLOSED", "state %r after the end", connection.state)
        check(before == (bytes(self.wire), list(self.events)), "something happened after the end")

        begun, written = self._close_progress()
        sent = None
        if written:
            sent = int.from_bytes(self.close[:2], "big") if self.close else NO_STATUS
        initiator = self.initiator
        if initiator is None:
            initiator = "local" if begun else "transport"
        expected = {
            "code": 1006 if self.rcvd_code is None else self.rcvd_code,
            "reason": self.rcvd_reason,
            "clean": written and self.rcvd_code is not None,
            "initiator": initiator,
            "sent_code": sent,
            "rcvd_code": self.rcvd_code,
            "failed_with": self.failed_with,
            "undelivered": self._undelivered(),
            "discarded": 0,
            "timed_out": self.timed_out,
            "tcp_reset": self.reset,
            "peer_no_echo": self.no_echo,
        }
        if self.lives and self.failed_with is None and not self.aborted:
            expected["clean"] = True
        if self.truncation_known:
            expected["truncated"] = self.truncated
        for name in expected:
            found = getattr(outcome, name)
            check(
                found == expected[name],
                "outcome.%s is %r, should be %r",
                name,
                found,
                expected[name],
            )

    def _undelivered(self):
        accepted = 0
        for unit in self.units:
            # Fragmented messages count at their first frame.
            if unit.first & 0xF in (1, 2):
                accepted += 1
        for each in split(self.wire, self.client):
            if each.opcode < 8 and each.first & FIN and each.end <= len(self.wire):
                accepted -= 1
        return accepted

    # Our wire

    def written(self):
        """The frames that were written to their last octet: (first octet, payload)."""
        frames = split(self.wire, self.client)
        return [(each.first, each.payload) for each in frames if each.end <= len(self.wire)]

    def check_wire(self):
        """Nothing torn, lost, sent twice or out of order; one Close; Pongs as 5.5.3 says."""
        frames = split(self.wire, self.client)
        check_keys(frames)
        expected = Expected(self)
        for i, each in enumerate(frames):
            if self.failed_with is not None and i >= self.begun_at_failure:
                late = each.opcode == CLOSE or (each.opcode == PONG and expected.closed)
                check(late, "a frame is begun after the failure")
            expected.take(each, each.end <= len(self.wire))
        if self.failed_with is None:
            check(expected.everything() or not expected.closed, "Close before what was accepted")
            check(expected.last_answered() or not self.flushed, "the last Ping has no answer")


def may_be_sent(code):
    """7.4.1, 7.4.2 and IANA's registry, as the specification has them."""
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and not 1004 <= code <= 1006)
