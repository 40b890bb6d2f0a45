"""The peer closes first: rows P1 to P13 of close.md."""

from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import CLOSE, DRAIN, KEEP, PING
from signalbox.ws.message import BINARY, NEED_DATA, TEXT
from wire import KEY, ROLES, End, Source, chunkings, close_payload, frame, frames, raises

GREEN = "grün".encode()


def replied(end, code=1000, **more):
    """Compare the outcome with that of a reply in kind."""
    sent = more.pop("sent_code", code)
    end.outcome(code=code, clean=True, initiator="peer", sent_code=sent, rcvd_code=code, **more)


def test_P1_echo():
    for client in ROLES:
        end = End(client)
        assert end.receive(end.peer_close(1000)) == [(CLOSE, 1000, "")]
        assert end.connection.state == "CLOSING"
        assert end.connection.want_close_tcp() == KEEP
        assert end.sent() == [(0x88, close_payload(1000))]
        # The server closes TCP first, the client waits for that.
        assert end.connection.want_close_tcp() == (KEEP if client else DRAIN)
        assert end.sent() == []
        replied(end)


def test_P1_nothing_is_accepted_after_it():
    for client in ROLES:
        end = End(client)
        end.receive(end.peer_close(1000))
        connection = end.connection
        assert raises(ConnectionClosed, connection.send_text, "late")
        assert raises(ConnectionClosed, connection.send_binary, b"late")
        assert raises(ConnectionClosed, connection.send_fragment, b"late", True)
        assert raises(ConnectionClosed, connection.send_source, Source(b"late", 4))
        assert raises(ConnectionClosed, connection.ping)
        connection.close(4001)
        connection.finish()
        assert end.sent() == [(0x88, close_payload(1000))]
        replied(end)


def test_P2_empty_close():
    for client in ROLES:
        end = End(client)
        assert end.receive(end.peer_close()) == [(CLOSE, 1005, "")]
        wire = end.write()
        assert wire[:2] == (b"\x88\x80" if client else b"\x88\x00")
        assert len(wire) == (6 if client else 2)
        replied(end, 1005)


def test_P3_code_and_reason():
    for client in ROLES:
        for pieces in chunkings(End(client).peer_close(4001, GREEN)):
            end = End(client)
            assert end.receive(*pieces) == [(CLOSE, 4001, "grün")]
            assert end.connection.rcvd_code == 4001
            assert end.connection.rcvd_reason == "grün"
            assert end.sent() == [(0x88, close_payload(4001))]
            replied(end, 4001, reason="grün")


def test_P3_longest_reason():
    for client in ROLES:
        end = End(client)
        reason = "ü" * 61 + "x"
        assert end.receive(end.peer_close(3999, reason.encode())) == [(CLOSE, 3999, reason)]
        assert end.sent() == [(0x88, close_payload(3999))]
        replied(end, 3999, reason=reason)


def test_P4_accepted_messages_go_first():
    for client in ROLES:
        end = End(client)
        end.connection.tick(0)
        messages = [bytes([i]) * (i * 9) for i in range(5)]
        for data in messages:
            assert end.connection.send_binary(data)
        end.receive(end.peer_close(1000))
        assert end.connection.tick(10) == 5000
        wire = b""
        now = 10
        while end.connection.want_close_tcp() == KEEP:
            part = end.write(7)
            wire += part
            now += 100
            end.connection.tick(now)
            if not part:
                break
        assert frames(wire, client) == [(0x82, data) for data in messages] + [
            (0x88, close_payload(1000))
        ]
        replied(end)


def test_P4_large_message_and_source_go_first():
    for client in ROLES:
        end = End(client, buffer=140)
        large = bytes(range(256)) * 4
        assert end.connection.send_binary(large)
        end.receive(end.peer_close(1000))
        assert end.sent() == [(0x82, large), (0x88, close_payload(1000))]
        replied(end)
        end = End(client, buffer=140)
        assert end.connection.send_source(Source(b"abc", 3), True)
        end.receive(end.peer_close(1000))
        assert end.sent() == [(0x01, b"abc"), (0x80, b""), (0x88, close_payload(1000))]
        replied(end)


def test_P5_close_inside_our_frame():
    for client in ROLES:
        for payload in (b"short", bytes(range(250))):
            whole = len(frame(0x82, payload, KEY if client else None))
            for cut in range(1, whole):
                end = End(client, buffer=140)
                end.connection.send_binary(payload)
                end.write(cut)
                assert end.receive(end.peer_close(1001)) == [(CLOSE, 1001, "")]
                assert end.sent() == [(0x82, payload), (0x88, close_payload(1001))]
                replied(end, 1001)


