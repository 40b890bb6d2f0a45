"""The broker's decisions: who is told what, in which order. Texts after gst-plugins-rs 0.14."""

import json

from signalbox.signalling.broker import Broker
from wire import raises

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def counting():
    """Ids in the order in which they were made, for tests that fail the same way each time."""
    count = [0]

    def random(n):
        count[0] += 1
        return bytes([count[0]] * n)

    return random


def text_of(message):
    """The text of one of take()'s messages."""
    if isinstance(message, tuple):
        return "".join(text_of(part) for part in message)
    return message if isinstance(message, str) else bytes(message).decode()


class Relay:
    """A Broker with `peers` connected and welcomed."""

    def __init__(self, peers, **limits):
        self.broker = Broker(random=counting(), **limits)
        self.peers = [self.broker.connect() for _ in range(peers)]
        self.broker.take()

    def takes(self):
        """What is to be sent, as a list of (index of the peer, message)."""
        return [
            (self.peers.index(peer), json.loads(text_of(message)))
            for peer, message, _ in self.broker.take()
        ]

    def says(self, who, **message):
        """A peer sends a message; returns what is sent then."""
        return self.hears(who, json.dumps(message))

    def hears(self, who, text):
        octets = bytearray(text.encode())
        before = bytes(octets)
        relayed = self.broker.receive(self.peers[who], octets)
        referring = [on_its_way is octets for _, _, on_its_way in self.broker._outgoing]
        assert referring.count(True) == relayed and octets == before
        return self.takes()

    def leaves(self, who):
        self.broker.disconnect(self.peers[who])
        return self.takes()

    def id(self, who):
        return self.peers[who].id

    def takes_roles(self, who, *roles, **more):
        return self.says(who, type="setPeerStatus", roles=roles, **more)

    def starts(self, who, other):
        """Returns the session's id."""
        sent = self.says(who, type="startSession", peerId=self.id(other))
        assert [message["type"] for _, message in sent] == ["sessionStarted", "startSession"]
        return sent[0][1]["sessionId"]


def error(who, details):
    return [(who, {"type": "error", "details": details})]


def ended(who, session):
    return (who, {"type": "endSession", "sessionId": session})


def with_session():
    """Producer 0, consumer 1, stranger 2; and the id of the session of the first two."""
    relay = Relay(3)
    relay.takes_roles(0, "producer")
    return relay, relay.starts(1, 0)


def test_a_peer_is_welcomed_with_its_id():
    broker = Broker()
    peer = broker.connect()
    ((to, text, octets),) = broker.take()
    assert to is peer and octets is None
    assert json.loads(text) == {"type": "welcome", "peerId": peer.id}
    assert broker.take() == []


def test_ids_are_random_uuids_of_version_4_in_lower_case():
    broker = Broker(max_peers=64)
    ids = [broker.connect().id for _ in range(64)]
    assert len(set(ids)) == 64
    for peer_id in ids:
        assert [len(part) for part in peer_id.split("-")] == [8, 4, 4, 4, 12]
        assert peer_id[14] == "4"
        assert peer_id[19] in "89ab"
        assert all(c in "0123456789abcdef-" for c in peer_id)
    assert len({peer_id[19] for peer_id in ids}) > 1


