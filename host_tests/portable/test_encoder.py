"""The encoder on a UART: lines that arrive whole, sessions, SDPs in pieces, and silence."""

from encoder_board import BIG, SDP, Board
from signalbox.device import encoder
from signalbox.device.line_link import PING, RETRY, SILENCE, escaped, framed, unescaped


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
