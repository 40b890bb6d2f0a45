"""What came of a meeting: our faults, and the peer's traits.

A fault of ours fails the cell. A trait is something that the peer does and should not, or that
must be known to understand the cell; explained.py has a sentence for each that is known, and one
that is not known fails the cell, too. Where there is a record of the wire, that decides; over TLS
what is inside is only known from what both sides tell.
"""

from dataclasses import dataclass, field

from capture import Story

# Our client waits so long for the server's FIN, by default 2 s; less what timers are late.
PATIENCE_S = 1.8
NORMAL, PROTOCOL_ERROR, NO_STATUS, ABNORMAL = 1000, 1002, 1005, 1006


@dataclass
class Verdict:
    """`faults`: ours, in words. `traits`: the peer's, by name. `na`: why there is no verdict."""

    faults: list = field(default_factory=list)
    traits: list = field(default_factory=list)
    na: str = ""


def judge(meeting):
    """The Verdict of a Meeting that has been run."""
    if meeting.unsupported:
        return Verdict(na=meeting.unsupported)
    if meeting.stuck:
        return Verdict(faults=[meeting.stuck])
    return Judge(meeting).verdict


class Judge:
    def __init__(self, meeting):
        self.verdict = Verdict()
        self.expected = meeting.expected
        self.tls = meeting.cell.scheme == "wss"
        self.we_serve = meeting.cell.role == "server"
        self.closed = meeting.outcome
        self.report = meeting.report
        self.wire = meeting.conversation
        # What both said on the wire, where it can be read.
        self.ours = self.theirs = None
        if self.wire and not self.tls:
            self.ours, self.theirs = Story(self.wire.ours), Story(self.wire.peer)
        if self.expected.opened:
            self.outcome = self.closed["outcome"]
            if self.outcome is None:
                self.fault(f"the connection did not open: {self.closed['error']}")
                return
            self.their_close()
            wire_reset = self.wire is not None and self.wire.peer.rst is not None
            self.broken = wire_reset or self.outcome["tcp_reset"]
            if self.broken:
                # What the peer destroyed can't be asked of us; what we say of it must be true.
                self.after_reset()
            elif self.expected.handshake:
                self.handshake()
            else:
                self.end_of_tcp()
            self.messages()
            self.their_report()
        else:
            self.no_opening(meeting)
        self.tcp()

    def fault(self, text):
        self.verdict.faults.append(text)

    def trait(self, name):
        self.verdict.traits.append(name)

    def check(self, **fields):
        """Of our CloseOutcome."""
        for name, value in fields.items():
            if self.outcome[name] != value:
                self.fault(f"{name} is {self.outcome[name]!r} and must be {value!r}")

    def their_close(self):
        """Whether the peer sent a Close, what it said, and whether we heard it."""
        heard = self.outcome["rcvd_code"]
        self.code = heard
        if not self.theirs:
            return
        closes = self.theirs.closes
        self.code = closes[0] if closes else None
        if len(closes) > 1:
            self.trait("more than one Close")
        if self.theirs.late:
            self.trait("data behind its Close")
        legal = self.code is None or is_legal(self.code)
        if heard != (self.code if legal else None):
            self.fault(f"the peer's Close said {self.code}, and we heard {heard}")

    def handshake(self):
        """Both Closes were due."""
        expected, outcome = self.expected, self.outcome
        self.check(code=outcome["rcvd_code"] or ABNORMAL)
        illegal = self.code is not None and not is_legal(self.code)
        must_say = expected.our_code or self.code
        if illegal:
            self.trait(f"Close says {self.code}")
            self.check(code=ABNORMAL, failed_with=PROTOCOL_ERROR, clean=False)
            must_say = PROTOCOL_ERROR
        elif self.code is None and self.tls and outcome["failed_with"]:
            self.trait(f"makes us fail with {outcome['failed_with']}")
            self.check(code=ABNORMAL, clean=False, timed_out=False)
            must_say = outcome["failed_with"]
        elif self.code is None:
            self.no_close()
        else:
            if expected.their_code not in (None, self.code):
                self.trait(f"Close says {self.code}")
            self.check(clean=True, initiator=expected.initiator, failed_with=None, timed_out=False)
        if must_say is not None:
            self.our_close(must_say)
        if not expected.unfinished:
            self.check(undelivered=0)
        elif not outcome["undelivered"]:
            self.fault("undelivered is 0, and there was an unfinished message")
        if self.theirs and (self.theirs.cut or (self.theirs.open and not expected.truncated)):
            self.trait("message broken off")
        elif outcome["truncated"] and not expected.truncated:
            if self.theirs:
                self.fault("truncated is True, and the peer's messages are all whole")
            else:
                self.trait("message broken off")
        elif expected.truncated and not outcome["truncated"]:
            self.fault("truncated is False, and the peer's message had begun")

    def after_reset(self):
        """The peer reset the connection."""
        outcome = self.outcome
        self.check(code=outcome["rcvd_code"] or ABNORMAL)
        self.check(clean=None not in (outcome["rcvd_code"], outcome["sent_code"]))
        self.check(failed_with=None, timed_out=False)
        if self.code is None and self.expected.handshake:
            self.trait("no Close")
        if self.ours and len(self.ours.closes) > 1:
            self.fault(f"{len(self.ours.closes)} Closes of ours on the wire: {self.ours.closes}")

    def no_close(self):
        """The peer sent none, although it was due."""
        self.trait("no Close")
        self.check(code=ABNORMAL, clean=False, failed_with=None)
        ended = True
        if self.wire:
            end = self.wire.peer.end(self.tls)
            ended = end is not None and (self.wire.ours.fin is None or end < self.wire.ours.fin)
        if not ended:
            self.trait("goes on as if nothing were")
        self.check(timed_out=not ended)
        if self.expected.initiator == "local":
            self.check(peer_no_echo=ended)

    def our_close(self, code):
        """Exactly one Close of ours, and what it says."""
        sent = self.outcome["sent_code"]
        if self.ours:
            closes = self.ours.closes
            if len(closes) != 1:
                self.fault(f"{len(closes)} Closes of ours on the wire: {closes}")
            elif closes[0] != code:
                self.fault(f"our Close says {closes[0]} and must say {code}")
            if sent != (closes[0] if closes else None):
                self.fault(f"sent_code is {sent}, and on the wire there is {closes}")
        elif sent != code:
            self.fault(f"sent_code is {sent} and must be {code}")

    def end_of_tcp(self):
        """The end of TCP without a Close from either."""
        if self.code is not None:
            self.trait(f"Close says {self.code}")
        else:
            self.check(code=ABNORMAL, clean=False, initiator="transport", rcvd_code=None)
            self.check(sent_code=None)
        if self.ours and self.code is None and self.ours.closes:
            self.fault(f"a Close of ours on the wire: {self.ours.closes}")

    def messages(self):
        """Every accepted message is before the sender's Close, and is received."""
        ours, outcome = self.closed, self.outcome
        handed_over = ours["sent"]
        if self.ours:
            if self.ours.late:
                self.fault("data of ours behind our Close")
            if self.ours.messages != handed_over and not (
                self.broken and self.ours.messages < handed_over
            ):
                self.fault(f"{handed_over} messages accepted, {self.ours.messages} on the wire")
            if self.ours.cut and not self.broken:
                self.fault("a frame of ours was not finished")
        if self.report:
            if self.report["received"] < handed_over or self.report["lost"]:
                self.trait("lost messages of ours")
            elif self.report["received"] > handed_over:
                self.fault(f"{handed_over} messages accepted, {self.report['received']} received")
        got = ours["received"] + outcome["discarded"]
        if ours["lost"]:
            self.fault(f"{ours['lost']} messages are missing in between")
        if outcome["discarded"]:
            self.fault(f"{outcome['discarded']} messages were discarded")
        if self.theirs and got != self.theirs.messages:
            self.fault(f"{self.theirs.messages} messages on the wire, {got} received")
        if self.report and self.report["sent"] > (self.theirs.messages if self.theirs else got):
            self.trait("lost messages of its own")

    def their_report(self):
        """What the peer's library tells its user."""
        expected, report = self.expected, self.report
        if not expected.judged:
            return
        if report is None:
            self.trait("never says that it is over")
            return
        if not expected.handshake:
            if report["code"] not in (None, ABNORMAL):
                self.trait(f"reports {report['code']}")
            if report["clean"]:
                self.trait("reports a clean end")
            return
        right = {self.outcome["sent_code"], None, *expected.reports}
        if expected.initiator == "peer":
            right.add(self.code)
        if report["code"] not in right:
            self.trait(f"reports {report['code']}")
        if report["clean"] is False:
            self.trait("reports an unclean end")
        if report["error"]:
            self.trait("reports an error")

    def no_opening(self, meeting):
        """The opening handshake was not finished: our deadline ended it."""
        if self.closed and not (self.closed["error"] or "").startswith("TimeoutError"):
            self.fault(f"connect() ended with {self.closed['error']} and not by its deadline")
        if self.we_serve:
            following = meeting.next_client["outcome"]
            if not following or following["sent_code"] != NORMAL:
                self.fault(f"the next client was not served: {following}")
        if self.wire and self.wire.ours.fin is None:
            self.fault("no FIN of ours")

    def tcp(self):
        """Who ended TCP, and how."""
        if not self.wire:
            return
        ours, peer = self.wire.ours, self.wire.peer
        late = ours.fin is not None and ours.rst is not None and ours.rst > ours.fin
        if ours.rst is not None and not (late and self.expected.aborted):
            self.fault("a reset (RST) by us")
        if peer.rst is not None and self.expected.judged:
            self.trait("RST")
        if not self.expected.opened or peer.rst is not None:
            return
        if ours.fin is None:
            self.fault("no FIN of ours")
        if ours.fin is None or not self.outcome["clean"]:
            return
        # Over TLS a close_notify says the same as the FIN, and often the FIN waits for ours.
        end = peer.end(self.tls)
        if self.we_serve:
            if end is not None and end < ours.fin:
                self.trait("ends before the server")
        elif end is None or end > ours.fin:
            if self.waited_s() < PATIENCE_S:
                self.fault("FIN of our client before the server's")
            else:
                self.trait("does not end")
        elif self.waited_s() >= PATIENCE_S:
            self.fault("our client did not notice the server's end")

    def waited_s(self):
        """How long our FIN came after the last octets of either side."""
        spoken = [s.at_s for s in self.wire.segments[: self.wire.ours.fin] if s.payload]
        return self.wire.at_s(self.wire.ours.fin) - spoken[-1]


def is_legal(code):
    """Whether a Close may say it (7.4.1, 7.4.2, IANA's registry); 1005: it says nothing."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999 or code == NO_STATUS
