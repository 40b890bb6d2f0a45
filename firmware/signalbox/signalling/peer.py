"""The client's side of signalling: registers, and keeps account of sessions and producers.

Sans-IO: octets in, messages out. Speaks protocol 1.0, which every server since 0.13 understands;
what a server of 1.1 may send is understood, too. After gst-plugins-rs, net/webrtc/src/signaller/.
"""

import json

from ..compat import const
from .schema import parse
from .strict_json import unescape

# Messages of the server to peers; see schema.parse().
TO_PEER = {
    "welcome": ("peerId",),
    "peerStatusChanged": ("roles", "peerId"),
    "startSession": ("peerId", "sessionId", "offer?"),
    "sessionStarted": ("peerId", "sessionId"),
    "endSession": ("sessionId",),
    "endSessionV1_1": ("sessionId", "error?"),
    "peer": ("sessionId", "content"),
    "list": ("producers",),
    "listConsumers": ("consumers",),
    "error": ("details",),
}

PRODUCER = "producer"
CONSUMER = "consumer"
LISTENER = "listener"

MAX_SESSIONS = 4
MAX_PRODUCERS = 16  # that a listener is told of
MAX_EARLY = 4096  # octets of ICE candidates that came before their description

_PIECE = const(512)  # characters that are escaped at a time


class Session:
    """`id`, `peer_id` of the other peer, and which of the two `role`s is ours."""

    def __init__(self, session_id, peer_id, role):
        self.id = session_id
        self.peer_id = peer_id
        self.role = role
        self.described = False  # the other peer's description has come
        self.early = []  # candidates that came before it


class Delegate:
    """What a SignallingPeer tells. Derive from it, and define what you want to know.

    An `sdp` is a memoryview of UTF-8 that is valid until the call returns: str(sdp, "utf-8") is a
    copy to keep. Don't raise from these.
    """

    def registered(self, peer_id):
        """The server has welcomed us, and is being told our roles."""

    def session_started(self, session, offer):
        """`offer`: an sdp, or None. Return False to refuse: nothing more is told of it then."""
        return False

    def sdp(self, session, kind, sdp):
        """The other peer's description. `kind`: "offer" or "answer"."""

    def ice(self, session, candidate, line_index):
        """The other peer's next candidate (str), never before its description."""

    def session_ended(self, session, error):
        """Once for each session that was not refused. `error`: None, or why."""

    def producers_changed(self, producers):
        """A listener's view: {peer id: meta as JSON text}. Not to be changed, nor kept."""

    def error(self, details):
        """The server's error message."""


