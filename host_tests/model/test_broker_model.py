"""Random peers that say random things: the broker and the model do the same.

Peers join and leave, take roles, choose 1.1 or not, and send what is a message of the protocol,
nearly one, or none.
"""

import json
import random
import sys
import uuid
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from model import DIFFERENCES, Model, NoMessageError, read
from signalbox.signalling.broker import Broker

MAX_PEERS = 5
MAX_SESSIONS = 4
MAX_META = 24
EXAMPLES = 400
WALKS = 30
STEPS = 300
STRANGER = "00000000-0000-4000-8000-000000000000"
ONLY_1_1 = {"endSessionV1_1"}


class Ids:
    """The same ids for both, in the order in which they are needed."""

    def __init__(self):
        self._count = 0

    def octets(self, n):
        self._count += 1
        return self._count.to_bytes(n, "big")

    def id(self):
        return str(uuid.UUID(bytes=self.octets(16), version=4))


class World:
    """A broker and a model in step; `told`: all that each peer was sent."""

    def __init__(self):
        self.broker = Broker(MAX_PEERS, MAX_SESSIONS, MAX_META, random=Ids().octets)
        self.model = Model(Ids().id, MAX_SESSIONS, MAX_META)
        self.here = []  # the broker's peers
        self.ids = [STRANGER]  # of all peers ever
        self.sessions = [STRANGER]  # of all sessions ever
        self.on_1_1 = set()
        self.ends = {}  # (session, peer): how often it was told
        self.parties = {}  # session: the two, as they were told
        self.enders = {}  # session: who was not to be told

    def join(self):
        if len(self.here) == MAX_PEERS:
            with pytest.raises(RuntimeError):
                self.broker.connect()
            return
        peer = self.broker.connect()
        peer_id, expected = self.model.join()
        assert peer.id == peer_id
        self.here.append(peer)
        self.ids.append(peer_id)
        self.compare(expected)

    def leave(self, peer):
        self.here.remove(peer)
        sessions = {s.id for s in self.broker.sessions if peer in (s.producer, s.consumer)}
        for session in sessions:
            self.enders[session] = peer.id
        self.broker.disconnect(peer)
        self.compare(self.model.leave(peer.id))
        assert all(peer not in (s.producer, s.consumer) for s in self.broker.sessions)

    def hear(self, peer, text):
        before = {s.id: s for s in self.broker.sessions}
        octets = bytearray(text.encode())
        version = peer.version
        relayed = self.broker.receive(peer, octets)
        assert octets == text.encode()
        lent = [on_its_way for _, _, on_its_way in self.broker._outgoing if on_its_way is not None]
        assert lent == ([octets] if relayed else [])
        assert not lent or lent[0] is octets
        if peer.version and not version:
            self.on_1_1.add(peer.id)
        for gone in before.keys() - {s.id for s in self.broker.sessions}:
            self.enders[gone] = peer.id
        self.compare(self.model.hear(peer.id, text), text if relayed else None)

    def compare(self, expected, relayed=None):
        sent = []
        for peer, message, lent in self.broker.take():
            assert peer in self.here, "a message for one that has gone"
            raw = text_of(message)
            decoded = json.loads(raw)
            if decoded["type"] == "control" and lent is not None:
                part = read(raw)
                for name in {"request", "reply"} & part.keys():
                    assert part.texts[name] in relayed, "what is relayed stays as it came"
            elif lent is not None and decoded["type"] != "startSession":
                assert raw == relayed, "what is relayed stays as it came"
            sent.append((peer.id, decoded))
            self.note(peer.id, decoded)
        for peer_id in {peer_id for peer_id, _ in sent + expected}:
            ours = in_order([m for to, m in sent if to == peer_id])
            theirs = in_order([m for to, m in expected if to == peer_id])
            assert ours == theirs
        assert len(self.broker.sessions) <= MAX_SESSIONS

    def note(self, peer_id, message):
        kind = message["type"]
        assert kind not in ONLY_1_1 or peer_id in self.on_1_1, "1.1 for one that didn't ask for it"
        if kind in ("startSession", "sessionStarted"):
            session = message["sessionId"]
            if session not in self.parties:
                self.sessions.append(session)
            self.parties.setdefault(session, set()).update((peer_id, message["peerId"]))
        elif kind in ("endSession", "endSessionV1_1"):
            key = (message["sessionId"], peer_id)
            assert peer_id in self.parties[message["sessionId"]]
            self.ends[key] = self.ends.get(key, 0) + 1

    def finish(self):
        """All go. Nothing is left, and every end was told to each of those that were there."""
        while self.here:
            self.leave(self.here[0])
        assert not self.broker._sessions and not self.broker._peers and not self.broker._outgoing
        assert not self.model.sessions and not self.model.peers
        for session, parties in self.parties.items():
            ender = self.enders[session]
            for party in parties:
                told = self.ends.get((session, party), 0)
                if party != ender:
                    assert told == 1, "an end that was not told, or twice"
                elif len(parties) == 2:
                    assert told == 0, "who ends a session isn't told"


