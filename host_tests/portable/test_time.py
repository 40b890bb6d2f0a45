"""Deadlines and disorder: rows T1 to T7 of close.md, as far as the core decides them."""

from signalbox.ws.connection import ABORT, CLOSE, DRAIN, KEEP, PING
from signalbox.ws.message import BINARY, TEXT
from signalbox.ws.output import WRITTEN
from wire import ROLES, End, Source, chunkings, close_payload, frames

WRAP = 1 << 30  # MicroPython's clock in milliseconds starts over here


def test_T1_peer_is_silent_after_our_close():
    for client in ROLES:
        for start in (0, 12345, WRAP - 2000):
            end = End(client)
            end.connection.tick((start - 1000) % WRAP)
            end.connection.close(4001, "bye")
            end.write()
            assert end.connection.tick(start) == 5000
            assert end.connection.tick((start + 4999) % WRAP) == 1
            assert end.connection.want_close_tcp() == KEEP
            assert end.connection.tick((start + 5000) % WRAP) == 0
            assert end.connection.want_close_tcp() == ABORT
            assert end.connection.tick((start + 5001) % WRAP) == 0
            end.outcome(initiator="local", sent_code=4001, timed_out=True)
            assert end.connection.tick((start + 9000) % WRAP) == -1


def test_T1_timeout_is_a_setting():
    end = End(close_timeout=4000)
    end.connection.close(1000)
    assert end.connection.tick(7) == 4000
    assert end.connection.tick(4006) == 1
    assert end.connection.want_close_tcp() == KEEP
    end.connection.tick(4007)
    assert end.connection.want_close_tcp() == ABORT


def test_T1_stopwatch_starts_once():
    # Neither our Close being written nor another close() nor a failed write starts it anew.
    end = End()
    end.connection.close(1000)
    end.connection.tick(0)
    end.write()
    end.connection.tick(2000)
    end.connection.close(1001)
    end.connection.write_failed()
    assert end.connection.tick(4000) == 1000
    end.connection.tick(5000)
    assert end.connection.want_close_tcp() == ABORT


def test_T1_the_wait_for_a_pong_is_not_counted():
    # The stopwatch of a Ping that is on its way ends where that of closing begins.
    for local in (False, True):
        end = End()
        end.connection.tick(0)
        assert end.connection.tick(20000) == 10000
        assert end.connection.tick(26000) == 4000
        end.write()
        if local:
            end.connection.close(1000)
        else:
            end.receive(end.peer_close(1000))
        assert end.connection.tick(26000) == 5000
        assert end.connection.tick(30999) == 1
        assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(31000)
        assert end.connection.want_close_tcp() == ABORT


def test_T2_peer_drips():
    for client in ROLES:
        end = End(client)
        wire = end.peer(0x82, bytes(100))
        end.connection.close(1000)
        end.write()
        end.connection.tick(0)
        for second in range(5):
            assert end.connection.want_close_tcp() == KEEP
            assert end.connection.tick(second * 1000) == 5000 - second * 1000
            assert end.receive(wire[second : second + 1]) == []
        end.connection.tick(4999)
        assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(5000)
        assert end.connection.want_close_tcp() == ABORT
        end.outcome(initiator="local", sent_code=1000, timed_out=True)


def test_T2_whole_messages_and_pings_gain_nothing_either():
    end = End()
    end.connection.close(1000)
    end.write()
    end.connection.tick(0)
    for now in range(0, 5000, 100):
        assert end.connection.tick(now) == 5000 - now
        assert end.receive(end.peer(0x81, b"x"), end.peer(0x89)) == [(TEXT, "x"), (PING, b"")]
        end.write()
    end.connection.tick(5000)
    assert end.connection.want_close_tcp() == ABORT


def test_T2_we_drip():
    # A peer that takes our messages an octet at a time gains nothing.
    end = End()
    end.connection.send_binary(bytes(100))
    end.receive(end.peer_close(1000))
    end.connection.tick(0)
    for now in range(100, 5000, 100):
        assert len(end.write(1)) == 1
        assert end.connection.tick(now) == 5000 - now
    end.connection.tick(5000)
    assert end.connection.want_close_tcp() == ABORT
    end.outcome(code=1000, initiator="peer", rcvd_code=1000, undelivered=1, timed_out=True)


