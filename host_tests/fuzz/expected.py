"""What may stand on a connection's wire: everything accepted, once, in order, and what answers.

Portable: runs on MicroPython, too.
"""

from .wire import CLOSE, FIN, KEEPALIVE, PING, PONG, check


class Expected:
    """What may stand on our wire, in order."""

    def __init__(self, session):
        self._session = session
        self._units = list(session.units)
        self._units.reverse()
        self._pings = list(session.pings)
        self._keepalive = session.keepalive_pings
        self._source_at = 0
        self._last_pong = None
        self.closed = False

    def everything(self):
        """Whether nothing is missing of what was accepted and can be written."""
        return not self._units or self._units[-1].failed

    def last_answered(self):
        """Whether the last Ping was answered, with or without those before it (5.5.3)."""
        return self._answered_from(len(self._session.pings))

    def _answered_from(self, n):
        # Whether the last Pong answers the n-th Ping or a later one. Pings may be alike.
        return n == 0 or self._last_pong in self._session.pings[n - 1 :]

    def take(self, each, whole):
        """`each` is the next frame; `whole`: all of it is there."""
        payload = each.payload
        if each.opcode == PONG:
            while self._pings and not _same(self._pings[0], payload, whole):
                self._pings.pop(0)
            check(self._pings, "a Pong that answers nothing, or late, or twice")
            self._pings.pop(0)
            self._last_pong = payload
        elif each.opcode == CLOSE:
            check(not self.closed, "a second Close")
            check(self._session.close is not None, "a Close that nobody wanted")
            check(_same(self._session.close, payload, whole), "Close says %r", payload)
            due = self._answered_from(self._session.pings_before_close)
            check(due or self._session.failed_with is not None, "Close before a Pong")
            self.closed = True
        else:
            check(not self.closed, "a frame behind our Close")
            unit = self._units[-1] if self._units else None
            if unit is not None and _fits(unit, each, whole, self._source_at):
                self._next(unit, each, whole)
            else:
                good = each.opcode == PING and _same(KEEPALIVE, payload, whole)
                check(
                    good and self._keepalive, "a frame that nobody sent, or torn: %02x", each.first
                )
                self._keepalive -= 1

    def _next(self, unit, each, whole):
        if unit.source:
            self._source_at += len(each.payload)
            if not each.first & FIN or not whole:
                return
            check(unit.good and self._source_at == len(unit.payload), "a source cut short")
            self._source_at = 0
        self._units.pop()


def _fits(unit, each, whole, at):
    if not unit.source:
        return each.first == unit.first and _same(unit.payload, each.payload, whole)
    opcode = unit.first if at == 0 and each.opcode else 0
    end = at + len(each.payload)
    return each.first & 0x7F == opcode and unit.payload[at:end] == each.payload


def _same(wanted, found, whole):
    return wanted == found if whole else wanted[: len(found)] == found
