"""The board's own peer at its own signalling server."""

import gc

from .compat import print_exception


class Local:
    """In the place of an Outbox, for the board's own peer.

    When that raises, a message is lost: then it is as if its connection were.
    """

    _ws = None

    def __init__(self, server, peer):
        self._server = server
        self._peer = peer
        self._member = None
        self._failed = False

    def join(self):
        """Be a peer among the others. MemoryError."""
        server = self._server
        self._member = member = server.broker.connect()
        server._outboxes[member.id] = self
        self._failed = False
        self._peer.connected()
        server._deliver()

    def deliver(self):
        """Send what the peer has to say: call it after the peer's calls."""
        try:
            self._speak()
        except MemoryError as error:
            self._fail(error)
        self._server._deliver()

    def put(self, message, lent=None):
        """As Outbox.put()."""
        try:
            if not self._failed:
                self._receive(message)
        except Exception as error:
            self._fail(error)
        finally:
            if lent is not None:
                self._server.pool.give_back(lent)

    def check(self, now, wanted):
        """As a member's Outbox has it: this keeps no buffer."""

    def close(self, code):
        """As Outbox.close(): there is nothing to close."""

    def mend(self):
        """Called by the clock: leave and join again, if need be, until that succeeds."""
        if self._failed:
            try:
                self._server._outboxes.pop(self._member.id, None)
                self._server.broker.disconnect(self._member)
                self._peer.disconnected()
                self.join()
            except Exception as error:
                self._fail(error)

    def _fail(self, error):
        self._failed = True
        if isinstance(error, MemoryError):
            gc.collect()
        else:
            print_exception(error)

    def _receive(self, message):
        parts = message if isinstance(message, tuple) else (message,)
        octets = bytearray()
        for part in parts:
            octets.extend(part.encode() if isinstance(part, str) else part)
        self._peer.receive(octets)
        self._speak()

    def _speak(self):
        for message in self._peer.take():
            if not self._failed:
                text = message if isinstance(message, str) else "".join(message)
                self._server.broker.receive(self._member, bytearray(text.encode()))