def test_P6_fragmented_message_is_not_finished():
    for client in ROLES:
        for written in (0, 1, 3, None):
            end = End(client)
            end.connection.send_fragment(b"one", False, True)
            if written != 0:
                end.write(written)
            end.receive(end.peer_close(1000))
            assert raises(ConnectionClosed, end.connection.send_fragment, b"two", True)
            assert end.sent() == [(0x01, b"one"), (0x88, close_payload(1000))]
            replied(end, undelivered=1)


def test_P6_fragmented_message_is_finished_in_the_window():
    for client in ROLES:
        end = End(client, finish_window=True)
        end.connection.send_fragment(b"one", False)
        end.receive(end.peer_close(1000))
        assert end.connection.send_fragment(b"two", True)
        end.connection.finish()
        assert end.sent() == [(0x02, b"one"), (0x80, b"two"), (0x88, close_payload(1000))]
        replied(end)


def test_P6_window_ends_inside_the_fragmented_message():
    end = End(finish_window=True)
    end.connection.send_fragment(b"one", False)
    end.receive(end.peer_close(1000))
    end.connection.tick(0)
    end.connection.tick(3000)
    assert raises(ConnectionClosed, end.connection.send_fragment, b"two", True)
    assert end.sent() == [(0x02, b"one"), (0x88, close_payload(1000))]
    replied(end, undelivered=1)


def test_P7_window():
    for client in ROLES:
        for code in (None, 1000, 4001):
            end = End(client, finish_window=True)
            end.connection.send_text("before")
            end.receive(end.peer_close(code))
            assert end.connection.window
            assert end.connection.state == "CLOSING"
            assert end.connection.send_text("in the window")
            assert end.connection.send_binary(b"too")
            assert end.connection.ping(b"and this")
            assert end.connection.want_close_tcp() == KEEP
            end.write()
            assert end.connection.want_close_tcp() == KEEP
            end.connection.finish()
            assert not end.connection.window
            assert raises(ConnectionClosed, end.connection.send_text, "late")
            end.connection.finish()
            assert end.sent() == [
                (0x81, b"before"),
                (0x81, b"in the window"),
                (0x82, b"too"),
                (0x89, b"and this"),
                (0x88, b"" if code is None else close_payload(code)),
            ]
            replied(end, code or 1005)


def test_P7_window_is_opened_for_one_connection():
    end = End()
    end.connection.want_window()
    end.receive(end.peer_close(1000))
    assert end.connection.send_text("in the window")
    end.connection.finish()
    assert end.sent() == [(0x81, b"in the window"), (0x88, close_payload(1000))]


def test_P7_close_ends_the_window_with_a_code_of_ours():
    end = End(finish_window=True)
    end.receive(end.peer_close(1000))
    end.connection.close(4001, "mine")
    assert raises(ConnectionClosed, end.connection.send_text, "late")
    end.connection.finish()
    assert end.sent() == [(0x88, close_payload(4001, b"mine"))]
    replied(end, sent_code=4001)


def test_P7_no_window_behind_our_close():
    end = End(finish_window=True)
    end.connection.close(1000)
    end.receive(end.peer_close(1000))
    assert raises(ConnectionClosed, end.connection.send_text, "late")
    assert end.sent() == [(0x88, close_payload(1000))]


def test_P7_finish_before_the_peers_close_does_nothing():
    end = End(finish_window=True)
    end.connection.finish()
    assert end.connection.state == "OPEN"
    assert end.connection.send_text("open")
    assert end.sent() == [(0x81, b"open")]


def test_P8_window_that_nobody_ends():
    for client in ROLES:
        end = End(client, finish_window=True)
        end.connection.tick(0)
        end.receive(end.peer_close(4001))
        assert end.connection.tick(100) == 3000
        assert end.connection.tick(3099) == 1
        assert end.connection.send_text("in time")
        assert end.connection.tick(3100) == 2000
        assert raises(ConnectionClosed, end.connection.send_text, "late")
        assert end.sent() == [(0x81, b"in time"), (0x88, close_payload(4001))]
        replied(end, 4001)


