"""A delegate of a SignallingPeer that keeps what it is told."""

from signalbox.signalling.peer import Delegate

LOST = "connection lost"


class Recorder(Delegate):
    """Keeps what it is told in `told`. `then`: {name: function to call then}."""

    def __init__(self):
        self.told = []
        self.then = {}
        self.reply = None  # to control requests
        self.refuse = False

    def _tell(self, name, *what):
        self.told.append((name,) + what)
        then = self.then.get(name)
        if then:
            then(*what)

    def registered(self, peer_id):
        self._tell("registered", peer_id)

    def session_started(self, session, offer):
        offer = None if offer is None else str(offer, "utf-8")
        self._tell("started", session.id, session.peer_id, session.role, offer)
        return not self.refuse

    def sdp(self, session, kind, sdp):
        self._tell("sdp", session.id, kind, str(sdp, "utf-8"))

    def ice(self, session, candidate, line_index):
        self._tell("ice", session.id, candidate, line_index)

    def session_ended(self, session, error):
        self._tell("ended", session.id, error)

    def producers_changed(self, producers):
        self._tell("producers", dict(producers))

    def control(self, peer_id, octets):
        self._tell("control", peer_id, bytes(octets).decode())
        return self.reply

    def control_ended(self, peer_id):
        if peer_id is not None or self.reply:  # every connection's end is one of all control
            self._tell("control ended", peer_id)

    def error(self, details):
        self._tell("error", details)