class SignallingPeer:
    """A peer with `roles` and `meta`, through any number of connections to a server.

    Call connected(), receive() for every text message, disconnected(); and after each of these,
    and of the calls further down, take().
    """

    def __init__(self, delegate, roles=(), meta=None, max_sessions=MAX_SESSIONS):
        """`meta`: what json.dumps() takes. ValueError for what upstream's server would refuse."""
        if PRODUCER in roles and CONSUMER in roles:
            raise ValueError("a peer is producer or passive consumer, not both")
        self.id = None  # None while there is no connection
        self.sessions = {}  # by their id
        self.producers = {}
        self._delegate = delegate
        self._roles = roles
        self._meta = meta
        self._max_sessions = max_sessions
        self._outgoing = []

    def take(self):
        """What is to be sent now: a list of str, or iterables of str that are one message each."""
        outgoing = self._outgoing
        self._outgoing = []
        return outgoing

    def connected(self):
        """There is a connection. The server speaks first."""
        self._outgoing = []

    def disconnected(self):
        """The connection has ended: with it, every session."""
        self.id = None
        self._outgoing = []
        for session in list(self.sessions.values()):
            self._ended(session, "the connection to the server has ended")
        if self.producers:
            self.producers = {}
            self._delegate.producers_changed(self.producers)

    # To the server

    def set_status(self, roles, meta):
        """Change roles and meta: now, and for every connection to come."""
        self._roles = roles
        self._meta = meta
        if self.id is not None:
            self._register()

    def start_session(self, peer_id, offer=None):
        """Ask for a session with a producer, or with a passive consumer. RuntimeError while not
        registered."""
        if self.id is None:
            raise RuntimeError("not registered with a server")
        head = '{"type":"startSession","peerId":%s,"offer":' % json.dumps(peer_id)
        if offer is None:
            self._outgoing.append(head + "null}")
        else:
            self._outgoing.append(_WithText(head, offer, "}"))

    def send_sdp(self, session, kind, sdp):
        """`kind`: "offer" or "answer". `sdp`: str. Dropped when the session has ended."""
        if session.id in self.sessions:
            head = '{"type":"peer","sessionId":"%s","sdp":{"type":"%s","sdp":' % (session.id, kind)
            self._outgoing.append(_WithText(head, sdp, "}}"))

    def send_ice(self, session, candidate, line_index):
        """The next candidate (str) of ours. Dropped when the session has ended."""
        if session.id in self.sessions:
            self._outgoing.append(
                '{"type":"peer","sessionId":"%s","ice":{"candidate":%s,"sdpMLineIndex":%d}}'
                % (session.id, json.dumps(candidate), line_index)
            )

    def end_session(self, session):
        """End it. The delegate is told as if the other peer had."""
        if session.id in self.sessions:
            self._end(session.id)
            self._ended(session, None)

    def _register(self):
        self._outgoing.append(
            '{"type":"setPeerStatus","roles":%s,"meta":%s,"peerId":"%s"}'
            % (json.dumps(self._roles), json.dumps(self._meta), self.id)
        )

    def _end(self, session_id):
        self._outgoing.append('{"type":"endSession","sessionId":"%s"}' % session_id)

    # From the server

    def receive(self, octets):
        """A text message came in, a bytearray, which is changed. What isn't one of the protocol's
        is ignored.
        """
        try:
            message = parse(octets, TO_PEER)
        except ValueError:
            return
        kind = message.type
        if kind == "peer":
            self._peer(message)
        elif kind == "welcome":
            self._welcome(message)
        elif kind == "startSession":
            self._start(message, PRODUCER)
        elif kind == "sessionStarted":
            self._start(message, CONSUMER)
        elif kind == "endSession" or kind == "endSessionV1_1":
            session = self.sessions.get(message.string("sessionId"))
            if session:
                self._ended(session, message.optional("error"))
        elif kind == "peerStatusChanged":
            self._status(message)
        elif kind == "list":
            self._list(message)
        elif kind == "error":
            self._delegate.error(message.string("details"))

    def _welcome(self, message):
        self.id = message.string("peerId")
        self._register()
        if LISTENER in self._roles:
            self._outgoing.append('{"type":"list"}')
        self._delegate.registered(self.id)

    def _start(self, message, role):
        session = Session(message.string("sessionId"), message.string("peerId"), role)
        if session.id in self.sessions:
            return
        offer = None if message.is_null("offer") else _text(message, "offer")
        session.described = offer is not None
        full = len(self.sessions) >= self._max_sessions
        self.sessions[session.id] = session
        if full or self._delegate.session_started(session, offer) is False:
            self.sessions.pop(session.id, None)
            self._end(session.id)

    def _ended(self, session, error):
        del self.sessions[session.id]
        self._delegate.session_ended(session, error)

    def _peer(self, message):
        # It may have crossed the end of its session.
        session = self.sessions.get(message.string("sessionId"))
        if session is None:
            return
        content = message.content
        if not message.has("ice"):
            session.described = True
            kind = "offer" if message.offers else "answer"
            self._delegate.sdp(session, kind, _text(content, "sdp"))
            early = session.early
            session.early = []
            while early and session.id in self.sessions:
                self._delegate.ice(session, *early.pop(0))
            return
        start, end = content.span("candidate")
        line_index = int(content.text("sdpMLineIndex"))
        candidate = str(_text(content, "candidate"), "utf-8")
        if session.described:
            self._delegate.ice(session, candidate, line_index)
        elif sum([len(c) for c, _ in session.early]) + end - start > MAX_EARLY:
            self._end(session.id)
            self._ended(session, "too many candidates came before a description")
        else:
            session.early.append((candidate, line_index))

    def _status(self, message):
        peer_id = message.string("peerId")
        if PRODUCER in message.roles:
            self._add(peer_id, message.text("meta"))
        elif peer_id in self.producers:
            del self.producers[peer_id]
        else:
            return
        self._delegate.producers_changed(self.producers)

    def _list(self, message):
        self.producers = {}
        for peer_id, meta in message.peers:
            self._add(peer_id, meta)
        self._delegate.producers_changed(self.producers)

    def _add(self, peer_id, meta):
        if peer_id in self.producers or len(self.producers) < MAX_PRODUCERS:
            self.producers[peer_id] = meta


def _text(members, name):
    # The text of a string, decoded where it is.
    start, end = members.span(name)
    octets = members.octets
    end = unescape(octets, start, end)
    return memoryview(octets)[start + 1 : end]


class _WithText:
    """A message with a long text in it, which is escaped piece by piece when it is sent."""

    def __init__(self, head, text, tail):
        self._head = head
        self._text = text
        self._tail = tail

    def __len__(self):
        return len(self._head) + len(self._text) + len(self._tail)

    def __iter__(self):
        yield self._head + '"'
        for at in range(0, len(self._text), _PIECE):
            yield json.dumps(self._text[at : at + _PIECE])[1:-1]
        yield '"' + self._tail