def text_of(message):
    parts = message if isinstance(message, tuple) else (message,)
    return "".join(part if isinstance(part, str) else bytes(part).decode() for part in parts)


def in_order(messages):
    """To compare: of lists, and of sessions that end together, nobody promises the order."""
    result = []
    for message in messages:
        for name in ("producers", "consumers"):
            if name in message:
                message[name] = sorted(message[name], key=lambda peer: peer["id"])
        result.append(message)
    at = 0
    while at < len(result):
        end = at
        while end < len(result) and result[end]["type"] in ("endSession", "endSessionV1_1"):
            end += 1
        result[at:end] = sorted(result[at:end], key=lambda message: message["sessionId"])
        at = end + 1
    return result


# What peers say. Numbers stand for peers and sessions, which are known when it is said.

number = st.integers(0, 12)
text = st.one_of(
    st.sampled_from(["", "v=0\r\n", '"\\/\b\f\n\r\t\x00\x1f\x7f', "grün \U0001f600\u2028"]),
    st.text(max_size=8),
).filter(lambda t: not any(0xD800 <= ord(c) < 0xE000 for c in t))
meta = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 99), st.just(1.5), text),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(text, inner, max_size=2)),
    max_leaves=4,
)
roles = st.one_of(
    st.sampled_from([["producer"], ["listener"], ["consumer"], ["producer", "listener"], []]),
    st.lists(st.sampled_from(["producer", "listener", "consumer"]), max_size=3),
)
option = st.one_of(st.just(...), st.none(), text)  # ...: absent
wrong = st.one_of(st.none(), st.integers(), st.booleans(), st.just([]), st.just({}), text)
which = st.tuples(st.just("id"), number)
session = st.tuples(st.just("session"), number)
content = st.one_of(
    st.fixed_dictionaries(
        {"sdp": st.fixed_dictionaries({"type": st.sampled_from(["offer", "answer"]), "sdp": text})}
    ),
    st.fixed_dictionaries(
        {
            "ice": st.fixed_dictionaries(
                {
                    "candidate": text,
                    "sdpMLineIndex": st.sampled_from([0, 1, 4294967295, 4294967296, -1, 1.0]),
                }
            )
        }
    ),
)

advert = st.one_of(
    st.just({"control": {"v": 1}}),
    st.fixed_dictionaries({"control": st.one_of(wrong, st.just({"v": 2}), st.just({"v": 1.0}))}),
)
call_id = st.one_of(st.integers(0, 9), st.sampled_from([-1, 1.0, 1 << 64, (1 << 64) - 1, "1"]))
call = st.one_of(
    st.fixed_dictionaries({"request": st.one_of(wrong, st.just({"type": "x"}))}),
    st.fixed_dictionaries({"reply": st.one_of(wrong, st.just({"error": None}))}),
    st.just({"request": {}, "reply": {}}),
)


def message(kind, **members):
    return st.fixed_dictionaries({"type": st.just(kind), **members})


