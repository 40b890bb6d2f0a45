"""The relay between peers: who is there, in which roles, and in which sessions.

Follows gst-plugins-rs, net/webrtc/signalling/src/handlers/mod.rs (0.14 and newer), protocol 1.0 and
1.1. Sans-IO: octets in, messages out, in the order in which they are to be sent. What isn't a
message of the protocol is ignored, as there: a peer's mistakes never end its connection.

Better than there: a session ends only by one of its two; a peer is sent messages of 1.1 only if it
chose 1.1; `newPeer` is nothing that a peer can say; everything has a cap.
"""

import json
import os

from .schema import parse

MAX_PEERS = 4  # a stock Pico W has no more TCP connections
MAX_SESSIONS = 8  # among all peers
MAX_META = 1024  # octets of a peer's `meta`, which is kept while the peer is there

# Messages of peers to the server; see schema.parse().
TO_SERVER = {
    "setProtocolVersion": ("version",),
    "setPeerStatus": ("roles", "peerId?"),
    "startSession": ("peerId", "offer?"),
    "endSession": ("sessionId",),
    "endSessionV1_1": ("sessionId", "error?"),
    "peer": ("sessionId", "content"),
    "list": (),
    "listConsumers": (),
    "control": ("peerId", "call"),
    "endControl": ("peerId", "error?"),
}


