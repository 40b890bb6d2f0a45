"""The client's side: what a SignallingPeer sends and tells, through any number of connections."""

import json

from recorder import LOST, Recorder
from signalbox.signalling.peer import (
    CONSUMER,
    LISTENER,
    MAX_EARLY,
    MAX_META,
    MAX_PRODUCERS,
    PRODUCER,
    Delegate,
    SignallingPeer,
)
from signalbox.signalling.strict_json import parse
from wire import raises

HARD_TEXTS = (
    "v=0\r\n",
    "".join(chr(c) for c in range(0x80)),
    '"\\/\b\f\n\r\t\x00\x7f\x1f',
    "grün \u2028\u2029 \uffff \U0001f600\U0010ffff",
    '\\u0041 \\" \\\\',
    "ü" * 511 + "\U0001f600" * 3 + '"' * 600,
    "",
)


def surrogate(unit):
    """A str with a lone surrogate in it, made as an application could."""
    return json.loads(f'"a\\u{unit:04x}b"')


def text_of(message):
    return message if isinstance(message, str) else "".join(message)


class Line:
    """A SignallingPeer and the server's end of its line."""

    def __init__(self, roles=(), meta=None, welcome=True, **limits):
        self.delegate = Recorder()
        self.peer = SignallingPeer(self.delegate, roles, meta, **limits)
        if welcome:
            self.connect()

    def connect(self, peer_id="me"):
        self.peer.connected()
        assert self.peer.take() == []
        sent = self.says(type="welcome", peerId=peer_id)
        assert self.told() == [("registered", peer_id)]
        return sent

    def told(self):
        told = self.delegate.told
        self.delegate.told = []
        return told

    def sent(self):
        """What the peer sends, checked to be JSON more strictly than MicroPython's json does."""
        sent = []
        for message in self.peer.take():
            text = text_of(message)
            parse(bytearray(text.encode()), ())
            assert len(message) <= len(text)
            sent.append(json.loads(text))
        return sent

    def hears(self, text):
        self.peer.receive(bytearray(text.encode()))
        return self.sent()

    def says(self, **message):
        """The server sends a message; returns what the peer sends then."""
        return self.hears(json.dumps(message))

    def session(self, session_id="s", peer_id="other"):
        """A session with us as the producer. Returns the Session."""
        assert self.says(type="startSession", peerId=peer_id, sessionId=session_id) == []
        assert self.told() == [("started", session_id, peer_id, PRODUCER, None)]
        return self.peer.sessions[session_id]

    def offers(self, session_id="s", sdp="v=0"):
        return self.says(type="peer", sessionId=session_id, sdp={"type": "offer", "sdp": sdp})

    def ice(self, candidate, session_id="s", line_index=0):
        ice = {"candidate": candidate, "sdpMLineIndex": line_index}
        return self.says(type="peer", sessionId=session_id, ice=ice)

    def status(self, peer_id, *roles, **more):
        return self.says(type="peerStatusChanged", peerId=peer_id, roles=roles, **more)


def end(session_id="s"):
    return {"type": "endSession", "sessionId": session_id}


def status(roles, meta=None, peer_id="me"):
    return {"type": "setPeerStatus", "roles": list(roles), "meta": meta, "peerId": peer_id}


# Registration


def test_a_peer_registers_when_it_is_welcomed_and_not_before():
    for roles, asks in (
        ((), []),
        ([PRODUCER], []),
        ((CONSUMER,), []),
        ((LISTENER, PRODUCER), [{"type": "list"}]),
        ((LISTENER,), [{"type": "list"}]),
    ):
        line = Line(roles, {"name": "ü", "n": [1, None]}, welcome=False)
        assert line.peer.id is None
        assert line.connect() == [status(roles, {"name": "ü", "n": [1, None]})] + asks
        assert line.peer.id == "me"
        assert line.peer.take() == []


def test_it_registers_again_after_a_reconnect_with_the_new_id():
    line = Line((PRODUCER,), 1)
    for i in range(3):
        line.peer.disconnected()
        assert line.peer.id is None and line.told() == []
        assert line.connect(f"me again {i}") == [status((PRODUCER,), 1, f"me again {i}")]


