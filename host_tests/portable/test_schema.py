"""Every message of the protocol, in both directions: what is one, and what isn't."""

import json

from signalbox.signalling.broker import TO_SERVER
from signalbox.signalling.peer import TO_PEER
from signalbox.signalling.schema import ROLES, VERSIONS, parse
from wire import raises

ID = "00000000-0000-4000-8000-000000000000"
NO_STRINGS = ("1", "true", "{}", "[]", '["a"]', "1.5")

# Per direction and type: the members as JSON that a whole message has, and whether each is needed.
STRING = '"x"'
NEEDED = True
PEER_SDP = {"sessionId": (STRING, NEEDED), "sdp": ('{"type":"offer","sdp":"v=0"}', NEEDED)}
PEER_ICE = {"sessionId": (STRING, NEEDED), "ice": ('{"candidate":"","sdpMLineIndex":0}', NEEDED)}
CALL = {"peerId": (STRING, NEEDED), "id": ("7", NEEDED)}
REQUEST = dict(CALL, request=('{"type":"x"}', NEEDED))
REPLY = dict(CALL, reply=('{"type":"y","id":7,"error":null}', NEEDED))
END_CONTROL = {"peerId": (STRING, NEEDED), "error": (STRING, False)}
END_1_1 = {"sessionId": (STRING, NEEDED), "error": (STRING, False)}
MESSAGES = (
    (TO_SERVER, "setProtocolVersion", {"version": ('"v1_1"', NEEDED)}),
    (
        TO_SERVER,
        "setPeerStatus",
        {"roles": ('["producer"]', NEEDED), "meta": ("{}", False), "peerId": (STRING, False)},
    ),
    (TO_SERVER, "startSession", {"peerId": (STRING, NEEDED), "offer": (STRING, False)}),
    (TO_SERVER, "endSession", {"sessionId": (STRING, NEEDED)}),
    (TO_SERVER, "endSessionV1_1", END_1_1),
    (TO_SERVER, "peer", PEER_SDP),
    (TO_SERVER, "peer", PEER_ICE),
    (TO_SERVER, "list", {}),
    (TO_SERVER, "listConsumers", {}),
    (TO_SERVER, "control", REQUEST),
    (TO_SERVER, "control", REPLY),
    (TO_SERVER, "endControl", END_CONTROL),
    (TO_PEER, "welcome", {"peerId": (STRING, NEEDED)}),
    (
        TO_PEER,
        "peerStatusChanged",
        {"roles": ("[]", NEEDED), "meta": ("1", False), "peerId": (STRING, NEEDED)},
    ),
    (
        TO_PEER,
        "startSession",
        {"peerId": (STRING, NEEDED), "sessionId": (STRING, NEEDED), "offer": (STRING, False)},
    ),
    (TO_PEER, "sessionStarted", {"peerId": (STRING, NEEDED), "sessionId": (STRING, NEEDED)}),
    (TO_PEER, "endSession", {"sessionId": (STRING, NEEDED)}),
    (TO_PEER, "endSessionV1_1", END_1_1),
    (TO_PEER, "peer", PEER_SDP),
    (TO_PEER, "peer", PEER_ICE),
    (TO_PEER, "list", {"producers": ('[{"id":"a","meta":1}]', not NEEDED)}),
    (TO_PEER, "error", {"details": (STRING, NEEDED)}),
    (TO_PEER, "control", REQUEST),
    (TO_PEER, "control", REPLY),
    (TO_PEER, "endControl", END_CONTROL),
)


def text_of(kind, members):
    """A message's JSON; `members`: {name: JSON}."""
    parts = [f'"{name}":{value}' for name, value in members.items()]
    return "{" + ",".join([f'"type":"{kind}"'] + parts) + "}"


def read(text, table=TO_SERVER):
    octets = bytearray(text.encode())
    before = bytes(octets)
    message = parse(octets, table)
    assert octets == before
    return message


def refused(text, table=TO_SERVER):
    return raises(ValueError, parse, bytearray(text.encode()), table)


def values(members):
    return {name: value for name, (value, _) in members.items()}


def test_no_type_is_missing_here():
    for table in (TO_SERVER, TO_PEER):
        assert {kind for of, kind, _ in MESSAGES if of is table} == set(table)


def test_whole_messages_are_read_in_any_order_of_members():
    for table, kind, members in MESSAGES:
        message = read(text_of(kind, values(members)), table)
        assert message.type == kind
        for name, (value, _) in members.items():
            assert message.text(name) == value
        parts = [f'"{name}" : {value}' for name, value in reversed(list(values(members).items()))]
        message = read("\n{ " + " , ".join(parts + [f'"type":"{kind}"']) + " }\t", table)
        assert message.type == kind


