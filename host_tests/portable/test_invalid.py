"""The peer breaks the protocol: rows I1 to I11 of close.md."""

from signalbox.compat import MICROPYTHON
from signalbox.ws.connection import ABORT, CLOSE, DRAIN, FAILED, KEEP, PING
from signalbox.ws.message import BINARY, NEED_DATA, TEXT
from wire import KEY, ROLES, End, Source, chunkings, close_payload, frame, parse, raises

VALID = [1000, 1001, 1002, 1003, 3000, 3999, 4000, 4999] + list(range(1007, 1015))
INVALID = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def check_failure(wire, code, client, before=(), truncated=False, wait=True):
    """In every chunking: `before`, then failed with `code`, on the wire before TCP is closed."""
    for pieces in chunkings(wire):
        end = End(client)
        events = end.receive(*pieces)
        assert events == list(before) + [(FAILED, code)], events
        assert end.connection.state == "CLOSING"
        assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(0)
        assert end.connection.want_close_tcp() == KEEP
        assert end.sent() == [(0x88, close_payload(code))]
        assert end.receive(end.peer(0x81, b"more")) == []
        assert end.sent() == []
        assert end.connection.want_close_tcp() == KEEP
        end.connection.receive_eof()
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(initiator="local", sent_code=code, failed_with=code, truncated=truncated)


def test_I1_close_with_one_octet():
    for client in ROLES:
        check_failure(End(client).peer(0x88, b"\x03"), 1002, client)


def test_I2_codes_that_a_close_may_not_have():
    for client in ROLES:
        for code in INVALID:
            check_failure(End(client).peer_close(code), 1002, client)
            check_failure(End(client).peer_close(code, b"why"), 1002, client)


def test_I3_codes_that_a_close_may_have():
    for client in ROLES:
        for code in VALID:
            end = End(client)
            assert end.receive(end.peer_close(code, b"why")) == [(CLOSE, code, "why")]
            assert end.sent() == [(0x88, close_payload(code))]
            end.outcome(
                code=code,
                reason="why",
                clean=True,
                initiator="peer",
                sent_code=code,
                rcvd_code=code,
            )


def test_I4_reason_that_is_not_utf8():
    for client in ROLES:
        for reason in (
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"cut \xe2\x82",
            b"cut \xf0\x9f\x98",
            b"\x80",
            b"\xff",
            b"ok \xc3\xbc no \xc3(",
        ):
            check_failure(End(client).peer_close(1000, reason), 1007, client)


def test_I4_code_is_looked_at_first():
    check_failure(End().peer_close(1005, b"\xff"), 1002, False)


def test_I5_close_that_is_long_or_fragmented():
    for client in ROLES:
        make = End(client).peer
        check_failure(make(0x88, close_payload(1000, b"x" * 124)), 1002, client)
        check_failure(make(0x08, close_payload(1000)), 1002, client)
        check_failure(make(0x88, close_payload(1000), 126), 1002, client)
        check_failure(make(0x88, close_payload(1000), 127), 1002, client)


def test_I6_wrong_masking():
    for client in ROLES:
        for first in (0x81, 0x02, 0x88, 0x89):
            check_failure(frame(first, b"\x03\xe8", KEY if client else None), 1002, client)


def test_I7_rsv_bits():
    for client in ROLES:
        for rsv in range(0x10, 0x80, 0x10):
            for first in (0x81, 0x02, 0x88, 0x8A):
                check_failure(End(client).peer(first | rsv, b"\x03\xe8"), 1002, client)


def test_I7_reserved_opcodes():
    for client in ROLES:
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            check_failure(End(client).peer(0x80 | opcode, b"?"), 1002, client)
            check_failure(End(client).peer(opcode), 1002, client)


def test_I7_fragmented_or_long_control_frame():
    for client in ROLES:
        for opcode in (9, 10):
            check_failure(End(client).peer(opcode, b"?"), 1002, client)
            check_failure(End(client).peer(0x80 | opcode, b"?" * 126), 1002, client)