class Peer:
    """A connected peer: its `id`, the `roles` that it took, and its `meta` as JSON text."""

    roles = ()
    meta = "null"
    named = None  # `id`, from the first status on
    version = 0  # 1: it chose protocol 1.1
    spoken = False  # it has sent a message
    controllable = False  # its meta advertises control

    def __init__(self, peer_id):
        self.id = peer_id


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
        self._links = None

    @property
    def peers(self):
        """The peers that are there."""
        return self._peers.values()

    @property
    def sessions(self):
        """The sessions that there are."""
        return self._sessions.values()

    def connect(self):
        """A peer has come. Returns the Peer. RuntimeError past `max_peers`: the server refuses
        them before that.
        """
        if len(self._peers) >= self.max_peers:
            raise RuntimeError("too many peers")
        peer = Peer(_uuid4(self._random))
        self._outgoing.append((peer, '{"type":"welcome","peerId":"%s"}' % peer.id, None))
        # Last: without memory for one of these, nobody has come.
        self._peers[peer.id] = peer
        return peer

    def disconnect(self, peer):
        """A peer has gone: its counterparts are told, and then the listeners.

        After a MemoryError, call it again.
        """
        self._peers.pop(peer.id, None)
        if self._links:
            self._links.gone(peer)
        self._end_all(peer, True, True)
        peer.roles = ()
        self._announce(peer)

    def take(self):
        """What is to be sent now: a list of (Peer, message, octets).

        `message`: a str; octets; or a tuple of both, which are one message. `octets`: what came
        with receive() and is (a part of) the message, or None.
        """
        outgoing = self._outgoing
        self._outgoing = []
        return outgoing

    def receive(self, peer, octets):
        """A text message came from a peer, a bytearray. Returns whether it is on its way to another
        peer: then take() refers to it, and it must not be changed until it was sent.
        """
        try:
            message = parse(octets, TO_SERVER)
        except ValueError:
            return False
        first = not peer.spoken
        peer.spoken = True
        kind = message.type
        if kind == "peer":
            return self._relay(peer, message)
        if kind == "setPeerStatus":
            self._set_status(peer, message)
        elif kind == "list":
            self._list(peer, "list", "producer")
        elif kind == "listConsumers":
            self._list(peer, "listConsumers", "consumer")
        elif kind == "startSession":
            return self._start(peer, message)
        elif kind == "setProtocolVersion":
            self._set_version(peer, message, first)
        elif kind == "control" or kind == "endControl":
            return self._control(peer, message)
        else:
            return self._end_by(peer, message)
        return False

    def _send(self, peer, message, octets=None):
        if peer.id in self._peers:
            self._outgoing.append((peer, message, octets))
            return octets is not None
        return False

    def _refuse(self, peer, details):
        return self._send(peer, '{"type":"error","details":%s}' % json.dumps(details))

    # Status

    def _set_version(self, peer, message, first):
        if first:
            peer.version = message.version
        else:
            self._refuse(
                peer,
                "Protocol version selection for peer '%s' must be first message" % peer.id,
            )

    def _set_status(self, peer, message):
        roles = message.roles
        named = message.optional("peerId")
        if message.size("meta") > self._max_meta:
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
        peer.controllable = _is_controllable(message)
        if self._links and not peer.controllable:
            self._links.withdrawn(peer)
        self._end_all(
            peer, _drops("producer", peer.roles, roles), _drops("consumer", peer.roles, roles)
        )
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

    def _list(self, peer, kind, role):
        self._send(
            peer,
            '{"type":"%s","%ss":[%s]}'
            % (
                kind,
                role,
                ",".join(
                    '{"id":"%s","meta":%s}' % (other.id, other.meta)
                    for other in self._peers.values()
                    if role in other.roles
                ),
            ),
        )

    def _control(self, peer, message):
        if self._links is None:
            from .control_links import Links  # a server without devices of ours needs none of it

            self._links = Links(self._send)
        return self._links.receive(peer, message, self._peers.get(message.string("peerId")))

    # Sessions

    def _start(self, peer, message):
        other = self._peers.get(message.string("peerId"))
        if other is None:
            # The id's JSON stays as it came.
            unknown = message.text("peerId")[1:-1]
            text = """{"type":"error","details":"Peer with ID '%s' not found"}""" % unknown
            return self._send(peer, text)
        if "producer" in other.roles:
            producer, consumer = other, peer
        elif "consumer" in other.roles:
            producer, consumer = peer, other
        else:
            return self._refuse(
                peer,
                "Missing a producer or a consumer: id %s roles %s, id %s roles %s"
                % (peer.id, _in_rust(peer.roles), other.id, _in_rust(other.roles)),
            )
        if len(self._sessions) >= self._max_sessions:
            return self._refuse(peer, "all %d sessions are in use" % self._max_sessions)
        session = Session(_uuid4(self._random), producer, consumer)
        self._sessions[session.id] = session
        self._send(
            consumer,
            '{"type":"sessionStarted","peerId":"%s","sessionId":"%s"}' % (producer.id, session.id),
        )
        head = '{"type":"startSession","peerId":"%s","sessionId":"%s","offer":' % (
            consumer.id,
            session.id,
        )
        if message.is_null("offer"):
            return self._send(producer, head + "null}")
        start, end = message.span("offer")
        octets = message.octets
        return self._send(producer, (head, memoryview(octets)[start:end], "}"), octets)

    def _relay(self, peer, message):
        # A message may have crossed the end of its session.
        session = self._sessions.get(message.string("sessionId"))
        if session is None:
            return False
        if message.offers and peer is session.consumer:
            return self._refuse(
                peer,
                'cannot forward offer from "%s" to "%s" as "%s" is not the producer'
                % (peer.id, session.producer.id, peer.id),
            )
        other = session.other(peer)
        if other is None:
            return self._refuse_stranger(peer, session)
        return self._send(other, message.octets, message.octets)

    def _end_by(self, peer, message):
        # gstwebrtc-api answers an endSession with another: silence ends that.
        session = self._sessions.get(message.string("sessionId"))
        if session is None:
            return False
        reason = None
        if message.type == "endSessionV1_1" and not message.is_null("error"):
            if not peer.version:
                return self._refuse(
                    peer,
                    "Invalid end session message with error from peer '%s', "
                    "minimum protocol version is 1.1" % peer.id,
                )
            reason = message.octets
        if session.other(peer) is None:
            return self._refuse_stranger(peer, session)
        return self._end(session, peer, reason)

    def _end_all(self, peer, produced, consumed):
        for session in list(self._sessions.values()):
            if (produced and session.producer is peer) or (consumed and session.consumer is peer):
                self._end(session, peer)

    def _end(self, session, peer, reason=None):
        # `reason`: the octets of a message of 1.1 that has one.
        other = session.other(peer)
        text = reason
        if not other.version:
            reason = None
            text = '{"type":"endSession","sessionId":"%s"}' % session.id
        elif text is None:
            text = '{"type":"endSessionV1_1","sessionId":"%s","error":null}' % session.id
        relayed = self._send(other, text, reason)
        del self._sessions[session.id]
        return relayed

    def _refuse_stranger(self, peer, session):
        return self._refuse(peer, "Peer %s is not part of %s" % (peer.id, session.id))


def _drops(role, before, after):
    return role in before and role not in after


def _is_controllable(message):
    # As Control.advert() has it.
    try:
        return message.object("meta", ("control",)).object("control", ("v",)).text("v") == "1"
    except ValueError:
        return False


def _in_rust(roles):
    # As Rust's {:?} writes them: this text is upstream's.
    return "[%s]" % ", ".join(role[0].upper() + role[1:] for role in roles)


def _uuid4(random):
    octets = bytearray(random(16))
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    digits = octets.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