def test_every_other_bit_of_an_id_is_random():
    for octets, peer_id in (
        (bytes(16), "00000000-0000-4000-8000-000000000000"),
        (b"\xff" * 16, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        (bytes(range(16, 32)), "10111213-1415-4617-9819-1a1b1c1d1e1f"),
    ):
        assert Broker(random=lambda n, octets=octets: octets[:n]).connect().id == peer_id


def test_more_peers_than_there_is_room_for_are_an_error_of_the_caller():
    relay = Relay(2, max_peers=2)
    assert raises(RuntimeError, relay.broker.connect)
    assert relay.takes() == []
    relay.leaves(0)
    relay.broker.connect()


def test_a_status_goes_to_every_listener_the_sender_included():
    relay = Relay(3)
    meta = {"name": "grün", "n": 1.5}
    assert relay.takes_roles(0, "listener") == [
        (
            0,
            {
                "type": "peerStatusChanged",
                "roles": ["listener"],
                "meta": None,
                "peerId": relay.id(0),
            },
        )
    ]
    sent = relay.takes_roles(1, "listener", "producer", meta=meta)
    message = {
        "type": "peerStatusChanged",
        "roles": ["listener", "producer"],
        "meta": meta,
        "peerId": relay.id(1),
    }
    assert sorted(who for who, _ in sent) == [0, 1]
    assert [m for _, m in sent] == [message, message]


def test_a_status_names_its_sender_whatever_the_sender_says():
    relay = Relay(2)
    relay.takes_roles(0, "listener")
    ((_, message),) = relay.takes_roles(1, "producer", peerId=relay.id(0))
    assert message["peerId"] == relay.id(1)


def test_an_identical_status_is_told_again_unless_it_names_its_peer():
    relay = Relay(1)
    assert len(relay.takes_roles(0, "listener")) == 1
    assert len(relay.takes_roles(0, "listener")) == 1
    assert relay.takes_roles(0, "listener", peerId=relay.id(0)) == []
    assert len(relay.takes_roles(0, "listener", peerId=relay.id(0), meta=1)) == 1


def test_the_first_status_may_be_one_without_roles():
    relay = Relay(2)
    relay.takes_roles(0, "listener")
    assert relay.takes_roles(1) == []
    assert len(relay.takes_roles(1, meta={})) == 1


def test_meta_is_passed_on_verbatim():
    broker = Broker()
    peer = broker.connect()
    broker.take()
    meta = '{"b":1.10, "a":[1e5,12345678901234567890], "\\u00fc":"\\/"}'
    status = '{"type":"setPeerStatus","meta":' + meta + ',"roles":["producer","listener"]}'
    broker.receive(peer, bytearray(status.encode()))
    broker.receive(peer, bytearray(b'{"type":"list"}'))
    broker.disconnect(peer)
    texts = [text_of(message) for _, message, _ in broker.take()]
    assert len(texts) == 2
    for text in texts:
        assert meta in text, text


def test_a_meta_too_large_to_keep_is_refused():
    relay = Relay(1, max_meta=20)
    ((_, message),) = relay.takes_roles(0, "listener", meta="x" * 18)
    assert message["meta"] == "x" * 18
    assert relay.takes_roles(0, "listener", meta="x" * 19) == error(
        0, "meta of more than 20 octets"
    )
    relay.takes_roles(0, "producer", meta="ü")
    assert relay.says(0, type="list")[0][1]["producers"][0]["meta"] == "ü"


def test_nobody_is_producer_and_passive_consumer_at_once():
    relay = Relay(1)
    relay.takes_roles(0, "listener")
    assert relay.takes_roles(0, "producer", "consumer") == error(
        0, f"Cannot register peer {relay.id(0)} as both producer and passive consumer"
    )
    assert relay.says(0, type="list") == [(0, {"type": "list", "producers": []})]


def test_list_has_the_producers_with_their_meta():
    relay = Relay(4)
    relay.takes_roles(0, "producer", meta={"name": "one"})
    relay.takes_roles(1, "listener", "producer")
    relay.takes_roles(2, "consumer")
    ((who, message),) = relay.says(0, type="list")
    assert who == 0
    assert message["type"] == "list"
    assert sorted(message["producers"], key=lambda p: p["id"]) == [
        {"id": relay.id(0), "meta": {"name": "one"}},
        {"id": relay.id(1), "meta": None},
    ]


def test_a_session_with_a_producer_makes_the_sender_its_consumer():
    relay = Relay(2)
    relay.takes_roles(0, "producer")
    sent = relay.says(1, type="startSession", peerId=relay.id(0), offer="v=0\r\n")
    session = sent[0][1]["sessionId"]
    assert sent == [
        (1, {"type": "sessionStarted", "peerId": relay.id(0), "sessionId": session}),
        (
            0,
            {
                "type": "startSession",
                "peerId": relay.id(1),
                "sessionId": session,
                "offer": "v=0\r\n",
            },
        ),
    ]
    assert session != relay.id(0) and session != relay.id(1)


def test_an_offer_stays_where_it_came_in():
    relay = Relay(2)
    relay.takes_roles(0, "producer")
    offer = '"v=0\\r\\n\\u00fc\\/"'
    text = f'{{"offer":{offer},"type":"startSession","peerId":"{relay.id(0)}"}}'
    octets = bytearray(text.encode())
    assert relay.broker.receive(relay.peers[1], octets)
    (_, _, none), (_, (head, view, tail), on_its_way) = relay.broker.take()
    assert none is None and on_its_way is octets
    assert type(view) is memoryview and bytes(view) == offer.encode()
    assert json.loads(head + offer + tail)["offer"] == json.loads(offer)


def test_a_session_without_an_offer_says_null():
    relay = Relay(2)
    relay.takes_roles(0, "producer")
    for more in ({}, {"offer": None}):
        sent = relay.says(1, type="startSession", peerId=relay.id(0), **more)
        assert sent[1][1]["offer"] is None
    assert relay.says(1, type="startSession", peerId=relay.id(0), offer=1) == []


def test_a_session_with_a_passive_consumer_makes_the_sender_its_producer():
    relay = Relay(2)
    relay.takes_roles(0, "consumer")
    sent = relay.says(1, type="startSession", peerId=relay.id(0))
    session = sent[0][1]["sessionId"]
    assert [(who, m["type"], m["peerId"]) for who, m in sent] == [
        (0, "sessionStarted", relay.id(1)),
        (1, "startSession", relay.id(0)),
    ]
    offer = {"type": "offer", "sdp": "v=0"}
    assert len(relay.says(1, type="peer", sessionId=session, sdp=offer)) == 1


def test_a_session_needs_a_peer_that_is_there():
    relay = Relay(1)
    assert relay.says(0, type="startSession", peerId=UNKNOWN_ID) == error(
        0, f"Peer with ID '{UNKNOWN_ID}' not found"
    )
    assert relay.hears(0, '{"type":"startSession","peerId":"\\"\\n\\ud83d\\ude00"}') == error(
        0, json.loads('"Peer with ID \'\\"\\n\\ud83d\\ude00\' not found"')
    )


def test_a_session_needs_a_producer_or_a_passive_consumer():
    relay = Relay(2)
    relay.takes_roles(0, "producer", "listener")
    relay.takes_roles(1, "listener")
    assert relay.says(0, type="startSession", peerId=relay.id(1)) == error(
        0,
        f"Missing a producer or a consumer: id {relay.id(0)} roles [Producer, Listener], "
        f"id {relay.id(1)} roles [Listener]",
    )


def test_sessions_are_bounded_and_make_room_when_they_end():
    relay = Relay(2, max_sessions=2)
    relay.takes_roles(0, "producer")
    first = relay.starts(1, 0)
    assert relay.starts(1, 0) != first
    assert relay.says(1, type="startSession", peerId=relay.id(0)) == error(
        1, "all 2 sessions are in use"
    )
    relay.says(0, type="endSession", sessionId=first)
    relay.starts(1, 0)


def test_a_peer_may_have_a_session_with_itself():
    relay = Relay(1)
    relay.takes_roles(0, "producer")
    session = relay.starts(0, 0)
    assert relay.says(0, type="endSession", sessionId=session) == [ended(0, session)]
    relay.starts(0, 0)
    assert relay.leaves(0) == []


def test_peer_messages_go_both_ways_as_they_came():
    relay, session = with_session()
    texts = (
        '{"type":"peer","sessionId":"%s","sdp":{"type":"answer","sdp":"v=0\\r\\n"}}',
        ' {"ice": {"sdpMLineIndex": 0, "candidate":"c\\/1", "x":[1.10]}, "sessionId":"%s",\n'
        '"extra":"\\u00fc", "type":"peer"} ',
    )
    for text in texts:
        text %= session
        for sender, receiver in ((0, 1), (1, 0)):
            octets = bytearray(text.encode())
            assert relay.broker.receive(relay.peers[sender], octets)
            ((peer, message, on_its_way),) = relay.broker.take()
            assert peer is relay.peers[receiver]
            assert message is octets and on_its_way is octets and octets == text.encode()


def test_only_the_producer_offers():
    relay, session = with_session()
    offer = {"type": "offer", "sdp": "v=0"}
    ((who, message),) = relay.says(0, type="peer", sessionId=session, sdp=offer)
    assert (who, message["sdp"]) == (1, offer)
    assert relay.says(1, type="peer", sessionId=session, sdp=offer) == error(
        1,
        f'cannot forward offer from "{relay.id(1)}" to "{relay.id(0)}" '
        f'as "{relay.id(1)}" is not the producer',
    )


def test_a_message_for_an_unknown_session_is_dropped_silently():
    relay, _ = with_session()
    ice = {"candidate": "", "sdpMLineIndex": 0}
    assert relay.says(0, type="peer", sessionId=UNKNOWN_ID, ice=ice) == []
    assert relay.says(0, type="endSession", sessionId=UNKNOWN_ID) == []


def test_a_stranger_neither_sends_into_a_session_nor_ends_it():
    relay, session = with_session()
    refused = error(2, f"Peer {relay.id(2)} is not part of {session}")
    ice = {"candidate": "", "sdpMLineIndex": 0}
    assert relay.says(2, type="peer", sessionId=session, ice=ice) == refused
    assert relay.says(2, type="endSession", sessionId=session) == refused
    assert len(relay.says(0, type="peer", sessionId=session, ice=ice)) == 1


def test_the_end_of_a_session_goes_to_the_other_peer_once():
    for sender, other in ((0, 1), (1, 0)):
        relay, session = with_session()
        assert relay.says(sender, type="endSession", sessionId=session) == [ended(other, session)]
        assert relay.says(other, type="endSession", sessionId=session) == []


def test_a_peer_that_goes_ends_its_sessions_before_the_listeners_know():
    relay = Relay(4)
    relay.takes_roles(0, "producer", "listener", meta={"name": "cam"})
    relay.takes_roles(1, "producer")
    relay.takes_roles(2, "listener")
    sessions = {relay.starts(1, 0): 1, relay.starts(0, 1): 1, relay.starts(3, 0): 3}
    kept = relay.starts(3, 1)
    sent = relay.leaves(0)
    assert sorted(map(str, sent[:3])) == sorted(
        str(ended(who, session)) for session, who in sessions.items()
    )
    assert sent[3:] == [
        (
            2,
            {
                "type": "peerStatusChanged",
                "roles": [],
                "meta": {"name": "cam"},
                "peerId": relay.id(0),
            },
        )
    ]
    assert relay.says(3, type="endSession", sessionId=kept) == [ended(1, kept)]
    ((_, message),) = relay.says(2, type="list")
    assert [p["id"] for p in message["producers"]] == [relay.id(1)]


def test_a_peer_that_goes_ends_the_session_of_one_of_1_1():
    relay = Relay(2)
    assert relay.says(0, type="setProtocolVersion", version="v1_1") == []
    relay.takes_roles(0, "producer")
    session = relay.starts(1, 0)
    end = {"type": "endSessionV1_1", "sessionId": session, "error": None}
    assert relay.leaves(1) == [(0, end)]


def test_a_peer_that_has_half_gone_for_want_of_memory_takes_no_message():
    relay, session = with_session()
    original = relay.broker._end_all

    def no_memory(*arguments):
        relay.broker._end_all = original
        raise MemoryError

    relay.broker._end_all = no_memory
    assert raises(MemoryError, relay.broker.disconnect, relay.peers[1])
    # Were it said to be on its way, its buffer would never come back.
    sdp = {"type": "answer", "sdp": "v=0"}
    assert relay.says(0, type="peer", sessionId=session, sdp=sdp) == []
    assert relay.leaves(1) == [ended(0, session)]


def test_dropping_the_producer_role_ends_only_what_it_produced():
    relay = Relay(3)
    relay.takes_roles(0, "producer", "listener")
    relay.takes_roles(1, "producer")
    produced = relay.starts(1, 0)
    consumed = relay.starts(0, 1)
    assert relay.takes_roles(0, "producer") == []
    sent = relay.takes_roles(0, "listener")
    assert sent[0] == ended(1, produced)
    assert [m["type"] for _, m in sent[1:]] == ["peerStatusChanged"]
    assert relay.says(0, type="endSession", sessionId=consumed) == [ended(1, consumed)]


def test_dropping_the_consumer_role_ends_only_what_it_consumed():
    relay = Relay(3)
    relay.takes_roles(0, "consumer")
    relay.takes_roles(1, "consumer")
    consumed = relay.starts(1, 0)
    produced = relay.starts(0, 1)
    assert relay.takes_roles(0) == [ended(1, consumed)]
    assert relay.says(0, type="endSession", sessionId=produced) == [ended(1, produced)]


def test_what_is_no_message_has_no_answer_and_changes_nothing():
    relay, session = with_session()
    relay.takes_roles(2, "listener")
    ice = {"candidate": "c", "sdpMLineIndex": 0}
    sdp = {"type": "answer", "sdp": "v=0"}
    messages = (
        {},
        {"type": None},
        {"type": 1},
        {"type": "newPeer"},
        {"type": "hello"},
        {"type": "setPeerStatus"},
        {"type": "setPeerStatus", "roles": None},
        {"type": "setPeerStatus", "roles": "producer"},
        {"type": "setPeerStatus", "roles": {"producer": 1}},
        {"type": "setPeerStatus", "roles": ["director"]},
        {"type": "setPeerStatus", "roles": [["listener"]]},
        {"type": "setPeerStatus", "roles": ["listener"] * 30},
        {"type": "setPeerStatus", "roles": ["listener"], "peerId": 1},
        {"type": "startSession"},
        {"type": "startSession", "peerId": None},
        {"type": "endSession"},
        {"type": "endSession", "sessionId": 1},
        {"type": "peer", "sessionId": session},
        {"type": "peer", "ice": ice},
        {"type": "peer", "sessionId": session, "ice": ice, "sdp": sdp},
        {"type": "peer", "sessionId": session, "ice": None},
        {"type": "peer", "sessionId": session, "ice": "c"},
        {"type": "peer", "sessionId": session, "ice": {"candidate": "c"}},
        {"type": "peer", "sessionId": session, "ice": {"sdpMLineIndex": 0}},
        {"type": "peer", "sessionId": session, "sdp": {"type": "answer"}},
        {"type": "peer", "sessionId": session, "sdp": {"sdp": "v=0"}},
        {"type": "peer", "sessionId": session, "sdp": {"type": "pranswer", "sdp": "v=0"}},
        {"type": "peer", "sessionId": session, "sdp": {"type": "answer", "sdp": 0}},
    )
    texts = [json.dumps(message) for message in messages]
    texts += ["", " ", "null", "[]", '"list"', '{"type":"list"', "{'type':'list'}", "\x00" * 64]
    texts += ['{"type":"list"}{"type":"list"}', '{"type":"list","type":"list"}']
    texts += ['{"type":"list",}', '{"type":"list","x":[1 2]}', '{"type":"list","x":"\n"}']
    good = json.dumps({"type": "peer", "sessionId": session, "ice": ice})
    for index in ("null", "-1", "1.0", "4294967296", '"0"'):
        texts.append(good.replace("0}", index + "}"))
    for text in texts:
        for who in (0, 1, 2):
            assert relay.hears(who, text) == [], text
    assert len(relay.says(0, type="peer", sessionId=session, ice=ice)) == 1


# Protocol 1.1


def on_1_1(relay, who):
    assert relay.says(who, type="setProtocolVersion", version="v1_1") == []


def test_passive_consumers_are_listed():
    relay = Relay(3)
    relay.takes_roles(0, "consumer", "listener", meta={"n": 1})
    relay.takes_roles(1, "producer")
    assert relay.says(2, type="listConsumers") == [
        (2, {"type": "listConsumers", "consumers": [{"id": relay.id(0), "meta": {"n": 1}}]})
    ]


def test_1_1_is_spoken_only_to_peers_that_chose_it():
    for chosen in ("v1_0", "v1_1"):
        for other in (0, 1):
            relay = Relay(2)
            assert relay.says(other, type="setProtocolVersion", version=chosen) == []
            relay.takes_roles(0, "producer")
            session = relay.starts(1, 0)
            sent = relay.says(1 - other, type="endSession", sessionId=session)
            if chosen == "v1_1":
                end = {"type": "endSessionV1_1", "sessionId": session, "error": None}
                assert sent == [(other, end)]
            else:
                assert sent == [ended(other, session)]


def test_the_reason_of_an_end_goes_to_a_peer_of_1_1_as_it_came():
    relay = Relay(3)
    on_1_1(relay, 0)
    on_1_1(relay, 1)
    relay.takes_roles(0, "producer")
    for error_text in ('"no \\ud83d\\ude00"', "null"):
        session = relay.starts(1, 0)
        text = f'{{"error": {error_text} ,"sessionId":"{session}","type":"endSessionV1_1"}}'
        ((who, message),) = relay.hears(1, text)
        assert (who, message["type"], message["sessionId"]) == (0, "endSessionV1_1", session)
        assert message["error"] == json.loads(error_text)
    session = relay.starts(2, 0)
    message = {"type": "endSessionV1_1", "sessionId": session, "error": "gone"}
    assert relay.says(0, **message) == [ended(2, session)]


def test_a_reason_needs_1_1():
    relay, session = with_session()
    message = {"type": "endSessionV1_1", "sessionId": session, "error": "gone"}
    assert relay.says(0, **message) == error(
        0,
        f"Invalid end session message with error from peer '{relay.id(0)}', "
        "minimum protocol version is 1.1",
    )
    assert relay.says(0, type="endSessionV1_1", sessionId=session) == [ended(1, session)]


def test_an_end_of_1_0_has_no_reason_whatever_stands_beside_it():
    for chosen in ("v1_0", "v1_1"):
        relay = Relay(2)
        for peer in (0, 1):
            relay.says(peer, type="setProtocolVersion", version=chosen)
        relay.takes_roles(0, "producer")
        for text in ("gone", 5):
            session = relay.starts(1, 0)
            sent = relay.says(0, type="endSession", sessionId=session, error=text)
            if chosen == "v1_1":
                end = {"type": "endSessionV1_1", "sessionId": session, "error": None}
                assert sent == [(1, end)]
            else:
                assert sent == [ended(1, session)]


def test_a_version_is_chosen_first_or_not_at_all():
    for first in ({"type": "list"}, {"type": "setProtocolVersion", "version": "v1_1"}):
        relay = Relay(1)
        relay.says(0, **first)
        assert relay.says(0, type="setProtocolVersion", version="v1_0") == error(
            0, f"Protocol version selection for peer '{relay.id(0)}' must be first message"
        )
    relay = Relay(1)
    relay.hears(0, "what is no message is no first one")
    on_1_1(relay, 0)


def test_nobody_but_its_two_ends_a_session():
    relay, session = with_session()
    for kind in ("endSession", "endSessionV1_1"):
        refused = error(2, f"Peer {relay.id(2)} is not part of {session}")
        assert relay.says(2, type=kind, sessionId=session) == refused
    assert relay.says(0, type="endSession", sessionId=session) == [ended(1, session)]


def test_an_id_too_long_is_no_message():
    relay = Relay(1)
    relay.takes_roles(0, "producer")
    assert relay.says(0, type="startSession", peerId="x" * 200) == []
    assert relay.says(0, type="endSession", sessionId="x" * 200) == []


# Control of devices: device 0, two askers

ADVERT = {"name": "cam", "control": {"v": 1, "caps": ["ptz"]}}
REQUEST = {"type": "customUpstreamEvent", "structureName": "stop", "structure": {}}


def with_device(peers=3):
    relay = Relay(peers)
    relay.takes_roles(0, "consumer", meta=ADVERT)
    return relay


def call(relay, asker, number, device=0, request=REQUEST):
    return relay.says(asker, type="control", peerId=relay.id(device), id=number, request=request)


def replied(relay, asker, number, error, device=0):
    reply = {"type": "ControlResponseMessage", "id": number, "error": error}
    message = {"type": "control", "peerId": relay.id(device), "id": number, "reply": reply}
    return [(asker, message)]


def replies(relay, asker, number, device=0):
    reply = {"type": "ControlResponseMessage", "id": number, "error": None}
    return relay.says(device, type="control", peerId=relay.id(asker), id=number, reply=reply)


def end_control(relay, to, sender, error=None):
    return (to, {"type": "endControl", "peerId": relay.id(sender), "error": error})


def test_a_request_goes_to_the_device_and_the_reply_to_who_asked():
    relay = with_device()
    number = 18446744073709551615
    sent = {"type": "control", "peerId": relay.id(1), "id": number, "request": REQUEST}
    assert call(relay, 1, number) == [(0, sent)]
    assert replies(relay, 1, number) == replied(relay, 1, number, None)


def test_a_request_is_relayed_as_it_came():
    relay = with_device()
    request = '{"b":1.10,  "a":"\\u00fc"}'
    text = f'{{"mid":"0","request":{request},"id":7,"peerId":"{relay.id(0)}","type":"control"}}'
    octets = bytearray(text.encode())
    assert relay.broker.receive(relay.peers[1], octets)
    ((_, message, lent),) = relay.broker.take()
    assert lent is octets and request in text_of(message)
    assert type(message[1]) is memoryview


def test_only_a_device_that_advertises_control_is_sent_requests():
    relay = with_device()
    error = "this peer takes no control requests"
    for meta in (
        None,
        1,
        "control",
        ["control"],
        {},
        {"control": None},
        {"control": {}},
        {"control": {"v": 2}},
        {"control": {"v": "1"}},
        {"x": {"control": {"v": 1}}},
    ):
        relay.takes_roles(2, "producer", meta=meta)
        assert call(relay, 1, 1, device=2) == replied(relay, 1, 1, error, device=2)
    relay.takes_roles(2, "producer", meta={"control": {"v": 1}})
    assert [who for who, _ in call(relay, 1, 1, device=2)] == [2]


def test_requests_to_nobody_have_a_reply():
    relay = with_device()
    text = '{"type":"control","peerId":"n\\u00f6\\"","id":3,"request":{}}'
    ((who, message),) = relay.hears(1, text)
    assert who == 1 and message["peerId"] == 'n\u00f6"' and message["id"] == 3
    assert message["reply"]["error"] == "there is no such peer"


def test_replies_go_to_those_alone_who_asked_and_once():
    relay = with_device()
    assert replies(relay, 1, 7) == []
    call(relay, 1, 7)
    assert replies(relay, 2, 7) == []
    assert replies(relay, 1, 8) == []
    assert replies(relay, 1, 7, device=2) == []
    assert len(replies(relay, 1, 7)) == 1
    assert replies(relay, 1, 7) == []


def test_requests_that_wait_are_bounded():
    relay = with_device()
    for number in range(8):
        assert call(relay, 1, number)[0][0] == 0
    assert call(relay, 1, 8) == replied(
        relay, 1, 8, "the device does not answer: 8 requests wait for it"
    )
    assert call(relay, 2, 0)[0][0] == 0  # others ask on
    replies(relay, 1, 3)
    assert call(relay, 1, 4) == replied(relay, 1, 4, "an id can't be used again before its reply")
    assert call(relay, 1, 3)[0][0] == 0


class Full(list):
    """Of ids, when there is no memory for one more."""

    def append(self, number):
        raise MemoryError


def test_without_memory_a_request_is_not_on_its_way():
    relay = with_device()
    call(relay, 1, 1)
    relay.broker._links._links[0].ids = Full(["1"])
    request = {"type": "control", "peerId": relay.id(0), "id": 2, "request": REQUEST}
    octets = bytearray(json.dumps(request).encode())
    assert raises(MemoryError, relay.broker.receive, relay.peers[1], octets)
    assert relay.takes() == []  # its octets are somebody else's now


def test_requests_have_a_size():
    relay = with_device()
    empty = len(json.dumps({"type": "control", "peerId": relay.id(0), "id": 1, "request": ""}))
    assert call(relay, 1, 1, request="x" * (1024 - empty))[0][0] == 0
    assert call(relay, 1, 2, request="x" * (1025 - empty)) == replied(
        relay, 1, 2, "a control message has 1024 octets at most"
    )


def test_pairs_of_asker_and_device_are_bounded():
    relay = Relay(6, max_peers=6)
    for device in range(6):
        relay.takes_roles(device, "consumer", meta=ADVERT)
    pairs = [(asker, device) for asker in range(6) for device in range(6)]
    for asker, device in pairs[:16]:
        assert call(relay, asker, 1, device)[0][0] == device
    asker, device = pairs[16]
    assert call(relay, asker, 1, device) == replied(
        relay, asker, 1, "too many peers control devices", device
    )
    relay.leaves(0)
    assert call(relay, asker, 1, device)[0][0] == device


def test_a_device_hears_that_its_controller_is_gone():
    relay = with_device()
    call(relay, 1, 1)
    relay.takes_roles(2, "listener")
    assert relay.leaves(1)[0] == end_control(relay, 0, 1)
    assert relay.leaves(2) == []


def test_who_asked_hears_that_the_device_is_gone():
    for leave, why in (
        (lambda relay: relay.leaves(0), "the device is gone"),
        (
            lambda relay: relay.takes_roles(0, "consumer", meta={}),
            "the device takes no control requests any more",
        ),
    ):
        relay = with_device()
        call(relay, 1, 1)
        assert leave(relay) == [end_control(relay, 1, 0, why)]
        assert relay.leaves(1) == []


def test_a_device_that_stays_one_keeps_its_controllers():
    relay = with_device(4)
    relay.takes_roles(3, "consumer", meta=ADVERT)
    call(relay, 1, 1)
    call(relay, 0, 1, device=3)
    assert relay.takes_roles(0, "producer", meta=ADVERT) == []
    assert len(replies(relay, 1, 1)) == 1
    # It controls another one, whatever it is itself.
    assert relay.takes_roles(0, "producer") == [
        end_control(relay, 1, 0, "the device takes no control requests any more")
    ]
    assert len(replies(relay, 0, 1, device=3)) == 1


def test_a_device_tells_who_is_in_control_no_more():
    relay = with_device()
    call(relay, 1, 1)
    end = {"type": "endControl", "peerId": relay.id(1), "error": "taken"}
    assert relay.says(2, **end) == []
    assert relay.says(0, **dict(end, peerId=relay.id(2))) == []
    assert relay.says(0, **dict(end, peerId=UNKNOWN_ID)) == []
    assert relay.says(0, **end) == [end_control(relay, 1, 0, "taken")]
    # The request may have crossed that: its reply is waited for, and it may have taken control.
    assert len(replies(relay, 1, 1)) == 1
    assert relay.leaves(1) == [end_control(relay, 0, 1)]


def test_nobody_else_is_sent_what_upstream_does_not_know():
    relay = with_device()
    relay.takes_roles(1, "listener")
    relay.takes_roles(2, "listener", "producer")
    for kind in ("control", "endControl"):
        for number in (0, 1, 2):
            message = {
                "type": kind,
                "peerId": relay.id(number),
                "id": 1,
                "reply": {},
                "error": "x",
            }
            assert relay.says(1, **message) == []