def test_I7_continuation_of_nothing():
    # Its frame had begun when it was looked at: something came in that did not end.
    for client in ROLES:
        make = End(client).peer
        check_failure(make(0x80, b"?"), 1002, client, truncated=True)
        check_failure(make(0x00, b"?"), 1002, client, truncated=True)
        check_failure(
            make(0x81, b"whole") + make(0x80, b"?"), 1002, client, [(TEXT, "whole")], True
        )
        check_failure(
            make(0x02, b"pa") + make(0x80, b"rts") + make(0x00, b"?"),
            1002,
            client,
            [(BINARY, b"parts")],
            True,
        )


def test_I7_message_inside_a_message():
    for client in ROLES:
        make = End(client).peer
        for first in (0x81, 0x82, 0x01, 0x02):
            wire = make(0x01, b"open") + make(0x89, b"hi") + make(first, b"?")
            for pieces in chunkings(wire):
                end = End(client)
                assert end.receive(*pieces) == [(PING, b"hi"), (FAILED, 1002)]
                end.connection.tick(0)
                assert end.sent()[-1] == (0x88, close_payload(1002))
                end.outcome(initiator="local", sent_code=1002, failed_with=1002, truncated=True)


def test_I7_text_that_is_not_utf8():
    for client in ROLES:
        for text in (b"\xc0\x80", b"ok\xed\xa0\x80", b"\xf4\x90\x80\x80", b"cut \xe2\x82", b"\xff"):
            wire = End(client).peer(0x81, text)
            for pieces in chunkings(wire):
                end = End(client)
                assert end.receive(*pieces) == [(FAILED, 1007)]
                assert end.sent() == [(0x88, close_payload(1007))]
                end.outcome(initiator="local", sent_code=1007, failed_with=1007, truncated=True)


def test_I7_what_came_before_is_delivered_and_answered():
    for client in ROLES:
        make = End(client).peer
        end = End(client)
        end.receive(make(0x89, b"hi"))
        end.write()
        assert end.receive(make(0x82, b"m1") + make(0xC2, b"?") + make(0x82, b"m2")) == [
            (BINARY, b"m1"),
            (FAILED, 1002),
        ]
        assert end.sent() == [(0x8A, b"hi"), (0x88, close_payload(1002))]


def test_I7_frame_being_written_is_finished_and_the_rest_given_up():
    for client in ROLES:
        for written, kept in ((0, 0), (1, 1), (None, 3)):
            end = End(client)
            for text in ("m1", "m2", "m3"):
                end.connection.send_text(text)
            if written != 0:
                end.write(written)
            end.receive(end.peer(0xF1))
            expected = [(0x81, b"m1"), (0x81, b"m2"), (0x81, b"m3")][:kept]
            assert end.sent() == expected + [(0x88, close_payload(1002))]
            end.outcome(initiator="local", sent_code=1002, failed_with=1002, undelivered=3 - kept)


def test_I7_drain_ends_by_eof_quiet_or_time():
    for client in ROLES:
        end = End(client, quiet=500)
        end.connection.tick(0)
        end.receive(end.peer(0xF1))
        end.write()
        assert end.connection.tick(100) == 500
        assert end.connection.want_close_tcp() == KEEP
        end.receive(b"still talking")
        assert end.connection.tick(500) == 500
        assert end.connection.tick(999) == 1
        assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(1000)
        assert end.connection.want_close_tcp() == DRAIN
        # Talking all the time gains nothing past tcp_timeout.
        end = End(client, quiet=500)
        end.connection.tick(0)
        end.receive(end.peer(0xF1))
        end.write()
        end.connection.tick(100)
        for now in range(300, 2100, 200):
            end.receive(b"still talking")
            assert end.connection.tick(now) == min(500, 2100 - now)
            assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(2100)
        assert end.connection.want_close_tcp() == DRAIN


def test_I7_failing_close_cannot_be_written():
    end = End()
    end.connection.tick(0)
    end.receive(end.peer(0xF1))
    assert end.connection.tick(0) == 5000
    end.connection.tick(4999)
    assert end.connection.want_close_tcp() == KEEP
    end.connection.tick(5000)
    assert end.connection.want_close_tcp() == ABORT
    end.outcome(failed_with=1002, timed_out=True)


