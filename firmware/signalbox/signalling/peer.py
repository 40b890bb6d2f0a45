"""The client's side of signalling: registers, and keeps account of sessions and producers.

Sans-IO: octets in, messages out. Speaks protocol 1.0, which every server since 0.13 understands;
what a server of 1.1 may send is understood, too. After gst-plugins-rs, net/webrtc/src/signaller/.
"""

import json

from ..compat import const
from ..ws.utf8 import is_ascii, validate
from . import strict_json
from .schema import ROLES, parse
from .strict_json import Members

# Messages of the server to peers; see schema.parse().
TO_PEER = {
    "welcome": ("peerId",),
    "peerStatusChanged": ("roles", "peerId"),
    "startSession": ("peerId", "sessionId", "offer?"),
    "sessionStarted": ("peerId", "sessionId"),
    "endSession": ("sessionId",),
    "endSessionV1_1": ("sessionId", "error?"),
    "peer": ("sessionId", "content"),
    "list": (),
    "error": ("details",),
    "control": ("peerId", "call"),
    "endControl": ("peerId", "error?"),
}

PRODUCER = "producer"
CONSUMER = "consumer"
LISTENER = "listener"

MAX_SESSIONS = 4
MAX_PRODUCERS = 16  # that a listener is told of
MAX_META = 1024  # octets of a producer's meta; of a larger one a listener is told null
MAX_EARLY = 4096  # octets of ICE candidates that came before their description

_CANDIDATE = const(64)  # octets that a candidate takes beside its text
_MOST_ASKED = const(16)
_LISTED = ("id", "meta")  # of each producer in a list
_PIECE = const(512)  # characters that are escaped at a time
_LARGEST_U32 = const(0xFFFFFFFF)


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

    def control(self, peer_id, octets):
        """A peer sends a control request, a bytearray: see device.request. Returns the reply, JSON
        text, or None. Only Signalbox's own server sends these, and only if `meta` has a `control`.
        """

    def control_ended(self, peer_id):
        """A peer that has sent control requests is gone. None: the connection is, so all are."""

    def error(self, details):
        """The server's error message."""