said = st.one_of(
    message(
        "setPeerStatus",
        roles=roles,
        meta=st.one_of(st.just(...), meta),
        peerId=st.one_of(st.just(...), which),
    ),
    message("startSession", peerId=which, offer=option),
    message("startSession", peerId=which),
    message("endSession", sessionId=session),
    message("endSessionV1_1", sessionId=session, error=option),
    st.builds(lambda head, body: {**head, **body}, message("peer", sessionId=session), content),
    st.builds(lambda head, body: {**head, **body}, message("peer", sessionId=session), content),
    message("list"),
    message("listConsumers"),
    message("setProtocolVersion", version=st.sampled_from(["v1_0", "v1_1", "v1_2"])),
    message(
        "peer",
        sessionId=session,
        sdp=st.one_of(wrong, st.just({"type": "pranswer", "sdp": ""})),
        ice=st.one_of(st.just(...), wrong),
    ),
    message("setPeerStatus", roles=st.one_of(wrong, st.just(["director"]))),
    st.fixed_dictionaries({"type": st.one_of(wrong, st.just("newPeer"))}),
    message("setPeerStatus", roles=roles, meta=advert),
    st.builds(
        lambda head, body: {**head, **body}, message("control", peerId=which, id=call_id), call
    ),
    message("endControl", peerId=which, error=option),
)
# How it is written: members in another order, more of them, or a slip.
style = st.fixed_dictionaries(
    {
        "order": st.integers(0, 5),
        "more": st.one_of(
            st.just({}), st.just({"x": [1, {"type": "list"}]}), st.just({"": "\U0001f600"})
        ),
        "ascii": st.booleans(),
        "indent": st.sampled_from([None, 1]),
        "slip": st.one_of(
            st.none(),
            st.none(),
            st.none(),
            st.none(),
            st.tuples(st.integers(0, 300), st.integers(0, 2), st.sampled_from('{}[]",:\\1e u\n')),
        ),
    }
)
step = st.one_of(
    st.just(("join",)),
    st.tuples(st.just("leave"), number),
    *[st.tuples(st.just("say"), number, said, style)] * 8,
)
beginning = st.lists(
    st.tuples(roles, st.booleans()), min_size=1, max_size=MAX_PEERS
)  # so that there is something to say


def resolve(value, world, me):
    if isinstance(value, tuple):
        kind, n = value
        known = world.ids if kind == "id" else world.sessions
        return me.id if kind == "id" and n == 12 else known[-1 - n % len(known)]
    if isinstance(value, dict):
        return {k: resolve(v, world, me) for k, v in value.items() if v is not ...}
    return value


def write(spoken, style):
    members = list({**spoken, **style["more"]}.items())
    members = members[style["order"] % len(members) :] + members[: style["order"] % len(members)]
    written = json.dumps(dict(members), ensure_ascii=style["ascii"], indent=style["indent"])
    if style["slip"]:
        at, cut, put = style["slip"]
        at %= len(written) + 1
        written = written[:at] + put + written[at + cut :]
    return written


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(beginning, st.lists(step, max_size=30))
def test_broker_and_model_do_the_same(beginning, steps):
    world = World()
    for taken, on_1_1 in beginning:
        world.join()
        peer = world.here[-1]
        if on_1_1:
            world.hear(peer, '{"type":"setProtocolVersion","version":"v1_1"}')
        world.hear(peer, json.dumps({"type": "setPeerStatus", "roles": taken}))
    for name, *arguments in steps:
        if name == "join":
            world.join()
        elif world.here:
            peer = world.here[arguments[0] % len(world.here)]
            if name == "leave":
                world.leave(peer)
            else:
                world.hear(peer, write(resolve(arguments[1], world, peer), arguments[2]))
    world.finish()


# Long walks, in which most of what is said has a meaning: in sessions that are there.


