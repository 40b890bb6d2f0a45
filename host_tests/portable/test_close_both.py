"""Both directions of the close handshake at once: rows B1 to B7 and X1 to X4 of close.md."""

from signalbox.ws.connection import ABORT, CLOSE, DRAIN, KEEP, PING, PONG
from signalbox.ws.message import BINARY, NEED_DATA, TEXT
from signalbox.ws.output import WRITTEN
from wire import ROLES, End, Source, chunkings, close_payload

ECHO = (0x88, close_payload(1000))


def test_B1_data_after_our_close():
    for client in ROLES:
        make = End(client).peer
        wire = (
            make(0x81, "grün".encode())
            + make(0x01, b"in ")
            + make(0x8A, b"pong")
            + make(0x80, b"parts")
            + make(0x82, b"\xff" * 200)
            + make(0x88, close_payload(1000))
        )
        for written in (False, True):
            for pieces in chunkings(wire):
                end = End(client)
                end.connection.close(1000)
                if written:
                    end.write()
                assert end.receive(*pieces) == [
                    (TEXT, "grün"),
                    (PONG, b"pong"),
                    (TEXT, "in parts"),
                    (BINARY, b"\xff" * 200),
                    (CLOSE, 1000, ""),
                ]
                assert end.sent() == [ECHO]


def test_B2_ping_after_our_close():
    for client in ROLES:
        # Queued but not begun, begun, written.
        for written in (0, 1, None):
            end = End(client)
            end.connection.send_text("m1")
            end.connection.close(1000)
            if written != 0:
                end.write(written)
            assert end.receive(end.peer(0x89, b"hi")) == [(PING, b"hi")]
            pong = (0x8A, b"hi")
            late = [ECHO, pong] if written is None else [pong, ECHO]
            assert end.sent() == [(0x81, b"m1")] + late
            end.receive(end.peer_close(1000))
            end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_B2_ping_while_our_close_is_being_written():
    for client in ROLES:
        for written in range(1, 8 if client else 4):
            end = End(client)
            end.connection.close(1000)
            end.write(written)
            end.receive(end.peer(0x89, b"a"), end.peer(0x89, b"b"))
            assert end.connection.outgoing == 1
            assert end.sent() == [ECHO, (0x8A, b"a"), (0x8A, b"b")]
            assert end.connection.outgoing == 2


def test_B2_close_is_sent_once_its_own_last_octet_is():
    end = End()
    end.connection.close(1000)
    end.write(3)
    end.receive(end.peer(0x89, b"behind it"))
    end.write(1)
    assert end.connection.output.close_state == WRITTEN
    assert end.connection.outgoing == 2


def test_B2_pong_is_written_before_tcp_is_closed():
    # R12: no close() while output is unwritten, not even a Pong.
    for client in ROLES:
        for eof in (False, True):
            end = End(client)
            end.connection.close(1000)
            end.write()
            end.receive(end.peer(0x89, b"hi") + end.peer_close(1000))
            if eof:
                end.connection.receive_eof()
            assert end.connection.want_close_tcp() == KEEP
            assert end.sent() == [ECHO, (0x8A, b"hi")]
            assert end.connection.want_close_tcp() == (KEEP if client and not eof else DRAIN)


def test_B2_pong_that_cannot_be_written_holds_nothing_up():
    for client in ROLES:
        for eof in (False, True):
            end = End(client)
            end.connection.close(1000)
            end.write()
            end.receive(end.peer(0x89, b"hi") + end.peer_close(1000))
            if eof:
                end.connection.receive_eof()
            assert end.connection.tick(0) == 2000
            assert end.connection.tick(1999) == 1
            assert end.connection.want_close_tcp() == KEEP
            end.connection.tick(2000)
            assert end.connection.want_close_tcp() == DRAIN
            end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def closed_by_peer(client, *more):
    """An End whose peer sent Close(1000) and, in the same read and in others, more frames."""
    end = End(client)
    wire = end.peer_close(1000)
    for first, payload in more:
        wire += end.peer(first, payload)
    return end, wire


def check_discarded(*more):
    for client in ROLES:
        _, wire = closed_by_peer(client, *more)
        for pieces in chunkings(wire):
            end = End(client)
            assert end.receive(*pieces) == [(CLOSE, 1000, "")]
            assert end.sent() == [ECHO]
            assert end.connection.want_close_tcp() == (KEEP if client else DRAIN)
            end.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


def test_B3_data_after_the_peers_close():
    check_discarded((0x81, b"late"), (0x02, b"la"), (0x80, b"te"))


def test_B3_not_even_a_violation_is_looked_at():
    check_discarded((0xF3, b"what?"))


def test_B4_ping_after_the_peers_close():
    check_discarded((0x89, b"hi"))


def test_B5_second_close():
    check_discarded((0x88, close_payload(1001, b"again")), (0x88, b"\x00"))


def test_B6_close_inside_a_fragmented_message():
    for client in ROLES:
        make = End(client).peer
        for first in (0x01, 0x02):
            wire = make(first, b"frag") + make(0x88, close_payload(1000)) + make(0x80, b"ment")
            for pieces in chunkings(wire):
                end = End(client)
                assert end.receive(*pieces) == [(CLOSE, 1000, "")]
                assert end.sent() == [ECHO]
                end.outcome(
                    code=1000,
                    clean=True,
                    initiator="peer",
                    sent_code=1000,
                    rcvd_code=1000,
                    truncated=True,
                )