class SignallingPeer:
    """A peer with `roles` and `meta`, through any number of connections to a server.

    Call connected(), receive() for every text message, disconnected(); and after each of these,
    and of the calls further down, take().
    """

    def __init__(self, delegate, roles=(), meta=None, max_sessions=MAX_SESSIONS):
        """`meta`: what json.dumps() takes. ValueError for what upstream's server would refuse."""
        self.id = None  # None while there is no connection
        self.sessions = {}  # by their id
        self.producers = {}
        self._delegate = delegate
        self._set(roles, meta)
        self._max_sessions = max_sessions
        self._asked = []  # the peers that sessions were asked of
        self._outgoing = []

    def take(self):
        """What is to be sent now: a list of str, or iterables of str that are one message each."""
        outgoing = self._outgoing
        self._outgoing = []
        return outgoing

    def disconnected(self):
        """The connection has ended: with it, every session. After a MemoryError, call it again."""
        self.id = None
        self._asked = []
        self._outgoing = []
        self._delegate.control_ended(None)
        while self.sessions:
            session = next(iter(self.sessions.values()))
            self._ended(session, "connection lost")
        if self.producers:
            self.producers = {}
            self._delegate.producers_changed(self.producers)

    # There is a connection. The server speaks first, and the end of the one before may still have
    # something to tell.
    connected = disconnected

    # To the server

    def set_status(self, roles, meta):
        """Change roles and meta: now, and for every connection to come. ValueError.

        The sessions in a role that is given up end: the server wouldn't tell us.
        """
        before = self._roles
        self._set(roles, meta)
        if self.id is None:
            return
        for session in list(self.sessions.values()):
            if session.role in before and session.role not in self._roles:
                self.end_session(session)
        self._register(LISTENER not in before)
        if LISTENER not in self._roles and self.producers:
            self.producers = {}
            self._delegate.producers_changed(self.producers)

    def start_session(self, peer_id, offer=None):
        """Ask for a session with a producer, or with a passive consumer. RuntimeError while not
        registered. ValueError for text that can't be sent.
        """
        if self.id is None:
            raise RuntimeError("not registered")
        _check(peer_id)
        if offer is not None:
            _check(offer)
        if len(self._asked) >= _MOST_ASKED:
            self._asked.pop(0)  # there was no answer to it, or an error, which doesn't say to what
        self._asked.append(peer_id)
        head = '{"type":"startSession","peerId":%s,"offer":' % json.dumps(peer_id)
        if offer is None:
            self._outgoing.append(head + "null}")
        else:
            self._outgoing.append(_WithText(head, offer, "}"))

    def send_sdp(self, session, kind, sdp):
        """`kind`: "offer" or "answer". `sdp`: str. Dropped when the session has ended.

        ValueError for what can't be sent.
        """
        if kind != "offer" and kind != "answer":
            raise ValueError("kind: %r" % kind)
        _check(sdp)
        if self.sessions.get(session.id) is session:
            head = '{"type":"peer","sessionId":"%s","sdp":{"type":"%s","sdp":' % (session.id, kind)
            self._outgoing.append(_WithText(head, sdp, "}}"))

    def send_ice(self, session, candidate, line_index):
        """The next candidate (str) of ours. Dropped when the session has ended.

        ValueError for what can't be sent.
        """
        _check(candidate)
        if not 0 <= line_index <= _LARGEST_U32:
            raise ValueError("line_index: %r" % line_index)
        if self.sessions.get(session.id) is session:
            self._outgoing.append(
                '{"type":"peer","sessionId":"%s","ice":{"candidate":%s,"sdpMLineIndex":%d}}'
                % (session.id, json.dumps(candidate), line_index)
            )

    def end_session(self, session):
        """End it. The delegate is told as if the other peer had."""
        if self.sessions.get(session.id) is session:
            self._end(session.id)
            self._ended(session, None)

    def end_control(self, peer_id, error):
        """Tell a peer that has sent control requests why (str) it controls us no more."""
        if self.id is not None:
            self._outgoing.append(
                '{"type":"endControl","peerId":"%s","error":%s}' % (peer_id, json.dumps(error))
            )

    def _set(self, roles, meta):
        for role in roles:
            if role not in ROLES:
                raise ValueError("no role: %r" % role)
        if PRODUCER in roles and CONSUMER in roles:
            raise ValueError("producer and consumer")
        text = json.dumps(meta)
        _check(text)
        strict_json.parse(bytearray(('{"meta":%s}' % text).encode()), ())
        self._roles = tuple(roles)
        self._meta = text

    def _register(self, ask):
        self._outgoing.append(
            '{"type":"setPeerStatus","roles":%s,"meta":%s,"peerId":"%s"}'
            % (json.dumps(self._roles), self._meta, self.id)
        )
        if ask and LISTENER in self._roles:
            self._outgoing.append('{"type":"list"}')

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
        # An id of ours goes back as it is, so there must be nothing in it that JSON escapes.
        if "\\" in message.text("peerId") + message.text("sessionId"):
            return
        if self.id is None:
            # The server speaks first, and that is how it begins.
            if kind == "welcome":
                self._welcome(message)
        elif kind == "peer":
            self._peer(message)
        elif kind == "startSession":
            self._start(message, PRODUCER)
        elif kind == "sessionStarted":
            self._start(message, CONSUMER)
        elif kind == "endSession" or kind == "endSessionV1_1":
            session = self.sessions.get(message.string("sessionId"))
            if session:
                error = None if message.is_null("error") else _string(message, "error")
                self._ended(session, error)
        elif kind == "peerStatusChanged":
            self._status(message)
        elif kind == "list":
            self._list(message)
        elif kind == "control":
            self._control(message)
        elif kind == "endControl":
            self._delegate.control_ended(message.string("peerId"))
        elif kind == "error":
            self._delegate.error(_string(message, "details"))

    def _welcome(self, message):
        self.id = message.string("peerId")
        self._register(True)
        self._delegate.registered(self.id)

    def _start(self, message, role):
        session = Session(message.string("sessionId"), message.string("peerId"), role)
        if session.id in self.sessions:
            return
        # It may have crossed a change of our roles, with which the server has ended it.
        wanted = role in self._roles or session.peer_id in self._asked
        if session.peer_id in self._asked:
            self._asked.remove(session.peer_id)
        offer = None if message.is_null("offer") else _text(message, "offer")
        session.described = offer is not None
        if not wanted or len(self.sessions) >= self._max_sessions:
            self._end(session.id)
            return
        self.sessions[session.id] = session
        if self._delegate.session_started(session, offer) is False and self.sessions.pop(
            session.id, None
        ):
            self._end(session.id)

    def _ended(self, session, error):
        if self.sessions.pop(session.id, None):
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
        candidate = _string(content, "candidate")
        if session.described:
            self._delegate.ice(session, candidate, line_index)
        elif sum([len(c) + _CANDIDATE for c, _ in session.early]) + end - start > MAX_EARLY:
            self._end(session.id)
            self._ended(session, "too many candidates")
        else:
            session.early.append((candidate, line_index))

    def _control(self, message):
        peer_id = message.string("peerId")
        number = message.text("id")
        # A reply would be to a request of ours: we send none.
        reply = message.has("request") and self._delegate.control(peer_id, message.octets)
        if reply:
            self._outgoing.append(
                '{"type":"control","peerId":"%s","id":%s,"reply":%s}' % (peer_id, number, reply)
            )

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
        before = self.producers
        self.producers = {}
        try:
            for start in message.items("producers"):
                peer = Members(message.octets, _LISTED, start)
                self._add(peer.string("id"), peer.text("meta"))
        except ValueError:
            self.producers = before
            return
        self._delegate.producers_changed(self.producers)

    def _add(self, peer_id, meta):
        if peer_id in self.producers or len(self.producers) < MAX_PRODUCERS:
            self.producers[peer_id] = meta if len(meta) <= MAX_META else "null"


def _check(text):
    # MicroPython's str may have lone surrogates in it, which no server would take.
    if not isinstance(text, str):
        raise TypeError("str is needed")
    if not is_ascii(text, len(text)):
        for at in range(0, len(text), _PIECE):
            piece = text[at : at + _PIECE].encode()
            if validate(piece, 0, len(piece), 0):
                raise ValueError("lone surrogate")


def _string(members, name):
    return str(_text(members, name), "utf-8")


def _text(members, name):
    # The text of a string, decoded where it is.
    start, end = members.span(name)
    octets = members.octets
    end = strict_json.unescape(octets, start, end)
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
