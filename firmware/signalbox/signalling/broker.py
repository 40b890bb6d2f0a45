"""The relay between peers: who is there, in which roles, and in which sessions.

Follows gst-plugins-rs, net/webrtc/signalling/src/handlers/mod.rs (0.14 and newer), protocol 1.0.
Sans-IO: text in, `(peer, text)` out, in the order in which they are to be sent. What isn't a
message of the protocol is ignored, as there: a peer's mistakes never end its connection.
"""

import json
import os

from ..compat import const
from .strict_json import parse

MAX_PEERS = 4  # a stock Pico W has no more TCP connections
MAX_SESSIONS = 16  # among all peers
MAX_META = 2048  # octets of a peer's `meta`, which is kept while the peer is there

_LONGEST_ROLES = const(256)  # octets of JSON
_LARGEST_U32 = const(0xFFFFFFFF)
_ROLES = ("producer", "listener", "consumer")
_NAMES = (
    "type",
    "roles",
    "meta",
    "peerId",
    "offer",
    "sessionId",
    "sdp",
    "ice",
    "candidate",
    "sdpMLineIndex",
)


class Peer:
    """A connected peer: its `id`, the `roles` that it took, and its `meta` as JSON text."""

    def __init__(self, peer_id):
        self.id = peer_id
        self.roles = []
        self.meta = "null"
        self.named = None  # `id`, from the first status on


class Session:
    """What two peers have with each other; both may be the same."""

    def __init__(self, session_id, producer, consumer):
        self.id = session_id
        self.producer = producer
        self.consumer = consumer

    def other(self, peer):
        """The counterpart of `peer`, or None when it has no part in this session."""
        if peer is self.producer:
            return self.consumer
        if peer is self.consumer:
            return self.producer
        return None


