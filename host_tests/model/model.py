"""What a signalling server does, written down a second time, as plainly as can be.

After net/webrtc/protocol/src/lib.rs and net/webrtc/signalling/src/handlers/mod.rs of
gst-plugins-rs (main, protocol 1.1), and not after firmware/. DIFFERENCES are the points in which
Signalbox's broker means to differ from those; in them, the model does as Signalbox should.
"""

import json
import re

DIFFERENCES = {
    "stranger": "An endSession by a third party changes nothing; there it deletes the session, and "
    "neither of its two is told.",
    "refused end": "An endSessionV1_1 with an error by a peer on 1.0 is refused and changes "
    "nothing; there it is refused, too, but the session is deleted, and nobody is told.",
    "newPeer": "A client's newPeer is no message; there it is welcomed again and loses its status.",
    "sessions": "Past a number of sessions, a startSession is refused with an error.",
    "meta": "A setPeerStatus with a large meta is refused with an error.",
    "verbatim": "What is relayed stays as it came; there members that the protocol doesn't know "
    "are removed.",
    "same text": "A status is the same as the last one if its meta is so to the letter; there "
    "the order of members and the way in which numbers are written don't count.",
    "once": "A member of the protocol's that comes twice makes the message none; there that counts "
    "only in messages that have such a member.",
    "one of two": "A peer message with both sdp and ice is none; there the first one counts.",
    "no arrays": "A message is an object; there it may be an array of its type and members, and a "
    'role may be {"producer":null}.',
    "control": "Requests to a device that advertises control, its replies, and the end of both: "
    "there nobody knows of any of that.",
    "limits": "No number of more than 64 octets or with an exponent of three digits, no id of more "
    "than 128 octets, no more than 128 octets of roles, no nesting past 32.",
}

ROLES = ("producer", "listener", "consumer")
NAMES = {
    "type",
    "version",
    "roles",
    "meta",
    "peerId",
    "offer",
    "sessionId",
    "error",
    "sdp",
    "ice",
    "producers",
    "consumers",
    "details",
    "id",
    "request",
    "reply",
}
CONTENT_NAMES = {"type", "sdp", "candidate", "sdpMLineIndex"}

_SPACE = re.compile(r"[ \t\r\n]*")


class NoMessageError(Exception):
    """The server drops it without a word."""


class RefusedError(Exception):
    """The server answers with an error message."""


class Object(dict):
    """A JSON object: {name: value}. `texts`: {name: the value as it was written}. `octets`: how
    many it has.
    """


def read(text):
    """The Object that a text is. NoMessageError when it is none."""
    try:
        text.encode()
        return _read(text)
    except (ValueError, RecursionError, IndexError) as error:
        raise NoMessageError(str(error)) from None


def _number(literal):
    digits = literal.lower().partition("e")[2].lstrip("+-")
    if len(literal) > 64 or len(digits) > 2:
        raise NoMessageError("limits")
    return float(literal) if "." in literal or "e" in literal.lower() else int(literal)


def _constant(literal):
    raise NoMessageError(literal)


_decoder = json.JSONDecoder(
    parse_float=_number, parse_int=_number, parse_constant=_constant, object_pairs_hook=list
)


def _read(text):
    found = Object()
    found.texts = {}
    found.octets = len(text.encode())
    at = _SPACE.match(text).end()
    if text[at] != "{":
        raise NoMessageError("no arrays")
    at = _SPACE.match(text, at + 1).end()
    while text[at] != "}":
        if found.texts or text[at] == ",":
            if not found.texts or text[at] != ",":
                raise NoMessageError("no comma")
            at = _SPACE.match(text, at + 1).end()
        if text[at] != '"':
            raise NoMessageError("no name")
        name, at = _decoder.raw_decode(text, at)
        at = _SPACE.match(text, at).end()
        if text[at] != ":":
            raise NoMessageError("no colon")
        start = _SPACE.match(text, at + 1).end()
        pairs, at = _decoder.raw_decode(text, start)
        _check_text(name)
        _check_text(pairs)
        if name in NAMES and name in found.texts:
            raise NoMessageError("once")
        found[name] = json.loads(text[start:at])
        if name in ("sdp", "ice") and text[start] == "{":
            names = [key for key, _ in pairs if key in CONTENT_NAMES]
            if len(names) != len(set(names)):
                raise NoMessageError("once")
        found.texts[name] = text[start:at]
        at = _SPACE.match(text, at).end()
    if _SPACE.match(text, at + 1).end() != len(text):
        raise NoMessageError("more than an object")
    return found


