"""One truthful outcome: rows O1 and O2 of close.md. O3 is the endpoint's: it tells who waits."""

from signalbox.ws.close import CloseOutcome, ConnectionClosed
from signalbox.ws.connection import ABORT, DRAIN, KEEP
from signalbox.ws.message import NEED_DATA
from wire import FIELDS, ROLES, End, close_payload, raises


def ends(client):
    """Ends of every kind, ready for tcp_closed()."""
    end = End(client)
    end.receive(end.peer_close(4001, b"why"))
    end.write()
    yield end
    end = End(client)
    end.connection.close(1000)
    end.write()
    yield end
    end = End(client)
    end.receive(end.peer(0xF1))
    yield end
    end = End(client)
    end.connection.send_fragment(b"part", False)
    end.connection.receive_eof(True)
    yield end
    end = End(client)
    end.connection.send_binary(bytes(3000))
    end.write(100)
    end.connection.close_now()
    yield end
    yield End(client)


def test_O1_one_outcome():
    for client in ROLES:
        for end in ends(client):
            connection = end.connection
            assert connection.outcome is None
            outcome = connection.tcp_closed()
            assert connection.outcome is outcome
            before = tuple(outcome)
            # Nothing that still happens makes another one.
            connection.close(3000, "late")
            connection.fail(1011)
            connection.finish()
            connection.close_now()
            connection.receive_eof(True)
            connection.write_failed(True)
            connection.discarded += 1
            end.receive(end.peer(0x81, b"late"), end.peer_close(1001))
            assert connection.tick(0) == -1
            assert connection.tick(100000) == -1
            assert connection.tcp_closed() is outcome
            assert connection.outcome is outcome
            assert tuple(outcome) == before


def test_O1_outcome_cannot_be_changed():
    outcome = End().connection.tcp_closed()
    for name in FIELDS:
        assert raises((AttributeError, TypeError), setattr, outcome, name, 1)
    assert len(tuple(outcome)) == len(FIELDS)
    assert type(outcome) is CloseOutcome


def test_O1_everyone_agrees():
    for client in ROLES:
        for end in ends(client):
            connection = end.connection
            connection.tcp_closed()
            assert connection.state == "CLOSED"
            assert not connection.accepting
            assert connection.ready() == 0
            assert connection.want_close_tcp() in (DRAIN, ABORT)
            assert connection.next_event() == NEED_DATA
            assert connection.direct() == 0
            for send in (connection.send_text, connection.send_binary, connection.send_source):
                assert raises(ConnectionClosed, send, "")
            assert raises(ConnectionClosed, connection.ping)


def test_O2_ours_first():
    for client in ROLES:
        end = End(client)
        end.connection.close(1000)
        end.write()
        end.receive(end.peer_close(1000))
        end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_O2_theirs_first():
    for client in ROLES:
        end = End(client)
        end.receive(end.peer_close(1000))
        end.write()
        end.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


def test_O2_ours_queued():
    for client in ROLES:
        end = End(client)
        end.connection.close(1000)
        end.receive(end.peer_close(1000))
        end.write()
        end.outcome(code=1000, clean=True, initiator="both", sent_code=1000, rcvd_code=1000)


def test_O2_ours_is_begun_by_its_first_octet():
    for client in ROLES:
        for written in range(16 if client else 8):
            end = End(client)
            end.connection.send_text("m1")
            end.connection.close(1000)
            if written:
                end.write(written)
            end.receive(end.peer_close(1000))
            assert end.connection.want_close_tcp() == KEEP
            end.write()
            message = 8 if client else 4
            end.outcome(
                code=1000,
                clean=True,
                initiator="both" if written <= message else "local",
                sent_code=1000,
                rcvd_code=1000,
            )


def test_O2_ours_is_in_the_hands_of_tls():
    # A record that was made is begun, though none of it has been taken yet.
    end = End()
    end.connection.close(1000)
    end.connection.hold(end.connection.ready())
    end.receive(end.peer_close(1001))
    assert end.sent() == [(0x88, close_payload(1000))]
    end.outcome(code=1001, clean=True, initiator="local", sent_code=1000, rcvd_code=1001)