class Walk:
    """Steps of a Random, of which each kind comes so often that all of them meet each other."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.world = World()

    def step(self):
        world = self.world
        if len(world.here) < 2 or self.random.random() < 0.04:
            world.join()
            if self.random.random() < 0.5:
                self.say(world.here[-1], type="setProtocolVersion", version="v1_1")
            return
        peer = self.random.choice(world.here)
        if self.random.random() < 0.02:
            world.leave(peer)
            return
        kinds = (self.status, self.start, self.start, self.talk, self.talk, self.talk, self.end)
        calls = (self.call, self.call, self.call, self.answer, self.answer, self.end_control)
        self.random.choice((*kinds, self.ask, *calls))(peer)

    def say(self, peer, **message):
        self.world.hear(peer, json.dumps({k: v for k, v in message.items() if v is not ...}))

    def status(self, peer):
        roles = self.random.choice(
            (
                [],
                ["producer"],
                ["consumer"],
                ["listener"],
                ["producer", "listener"],
                ["listener", "consumer"],
                ["consumer", "producer"],
            )
        )
        n = self.random.choice((0, 1, 1, MAX_META - 2, MAX_META - 1))
        named = self.random.choice((..., peer.id, None, STRANGER))
        meta = "x" * n if n else ...
        if self.random.random() < 0.4:
            meta = {"control": {"v": 1}}
        self.say(peer, type="setPeerStatus", roles=roles, meta=meta, peerId=named)

    def start(self, peer):
        other = self.random.choice(self.world.here).id
        if self.random.random() < 0.1:
            other = self.random.choice(self.world.ids)
        offer = self.random.choice((..., None, "v=0"))
        self.say(peer, type="startSession", peerId=other, offer=offer)

    def session(self, peer):
        # Mostly one of its own; sometimes another's, or one of long ago.
        known = list(self.world.broker.sessions)
        own = [s.id for s in known if peer in (s.producer, s.consumer)]
        if own and self.random.random() < 0.7:
            return self.random.choice(own)
        if known and self.random.random() < 0.7:
            return self.random.choice(known).id
        return self.random.choice(self.world.sessions)

    def talk(self, peer):
        kind = self.random.choice(("offer", "answer", "ice"))
        content = {"sdp": {"type": kind, "sdp": "v=0"}}
        if kind == "ice":
            content = {"ice": {"candidate": "c", "sdpMLineIndex": 1, "sdpMid": "x"}}
        self.say(peer, type="peer", sessionId=self.session(peer), **content)

    def end(self, peer):
        session = self.session(peer)
        if self.random.random() < 0.5:
            self.say(peer, type="endSession", sessionId=session)
        else:
            error = self.random.choice((..., None, "gone"))
            self.say(peer, type="endSessionV1_1", sessionId=session, error=error)

    def call(self, peer):
        devices = [p.id for p in self.world.here if p.controllable]
        device = self.random.choice(devices or self.world.ids)
        number = self.random.randrange(12)
        self.say(peer, type="control", peerId=device, id=number, request={"type": "x"})

    def answer(self, peer):
        # Mostly to a request that was made.
        links = self.world.broker._links
        known = [link for link in links._links if link.ids] if links else []
        asker = self.random.choice(self.world.ids)
        number = self.random.randrange(12)
        if known and self.random.random() < 0.8:
            link = self.random.choice(known)
            peer, asker = link.device, link.asker.id
            number = int(self.random.choice(link.ids))
        self.say(peer, type="control", peerId=asker, id=number, reply={"error": None})

    def end_control(self, peer):
        self.say(peer, type="endControl", peerId=self.random.choice(self.world.here).id)

    def ask(self, peer):
        kind = self.random.choice(("list", "listConsumers", "setProtocolVersion", "newPeer"))
        version = "v1_1" if kind == "setProtocolVersion" else ...
        self.say(peer, type=kind, version=version)


@pytest.mark.parametrize("seed", range(WALKS))
def test_long_walks(seed):
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()
    walk.world.finish()


def world_with_session(versions=("v1_0", "v1_0", "v1_0")):
    """Producer 0, consumer 1, stranger 2, and a session of the first two."""
    world = World()
    for version in versions:
        world.join()
        world.hear(world.here[-1], f'{{"type":"setProtocolVersion","version":"{version}"}}')
    world.hear(world.here[0], '{"type":"setPeerStatus","roles":["producer"]}')
    world.hear(world.here[1], json.dumps({"type": "startSession", "peerId": world.here[0].id}))
    assert len(world.sessions) == 2
    return world


def ended(session_id, **more):
    return json.dumps({"type": "endSession", "sessionId": session_id, **more})


# Each difference that is not one of reading alone, in a course in which upstream goes another way.


def test_stranger():
    assert "stranger" in DIFFERENCES
    world = world_with_session()
    world.hear(world.here[2], ended(world.sessions[1]))
    assert len(world.broker.sessions) == 1
    world.finish()


def test_refused_end():
    assert "refused end" in DIFFERENCES
    world = world_with_session()
    end = {"type": "endSessionV1_1", "sessionId": world.sessions[1], "error": "no"}
    world.hear(world.here[0], json.dumps(end))
    assert len(world.broker.sessions) == 1
    world.finish()


def test_new_peer():
    assert "newPeer" in DIFFERENCES
    world = world_with_session()
    world.hear(world.here[0], '{"type":"newPeer"}')
    world.hear(world.here[1], '{"type":"list"}')
    world.finish()


def test_control():
    assert "control" in DIFFERENCES
    world = world_with_session()
    device, asker, other = world.here
    status = {"type": "setPeerStatus", "roles": ["producer"], "meta": {"control": {"v": 1}}}
    world.hear(device, json.dumps(status))
    for number in range(10):
        request = {"type": "control", "peerId": device.id, "id": number, "request": {"type": "x"}}
        world.hear(asker, json.dumps(request))
    world.hear(asker, json.dumps({**request, "id": 11, "request": "x" * 1024}))
    reply = {"type": "control", "peerId": asker.id, "id": 3, "reply": {"error": None}}
    for sender in (other, device, device):
        world.hear(sender, json.dumps(reply))
    world.hear(other, json.dumps(request))
    world.leave(asker)
    world.hear(device, '{"type":"setPeerStatus","roles":[]}')
    world.finish()


def test_caps():
    assert {"sessions", "meta"} <= set(DIFFERENCES)
    world = world_with_session()
    for _ in range(MAX_SESSIONS + 2):
        world.hear(world.here[1], json.dumps({"type": "startSession", "peerId": world.here[0].id}))
    assert len(world.broker.sessions) == MAX_SESSIONS
    for n in range(MAX_META - 3, MAX_META + 3):
        status = {"type": "setPeerStatus", "roles": ["producer"], "meta": "x" * n}
        world.hear(world.here[0], json.dumps(status))
        world.hear(world.here[1], '{"type":"list"}')
    world.finish()


def test_same_text():
    assert "same text" in DIFFERENCES
    world = world_with_session()
    world.hear(world.here[2], '{"type":"setPeerStatus","roles":["listener"]}')
    for meta in ('{"a":1,"b":2}', '{"a":1,"b":2}', '{"b":2,"a":1}', '{"a": 1,"b":2}', "1", "1.0"):
        me = world.here[2].id
        world.hear(
            world.here[2],
            f'{{"type":"setPeerStatus","roles":["listener"],"meta":{meta},"peerId":"{me}"}}',
        )
    world.finish()


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        ("once", '{"type":"list","meta":1,"meta":2}'),
        (
            "one of two",
            '{"type":"peer","sessionId":"%s","ice":{"candidate":"","sdpMLineIndex":0},'
            '"sdp":{"type":"answer","sdp":""}}',
        ),
        ("no arrays", '["list"]'),
        ("no arrays", '["endSession","%s"]'),
        ("no arrays", '{"type":"setPeerStatus","roles":[{"listener":null}]}'),
        ("limits", '{"type":"list","x":1e100}'),
        ("limits", '{"type":"list","x":%s}' % ("1" * 65)),
        ("limits", '{"type":"startSession","peerId":"%s"}' % ("x" * 129)),
        ("limits", '{"type":"list","x":%s}' % ("[" * 40 + "]" * 40)),
        ("limits", '{{"type":"setPeerStatus","roles":[{}]}}'.format(",".join(['"listener"'] * 20))),
    ],
)
def test_what_is_a_message_there_and_none_here(difference, text):
    assert difference in DIFFERENCES
    world = world_with_session()
    octets = bytearray((text % world.sessions[1] if "%s" in text else text).encode())
    assert not world.broker.receive(world.here[0], octets)
    assert world.broker.take() == []
    world.finish()


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@example("{}", 0)
@given(
    st.text(st.sampled_from('{}[]",:\\u0dDeE+-.19truefalsn \n\t/b\x00é\U0001f600'), max_size=30),
    st.integers(0, 1),
)
def test_what_is_json_here_is_json_there(junk, where):
    """Any text, as the value of an unknown member, or behind the message."""
    text = '{"type":"list","x":' + junk + "}" if where else '{"type":"list"}' + junk
    try:
        read(text)
        understood = True
    except NoMessageError:
        understood = False
    broker = Broker(1)
    peer = broker.connect()
    broker.take()
    broker.receive(peer, bytearray(text.encode()))
    assert bool(broker.take()) == understood
