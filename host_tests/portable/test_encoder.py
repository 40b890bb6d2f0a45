"""The encoder on a UART: lines that arrive whole, sessions, SDPs in pieces, and silence."""

import json

from signalbox.device import encoder
from signalbox.device.line_link import (
    MAX_LINE,
    PING,
    RETRY,
    SILENCE,
    LineLink,
    escaped,
    framed,
    unescaped,
)
from signalbox.signalling.peer import PRODUCER, Delegate, SignallingPeer
from visca_wires import Hardware, Port, options_of
from wire import raises

SDP = "v=0\r\n" + "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n" * 300
BIG = SDP[: encoder.MAX_SDP]


class Cable:
    """Two ports, and what happens between them. `lose(octets)`: what comes of these."""

    def __init__(self):
        self.ends = (Port(), Port())
        self.lose = lambda octets: octets

    def carry(self):
        for one, other in (self.ends, (self.ends[1], self.ends[0])):
            written = b"".join(one.written)
            one.written = []
            if written:
                assert all(len(line) < MAX_LINE for line in written.split(b"\n"))
                other.incoming += self.lose(written)


class Encoder:
    """The encoder's side, as a maker of one would write it. `told`: [body]."""

    def __init__(self, port):
        self.told = []
        self.changes = []
        self.room = True
        self.link = LineLink(port, self._heard, self.changes.append, random=counting())
        self.out = []

    def _heard(self, body):
        if not self.room:
            return False
        self.told.append(bytes(body))
        return True

    def tick(self, now):
        self.link.tick(now)
        while self.out and self.link.ready:
            body = next(self.out[0], None)
            if body is None:
                self.out.pop(0)
            else:
                self.link.send(body)

    def say(self, *bodies):
        self.out.append(iter(bodies))

    def sends(self, number, kind, text):
        self.out.append(lines(number, kind, text.encode()))


def lines(number, kind, octets):
    # One at a time: a board has no room for all of them.
    for at in range(0, len(octets), 100):
        more = b" + " if at + 100 < len(octets) else b" . "
        yield b"SDP %d %s" % (number, kind.encode()) + more + escaped(octets[at : at + 100])


def counting():
    count = [0]

    def random(n):
        count[0] += 1
        return count[0].to_bytes(n, "big")

    return random


class Member(Delegate):
    """As the application joins a peer and the media."""

    def __init__(self, media):
        self.media = media
        self.delivered = 0
        self.peer = SignallingPeer(self, (PRODUCER,))
        self.peer.connected()
        self.hears(type="welcome", peerId="me")
        self.peer.take()

    def deliver(self):
        self.delivered += 1

    def hears(self, **message):
        self.peer.receive(bytearray(json.dumps(message).encode()))

    def sent(self):
        return [json.loads(m if isinstance(m, str) else "".join(m)) for m in self.peer.take()]

    def session_started(self, session, offer):
        return self.media.session_started(self, session, offer)

    def sdp(self, session, kind, sdp):
        self.media.sdp(self, session, kind, sdp)

    def ice(self, session, candidate, line_index):
        self.media.ice(self, session, candidate, line_index)

    def session_ended(self, session, error):
        self.media.session_ended(self, session, error)


