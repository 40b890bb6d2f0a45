"""The encoder driver when the encoder, its link or memory is lost, and when they come back."""

from encoder_board import BIG, Board, Encoder, Member
from signalbox.device import encoder
from signalbox.device.line_link import MAX_LINE, RETRY, SILENCE
from visca_wires import Hardware, options_of
from wire import raises


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