def test_T3_server_never_closes_tcp():
    for local in (False, True):
        end = End(client=True)
        end.connection.tick(0)
        if local:
            end.connection.close(4001)
            end.write()
        end.receive(end.peer_close(4001))
        assert end.connection.tick(1000) == (2000 if local else 5000)
        end.write()
        assert end.connection.tick(1500) == (1500 if local else 2000)
        last = 3000 if local else 3500
        assert end.connection.tick(last - 1) == 1
        assert end.connection.want_close_tcp() == KEEP
        assert end.connection.tick(last) == 0
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(
            code=4001,
            clean=True,
            initiator="local" if local else "peer",
            sent_code=4001,
            rcvd_code=4001,
        )


def test_T3_timeout_is_a_setting():
    end = End(client=True, tcp_timeout=70)
    end.receive(end.peer_close(1000))
    end.write()
    assert end.connection.tick(0) == 70
    # What the server still sends is discarded, and gains it nothing.
    assert end.receive(end.peer(0x81, b"late")) == []
    end.connection.tick(69)
    assert end.connection.want_close_tcp() == KEEP
    end.connection.tick(70)
    assert end.connection.want_close_tcp() == DRAIN


def test_T4_messages_that_nobody_takes_are_counted():
    # The queue is the endpoint's; that it was full is told here.
    end = End()
    end.connection.close(1000)
    assert end.receive(end.peer(0x81, b"m1") + end.peer(0x81, b"m2") + end.peer_close(1000)) == [
        (TEXT, "m1"),
        (TEXT, "m2"),
        (CLOSE, 1000, ""),
    ]
    end.connection.discarded += 2
    end.write()
    end.outcome(
        code=1000, clean=True, initiator="both", sent_code=1000, rcvd_code=1000, discarded=2
    )


def test_T5_octets_are_offered_until_they_are_taken_and_never_again():
    # Whoever waits and is cancelled has taken nothing: only advance() moves.
    for client in ROLES:
        end = End(client, buffer=140)
        data = bytes(range(256))
        end.connection.send_binary(data)
        end.connection.close(1000, "bye")
        wire = b""
        while True:
            n = end.connection.ready()
            if n == 0:
                break
            output = end.connection.output
            offered = bytes(output.buf[output.offset : output.offset + n])
            assert end.connection.ready() == n
            assert bytes(output.buf[output.offset : output.offset + n]) == offered
            wire += offered[:1]
            end.connection.advance(1)
        assert frames(wire, client) == [(0x82, data), (0x88, close_payload(1000, b"bye"))]
        end.receive(end.peer_close(1000))
        end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_T6_two_senders_and_pongs_while_closing():
    for client in ROLES:
        for step in (1, 2, 7, 100, 10000):
            end = End(client, buffer=140, max_message=1000)
            connection = end.connection
            first = [(0x81, b"a%d" % i) for i in range(6)]
            second = [(0x82, bytes([i]) * 90 * i) for i in range(6)]
            pending = [first[:], second[:]]
            wire = b""
            pings = 0
            for turn in range(100000):
                for queue in pending:
                    if queue:
                        opcode, data = queue[0]
                        if opcode == 0x81:
                            taken = connection.send_text(data.decode())
                        else:
                            taken = connection.send_binary(data)
                        if taken:
                            queue.pop(0)
                if turn % 5 == 0 and pings < 20:
                    end.receive(end.peer(0x89, b"%d" % pings))
                    pings += 1
                if not pending[0] and not pending[1]:
                    connection.close(1000)
                part = end.write(step)
                wire += part
                if connection.output.close_state == WRITTEN:
                    break
            found = frames(wire, client)
            assert [f for f in found if f[0] == 0x81] == first
            assert [f for f in found if f[0] == 0x82] == second
            assert found[-1] == (0x88, close_payload(1000))
            assert len([f for f in found if f[0] == 0x88]) == 1
            pongs = [int(payload) for opcode, payload in found if opcode == 0x8A]
            assert pongs and pongs == sorted(set(pongs)), "Pongs in order, none twice"