def test_a_second_welcome_is_ignored():
    line = Line((PRODUCER,))
    assert line.says(type="welcome", peerId="somebody else") == []
    assert line.peer.id == "me" and line.told() == []


def test_before_the_welcome_nothing_is_believed():
    line = Line((PRODUCER, LISTENER), welcome=False)
    line.peer.connected()
    assert line.says(type="startSession", peerId="a", sessionId="s") == []
    assert line.status("a", PRODUCER) == []
    assert line.says(type="error", details="no") == []
    assert line.told() == [] and line.peer.sessions == {}


def test_what_the_server_would_refuse_is_refused_here():
    for roles in ((PRODUCER, CONSUMER), ("director",), (1,)):
        assert raises(ValueError, Line, roles)
        line = Line((LISTENER,))
        assert raises(ValueError, line.peer.set_status, roles, None)
        assert line.peer.take() == []
    for meta in (surrogate(0xD800), [surrogate(0xDFFF)], float("nan"), {"a": float("inf")}):
        assert raises(ValueError, Line, (), meta), meta
        line = Line((PRODUCER,), 1)
        assert raises(ValueError, line.peer.set_status, (), meta)
        line.peer.disconnected()
        assert line.connect() == [status((PRODUCER,), 1)]


def test_meta_is_taken_as_it_is_now():
    meta = {"name": "one"}
    line = Line((), meta, welcome=False)
    meta["name"] = "two"
    assert line.connect() == [status((), {"name": "one"})]


def test_a_new_status_is_sent_now_and_at_every_registration():
    line = Line(())
    line.peer.set_status((PRODUCER,), "one")
    assert line.sent() == [status((PRODUCER,), "one")]
    line.peer.set_status((PRODUCER,), "two")
    assert line.sent() == [status((PRODUCER,), "two")]
    line.peer.disconnected()
    line.peer.set_status((CONSUMER,), "three")
    assert line.sent() == []
    assert line.connect() == [status((CONSUMER,), "three")]


def test_who_becomes_a_listener_asks_for_the_producers_and_who_was_one_forgets_them():
    line = Line()
    line.peer.set_status((LISTENER,), None)
    assert line.sent() == [status((LISTENER,)), {"type": "list"}]
    line.status("a", PRODUCER)
    assert line.told() == [("producers", {"a": "null"})]
    line.peer.set_status((LISTENER,), 1)
    assert line.sent() == [status((LISTENER,), 1)]
    assert line.told() == []
    line.peer.set_status((), 1)
    assert line.sent() == [status((), 1)]
    assert line.told() == [("producers", {})]
    line.peer.set_status((), 2)
    assert line.told() == []


def test_sessions_in_a_role_that_is_given_up_end():
    # The server ends them, too, but tells only the other side.
    line = Line((PRODUCER,))
    line.session("produced")
    line.peer.start_session("other")
    line.sent()
    line.says(type="sessionStarted", peerId="other", sessionId="consumed")
    line.told()
    line.peer.set_status((PRODUCER, LISTENER), None)
    assert line.sent() == [status((PRODUCER, LISTENER)), {"type": "list"}]
    assert line.told() == []
    line.peer.set_status((), None)
    assert line.sent() == [end("produced"), status(())]
    assert line.told() == [("ended", "produced", None)]
    assert list(line.peer.sessions) == ["consumed"]


def test_a_session_that_crossed_the_end_of_its_role_is_none():
    line = Line((PRODUCER,))
    line.peer.set_status((), None)
    line.sent()
    assert line.says(type="startSession", peerId="other", sessionId="s") == [end()]
    assert line.told() == [] and line.peer.sessions == {}
    line.peer.set_status((CONSUMER,), None)
    line.sent()
    assert line.says(type="sessionStarted", peerId="other", sessionId="s") == []
    assert line.told() == [("started", "s", "other", CONSUMER, None)]


# Sessions


def test_a_session_that_was_asked_for():
    for kind, role in (("sessionStarted", CONSUMER), ("startSession", PRODUCER)):
        line = Line()
        line.peer.start_session("other")
        assert line.sent() == [{"type": "startSession", "peerId": "other", "offer": None}]
        assert line.says(type=kind, peerId="other", sessionId="s") == []
        assert line.told() == [("started", "s", "other", role, None)]
        # Only that one was.
        assert line.says(type=kind, peerId="other", sessionId="s2") == [end("s2")]
        assert line.told() == []