def test_B6_after_an_empty_fragment():
    end = End()
    assert end.receive(end.peer(0x01), end.peer_close()) == [(CLOSE, 1005, "")]
    assert end.sent() == [(0x88, b"")]
    end.outcome(
        code=1005, clean=True, initiator="peer", sent_code=1005, rcvd_code=1005, truncated=True
    )


def test_B7_large_message_close_ping():
    size = 256 * 1024
    for client in ROLES:
        end = End(client, max_message=size)
        data = bytes(range(256)) * 1024
        header = end.peer(0x82, data)
        tail = end.peer_close(1000) + end.peer(0x89, b"hi")
        buf = bytearray(4096)
        got = []
        wire = header + tail
        at = 0
        direct = 0
        while at < len(wire):
            n = end.connection.direct()
            if n:
                # As a transport may: straight into the message, a part at a time.
                n = min(n, 30000, len(wire) - at)
                start = end.connection.reader.body_size
                end.connection.reader.body[start : start + n] = wire[at : at + n]
                at += n
                direct += n
                event = end.connection.received(n)
            else:
                n = min(len(buf), len(wire) - at)
                buf[:n] = wire[at : at + n]
                at += n
                end.connection.receive_data(buf, 0, n)
                event = end.connection.next_event()
            while event != NEED_DATA:
                got.append(end.describe(event))
                event = end.connection.next_event()
        assert direct > size - 4096
        assert [event[0] for event in got] == [BINARY, CLOSE]
        assert got[0][1] == data
        assert end.sent() == [ECHO]
        end.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


def test_X1_closes_cross():
    for client in ROLES:
        for pieces in chunkings(End(client).peer_close(1000)):
            end = End(client)
            end.connection.close(1000)
            assert end.sent() == [ECHO]
            assert end.receive(*pieces) == [(CLOSE, 1000, "")]
            assert end.sent() == []
            assert end.connection.want_close_tcp() == (KEEP if client else DRAIN)
            end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_X1_ours_is_begun_when_theirs_arrives():
    for client in ROLES:
        for written in range(1, 8 if client else 4):
            end = End(client)
            end.connection.close(1000)
            end.write(written)
            end.receive(end.peer_close(1000))
            assert end.connection.want_close_tcp() == KEEP
            assert end.sent() == [ECHO]
            end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_X2_ours_is_queued_when_theirs_arrives():
    for client in ROLES:
        end = End(client)
        end.connection.close(4001, "mine")
        assert end.receive(end.peer_close(1001, b"theirs")) == [(CLOSE, 1001, "theirs")]
        assert end.sent() == [(0x88, close_payload(4001, b"mine"))]
        end.outcome(
            code=1001,
            reason="theirs",
            clean=True,
            initiator="both",
            sent_code=4001,
            rcvd_code=1001,
        )


def test_X2_whichever_is_empty():
    for ours, theirs in ((None, 1001), (4001, None), (None, None)):
        end = End()
        end.connection.close(ours)
        end.receive(end.peer_close(theirs))
        assert end.sent() == [(0x88, close_payload(ours) if ours else b"")]
        end.outcome(
            code=theirs or 1005,
            clean=True,
            initiator="both",
            sent_code=ours or 1005,
            rcvd_code=theirs or 1005,
        )


def test_X3_ours_is_queued_behind_data():
    for client in ROLES:
        for written in (0, 1, 150):
            end = End(client, buffer=140)
            data = bytes(range(250))
            end.connection.send_binary(data)
            end.connection.close(1000)
            if written:
                end.write(written)
            assert end.receive(end.peer_close(1000)) == [(CLOSE, 1000, "")]
            assert end.connection.want_close_tcp() == KEEP
            assert end.sent() == [(0x82, data), ECHO]
            end.outcome(code=1000, clean=True, initiator="both", sent_code=1000, rcvd_code=1000)


def test_X4_zero_window():
    for client in ROLES:
        end = End(client)
        end.connection.tick(0)
        end.connection.send_text("m1")
        end.connection.send_text("m2")
        end.connection.close(1000)
        end.write(3)  # and then the peer takes nothing more
        end.receive(end.peer_close(1001))
        assert end.connection.tick(1) == 5000
        assert end.connection.tick(5000) == 1
        assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(5001)
        assert end.connection.want_close_tcp() == ABORT
        end.outcome(code=1001, initiator="both", rcvd_code=1001, undelivered=2, timed_out=True)


def test_X4_source_and_large_message_are_counted():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(500))
        end.connection.close(1000)
        end.write(200)
        end.receive(end.peer_close(1000))
        end.connection.tick(0)
        end.connection.tick(5000)
        end.outcome(code=1000, initiator="both", rcvd_code=1000, undelivered=1, timed_out=True)
        end = End(client)
        end.connection.send_text("m1")
        end.connection.send_source(Source(bytes(500), 100))
        end.connection.close(1000)
        end.write(5)
        end.receive(end.peer_close(1000))
        end.connection.tick(0)
        end.connection.tick(5000)
        end.outcome(
            code=1000,
            initiator="both",
            rcvd_code=1000,
            undelivered=2 if client else 1,
            timed_out=True,
        )