def test_what_is_needed_must_be_there_and_what_is_not_may_be_null():
    for table, kind, members in MESSAGES:
        for name, (_, needed) in members.items():
            others = values(members)
            del others[name]
            for text in (
                text_of(kind, others),
                text_of(kind, dict(list(others.items()) + [(name, "null")])),
            ):
                if name == "request" and "null" in text:
                    assert read(text, table).is_null(name)  # the device says what is wrong with it
                elif needed:
                    assert refused(text, table), text
                else:
                    assert read(text, table).is_null(name)


def test_strings_are_strings():
    for table, kind, members in MESSAGES:
        for name, (value, _) in members.items():
            if value != STRING:
                continue
            for other in NO_STRINGS:
                assert refused(text_of(kind, dict(values(members), **{name: other})), table)
            for other in ('""', '"\\u0000"', '"\\ud83d\\ude00"', '"ü"', '"\\""'):
                text = text_of(kind, dict(values(members), **{name: other}))
                assert read(text, table).text(name) == other


def test_meta_may_be_anything():
    for meta in ("null", "1.10", "true", '""', "[]", '{"a":{"b":[1e5,"\\u00fc"]}}', "-0.0"):
        message = read('{"type":"setPeerStatus","roles":[],"meta":%s}'.replace("%s", meta))
        assert message.text("meta") == meta


def test_unknown_members_are_passed_over_wherever_they_are_even_twice():
    for table, kind, members in MESSAGES:
        text = text_of(kind, values(members))
        more = text[:-1] + ',"x":[1,{"type":null}],"x":2,"":3}'
        assert read(more, table).type == kind
        assert refused(text[:-1] + ',"x":nonsense}', table)
        assert refused(text[:-1] + ',"x":"\\ud800"}', table)
    for inner in ('{"type":"answer","sdp":"","x":1,"x":2}', '{"y":{},"sdp":"","type":"answer"}'):
        assert not read('{"type":"peer","sessionId":"s","sdp":%s}'.replace("%s", inner)).offers


def test_known_members_come_once():
    for table, kind, members in MESSAGES:
        text = text_of(kind, values(members))
        assert refused(text[:-1] + f',"type":"{kind}"}}', table)
        for name, value in values(members).items():
            assert refused(text[:-1] + f',"{name}":{value}}}', table)
            assert refused(text[:-1] + f',"\\u{ord(name[0]):04x}{name[1:]}":{value}}}', table)
    for inner in (
        '{"type":"offer","sdp":"","sdp":""}',
        '{"type":"offer","sdp":"","type":"offer"}',
    ):
        assert refused('{"type":"peer","sessionId":"s","sdp":%s}'.replace("%s", inner))
    for inner in (
        '{"candidate":"","sdpMLineIndex":0,"candidate":""}',
        '{"candidate":"","sdpMLineIndex":0,"sdpMLineIndex":0}',
    ):
        assert refused('{"type":"peer","sessionId":"s","ice":%s}'.replace("%s", inner))


def test_types_belong_to_a_direction():
    for table, other in ((TO_SERVER, TO_PEER), (TO_PEER, TO_SERVER)):
        for of, kind, members in MESSAGES:
            if of is table and kind not in other:
                assert refused(text_of(kind, values(members)), other)
        for kind in ("", "newPeer", "List", "LIST", "list ", "Control", "endSessionV1_0"):
            assert refused(f'{{"type":"{kind}"}}', table)
        for kind in ("null", "1", "[]", "{}", '["list"]', '{"list":{}}'):
            assert refused(f'{{"type":{kind}}}', table)
        for text in ("", "null", "[]", '["list"]', '"list"', "{}", '{"type":"list"},', "1"):
            assert refused(text, table)


def test_roles():
    for roles in ((), ("producer",), ("consumer", "listener"), ("listener", "listener"), ROLES):
        message = read(json.dumps({"type": "setPeerStatus", "roles": roles}))
        assert message.roles == tuple(roles)
    assert read('{"type":"setPeerStatus","roles":["\\u0070roducer"]}').roles == ("producer",)
    for roles in (
        '"producer"',
        "{}",
        "1",
        "true",
        "null",
        '["director"]',
        '["Producer"]',
        "[null]",
        "[1]",
        '[["producer"]]',
        '[{"producer":null}]',
        '["producer","director"]',
        "[" + ",".join(['"producer"'] * 20) + "]",
    ):
        assert refused(f'{{"type":"setPeerStatus","roles":{roles}}}'), roles