def test_asking_again_and_again_without_an_answer_takes_no_memory():
    line = Line()
    for i in range(100):
        line.peer.start_session(f"other {i}")
        line.says(type="error", details="no such peer")
    assert len(line.peer._asked) < 20
    line.says(type="sessionStarted", peerId="other 99", sessionId="s")
    assert line.told()[-1] == ("started", "s", "other 99", CONSUMER, None)


def test_who_is_not_registered_can_not_ask():
    line = Line(welcome=False)
    assert raises(RuntimeError, line.peer.start_session, "other")
    line.peer.connected()
    assert raises(RuntimeError, line.peer.start_session, "other")
    line.connect()
    line.peer.disconnected()
    assert raises(RuntimeError, line.peer.start_session, "other")
    assert line.peer.take() == []


def test_offer_and_description_are_told_as_they_were_written():
    for text in HARD_TEXTS:
        line = Line((PRODUCER,))
        line.says(type="startSession", peerId="other", sessionId="s", offer=text)
        assert line.told() == [("started", "s", "other", PRODUCER, text)]
        escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in text)
        line.hears(f'{{"sdp":{{"sdp":"{escaped}","type":"answer"}},"sessionId":"s","type":"peer"}}')
        assert line.told() == [("sdp", "s", "answer", text)]
    line.hears('{"type":"peer","sessionId":"s","sdp":{"type":"offer","sdp":"\\ud83d\\ude00"}}')
    assert line.told() == [("sdp", "s", "offer", "\U0001f600")]
    line.hears('{"type":"peer","sessionId":"s","ice":{"candidate":"\\ud83d\\ude00"}}')
    assert line.told() == []
    line.ice("\U0001f600", line_index=0xFFFFFFFF)
    assert line.told() == [("ice", "s", "\U0001f600", 0xFFFFFFFF)]


def test_what_is_sent_is_read_again_as_it_was():
    for text in HARD_TEXTS:
        line = Line((PRODUCER,))
        session = line.session()
        line.peer.start_session("other", text)
        line.peer.send_sdp(session, "offer", text)
        line.peer.send_ice(session, text, 0xFFFFFFFF)
        assert line.sent() == [
            {"type": "startSession", "peerId": "other", "offer": text},
            {"type": "peer", "sessionId": "s", "sdp": {"type": "offer", "sdp": text}},
            {
                "type": "peer",
                "sessionId": "s",
                "ice": {"candidate": text, "sdpMLineIndex": 0xFFFFFFFF},
            },
        ]


def test_a_large_description_is_escaped_in_pieces():
    line = Line((PRODUCER,))
    sdp = "a=candidate:ü\r\n" * 500
    line.peer.send_sdp(line.session(), "offer", sdp)
    (message,) = line.peer.take()
    assert len(message) >= len(sdp)
    pieces = list(message)
    assert max(len(piece) for piece in pieces) < 4000
    assert json.loads("".join(pieces))["sdp"]["sdp"] == sdp
    # It may have to be read twice.
    assert list(message) == pieces


def test_what_can_not_be_sent_is_a_value_error_and_nothing_is_sent():
    line = Line((PRODUCER,))
    session = line.session()
    peer = line.peer
    for bad in (surrogate(0xD800), surrogate(0xDFFF), "x" * 600 + surrogate(0xDBFF)):
        assert raises(ValueError, peer.send_sdp, session, "offer", bad)
        assert raises(ValueError, peer.send_ice, session, bad, 0)
        assert raises(ValueError, peer.start_session, bad)
        assert raises(ValueError, peer.start_session, "other", bad)
    assert raises(ValueError, peer.send_sdp, session, "pranswer", "")
    for index in (-1, 0x100000000):
        assert raises(ValueError, peer.send_ice, session, "", index)
    for bad in (None, b"v=0", 1):
        assert raises(TypeError, peer.send_sdp, session, "offer", bad)
        assert raises(TypeError, peer.send_ice, session, bad, 0)
    assert peer.take() == []
    # None of them counts as having been asked for.
    assert line.says(type="sessionStarted", peerId="other", sessionId="t") == [end("t")]