def test_P8_timeouts_are_settings():
    end = End(finish_window=True, finish_timeout=50, close_timeout=80)
    end.receive(end.peer_close(1000))
    assert end.connection.tick(1000) == 50
    assert end.connection.tick(1050) == 30
    assert end.sent() == [(0x88, close_payload(1000))]
    replied(end)


def test_P9_messages_and_close_in_one_read():
    for client in ROLES:
        make = End(client).peer
        wire = make(0x81, b"m1") + make(0x82, b"m2") + make(0x88, close_payload(1000))
        for pieces in chunkings(wire):
            end = End(client)
            events = end.receive(*pieces)
            assert events == [(TEXT, "m1"), (BINARY, b"m2"), (CLOSE, 1000, "")]
            assert end.sent() == [(0x88, close_payload(1000))]
            replied(end)


def test_P10_close_in_every_chunking():
    for client in ROLES:
        for code, reason in ((None, b""), (1000, b""), (1000, b"bye"), (4001, GREEN * 20)):
            for pieces in chunkings(End(client).peer_close(code, reason)):
                end = End(client)
                events = end.receive(*pieces[:-1])
                assert events == []
                assert end.sent() == []
                events = end.receive(pieces[-1])
                assert events == [(CLOSE, code or 1005, reason.decode())]
                assert end.sent() == [(0x88, close_payload(code) if code else b"")]
                replied(end, code or 1005, reason=reason.decode())


def test_P11_ping_and_close_in_one_read():
    for client in ROLES:
        for pieces in chunkings(End(client).peer(0x89, b"hi") + End(client).peer_close(1000)):
            end = End(client)
            assert end.receive(*pieces) == [(PING, b"hi"), (CLOSE, 1000, "")]
            assert end.sent() == [(0x8A, b"hi"), (0x88, close_payload(1000))]
            replied(end)


def test_P11_pong_that_had_no_room_goes_before_the_echo():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(300))
        end.receive(end.peer(0x89, b"old"), end.peer(0x89, b"new"), end.peer_close(1000))
        assert end.sent() == [(0x82, bytes(300)), (0x8A, b"new"), (0x88, close_payload(1000))]
        replied(end)


def test_P12_echo_cannot_be_written():
    for client in ROLES:
        for reset in (False, True):
            for written in (0, 1, 3):
                end = End(client)
                end.receive(end.peer_close(4001, b"why"))
                if written:
                    end.write(written)
                end.connection.write_failed(reset)
                assert end.connection.ready() == 0
                assert end.connection.want_close_tcp() == DRAIN
                end.outcome(
                    code=4001, reason="why", initiator="peer", rcvd_code=4001, tcp_reset=reset
                )


def test_P12_messages_before_the_echo_are_counted():
    end = End()
    end.connection.send_text("m1")
    end.connection.send_text("m2")
    end.receive(end.peer_close(1000))
    end.write(5)
    end.connection.write_failed()
    end.outcome(code=1000, initiator="peer", rcvd_code=1000, undelivered=1)


def test_P13_close_and_fin_back_to_back():
    for client in ROLES:
        for window in (False, True):
            end = End(client, finish_window=window)
            end.connection.send_text("accepted")
            assert end.receive(end.peer_close(4001, b"why")) == [(CLOSE, 4001, "why")]
            end.connection.receive_eof()
            assert not end.connection.window
            assert raises(ConnectionClosed, end.connection.send_text, "nobody listens")
            assert end.connection.want_close_tcp() == KEEP
            assert end.sent() == [(0x81, b"accepted"), (0x88, close_payload(4001))]
            assert end.connection.want_close_tcp() == DRAIN
            assert end.connection.next_event() == NEED_DATA
            replied(end, 4001, reason="why")


def test_P13_echo_meets_a_reset():
    end = End()
    end.receive(end.peer_close(4001, b"why"))
    end.connection.receive_eof()
    end.connection.write_failed(True)
    assert end.connection.want_close_tcp() == DRAIN
    end.outcome(code=4001, reason="why", initiator="peer", rcvd_code=4001, tcp_reset=True)


def test_P13_eof_and_a_stalled_echo_end_at_the_deadline():
    end = End()
    end.connection.tick(0)
    end.receive(end.peer_close(1000))
    end.connection.receive_eof()
    assert end.connection.tick(0) == 5000
    assert end.connection.want_close_tcp() == KEEP
    end.connection.tick(5000)
    assert end.connection.want_close_tcp() != KEEP
    end.outcome(code=1000, initiator="peer", rcvd_code=1000, timed_out=True)