def test_I7_the_application_may_fail_a_connection():
    for client in ROLES:
        end = End(client)
        end.connection.fail(1008)
        end.connection.fail(1011)
        end.connection.close(1000)
        assert end.receive(end.peer(0x81, b"more")) == []
        assert end.sent() == [(0x88, close_payload(1008))]
        end.outcome(initiator="local", sent_code=1008, failed_with=1008)


def test_I7_no_connection_is_failed_with_a_code_that_may_not_be_sent():
    # R10.
    end = End()
    for code in (1005, 1006, 1015, 0, 999, 5000):
        assert raises(ValueError, end.connection.fail, code)
    assert end.connection.state == "OPEN"
    assert end.sent() == []


def too_large(first, size, masked):
    """A header that announces `size` octets, and no payload."""
    header = bytes([first, (0x80 if masked else 0) | (126 if size < 65536 else 127)])
    header += size.to_bytes(2 if size < 65536 else 8, "big")
    return header + KEY if masked else header


def test_I8_header_past_the_limit():
    for client in ROLES:
        for size in (1001, 65535, 65536, 1 << 20, (1 << 30) - 1, 1 << 30, 1 << 31, 1 << 62):
            for first in (0x81, 0x82, 0x01, 0x02):
                header = too_large(first, size, not client)
                for pieces in chunkings(header):
                    end = End(client, max_message=1000)
                    assert end.receive(*pieces[:-1]) == []
                    assert end.receive(pieces[-1]) == [(FAILED, 1009)]
                    assert end.connection.reader.body is None
                    assert end.connection.direct() == 0
                    assert end.receive(b"payload" * 100) == []
                    assert end.connection.reader.body is None
                    assert end.sent() == [(0x88, close_payload(1009))]
                    assert end.connection.want_close_tcp() == KEEP
                    outcome = end.connection.tcp_closed()
                    assert (outcome.code, outcome.failed_with) == (1006, 1009)
                    assert not outcome.clean


def test_I8_a_message_has_begun_however_large_it_is():
    for client in ROLES:
        for n in (126, 1 << 16, (1 << 30) - 1, 1 << 30, 1 << 40, (1 << 63) - 1):
            end = End(client, max_message=100)
            assert end.receive(too_large(0x82, n, not client)) == [(FAILED, 1009)]
            assert end.sent() == [(0x88, close_payload(1009))]
            end.outcome(initiator="local", sent_code=1009, failed_with=1009, truncated=True)


def test_I8_length_with_the_highest_bit_is_no_length():
    for client in ROLES:
        header = too_large(0x82, 1 << 63, not client)
        end = End(client)
        assert end.receive(header) == [(FAILED, 1002)]


def test_I8_limit_is_for_the_message():
    for client in ROLES:
        make = End(client).peer
        end = End(client, max_message=100)
        assert end.receive(make(0x82, bytes(100))) == [(BINARY, bytes(100))]
        assert end.receive(make(0x02, bytes(60)) + make(0x80, bytes(40))) == [(BINARY, bytes(100))]
        header = make(0x80, bytes(41))[:-41]
        assert end.receive(make(0x02, bytes(60)), header[:-1]) == []
        assert end.receive(header[-1:]) == [(FAILED, 1009)]
        end = End(client, max_message=100)
        assert end.receive(make(0x82, bytes(101))) == [(FAILED, 1009)]
        end = End(client, max_message=100)
        assert end.receive(make(0x02, bytes(60)) + make(0x00, bytes(41))) == [(FAILED, 1009)]
        assert end.sent() == [(0x88, close_payload(1009))]
        end.outcome(initiator="local", sent_code=1009, failed_with=1009, truncated=True)


def test_I8_drain_is_capped():
    end = End(drain=1000, max_message=100, quiet=500)
    end.connection.tick(0)
    end.receive(too_large(0x82, 1 << 20, True))
    end.write()
    assert end.connection.tick(0) == 500
    end.receive(bytes(999))
    assert end.connection.tick(1) == 500
    assert end.connection.want_close_tcp() == KEEP
    end.receive(bytes(1))
    assert end.connection.tick(2) == 0
    assert end.connection.want_close_tcp() == DRAIN