def test_candidates_before_the_description_are_kept_in_order():
    line = Line((PRODUCER,))
    line.session()
    for i in range(20):
        assert line.ice(f"candidate {i}", line_index=i) == []
    assert line.told() == []
    line.offers()
    assert line.told() == [("sdp", "s", "offer", "v=0")] + [
        ("ice", "s", f"candidate {i}", i) for i in range(20)
    ]
    line.ice("")
    line.offers(sdp="v=1")
    assert line.told() == [("ice", "s", "", 0), ("sdp", "s", "offer", "v=1")]


def test_candidates_behind_an_offer_in_the_session_s_start_are_told_at_once():
    line = Line((PRODUCER,))
    line.says(type="startSession", peerId="other", sessionId="s", offer="v=0")
    line.told()
    line.ice("c")
    assert line.told() == [("ice", "s", "c", 0)]


def test_more_candidates_than_there_is_room_for_end_the_session():
    # Empty ones take memory, too.
    for candidate in ("", "x", "x" * 300, "x" * MAX_EARLY):
        line = Line((PRODUCER,))
        line.session()
        sent = []
        kept = 0
        while not sent:
            assert kept < 200
            sent = line.ice(candidate)
            kept += 1
        assert (kept - 1) * len(candidate) <= MAX_EARLY
        assert sent == [end()]
        assert line.told() == [
            ("ended", "s", "too many candidates"),
        ]
        assert line.ice(candidate) == [] and line.offers() == [] and line.told() == []


def test_a_session_that_is_refused_is_not_told_of_again():
    line = Line((PRODUCER,))
    line.delegate.refuse = True
    assert line.says(type="startSession", peerId="other", sessionId="s") == [end()]
    assert line.told() == [("started", "s", "other", PRODUCER, None)]
    line.offers()
    line.ice("c")
    assert line.says(**end()) == []
    line.peer.disconnected()
    assert line.told() == []


def test_a_delegate_that_says_nothing_accepts_and_the_base_class_refuses():
    class Silent(Delegate):
        def session_started(self, session, offer):
            pass

    for delegate, accepts in ((Silent(), True), (Delegate(), False)):
        peer = SignallingPeer(delegate, (PRODUCER,))
        peer.connected()
        peer.receive(bytearray(b'{"type":"welcome","peerId":"me"}'))
        peer.receive(bytearray(b'{"type":"startSession","peerId":"o","sessionId":"s"}'))
        assert (len(peer.sessions) == 1) == accepts


def test_sessions_past_the_cap_are_refused_until_one_has_ended():
    line = Line((PRODUCER,), max_sessions=2)
    line.session("1")
    second = line.session("2")
    assert line.says(type="startSession", peerId="o", sessionId="3") == [end("3")]
    assert line.told() == []
    line.peer.end_session(second)
    assert line.sent() == [end("2")]
    line.told()
    line.session("3")
    assert line.says(type="startSession", peerId="o", sessionId="4") == [end("4")]


def test_the_same_session_twice_is_one():
    # A session with oneself is announced to both of its sides.
    line = Line((PRODUCER,))
    line.session()
    for kind in ("startSession", "sessionStarted"):
        assert line.says(type=kind, peerId="me", sessionId="s") == []
    assert line.told() == []


def test_a_session_ends_once_however_it_ends():
    def by_the_other(line, session):
        line.says(**end())

    def by_us(line, session):
        line.peer.end_session(session)
        assert line.sent() == [end()]

    def by_loss(line, session):
        line.peer.disconnected()
        line.peer.disconnected()

    for first, error in ((by_the_other, None), (by_us, None), (by_loss, LOST)):
        line = Line((PRODUCER,))
        session = line.session()
        first(line, session)
        assert line.told() == [("ended", "s", error)]
        line.says(**end())
        line.says(type="endSessionV1_1", sessionId="s", error="late")
        line.peer.end_session(session)
        line.peer.send_sdp(session, "answer", "late")
        line.peer.send_ice(session, "late", 0)
        line.offers()
        line.ice("late")
        line.peer.disconnected()
        line.connect("me again")
        line.says(**end())
        line.peer.end_session(session)
        line.peer.send_ice(session, "late", 0)
        assert line.told() == [] and line.sent() == []