class Broker:
    """Call connect(), receive() and disconnect(), and after each of them take()."""

    def __init__(
        self,
        max_peers=MAX_PEERS,
        max_sessions=MAX_SESSIONS,
        max_meta=MAX_META,
        random=os.urandom,
    ):
        """`random(n)`: n octets that nobody can guess, for the ids."""
        self.max_peers = max_peers
        self._max_sessions = max_sessions
        self._max_meta = max_meta
        self._random = random
        self._peers = {}
        self._sessions = {}
        self._outgoing = []

    def connect(self):
        """A peer has come. Returns the Peer. RuntimeError past `max_peers`: the server refuses
        them before that.
        """
        if len(self._peers) >= self.max_peers:
            raise RuntimeError("too many peers")
        peer = Peer(_uuid4(self._random))
        self._peers[peer.id] = peer
        self._send(peer, '{"type":"welcome","peerId":"%s"}' % peer.id)
        return peer

    def disconnect(self, peer):
        """A peer has gone: its counterparts are told, and then the listeners."""
        del self._peers[peer.id]
        for session in list(self._sessions.values()):
            if session.other(peer):
                self._end(session, peer)
        peer.roles = []
        self._announce(peer)

    def take(self):
        """What is to be sent now: a list of (Peer, text)."""
        outgoing = self._outgoing
        self._outgoing = []
        return outgoing

    def receive(self, peer, text):
        """A text message came from a peer."""
        try:
            message = parse(text, _NAMES)
            kind = message.string("type")
            if kind == "peer":
                self._relay(peer, message, text)
            elif kind == "setPeerStatus":
                self._set_status(peer, message)
            elif kind == "list":
                self._list(peer)
            elif kind == "startSession":
                self._start(peer, message)
            elif kind == "endSession":
                self._end_by(peer, message)
        except ValueError:
            pass

    def _send(self, peer, text):
        if peer.id in self._peers:
            self._outgoing.append((peer, text))

    def _refuse(self, peer, details):
        self._send(peer, '{"type":"error","details":%s}' % json.dumps(details))

    def _refuse_unknown(self, peer, peer_id):
        # `peer_id` is JSON text, and stays as it came.
        self._send(
            peer, """{"type":"error","details":"Peer with ID '%s' not found"}""" % peer_id[1:-1]
        )

    # Status

    def _set_status(self, peer, message):
        roles = _roles(message)
        named = message.optional("peerId")
        meta_size = message.size("meta")
        if meta_size > self._max_meta:
            self._refuse(peer, "meta of more than %d octets" % self._max_meta)
            return
        meta = message.text("meta")
        if roles == peer.roles and meta == peer.meta and named == peer.named:
            return
        if "producer" in roles and "consumer" in roles:
            self._refuse(
                peer, "Cannot register peer %s as both producer and passive consumer" % peer.id
            )
            return
        for session in list(self._sessions.values()):
            if (session.producer is peer and _drops("producer", peer.roles, roles)) or (
                session.consumer is peer and _drops("consumer", peer.roles, roles)
            ):
                self._end(session, peer)
        peer.roles = roles
        peer.meta = meta
        peer.named = peer.id
        self._announce(peer)

    def _announce(self, peer):
        # The peer itself is told, too: gstwebrtc-api waits for that.
        text = '{"type":"peerStatusChanged","roles":%s,"meta":%s,"peerId":"%s"}' % (
            json.dumps(peer.roles),
            peer.meta,
            peer.id,
        )
        for listener in self._peers.values():
            if "listener" in listener.roles:
                self._send(listener, text)

    def _list(self, peer):
        producers = ",".join(
            '{"id":"%s","meta":%s}' % (other.id, other.meta)
            for other in self._peers.values()
            if "producer" in other.roles
        )
        self._send(peer, '{"type":"list","producers":[%s]}' % producers)

    # Sessions

    def _start(self, peer, message):
        other = self._peers.get(message.string("peerId"))
        offer = message.text("offer")
        if offer != "null":
            message.check_string("offer")
        if other is None:
            self._refuse_unknown(peer, message.text("peerId"))
            return
        if "producer" in other.roles:
            producer, consumer = other, peer
        elif "consumer" in other.roles:
            producer, consumer = peer, other
        else:
            self._refuse(
                peer,
                "Missing a producer or a consumer: id %s roles %s, id %s roles %s"
                % (peer.id, _in_rust(peer.roles), other.id, _in_rust(other.roles)),
            )
            return
        if len(self._sessions) >= self._max_sessions:
            self._refuse(peer, "all %d sessions are in use" % self._max_sessions)
            return
        session = Session(_uuid4(self._random), producer, consumer)
        self._sessions[session.id] = session
        self._send(
            consumer,
            '{"type":"sessionStarted","peerId":"%s","sessionId":"%s"}' % (producer.id, session.id),
        )
        self._send(
            producer,
            '{"type":"startSession","peerId":"%s","sessionId":"%s","offer":%s}'
            % (consumer.id, session.id, offer),
        )

    def _relay(self, peer, message, text):
        session_id = message.string("sessionId")
        offers = _check_content(message)
        # A message may have crossed the end of its session.
        session = self._sessions.get(session_id)
        if session is None:
            return
        if offers and peer is session.consumer:
            self._refuse(
                peer,
                'cannot forward offer from "%s" to "%s" as "%s" is not the producer'
                % (peer.id, session.producer.id, peer.id),
            )
            return
        other = session.other(peer)
        if other is None:
            self._refuse_stranger(peer, session)
            return
        self._send(other, text)

    def _end_by(self, peer, message):
        session = self._sessions.get(message.string("sessionId"))
        # gstwebrtc-api answers an endSession with another: silence ends that.
        if session is None:
            return
        if session.other(peer) is None:
            self._refuse_stranger(peer, session)
            return
        self._end(session, peer)

    def _end(self, session, peer):
        del self._sessions[session.id]
        self._send(session.other(peer), '{"type":"endSession","sessionId":"%s"}' % session.id)

    def _refuse_stranger(self, peer, session):
        self._refuse(peer, "Peer %s is not part of %s" % (peer.id, session.id))


def _roles(message):
    if message.size("roles") > _LONGEST_ROLES:
        raise ValueError("too many roles")
    roles = json.loads(message.text("roles"))
    if not isinstance(roles, list):
        raise ValueError("no roles")
    for role in roles:
        if role not in _ROLES:
            raise ValueError("unknown role")
    return roles


def _drops(role, before, after):
    return role in before and role not in after


def _check_content(message):
    # ValueError unless there is either a description or a candidate. Returns whether it's an offer.
    if message.has("sdp") == message.has("ice"):
        raise ValueError("one of sdp and ice")
    if message.has("ice"):
        ice = message.object("ice")
        ice.check_string("candidate")
        index = ice.text("sdpMLineIndex")
        if not index.isdigit() or int(index) > _LARGEST_U32:
            raise ValueError("no sdpMLineIndex")
        return False
    sdp = message.object("sdp")
    sdp.check_string("sdp")
    kind = sdp.string("type")
    if kind != "offer" and kind != "answer":
        raise ValueError("neither offer nor answer")
    return kind == "offer"


def _in_rust(roles):
    # As Rust's {:?} writes them: this text is upstream's.
    return "[%s]" % ", ".join(role[0].upper() + role[1:] for role in roles)


def _uuid4(random):
    octets = bytearray(random(16))
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    digits = octets.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
