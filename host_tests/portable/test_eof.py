"""TCP ends: rows E1 to E7 of close.md."""

from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import ABORT, CLOSE, DRAIN, KEEP, PING
from signalbox.ws.message import BINARY, NEED_DATA, TEXT
from wire import ROLES, End, Source, close_payload, raises


def test_E1_eof_when_open():
    for client in ROLES:
        end = End(client)
        end.connection.receive_eof()
        assert end.connection.state == "CLOSING"
        assert end.connection.next_event() == NEED_DATA
        assert raises(ConnectionClosed, end.connection.send_text, "nobody listens")
        end.connection.close(1000)
        end.connection.fail(1011)
        end.connection.finish()
        assert end.sent() == []
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome()


def test_E1_reset_when_open():
    for client in ROLES:
        end = End(client)
        end.connection.receive_eof(True)
        assert end.connection.state == "CLOSED"
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(tcp_reset=True)


def test_E1_eof_twice():
    end = End()
    end.connection.receive_eof()
    end.connection.receive_eof()
    end.outcome()


def test_E1_accepted_messages_are_still_written():
    for client in ROLES:
        end = End(client)
        end.connection.tick(0)
        end.connection.send_text("accepted")
        end.connection.receive_eof()
        assert end.connection.want_close_tcp() == KEEP
        assert end.connection.tick(0) == 5000
        assert end.sent() == [(0x81, b"accepted")]
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome()


def test_E1_accepted_messages_that_cannot_be_written():
    end = End()
    end.connection.send_text("accepted")
    end.connection.receive_eof()
    end.connection.tick(0)
    end.connection.tick(5000)
    assert end.connection.want_close_tcp() == ABORT
    end.outcome(undelivered=1, timed_out=True)
    end = End()
    end.connection.send_text("accepted")
    end.connection.receive_eof(True)
    assert end.connection.ready() == 0
    assert end.connection.want_close_tcp() == DRAIN
    end.outcome(undelivered=1, tcp_reset=True)


def test_E1_source_that_fails_after_eof():
    for error in (OSError(5), ValueError("no"), RuntimeError("no")):
        end = End()
        end.connection.send_source(Source(b"abc", 3, error))
        end.connection.receive_eof()
        assert end.sent() == [(0x02, b"abc")]
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(undelivered=1)


def test_E2_eof_inside_a_frame():
    for client in ROLES:
        make = End(client).peer
        whole = make(0x81, b"m1") + make(0x82, b"m2")
        last = make(0x82, bytes(range(200)))
        for cut in range(1, len(last)):
            end = End(client)
            assert end.receive(whole + last[:cut]) == [(TEXT, "m1"), (BINARY, b"m2")]
            end.connection.receive_eof()
            end.outcome(truncated=True)


def test_E2_eof_between_fragments():
    for client in ROLES:
        end = End(client)
        end.receive(end.peer(0x01, b"one"), end.peer(0x00, b"two"), end.peer(0x89, b"hi"))
        end.connection.receive_eof()
        end.outcome(truncated=True)


def test_E2_eof_inside_a_control_frame():
    end = End()
    end.receive(end.peer_close(4001, b"why")[:-1])
    end.connection.receive_eof()
    end.outcome(truncated=True)


def test_E2_eof_between_messages():
    end = End()
    end.receive(end.peer(0x02, b"one"), end.peer(0x80, b"two"))
    end.connection.receive_eof()
    end.outcome()


def test_E2_eof_in_a_message_that_is_read_directly():
    end = End()
    end.receive(end.peer(0x82, bytes(1000))[:100])
    n = end.connection.direct()
    assert n == 1000 - (100 - 8)
    assert end.connection.received(500) == NEED_DATA
    end.connection.receive_eof()
    assert end.connection.direct() == 0
    end.outcome(truncated=True)


def test_E3_eof_in_answer_to_our_close():
    for client in ROLES:
        for reset in (False, True):
            end = End(client)
            end.connection.close(4001, "bye")
            end.write()
            assert end.receive(end.peer(0x81, b"data")) == [(TEXT, "data")]
            end.connection.receive_eof(reset)
            assert end.connection.want_close_tcp() == DRAIN
            end.outcome(initiator="local", sent_code=4001, peer_no_echo=True, tcp_reset=reset)