def test_the_reason_of_an_end_is_told():
    for text, error in (
        ('"gone \\ud83d\\ude00 \\u00fc\\n"', "gone \U0001f600 ü\n"),
        ("null", None),
    ):
        line = Line((PRODUCER,))
        line.session()
        line.hears(f'{{"type":"endSessionV1_1","error":{text},"sessionId":"s"}}')
        assert line.told() == [("ended", "s", error)]
    line.session()
    line.hears('{"type":"endSessionV1_1","error":1,"sessionId":"s"}')
    assert line.told() == []
    line.hears('{"type":"endSessionV1_1","sessionId":"s"}')
    assert line.told() == [("ended", "s", None)]


def test_a_session_id_from_before_a_reconnect_may_come_again():
    line = Line((PRODUCER,))
    old = line.session()
    line.peer.disconnected()
    line.told()
    line.connect()
    line.peer.send_ice(old, "c", 0)
    assert line.sent() == []
    new = line.session()
    # The old one has ended for good.
    line.peer.send_ice(old, "c", 0)
    line.peer.send_sdp(old, "offer", "")
    line.peer.end_session(old)
    assert line.sent() == [] and line.told() == []
    line.peer.end_session(new)
    assert line.told() == [("ended", "s", None)]


def test_ids_that_json_would_have_to_escape_are_nobody_s():
    line = Line((PRODUCER,), welcome=False)
    line.peer.connected()
    assert line.hears('{"type":"welcome","peerId":"a\\"b"}') == []
    line.connect()
    for bad in ('a\\"b', "\\n", "\\ud83d\\ude00", "\\u0061"):
        assert line.hears(f'{{"type":"startSession","peerId":"o","sessionId":"{bad}"}}') == []
        assert line.hears(f'{{"type":"startSession","peerId":"{bad}","sessionId":"s"}}') == []
    assert line.told() == []
    line.hears('{"type":"startSession","peerId":"grün","sessionId":"grün"}')
    assert line.told() == [("started", "grün", "grün", PRODUCER, None)]
    assert line.hears('{"type":"endSession","sessionId":"grün"}') == []
    assert line.told() == [("ended", "grün", None)]


def test_errors_of_the_server_are_told():
    line = Line()
    line.hears('{"type":"error","details":"a \\"peer\\" \\ud83d\\ude00"}')
    assert line.told() == [("error", 'a "peer" \U0001f600')]


def test_what_is_no_message_is_ignored():
    line = Line((PRODUCER, LISTENER))
    line.session()
    for text in (
        "",
        "garbage",
        "[]",
        '{"type":"list"}',
        '{"type":"control","peerId":"a"}',
        '{"type":"peer","sessionId":"s"}',
        '{"type":"peer","sessionId":"s","sdp":{"type":"pranswer","sdp":""}}',
        '{"type":"startSession","peerId":"o"}',
        '{"type":"peerStatusChanged","roles":["producer"]}',
        '{"type":"list","producers":[{"meta":1}]}',
        '{"type":"endSession","sessionId":null}',
    ):
        assert line.hears(text) == []
    assert line.told() == []


# Calls from inside the delegate


def test_a_session_s_first_messages_may_be_sent_when_it_starts():
    line = Line((PRODUCER,))

    def offer(*_):
        (session,) = line.peer.sessions.values()
        line.peer.send_sdp(session, "offer", "v=0")
        line.peer.send_ice(session, "c", 1)

    line.delegate.then["started"] = offer
    sent = line.says(type="startSession", peerId="o", sessionId="s")
    assert [sorted(message) for message in sent] == [
        ["sdp", "sessionId", "type"],
        ["ice", "sessionId", "type"],
    ]


def test_a_session_may_be_ended_when_it_starts():
    for refuse in (False, True):
        line = Line((PRODUCER,))
        line.delegate.refuse = refuse
        line.delegate.then["started"] = lambda *_, line=line: line.peer.end_session(
            line.peer.sessions["s"]
        )
        assert line.says(type="startSession", peerId="o", sessionId="s") == [end()]
        assert [what[0] for what in line.told()] == ["started", "ended"]


