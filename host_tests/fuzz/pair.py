"""Two Connections back to back, through pipes that cut the streams anywhere.

Portable: runs on MicroPython. As long as TCP lives, both must end clean, and each must have got
what the other was told to send.

A plan: {"kind": "pair", "client": {settings}, "server": {settings}, "steps": [[side, name, ...]]},
side 0 being the client.
"""

from signalbox.ws.close import NO_STATUS
from signalbox.ws.connection import ABORT, DRAIN, KEEP

from .endpoint import ALL, Endpoint
from .wire import BINARY, FIN, TEXT, check


def run(plan):
    """Carry out a plan. Raises a Finding."""
    sides = (Side(True, plan["client"]), Side(False, plan["server"]))
    for side, name, *arguments in plan["steps"]:
        getattr(sides[side], "do_" + name)(sides[1 - side], *arguments)
    end(sides)
    check_side(sides[0], sides[1])
    check_side(sides[1], sides[0])


class Side(Endpoint):
    """One of the two, and its end of both pipes."""

    def __init__(self, client, settings):
        super().__init__(client, settings)
        self.pipe = b""  # on its way to us
        self.taken = 0  # of the other's wire, into the pipe
        self.eof = False
        self.closed_tcp = False
        self.outcome = None
        self.now = 0

    def do_send(self, other, what, n, salt=0, extra=0):
        """Accepted or not: the units tell."""
        self.send(what, n, salt, extra & 1)

    def do_close(self, other, code, reason=""):
        """Done sending."""
        self.connection.close(code, reason)

    def do_finish(self, other):
        """The application is done with its window."""
        self.connection.finish()

    def do_write(self, other, limit):
        """TCP takes up to `limit` octets."""
        if not self.closed_tcp:
            self.write(limit)

    def do_read(self, other, limit, direct=False):
        """TCP delivers up to `limit` octets."""
        self.pipe += bytes(other.wire[self.taken :])
        self.taken = len(other.wire)
        chunk = self.pipe[:limit]
        self.pipe = self.pipe[limit:]
        if not self.closed_tcp:
            self.receive(chunk, direct)

    def do_tick(self, other, ms):
        """Time passes, but never so much that a deadline could be over."""
        self.now += ms
        self.connection.tick(self.now)

    def settle(self, other):
        """One round of a driver that does all that there is to do. Returns whether it ended."""
        self.do_write(other, ALL)
        self.do_read(other, ALL)
        self.do_write(other, ALL)
        if other.closed_tcp and not self.eof:
            self.do_read(other, ALL)
            self.connection.receive_eof()
            self.eof = True
        self.do_tick(other, 0)
        wanted = self.connection.want_close_tcp()
        check(wanted != ABORT, "given up while TCP lives")
        if wanted == DRAIN and self.outcome is None:
            self.closed_tcp = True
            self.outcome = self.connection.tcp_closed()
        return wanted != KEEP


def end(sides):
    """Both are done."""
    for side in sides:
        side.do_write(sides[1 - sides.index(side)], ALL)
    sides[1].connection.close(4000, "the end")
    for _ in range(50):
        sides[0].connection.finish()
        sides[1].connection.finish()
        ended = [side.settle(sides[1 - i]) for i, side in enumerate(sides)]
        if all(ended):
            return
    check(False, "it doesn't end")


def check_side(this, other):
    """Both Closes were exchanged, and what one side accepted the other one got."""
    outcome = this.outcome
    check(outcome.clean, "not clean: %r", outcome)
    check(outcome.rcvd_code == other.outcome.sent_code, "the codes don't agree")
    check(outcome.failed_with is None, "failed with %r", outcome.failed_with)
    check(outcome.undelivered == this.fragmenting, "undelivered: %r", outcome.undelivered)
    check(outcome.truncated == other.fragmenting, "truncated: %r", outcome.truncated)
    initiators = (outcome.initiator, other.outcome.initiator)
    check(initiators in ORDERS, "initiators: %r %r", *initiators)
    got = [event for event in this.events if event[0] in ("text", "binary")]
    check(got == messages(other.units), "messages differ")
    pongs = [event[1] for event in this.events if event[0] == "pong"]
    pings = [unit.payload for unit in this.units if unit.first == 0x89]
    check(len(pongs) <= len(pings), "too many Pongs")
    code = NO_STATUS if outcome.rcvd_code is None else outcome.rcvd_code
    check(outcome.code == code, "code %r", outcome.code)


# Closes that cross: either side may have begun its own or not.
ORDERS = (
    ("local", "peer"),
    ("peer", "local"),
    ("local", "local"),
    ("local", "both"),
    ("both", "local"),
)


def messages(units):
    """What the other side must get of these units."""
    whole = []
    opcode = 0
    payload = b""
    for unit in units:
        if unit.first == 0x89:
            continue
        if unit.first & 0xF:
            opcode = unit.first & 0xF
            payload = b""
        payload += unit.payload
        if unit.source or unit.first & FIN:
            check(opcode in (TEXT, BINARY), "a unit without a beginning")
            text = opcode == TEXT
            whole.append(
                ["text", str(payload, "utf-8")] if text else ["binary", bytearray(payload)]
            )
    return whole