def test_T7_pong_is_missed():
    for client in ROLES:
        end = End(client)
        assert end.connection.tick(0) == 20000
        assert end.connection.tick(19999) == 1
        assert end.sent() == []
        assert end.connection.tick(20000) == 10000
        assert end.sent() == [(0x89, b"signalbox")]
        assert end.connection.tick(29999) == 1
        assert end.sent() == []
        assert end.connection.state == "OPEN"
        assert end.connection.tick(30000) == 5000
        assert end.connection.state == "CLOSING"
        assert end.sent() == [(0x88, close_payload(1011, b"no pong"))]
        assert end.connection.tick(34999) == 1
        assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(35000)
        assert end.connection.want_close_tcp() == ABORT
        end.outcome(initiator="local", sent_code=1011, timed_out=True)


def test_T7_nothing_can_be_written():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(500))
        end.connection.send_binary(b"no room")
        end.write(10)
        assert end.connection.tick(0) == 20000
        assert end.connection.tick(20000) == 10000
        assert end.connection.tick(30000) == 5000
        end.connection.tick(34999)
        assert end.connection.want_close_tcp() == KEEP
        end.connection.tick(35000)
        assert end.connection.want_close_tcp() == ABORT
        end.outcome(undelivered=1, timed_out=True)


def test_T7_peer_comes_back_late():
    end = End()
    end.connection.tick(0)
    end.connection.tick(20000)
    end.connection.tick(30000)
    assert end.receive(end.peer(0x82, b"sorry") + end.peer_close(1000)) == [
        (BINARY, b"sorry"),
        (CLOSE, 1000, ""),
    ]
    assert end.sent() == [(0x89, b"signalbox"), (0x88, close_payload(1011, b"no pong"))]
    end.outcome(code=1000, clean=True, initiator="both", sent_code=1011, rcvd_code=1000)


def test_T7_any_octet_is_a_sign_of_life():
    for piece in (b"\x8a", End().peer(0x8A), End().peer(0x81, b"x"), End().peer(0x89)):
        end = End()
        end.connection.tick(0)
        end.connection.tick(20000)
        end.receive(piece)
        assert end.connection.tick(29999) == 20000
        assert end.connection.tick(49998) == 1
        assert end.connection.state == "OPEN"


def test_T7_input_that_is_left_unread_is_a_sign_of_life_unless_output_stands_still():
    for most, left in ((None, 20000), (1, 1), (0, 1)):
        end = End()
        end.connection.tick(0)
        end.connection.tick(20000)
        end.write(most)
        end.connection.heard()
        assert end.connection.tick(29999) == left
        if most:
            end.write(1)
            assert end.connection.tick(29999) == 20000


def test_T7_over_the_end_of_the_clock():
    end = End()
    start = WRAP - 25000
    end.connection.tick(start)
    assert end.connection.tick(start + 20000) == 10000
    assert end.connection.tick(start + 29999 - WRAP) == 1
    assert end.connection.tick(start + 30000 - WRAP) == 5000
    assert end.connection.state == "CLOSING"


def test_T7_source_is_not_waited_for():
    end = End()
    end.connection.send_source(Source(bytes(100), 50))
    end.connection.tick(0)
    end.connection.tick(20000)
    end.connection.tick(30000)
    end.connection.tick(35000)
    assert end.connection.want_close_tcp() == ABORT
    end.outcome(undelivered=1, timed_out=True)


def test_T1_reply_in_any_chunking_is_in_time():
    for pieces in chunkings(End().peer_close(1000)):
        end = End()
        end.connection.close(1000)
        end.write()
        end.connection.tick(0)
        end.receive(*pieces[:-1])
        end.connection.tick(4999)
        end.receive(pieces[-1])
        end.connection.tick(5000)
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)