def test_a_session_may_be_ended_by_what_came_in_it():
    for name in ("sdp", "ice"):
        line = Line((PRODUCER,))
        line.session()
        line.ice("1")
        line.ice("2")
        line.delegate.then[name] = lambda *_, line=line: line.peer.end_session(
            line.peer.sessions["s"]
        )
        assert line.offers() == [end()]
        told = [what[0] for what in line.told()]
        assert told == (["sdp", "ended"] if name == "sdp" else ["sdp", "ice", "ended"])


def test_other_sessions_may_be_ended_when_one_ends():
    line = Line((PRODUCER,))
    for name in "123":
        line.session(name)

    def end_all(*_):
        for session in list(line.peer.sessions.values()):
            line.peer.end_session(session)

    line.delegate.then["ended"] = end_all
    line.peer.disconnected()
    assert sorted(what[1] for what in line.told()) == ["1", "2", "3"]
    assert line.connect() == [status((PRODUCER,))]
    for name in "123":
        line.session(name)
    sent = line.says(**end("2"))
    assert sorted(message["sessionId"] for message in sent) == ["1", "3"]
    assert sorted(what[1] for what in line.told()) == ["1", "2", "3"]
    for name in "123":
        line.session(name)
    line.peer.set_status((), None)
    assert sorted(what[1] for what in line.told()) == ["1", "2", "3"]


def test_an_ended_session_may_be_asked_for_again_at_once():
    line = Line()
    line.peer.start_session("other")
    line.sent()
    line.says(type="sessionStarted", peerId="other", sessionId="s")
    line.delegate.then["ended"] = lambda *_: line.peer.start_session("other")
    assert line.says(**end()) == [{"type": "startSession", "peerId": "other", "offer": None}]
    line.says(type="sessionStarted", peerId="other", sessionId="s2")
    line.told()
    assert raises(RuntimeError, line.peer.disconnected)  # there is nobody to ask
    assert line.told() == [("ended", "s2", LOST)]


def test_a_session_may_be_asked_for_when_registered_or_when_there_is_a_producer():
    line = Line((LISTENER,), welcome=False)
    line.delegate.then["registered"] = lambda *_: line.peer.start_session("known")
    sent = line.connect()
    assert [message["type"] for message in sent] == ["setPeerStatus", "list", "startSession"]

    def ask(producers):
        for peer_id in producers:
            line.peer.start_session(peer_id)

    line.delegate.then["producers"] = ask
    assert line.says(type="list", producers=[{"id": "a", "meta": None}]) == [
        {"type": "startSession", "peerId": "a", "offer": None}
    ]


def test_without_memory_for_the_delegate_every_session_is_told_of_when_there_is_some():
    line = Line((PRODUCER, LISTENER))
    for name in "123":
        line.session(name)
    line.status("a", PRODUCER)
    line.told()

    def fail(*_):
        raise MemoryError

    line.delegate.then["ended"] = fail
    line.delegate.then["producers"] = fail
    for left in (2, 1, 0):
        assert raises(MemoryError, line.peer.disconnected)
        assert len(line.peer.sessions) == left
    assert raises(MemoryError, line.peer.disconnected)
    line.peer.disconnected()
    told = line.told()
    assert sorted(what[1] for what in told[:3]) == ["1", "2", "3"]
    assert told[3:] == [("producers", {})]


# A listener's view


def test_producers_come_change_and_go():
    line = Line((LISTENER,))
    line.says(type="list", producers=[{"id": "a", "meta": {"n": 1}}, {"id": "b"}])
    assert line.told() == [("producers", {"a": '{"n": 1}', "b": "null"})]
    line.status("c", PRODUCER, LISTENER, meta=[1])
    assert line.told() == [("producers", {"a": '{"n": 1}', "b": "null", "c": "[1]"})]
    line.status("a", PRODUCER)
    assert line.told() == [("producers", {"a": "null", "b": "null", "c": "[1]"})]
    line.status("b", LISTENER)
    line.status("c")
    assert line.told() == [
        ("producers", {"a": "null", "c": "[1]"}),
        ("producers", {"a": "null"}),
    ]
    line.status("b")
    line.status("me", LISTENER)
    assert line.told() == []
    line.says(type="list", producers=[])
    assert line.told() == [("producers", {})]