def test_versions():
    for i, version in enumerate(VERSIONS):
        message = read(json.dumps({"type": "setProtocolVersion", "version": version}))
        assert message.version == i
    for version in ('"v1_2"', '"V1_1"', '"1.1"', '""', "1", "null", '["v1_1"]'):
        assert refused(f'{{"type":"setProtocolVersion","version":{version}}}')


def test_calls_have_an_id_and_one_of_request_and_reply():
    form = '{"type":"control","peerId":"x","id":%s,%s}'
    for number in ("0", "7", "18446744073709551615"):
        for call in ('"request":{}', '"request":"{}"', '"request":1', '"reply":{}'):
            text = form.replace("%s", number, 1).replace("%s", call)
            for table in (TO_SERVER, TO_PEER):
                message = read(text, table)
                assert (message.text("id"), message.has("reply")) == (number, "reply" in call)
    for number in ("-1", "-0", "1.0", "1e1", '"1"', "null", "18446744073709551616", "1" * 30):
        assert refused(form.replace("%s", number, 1).replace("%s", '"request":{}'))
    for call in (
        '"request":{},"reply":{}',
        '"reply":null',
        '"reply":"{}"',
        '"reply":[]',
        '"reply":1',
        '"x":1',
    ):
        assert refused(form.replace("%s", "7", 1).replace("%s", call)), call


def test_ids_are_no_longer_than_ids_are():
    for table, kind, members in MESSAGES:
        for name in ("peerId", "sessionId"):
            if name not in members:
                continue
            for n, fits in ((36, True), (128, True), (129, False), (10000, False)):
                text = text_of(kind, dict(values(members), **{name: '"' + "x" * n + '"'}))
                assert refused(text, table) != fits


def peer(content):
    return f'{{"type":"peer","sessionId":"{ID}",{content}}}'


def test_descriptions():
    for table in (TO_SERVER, TO_PEER):
        for kind in ("offer", "answer"):
            message = read(peer(f'"sdp":{{"type":"{kind}","sdp":"v=0\\r\\n"}}'), table)
            assert message.offers == (kind == "offer")
            assert message.content.string("sdp") == "v=0\r\n"
        for sdp in (
            '{"type":"pranswer","sdp":""}',
            '{"type":"rollback","sdp":""}',
            '{"type":"Offer","sdp":""}',
            '{"type":null,"sdp":""}',
            '{"sdp":""}',
            '{"type":"offer"}',
            '{"type":"offer","sdp":null}',
            '{"type":"offer","sdp":1}',
            '{"type":"offer","sdp":["v=0"]}',
            "null",
            '"v=0"',
            "[]",
            "1",
        ):
            assert refused(peer(f'"sdp":{sdp}'), table), sdp
        # Serde's enums have one member.
        assert refused(peer('"x":1'), table)
        ice = '"ice":{"candidate":"","sdpMLineIndex":0}'
        assert refused(peer('"sdp":{"type":"offer","sdp":""},' + ice), table)
        assert refused(peer('"sdp":null,' + ice), table)


def test_candidates():
    for index in ("0", "1", "7", "4294967295"):
        message = read(peer(f'"ice":{{"candidate":"c","sdpMLineIndex":{index}}}'))
        assert int(message.content.text("sdpMLineIndex")) == int(index)
        assert message.content.string("candidate") == "c" and not message.offers
    for index in (
        "-1",
        "-0",
        "4294967296",
        "10000000000",
        "99999999999999999999",
        "1.0",
        "1e0",
        "0.5",
        '"0"',
        "null",
        "true",
        "[]",
        "{}",
    ):
        text = peer(f'"ice":{{"candidate":"c","sdpMLineIndex":{index}}}')
        assert refused(text), index
    for ice in (
        '{"candidate":"c"}',
        '{"sdpMLineIndex":0}',
        '{"candidate":null,"sdpMLineIndex":0}',
        '{"candidate":1,"sdpMLineIndex":0}',
        "null",
        "[]",
        '"c"',
    ):
        assert refused(peer(f'"ice":{ice}')), ice
    # What browsers add.
    read(peer('"ice":{"candidate":"c","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null}'))


def test_every_message_cut_short_is_none():
    for table, kind, members in MESSAGES:
        text = text_of(kind, values(members))
        for n in range(len(text)):
            assert refused(text[:n], table), text[:n]
        assert refused(text + "x", table) and refused(text + "{}", table)