def test_I8_nothing_is_allocated_for_it():
    if MICROPYTHON:
        import gc

        end = End(max_message=1000)
        wire = bytearray(too_large(0x82, 1 << 20, True))
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        end.connection.receive_data(wire, 0, len(wire))
        event = end.connection.next_event()
        after = gc.mem_alloc()
        gc.enable()
        assert event == FAILED
        assert after == before, after - before


def test_I9_close_after_a_failure_is_not_parsed():
    for client in ROLES:
        make = End(client).peer
        for bad, code in ((make(0xF1), 1002), (make(0x81, b"\xff"), 1007)):
            for written in (False, True):
                end = End(client)
                assert end.receive(bad) == [(FAILED, code)]
                if written:
                    end.write()
                assert end.receive(end.peer_close(4001, b"why")) == []
                assert end.receive(end.peer(0x89, b"hi")) == []
                assert end.sent() == [(0x88, close_payload(code))]
                assert end.connection.rcvd_code is None
                end.connection.receive_eof()
                end.outcome(
                    initiator="local", sent_code=code, failed_with=code, truncated=code == 1007
                )


def test_I9_in_the_same_read():
    for client in ROLES:
        end = End(client)
        assert end.receive(end.peer(0xF1) + end.peer_close(4001)) == [(FAILED, 1002)]
        assert end.sent() == [(0x88, close_payload(1002))]
        end.outcome(initiator="local", sent_code=1002, failed_with=1002)


def test_I9_close_that_was_pulled_when_the_connection_failed():
    # A source may fail the connection between pull() and handle().
    end = End()
    wire = bytearray(end.peer_close(4001))
    end.connection.receive_data(wire, 0, len(wire))
    event = end.connection.pull()
    assert event == CLOSE
    end.connection.fail(1011)
    end.connection.handle(event)
    assert end.sent() == [(0x88, close_payload(1011))]
    end.outcome(initiator="local", sent_code=1011, failed_with=1011)


def test_I10_violation_behind_our_close():
    for client in ROLES:
        # Queued behind a message, begun, sent.
        for written in (0, 1, None):
            end = End(client)
            end.connection.send_text("m1")
            end.connection.send_text("m2")
            end.connection.close(4001, "bye")
            if written != 0:
                end.write(written)
            assert end.receive(end.peer(0xF1)) == [(FAILED, 1002)]
            assert end.connection.want_close_tcp() == KEEP
            ours = (0x88, close_payload(4001, b"bye"))
            kept = (
                []
                if written == 0
                else [(0x81, b"m1")]
                if written
                else [
                    (0x81, b"m1"),
                    (0x81, b"m2"),
                ]
            )
            assert end.sent() == kept + [ours]
            assert end.receive(end.peer_close(1000)) == []
            assert end.connection.want_close_tcp() == KEEP
            end.connection.tick(0)
            end.connection.tick(500)
            assert end.connection.want_close_tcp() == DRAIN
            end.outcome(
                initiator="local",
                sent_code=4001,
                failed_with=1002,
                undelivered=2 - len(kept),
            )


def test_I10_our_close_is_being_written():
    for client in ROLES:
        for written in range(1, 8 if client else 4):
            end = End(client)
            end.connection.close(1000)
            end.write(written)
            assert end.receive(end.peer(0x81, b"\xff")) == [(FAILED, 1007)]
            assert end.sent() == [(0x88, close_payload(1000))]
            end.outcome(initiator="local", sent_code=1000, failed_with=1007, truncated=True)


def test_I10_source_is_given_up():
    for client in ROLES:
        for begun in (False, True):
            end = End(client)
            end.connection.send_source(Source(bytes(100), 50))
            end.connection.close(1000)
            if begun:
                end.write(10)
            end.receive(end.peer(0xF1))
            sent = end.sent()
            assert sent == [(0x02, bytes(50))][:begun] + [(0x88, close_payload(1000))]
            end.outcome(initiator="local", sent_code=1000, failed_with=1002, undelivered=1)


def test_I11_server_that_masks():
    end = End(client=True)
    assert end.receive(frame(0x81, b"masked", KEY)) == [(FAILED, 1002)]
    found = parse(end.write(), True)
    assert [found[0][:2]] == [(0x88, close_payload(1002))]
    assert end.connection.next_event() == NEED_DATA
    end.outcome(initiator="local", sent_code=1002, failed_with=1002)