class Board:
    """A driver, a cable, an encoder, and a peer at a signalling server."""

    def __init__(self, up=True, **options):
        hardware = Hardware()
        self.cable = Cable()
        hardware.port = self.cable.ends[0]
        encoder.print = lambda *words: None
        self.driver = encoder.create(options_of(encoder, uart=1, **options), hardware)
        self.encoder = Encoder(self.cable.ends[1])
        self.member = Member(self.driver.media)
        self.now = 1000
        if up:
            self.wait(200)
            assert self.driver._link.up and self.encoder.link.up

    def wait(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now += 20
            self.driver.tick(self.now)
            self.cable.carry()
            self.encoder.tick(self.now)
            self.cable.carry()

    def told(self):
        told = self.encoder.told
        self.encoder.told = []
        return told

    def session(self, name="s", offer=None):
        self.member.hears(type="startSession", peerId="other", sessionId=name, offer=offer)


# Lines


def test_a_line_octet_by_octet():
    assert framed(7, b"END 1") == b"$07END 1*7461B48A\n"
    assert framed(255, b"+") == b"$FF+*81C939A3\n"


def test_escapes():
    for octets in (b"", b"a", b"\\", b"\r\n", b"\\n", b"\\\\r\n\\", bytes(range(256))):
        body = escaped(octets)
        assert b"\n" not in body and b"\r" not in body
        assert unescaped(body) == octets


def test_both_sides_greet_whoever_is_first():
    board = Board(up=False)
    board.driver.tick(board.now)
    board.cable.carry()
    assert board.driver.state()["fault"]
    board.cable.ends[1].incoming = b""
    board.wait(3 * RETRY)
    assert board.driver.state() == {"sessions": 0} and board.encoder.changes == [True]


def test_whatever_is_lost_or_broken_arrives_once_and_in_order():
    for step in range(1, 12):
        board = Board()
        count = [0]

        def lose(octets, step=step, count=count):
            count[0] += 1
            if count[0] * 7919 % 17 < 5:
                at = (count[0] * step) % len(octets)
                if step % 3 == 0:
                    return octets[:at] + octets[at + 1 :]
                if step % 3 == 1:
                    return octets[:at] + bytes((octets[at] ^ 1 << step % 8,)) + octets[at + 1 :]
                return b"\x00$07noise" + octets + b"\r\n\n$$"
            return octets

        board.cable.lose = lose
        for number in range(20):
            board.driver._put(b"ICE %d 0" % number, b"x")
            board.encoder.say(b"END %d" % number)
        heard = []
        board.driver._obey = heard.append
        for _ in range(600):
            board.wait(100)
            if len(heard) == len(board.encoder.told) == 20:
                break
        board.wait(2 * RETRY)  # nothing comes twice
        assert board.told() == [b"ICE %d 0 . x" % number for number in range(20)], step
        assert heard == [b"END %d" % number for number in range(20)], step
        assert len(board.encoder.changes) == 1


def test_garbage_is_passed_over():
    board = Board()
    board.cable.ends[0].incoming += b"\xff" * 5000 + b"$" * 700
    board.encoder.say(b"END 1")
    heard = []
    board.driver._obey = heard.append
    board.wait(5 * RETRY)
    assert heard == [b"END 1"]


def test_a_receiver_without_room_holds_up_the_sender():
    board = Board()
    board.encoder.room = False
    board.session()
    board.wait(4 * SILENCE)
    assert board.told() == [] and len(board.driver._sessions) == 1
    board.encoder.room = True
    board.wait(2 * RETRY)
    assert board.told() == [b"START 1"]


def test_pings_keep_it_up():
    board = Board()
    board.wait(10 * PING)
    assert board.driver._link.up and board.told() == [] and board.encoder.changes == [True]


# Sessions


def test_a_session_from_its_start_to_its_end():
    board = Board()
    board.session()
    board.encoder.sends(1, "offer", "v=0\r\ngrün\\n")
    board.encoder.say(b"ICE 1 0 . candidate:1")
    board.wait(1000)
    assert board.told() == [b"START 1"]
    assert board.member.sent() == [
        {"type": "peer", "sessionId": "s", "sdp": {"type": "offer", "sdp": "v=0\r\ngrün\\n"}},
        {"type": "peer", "sessionId": "s", "ice": {"candidate": "candidate:1", "sdpMLineIndex": 0}},
    ]
    assert board.member.delivered == 2
    sdp = {"type": "answer", "sdp": "v=0\r\nanswer"}
    board.member.hears(type="peer", sessionId="s", sdp=sdp)
    ice = {"candidate": "candidate:2", "sdpMLineIndex": 3}
    board.member.hears(type="peer", sessionId="s", ice=ice)
    board.wait(500)
    assert board.told() == [b"SDP 1 answer . v=0\r\nanswer", b"ICE 1 3 . candidate:2"]
    board.member.hears(type="endSession", sessionId="s")
    board.wait(200)
    assert board.told() == [b"END 1"] and board.driver.state() == {"sessions": 0}


def test_an_offer_that_comes_with_the_session():
    board = Board()
    board.session(offer="v=0\r\n")
    board.wait(200)
    assert board.told() == [b"START 1", b"SDP 1 offer . v=0\r\n"]


def test_the_encoder_ends_a_session():
    board = Board()
    board.session()
    board.wait(100)
    board.told()
    board.encoder.say(b"END 1 no camera")
    board.wait(200)
    assert board.member.sent() == [{"type": "endSession", "sessionId": "s"}]
    assert board.told() == [] and board.driver.state() == {"sessions": 0}


def test_a_large_sdp_in_both_directions():
    board = Board()
    board.session()
    board.encoder.sends(1, "offer", BIG)
    board.wait(10000)
    (message,) = board.member.sent()
    assert message["sdp"]["sdp"] == BIG
    board.told()
    sdp = {"type": "answer", "sdp": BIG}
    board.member.hears(type="peer", sessionId="s", sdp=sdp)
    board.wait(10000)
    told = board.told()
    assert all(body.startswith(b"SDP 1 answer + ") for body in told[:-1])
    assert told[-1].startswith(b"SDP 1 answer . ") and len(told) < 100
    assert b"".join([body[15:] for body in told]).decode() == BIG


def test_an_sdp_too_large_ends_its_session():
    board = Board()
    board.session()
    board.encoder.sends(1, "offer", SDP + "x" * encoder.MAX_SDP)
    board.wait(30000)
    assert board.member.sent() == [{"type": "endSession", "sessionId": "s"}]
    assert board.told() == [b"START 1", b"END 1"]


def test_more_than_the_encoder_takes_in_time_ends_the_session():
    board = Board()
    board.session("a")
    board.session("b")
    board.wait(200)
    board.encoder.room = False
    sdp = {"type": "answer", "sdp": BIG}
    board.member.hears(type="peer", sessionId="a", sdp=sdp)
    board.member.hears(type="peer", sessionId="b", sdp=sdp)
    assert board.member.sent() == [{"type": "endSession", "sessionId": "b"}]
    assert board.driver._size <= encoder.MAX_WAITING + 10
    board.encoder.room = True
    board.wait(10000)
    assert board.told()[-1] == b"END 2" and board.driver._size == 0


def test_sessions_have_a_number():
    board = Board(max_sessions=1)
    board.session("a")
    board.session("b")
    assert board.member.sent() == [{"type": "endSession", "sessionId": "b"}]
    board.member.hears(type="endSession", sessionId="a")
    board.session("c")
    board.wait(300)
    assert board.told() == [b"START 1", b"END 1", b"START 2"]


def test_numbers_are_not_used_again_soon():
    board = Board()
    board.driver._number = 998
    for name in "abc":
        board.session(name)
        board.member.hears(type="endSession", sessionId=name)
    board.wait(1000)
    assert [body for body in board.told() if body[:1] == b"S"] == [
        b"START 999",
        b"START 1",
        b"START 2",
    ]


def test_the_number_of_a_session_that_lasts_is_not_given_to_another():
    board = Board()
    board.session("lasts")
    board.driver._number = 999
    board.session("short")
    board.wait(300)
    assert board.told() == [b"START 1", b"START 2"]
    ice = {"candidate": "candidate:1", "sdpMLineIndex": 0}
    board.member.hears(type="peer", sessionId="lasts", sdp={"type": "answer", "sdp": "v=0"})
    board.member.hears(type="peer", sessionId="lasts", ice=ice)
    board.wait(300)
    assert board.told() == [b"SDP 1 answer . v=0", b"ICE 1 0 . candidate:1"]


def test_lines_that_make_no_sense_are_passed_over():
    board = Board()
    board.session()
    board.wait(100)
    for body in (
        b"",
        b"X",
        b"SDP",
        b"SDP 1",
        b"SDP 1 offer",
        b"SDP 1 offer .",
        b"SDP x offer . v",
        b"SDP 2 offer . v",
        b"SDP 1 pranswer . v",
        b"SDP 1 offer . \xff\xfe",
        b"ICE 1 x . c",
        b"ICE 1 -1 . c",
        b"ICE 1 4294967296 . c",
        b"ICE 1 0 . \x80",
        b"END 9",
        b"END",
        b"NOD 1 x . y",
    ):
        board.encoder.say(body)
    board.wait(5000)
    sent = board.member.sent()
    assert [m["sdp"]["sdp"] for m in sent] in ([], [""]), sent  # that of `SDP 1 offer .`
    board.encoder.say(b"SDP 1 offer . v")
    board.wait(200)
    assert board.member.sent()[-1]["sdp"]["sdp"] == "v"


# Ends of the encoder


def test_without_an_encoder_sessions_are_refused():
    board = Board(up=False)
    board.driver.tick(board.now)
    board.session()
    assert board.member.sent() == [{"type": "endSession", "sessionId": "s"}]
    assert board.driver.state()["fault"] == (
        "the encoder does not answer: check its power and the cable"
    )


def test_an_encoder_that_falls_silent_ends_every_session_and_may_come_back():
    board = Board()
    board.session("a")
    board.session("b")
    board.wait(200)
    board.told()
    board.cable.lose = lambda octets: b""
    board.wait(SILENCE + 100)
    ended = sorted([m["sessionId"] for m in board.member.sent()])
    assert ended == ["a", "b"] and board.driver.state()["fault"]
    assert board.encoder.changes == [True, False]
    board.cable.lose = lambda octets: octets
    board.wait(2000)
    assert "fault" not in board.driver.state() and board.encoder.changes[-1]
    board.session("c")
    board.wait(200)
    assert board.told() == [b"START 3"]


def test_a_session_that_there_was_no_memory_to_end_ends_when_the_encoder_is_back():
    board = Board()
    board.session("a")
    board.session("b")
    board.wait(200)
    board.told()
    peer = board.member.peer
    end = peer.end_session
    left = [1]

    def scarce(session):
        if left[0]:
            left[0] -= 1
            raise MemoryError
        end(session)

    peer.end_session = scarce
    board.cable.lose = lambda octets: b""
    assert raises(MemoryError, board.wait, SILENCE + 100)
    board.cable.lose = lambda octets: octets
    board.wait(4 * RETRY)
    assert board.driver._link.up and board.told() == []
    assert sorted([m["sessionId"] for m in board.member.sent()]) == ["a", "b"]
    assert peer.sessions == {} and board.driver._sessions == {}


def test_an_encoder_that_starts_anew_ends_every_session():
    board = Board()
    board.session("a")
    board.wait(200)
    again = Encoder(board.cable.ends[1])
    again.link._random = lambda n: b"\xab" * n
    board.encoder = again
    board.wait(2 * RETRY + 100)
    assert board.member.sent() == [{"type": "endSession", "sessionId": "a"}]
    assert board.driver._link.up and again.changes == [True]
    board.session("b")
    board.wait(200)
    assert board.told()[-1] == b"START 2"


def test_a_board_that_starts_anew_is_heard():
    board = Board()
    board.session("a")
    board.wait(200)
    hardware = Hardware()
    hardware.port = board.cable.ends[0]
    board.driver = encoder.create(options_of(encoder, uart=1), hardware)
    board.member = Member(board.driver.media)
    board.wait(2 * RETRY + 100)
    assert board.driver._link.up and board.encoder.changes == [True, False, True]
    board.told()
    board.session("b")
    board.wait(200)
    assert board.told() == [b"START 1"]


def test_no_memory_for_a_line_now_is_no_line_lost():
    board = Board()
    board.session()
    board.wait(200)
    failures = [MemoryError(), MemoryError()]
    obey = board.driver._obey

    def short(body):
        if failures:
            raise failures.pop()
        obey(body)

    board.driver._obey = short
    board.encoder.sends(1, "offer", "v=0")
    board.wait(4 * RETRY)
    assert board.member.sent()[-1]["sdp"]["sdp"] == "v=0"


def test_no_memory_for_a_whole_sdp_ends_its_session():
    board = Board()
    board.session()

    def short(*arguments):
        raise MemoryError

    board.member.peer.send_sdp = short
    board.encoder.sends(1, "offer", BIG[:300])
    board.wait(1000)
    assert board.member.sent() == [{"type": "endSession", "sessionId": "s"}]
    assert board.told() == [b"START 1", b"END 1"]


def test_the_port_has_room_for_lines():
    hardware = Hardware()
    seen = []
    uart = hardware.uart

    def remember(*arguments, **more):
        seen.append(more)
        return uart(*arguments, **more)

    hardware.uart = remember
    encoder.create(options_of(encoder, uart=1), hardware).close()
    assert seen[0]["rxbuf"] >= 2 * MAX_LINE


def test_sessions_that_come_and_go_while_the_encoder_has_no_room():
    board = Board()
    board.encoder.room = False
    refused = 0
    for n in range(300):
        name = f"s{n}"
        board.member.hears(type="startSession", peerId="p", sessionId=name)
        board.member.hears(type="endSession", sessionId=name)
        refused += board.member.sent() == [{"type": "endSession", "sessionId": name}]
    assert board.driver._link.up and refused
    assert len(board.driver._waiting) < 320
    board.encoder.room = True
    board.wait(30000)
    assert board.driver._size == 0 and board.driver._waiting == []
    board.session("last")
    board.wait(1000)
    assert board.told()[-1].startswith(b"START ")