def test_E3_eof_before_our_close_is_written():
    for client in ROLES:
        end = End(client)
        end.connection.close(4001)
        end.connection.receive_eof()
        assert end.connection.want_close_tcp() == KEEP
        assert end.sent() == [(0x88, close_payload(4001))]
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(initiator="local", sent_code=4001)
        end = End(client)
        end.connection.close(4001)
        end.write(1)
        end.connection.receive_eof(True)
        end.outcome(initiator="local", tcp_reset=True)
        end = End(client)
        end.connection.close(4001)
        end.connection.receive_eof(True)
        end.outcome(tcp_reset=True)


def test_E3_inside_a_message():
    end = End()
    end.connection.close(1000)
    end.write()
    end.receive(end.peer(0x02, b"part"))
    end.connection.receive_eof()
    end.outcome(initiator="local", sent_code=1000, peer_no_echo=True, truncated=True)


def test_E3_no_answer_is_expected_after_a_failure():
    # Nothing is parsed then: whether there was a Close is not known.
    end = End()
    end.receive(end.peer(0xF1))
    end.write()
    end.connection.receive_eof()
    end.outcome(initiator="local", sent_code=1002, failed_with=1002)


def exchanged(client, local):
    end = End(client)
    if local:
        end.connection.close(4001)
        end.write()
        end.receive(end.peer_close(4001))
    else:
        end.receive(end.peer_close(4001))
        end.write()
    return end


def test_E4_eof_after_the_handshake():
    for client in ROLES:
        for local in (False, True):
            end = exchanged(client, local)
            end.connection.receive_eof()
            assert end.connection.want_close_tcp() == DRAIN
            end.outcome(
                code=4001,
                clean=True,
                initiator="local" if local else "peer",
                sent_code=4001,
                rcvd_code=4001,
            )


def test_E5_reset_after_the_handshake():
    for client in ROLES:
        for local in (False, True):
            for reading in (False, True):
                end = exchanged(client, local)
                if reading:
                    end.connection.receive_eof(True)
                else:
                    end.connection.write_failed(True)
                assert end.connection.want_close_tcp() == DRAIN
                end.outcome(
                    code=4001,
                    clean=True,
                    initiator="local" if local else "peer",
                    sent_code=4001,
                    rcvd_code=4001,
                    tcp_reset=True,
                )


def test_E6_messages_then_a_reset():
    for client in ROLES:
        end = End(client)
        wire = end.peer(0x81, b"m1") + end.peer(0x89, b"hi") + end.peer(0x82, b"m2")
        assert end.receive(wire) == [(TEXT, "m1"), (PING, b"hi"), (BINARY, b"m2")]
        end.connection.receive_eof(True)
        assert end.sent() == []
        end.outcome(tcp_reset=True)


def test_E7_write_fails_and_the_peers_close_is_in_flight():
    for client in ROLES:
        for reset in (False, True):
            end = End(client)
            end.connection.send_text("m1")
            end.connection.send_text("m2")
            end.write(5)
            end.connection.write_failed(reset)
            assert end.connection.state == "CLOSING"
            assert raises(ConnectionClosed, end.connection.send_text, "late")
            assert end.connection.want_close_tcp() == KEEP
            wire = end.peer(0x81, b"data") + end.peer(0x89, b"hi") + end.peer_close(4001, b"why")
            assert end.receive(wire) == [
                (TEXT, "data"),
                (PING, b"hi"),
                (CLOSE, 4001, "why"),
            ]
            end.connection.close(1000)
            end.written = b""
            assert end.sent() == []
            assert end.connection.want_close_tcp() == DRAIN
            end.outcome(
                code=4001,
                reason="why",
                initiator="peer",
                rcvd_code=4001,
                undelivered=1 if not client else 2,
                tcp_reset=reset,
            )


def test_E7_violation_after_a_failed_write():
    end = End()
    end.connection.write_failed()
    end.receive(end.peer(0xF1))
    assert end.connection.ready() == 0
    end.connection.tick(0)
    assert end.connection.want_close_tcp() == KEEP
    end.connection.tick(2000)
    assert end.connection.want_close_tcp() == DRAIN
    end.outcome(failed_with=1002)


def test_E7_nothing_more_comes():
    for eof in (False, True):
        end = End()
        end.connection.close(1000)
        end.connection.write_failed()
        assert end.connection.tick(0) == 5000
        if eof:
            end.connection.receive_eof()
            assert end.connection.state == "CLOSED"
            assert end.connection.want_close_tcp() == DRAIN
        else:
            end.connection.tick(5000)
            assert end.connection.want_close_tcp() == ABORT
        end.outcome(timed_out=not eof)