def _check_text(value):
    # No lone surrogates, anywhere.
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_text(item)


class Peer:
    """As handlers/mod.rs has it."""

    def __init__(self):
        self.roles = []
        self.meta = "null"
        self.peer_id = None
        self.version = "v1_0"
        self.received_first_message = False
        # Signalbox's own:
        self.takes_control = False
        self.asked = {}  # the device's id: the ids of requests without a reply


class Model:
    """The server. Each call returns what is sent: a list of (peer's id, message as a dict)."""

    def __init__(self, new_id, max_sessions, max_meta, max_links=16):
        """`new_id()`: the next id."""
        self.new_id = new_id
        self.max_links = max_links
        self.max_sessions = max_sessions
        self.max_meta = max_meta
        self.peers = {}
        self.sessions = {}  # id: (producer, consumer)
        self.items = []

    def join(self):
        peer_id = self.new_id()
        self.peers[peer_id] = Peer()
        self.push(peer_id, type="welcome", peerId=peer_id)
        return peer_id, self.take()

    def leave(self, peer_id):
        peer = self.peers.pop(peer_id)
        self.end_control_of(peer_id, "the device is gone")
        for device in peer.asked:
            self.push(device, type="endControl", peerId=peer_id, error=None)
        self.stop(0, peer_id)
        self.stop(1, peer_id)
        self.tell_listeners(peer_id, [], peer.meta)
        return self.take()

    def hear(self, peer_id, text):
        try:
            message = read(text)
            kind = self.kind(message)
        except NoMessageError:
            return []
        try:
            getattr(self, "on_" + kind)(peer_id, message)
        except NoMessageError:
            return []
        except RefusedError as refusal:
            self.push(peer_id, type="error", details=str(refusal))
        self.peers[peer_id].received_first_message = True
        return self.take()

    def take(self):
        items = self.items
        self.items = []
        return items

    def push(self, peer_id, **message):
        if peer_id in self.peers:
            self.items.append((peer_id, message))

    # What is a message

    def kind(self, message):
        kind = self.string(message, "type")
        if kind == "newPeer" or not hasattr(self, "on_" + kind):
            raise NoMessageError(kind)
        for name in ("peerId", "sessionId"):
            if len(message.texts.get(name, "").encode()) > 130:
                raise NoMessageError("limits")
        return kind

    @staticmethod
    def string(message, name):
        if not isinstance(message.get(name), str):
            raise NoMessageError(name)
        return message[name]

    def option(self, message, name):
        return None if message.get(name) is None else self.string(message, name)

    # Messages, as handlers/mod.rs treats them

    def on_setProtocolVersion(self, peer_id, message):
        version = self.string(message, "version")
        if version not in ("v1_0", "v1_1"):
            raise NoMessageError(version)
        peer = self.peers[peer_id]
        if peer.received_first_message:
            raise RefusedError(
                f"Protocol version selection for peer '{peer_id}' must be first message"
            )
        peer.version = version

    def on_setPeerStatus(self, peer_id, message):
        roles = message.get("roles")
        if not isinstance(roles, list) or any(role not in ROLES for role in roles):
            raise NoMessageError("roles")
        if len(message.texts["roles"]) > 128:
            raise NoMessageError("limits")
        status_id = self.option(message, "peerId")
        meta = message.texts.get("meta", "null")
        peer = self.peers[peer_id]
        if len(message.texts.get("meta", "").encode()) > self.max_meta:
            raise RefusedError(f"meta of more than {self.max_meta} octets")
        if (roles, meta, status_id) == (peer.roles, peer.meta, peer.peer_id):
            return
        if "producer" in roles and "consumer" in roles:
            raise RefusedError(
                f"Cannot register peer {peer_id} as both producer and passive consumer"
            )
        peer.takes_control = self.advertises_control(message)
        if not peer.takes_control:
            self.end_control_of(peer_id, "the device takes no control requests any more")
        if "producer" in peer.roles and "producer" not in roles:
            self.stop(0, peer_id)
        elif "consumer" in peer.roles and "consumer" not in roles:
            self.stop(1, peer_id)
        peer.roles = roles
        peer.meta = meta
        peer.peer_id = peer_id
        self.tell_listeners(peer_id, roles, meta)

    def on_startSession(self, peer_id, message):
        other_id = self.string(message, "peerId")
        offer = self.option(message, "offer")
        if other_id not in self.peers:
            raise RefusedError(f"Peer with ID '{other_id}' not found")
        if "producer" in self.peers[other_id].roles:
            producer, consumer = other_id, peer_id
        elif "consumer" in self.peers[other_id].roles:
            producer, consumer = peer_id, other_id
        else:
            raise RefusedError(
                "Missing a producer or a consumer: "
                f"id {peer_id} roles {self.debug(peer_id)}, id {other_id} roles "
                f"{self.debug(other_id)}"
            )
        if len(self.sessions) >= self.max_sessions:
            raise RefusedError(f"all {self.max_sessions} sessions are in use")
        session_id = self.new_id()
        self.sessions[session_id] = (producer, consumer)
        self.push(consumer, type="sessionStarted", peerId=producer, sessionId=session_id)
        self.push(producer, type="startSession", peerId=consumer, sessionId=session_id, offer=offer)

    def on_peer(self, peer_id, message):
        session_id = self.string(message, "sessionId")
        offers = self.check_content(message)
        if session_id not in self.sessions:
            return
        producer, consumer = self.sessions[session_id]
        if offers and peer_id == consumer:
            raise RefusedError(
                f'cannot forward offer from "{peer_id}" to "{producer}" as "{peer_id}" is not '
                "the producer"
            )
        self.push(self.other(session_id, peer_id), **message)

    def check_content(self, message):
        if ("sdp" in message) == ("ice" in message):
            raise NoMessageError("one of two")
        content = message.get("sdp", message.get("ice"))
        if not isinstance(content, dict):
            raise NoMessageError("no arrays")
        if "sdp" in message:
            self.string(content, "sdp")
            if content.get("type") not in ("offer", "answer"):
                raise NoMessageError("type")
            return content["type"] == "offer"
        self.string(content, "candidate")
        index = content.get("sdpMLineIndex")
        if type(index) is not int or not 0 <= index < 1 << 32:
            raise NoMessageError("sdpMLineIndex")
        if re.search(r'"sdpMLineIndex"\s*:\s*-', message.texts["ice"]):
            raise NoMessageError("-0 is no integer")
        return False

    def on_endSession(self, peer_id, message):
        self.end(peer_id, self.string(message, "sessionId"), None)

    def on_endSessionV1_1(self, peer_id, message):
        error = self.option(message, "error")
        self.end(peer_id, self.string(message, "sessionId"), error, message)

    def on_list(self, peer_id, message):
        self.push(peer_id, type="list", producers=self.filter_peers("producer"))

    def on_listConsumers(self, peer_id, message):
        self.push(peer_id, type="listConsumers", consumers=self.filter_peers("consumer"))

    # Messages that are Signalbox's own

    def on_control(self, peer_id, message):
        other_id = self.string(message, "peerId")
        number = message.texts.get("id", "")
        if not re.fullmatch("[0-9]+", number) or int(number) >= 1 << 64:
            raise NoMessageError("id")
        if ("request" in message) == ("reply" in message):
            raise NoMessageError("one of two")
        if "reply" not in message:
            error = self.call(peer_id, other_id, message)
            if error:
                reply = {"type": "ControlResponseMessage", "id": message["id"], "error": error}
                self.push(peer_id, type="control", peerId=other_id, id=message["id"], reply=reply)
            return
        if not isinstance(message["reply"], dict):
            raise NoMessageError("reply")
        asker = self.peers.get(other_id)
        if asker and message["id"] in asker.asked.get(peer_id, ()):
            asker.asked[peer_id].remove(message["id"])
            reply = message["reply"]
            self.push(other_id, type="control", peerId=peer_id, id=message["id"], reply=reply)

    def call(self, peer_id, other_id, message):
        # Returns why it isn't handed on.
        asked = self.peers[peer_id].asked
        if other_id not in self.peers:
            return "there is no such peer"
        if not self.peers[other_id].takes_control:
            return "this peer takes no control requests"
        if message.octets > 1024:
            return "a control message has 1024 octets at most"
        if other_id not in asked:
            if sum(len(peer.asked) for peer in self.peers.values()) >= self.max_links:
                return "too many peers control devices"
            asked[other_id] = []
        if message["id"] in asked[other_id]:
            return "an id can't be used again before its reply"
        if len(asked[other_id]) >= 8:
            return "the device does not answer: 8 requests wait for it"
        asked[other_id].append(message["id"])
        request = message["request"]
        self.push(other_id, type="control", peerId=peer_id, id=message["id"], request=request)
        return None

    def on_endControl(self, peer_id, message):
        other_id = self.string(message, "peerId")
        error = self.option(message, "error")
        if other_id in self.peers and peer_id in self.peers[other_id].asked:
            self.push(other_id, type="endControl", peerId=peer_id, error=error)

    def end_control_of(self, device, why):
        for asker_id, asker in self.peers.items():
            if asker.asked.pop(device, None) is not None:
                self.push(asker_id, type="endControl", peerId=device, error=why)

    @staticmethod
    def advertises_control(message):
        meta = message.get("meta")
        control = meta.get("control") if isinstance(meta, dict) else None
        if not isinstance(control, dict) or type(control.get("v")) is not int:
            return False
        return control["v"] == 1

    # Parts of these

    def filter_peers(self, role):
        return [
            {"id": peer_id, "meta": json.loads(peer.meta)}
            for peer_id, peer in self.peers.items()
            if role in peer.roles
        ]

    def tell_listeners(self, peer_id, roles, meta):
        for listener, peer in self.peers.items():
            if "listener" in peer.roles:
                self.push(
                    listener,
                    type="peerStatusChanged",
                    roles=roles,
                    meta=json.loads(meta),
                    peerId=peer_id,
                )

    def stop(self, side, peer_id):
        for session_id, parties in list(self.sessions.items()):
            if parties[side] == peer_id:
                self.end(peer_id, session_id, None)

    def end(self, peer_id, session_id, error, message=None):
        if session_id not in self.sessions:
            return
        if error is not None and self.peers[peer_id].version == "v1_0":
            raise RefusedError(
                f"Invalid end session message with error from peer '{peer_id}', "
                "minimum protocol version is 1.1"
            )
        other = self.other(session_id, peer_id)
        del self.sessions[session_id]
        if other not in self.peers:
            return
        if self.peers[other].version == "v1_0":
            self.push(other, type="endSession", sessionId=session_id)
        elif error is None:
            self.push(other, type="endSessionV1_1", sessionId=session_id, error=None)
        else:
            self.push(other, **message)

    def other(self, session_id, peer_id):
        producer, consumer = self.sessions[session_id]
        if peer_id == producer:
            return consumer
        if peer_id == consumer:
            return producer
        raise RefusedError(f"Peer {peer_id} is not part of {session_id}")

    def debug(self, peer_id):
        # As Rust's {:?} prints a Vec of PeerRole.
        return "[" + ", ".join(role.capitalize() for role in self.peers[peer_id].roles) + "]"