def test_a_list_that_is_none_changes_nothing():
    line = Line((LISTENER,))
    for items, expected in (
        ("[]", {}),
        ("[ ]", {}),
        ('[{"id":"a"}]', {"a": "null"}),
        (
            '[{"meta":{"n":[1,2]},"id":"a","x":[{}]} , {"id":"\\u00fc","meta":null}]',
            {"a": '{"n":[1,2]}', "ü": "null"},
        ),
    ):
        line.hears('{"type":"list","producers":' + items + "}")
        assert line.told() == [("producers", expected)]
    for items in (
        "{}",
        "null",
        "1",
        '"a"',
        "[1]",
        "[null]",
        "[[]]",
        '["a"]',
        "[{}]",
        '[{"meta":1}]',
        '[{"id":null}]',
        '[{"id":1}]',
        '[{"id":"b"},{"meta":1}]',
        '[{"id":"a","id":"b"}]',
    ):
        line.hears('{"type":"list","producers":' + items + "}")
        assert line.told() == [], items
        assert line.peer.producers == expected
    line.hears('{"type":"list"}')
    assert line.told() == []


def test_producers_are_asked_for_anew_after_a_reconnect():
    line = Line((LISTENER,))
    line.says(type="list", producers=[{"id": "a", "meta": 1}, {"id": "b", "meta": 2}])
    line.told()
    line.peer.disconnected()
    assert line.told() == [("producers", {})]
    assert line.connect("me again")[1:] == [{"type": "list"}]
    line.says(type="list", producers=[{"id": "b", "meta": 3}, {"id": "c", "meta": 4}])
    assert line.told() == [("producers", {"b": "3", "c": "4"})]
    line.status("a", PRODUCER)
    assert line.told() == [("producers", {"a": "null", "b": "3", "c": "4"})]


def test_a_listener_keeps_no_more_than_a_board_can():
    line = Line((LISTENER,))
    many = [{"id": str(i), "meta": "x" * (MAX_META - 2)} for i in range(MAX_PRODUCERS + 5)]
    line.says(type="list", producers=many)
    assert len(line.peer.producers) == MAX_PRODUCERS
    line.status("one more", PRODUCER)
    assert len(line.peer.producers) == MAX_PRODUCERS
    line.status("0", PRODUCER, meta="x" * MAX_META)
    assert line.peer.producers["0"] == "null"
    line.says(type="list", producers=[{"id": "0", "meta": "x" * MAX_META}])
    assert line.peer.producers == {"0": "null"}


def test_control_requests_are_answered_by_the_delegate():
    line = Line((CONSUMER,), {"control": {"v": 1}})
    line.delegate.reply = '{"type":"ControlResponseMessage","id":7,"error":null}'
    text = '{"type":"control","peerId":"other","id":7,"request":{"type":"x"}}'
    (sent,) = line.hears(text)
    assert sent == {
        "type": "control",
        "peerId": "other",
        "id": 7,
        "reply": {"type": "ControlResponseMessage", "id": 7, "error": None},
    }
    assert line.told() == [("control", "other", text)]
    line.delegate.reply = None
    assert line.hears(text) == []


def test_control_ends_with_its_peer_and_with_the_connection():
    line = Line()
    line.delegate.reply = "{}"
    line.says(type="endControl", peerId="other", error=None)
    assert line.told() == [("control ended", "other")]
    line.peer.disconnected()
    assert line.told() == [("control ended", None)]
    line.peer.end_control("other", "why")
    assert line.sent() == []


def test_a_peer_is_told_that_it_has_lost_control():
    line = Line()
    line.peer.end_control("other", 'somebody "else"')
    assert line.sent() == [{"type": "endControl", "peerId": "other", "error": 'somebody "else"'}]


def test_what_is_no_control_request_is_ignored():
    line = Line()
    line.delegate.reply = "{}"
    for text in (
        '{"type":"control","peerId":"other","id":7,"reply":{}}',
        '{"type":"control","peerId":"other","request":{}}',
        '{"type":"control","id":7,"request":{}}',
        '{"type":"control","peerId":"\\u0041","id":7,"request":{}}',
    ):
        assert line.hears(text) == []
    assert line.told() == []
