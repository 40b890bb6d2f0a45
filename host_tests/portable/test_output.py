"""What is written, and what is counted as unsent: ws/output.py, through a Connection.

`undelivered` is checked against a reading of the octets that were really written.
"""

import sys

from signalbox.compat import BOARD, MICROPYTHON
from signalbox.ws.connection import FAILED, PING
from signalbox.ws.masking_keys import MaskingKeys
from signalbox.ws.output import WRITTEN, Output
from wire import ROLES, End, Source, close_payload, frames, parse, raises

if MICROPYTHON:
    import micropython

CLOSING = (0x88, close_payload(1011))


def whole_messages(octets):
    """Messages whose last octet is among `octets`, which may end inside a frame."""
    at = 0
    count = 0
    while len(octets) - at >= 2:
        n = octets[at + 1] & 0x7F
        size = 2 + (2 if n == 126 else 8 if n == 127 else 0) + (4 if octets[at + 1] & 0x80 else 0)
        if n > 125:
            n = int.from_bytes(octets[at + 2 : at + (4 if n == 126 else 10)], "big")
        end = at + size + n
        if end > len(octets):
            break
        if octets[at] & 0x80 and not octets[at] & 8:
            count += 1
        at = end
    return count


def messages(n, size=3):
    return [bytes([i + 1]) * (size + i) for i in range(n)]


# Each takes an End, sends, and returns the number of messages that were accepted.


def small(end):
    for data in messages(4):
        assert end.connection.send_binary(data)
    return 4


def pings_between(end):
    end.connection.send_text("one")
    end.connection.ping(b"ping")
    end.receive(end.peer(0x89, b"pong, please"))
    end.connection.send_text("two")
    return 2


def large(end):
    assert end.connection.send_binary(bytes(range(256)) * 2)
    assert not end.connection.send_binary(b"no room")
    return 1


def large_behind_small(end):
    assert end.connection.send_text("one")
    assert end.connection.send_text("two")
    assert end.connection.send_binary(bytes(range(256)) * 2)
    return 3


def fragments(end):
    assert end.connection.send_fragment(b"one", False)
    assert end.connection.send_fragment(b"two", False)
    assert end.connection.send_fragment(b"three", True)
    assert end.connection.send_text("whole")
    return 2


def open_fragments(end):
    assert end.connection.send_text("whole")
    assert end.connection.send_fragment(b"one", False)
    return 2


def large_open_fragment(end):
    assert end.connection.send_fragment(bytes(300), False)
    return 1


def large_last_fragment(end):
    assert end.connection.send_fragment(b"one", False)
    assert end.connection.send_fragment(bytes(300), True)
    return 1


def source(end):
    assert end.connection.send_text("one")
    assert end.connection.send_source(Source(bytes(250), 100))
    assert not end.connection.send_text("no room")
    return 2


def empty_source(end):
    assert end.connection.send_source(Source(b"", 100), True)
    return 1


SCENES = (
    small,
    pings_between,
    large,
    large_behind_small,
    fragments,
    open_fragments,
    large_open_fragment,
    large_last_fragment,
    source,
    empty_source,
)


# Octets between the places at which a write ends: a board, which is slow, tries one of 13.
EACH = 13 if BOARD else 1


def test_undelivered_after_every_partial_write():
    for client in ROLES:
        for scene in SCENES:
            for size in (140, 300):
                written = 0
                while True:
                    end = End(client, buffer=size)
                    accepted = scene(end)
                    wire = end.write(written) if written else b""
                    end.connection.close_now()
                    undelivered = end.connection.tcp_closed().undelivered
                    assert undelivered == accepted - whole_messages(wire), (scene, written)
                    if len(wire) < written:
                        break
                    written += EACH


def test_failing_after_every_partial_write():
    # What is on the wire is always whole frames, and the Close; what isn't is counted.
    for client in ROLES:
        for scene in SCENES:
            for step, size in ((None, 140), (7, 140), (None, 300)):
                written = 0
                while True:
                    end = End(client, buffer=size)
                    accepted = scene(end)
                    wire = end.write(written, step) if written else b""
                    done = len(wire) < written
                    end.connection.fail(1011)
                    wire += end.write(step=step)
                    found = parse(wire, client)
                    assert found[-1][:2] == CLOSING
                    assert [f for f in found if f[0] == 0x88] == found[-1:]
                    undelivered = end.connection.tcp_closed().undelivered
                    assert undelivered == accepted - whole_messages(wire), (scene, written)
                    if done:
                        break
                    written += EACH


def test_failing_finishes_only_the_frame_that_was_begun():
    for client in ROLES:
        for begun in range(1, 30):
            end = End(client)
            for data in messages(4):
                end.connection.send_binary(data)
            wire = end.write(begun)
            end.connection.fail(1011)
            wire += end.write()
            expected = []
            size = 0
            for data in messages(4):
                if size < begun:
                    expected.append((0x82, data))
                size += len(data) + (6 if client else 2)
            assert frames(wire, client) == expected + [CLOSING]


def test_failing_with_octets_in_the_hands_of_tls():
    # A record was made of the first `held` octets: they must be offered again, unchanged.
    for client in ROLES:
        for held in range(1, 30):
            for taken in (0, 1, held):
                end = End(client)
                for data in messages(4):
                    end.connection.send_binary(data)
                n = end.connection.ready()
                held = min(held, n)
                taken = min(taken, held)
                output = end.connection.output
                offered = bytes(output.buf[output.offset : output.offset + held])
                end.connection.hold(held)
                wire = end.write(taken) if taken else b""
                end.connection.fail(1011)
                end.connection.ready()
                output = end.connection.output
                again = bytes(output.buf[output.offset : output.offset + held - taken])
                assert again == offered[taken:]
                wire += end.write()
                expected = []
                size = 0
                for data in messages(4):
                    if size < held:
                        expected.append((0x82, data))
                    size += len(data) + (6 if client else 2)
                assert frames(wire, client) == expected + [CLOSING]


def test_hold_of_the_same_again():
    end = End()
    end.connection.send_text("one")
    for _ in range(2):
        end.connection.hold(end.connection.ready())
    end.connection.fail(1011)
    assert end.sent() == [(0x81, b"one"), CLOSING]


def test_hold_is_over_when_the_octets_are_taken():
    end = End()
    end.connection.send_text("one")
    end.connection.send_text("two")
    end.connection.hold(3)
    end.write(5)
    end.connection.fail(1011)
    assert end.sent() == [(0x81, b"one"), CLOSING]


def test_hold_of_a_pong_behind_our_close():
    # What was written stays written.
    end = End()
    end.connection.close(1000)
    end.write(3)
    end.receive(end.peer(0x89, b"p"))
    end.write(2)
    assert end.connection.output.close_state == WRITTEN
    end.connection.hold(end.connection.ready())
    assert end.connection.output.close_state == WRITTEN
    assert end.sent() == [(0x88, close_payload(1000)), (0x8A, b"p")]
    end.outcome(initiator="local", sent_code=1000)


def test_hold_of_a_large_message():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(500))
        end.write(200)
        end.connection.hold(end.connection.ready())
        end.connection.fail(1011)
        assert end.sent() == [(0x82, bytes(500)), CLOSING]


def test_a_second_large_message_behind_the_tail_of_the_first():
    # The client masks part by part: the first's last octets may still be in the buffer.
    for client in ROLES:
        for first_final in (True, False):
            for second_final in (True, False):
                written = 130
                while True:
                    end = End(client, buffer=140)
                    connection = end.connection
                    if first_final:
                        assert connection.send_binary(bytes(160))
                    else:
                        assert connection.send_fragment(bytes(160), False)
                    wire = end.write(written)
                    if not connection.output.whole:
                        written += EACH
                        continue
                    if first_final:
                        if second_final:
                            accepted = 1 + connection.send_binary(bytes(300))
                        else:
                            accepted = 1 + connection.send_fragment(bytes(300), False)
                    else:
                        connection.send_fragment(bytes(300), second_final)
                        accepted = 1
                    connection.close_now()
                    undelivered = connection.tcp_closed().undelivered
                    assert undelivered == accepted - whole_messages(wire)
                    if len(wire) < written:
                        break
                    written += EACH


def test_room():
    for client in ROLES:
        end = End(client, buffer=140)
        header = 6 if client else 2
        taken = 0
        while end.connection.send_binary(b"x" * 10):
            taken += 1
        assert taken == 140 // (10 + header)
        assert not end.connection.send_text("x" * 10)
        assert not end.connection.send_fragment(b"x" * 10, True)
        assert not end.connection.ping(b"x" * 10)
        # A refused fragment changes nothing.
        assert not end.connection.send_fragment(b"x" * 10, False)
        assert end.sent() == [(0x82, b"x" * 10)] * taken
        assert end.connection.send_text("x" * 10)
        assert end.sent() == [(0x81, b"x" * 10)]


def test_room_to_the_last_octet():
    for client in ROLES:
        header = 6 if client else 2
        for n in range(90, 126):
            end = End(client, buffer=140)
            assert end.connection.send_binary(bytes(n))
            room = 140 - n - header
            if room > header:
                assert not end.connection.send_binary(bytes(room - header + 1))
                assert end.connection.send_binary(bytes(room - header))
                assert end.connection.output.whole
            assert not end.connection.send_binary(b"")
            assert len(end.sent()) == (2 if room > header else 1)


def test_message_that_just_fits():
    for client in ROLES:
        for n in range(126, 142):
            end = End(client, buffer=140)
            assert end.connection.send_binary(bytes(n))
            size = n + (8 if client else 4)
            assert end.connection.output.whole == (size <= 140)
            # Copied, it waits for room; referred to, it need not.
            other = End(client, buffer=140)
            other.connection.send_text("x")
            room = 140 - (7 if client else 3)
            assert other.connection.send_binary(bytes(n)) == (not room < size <= 140)
            assert end.sent() == [(0x82, bytes(n))]
            assert end.connection.output.whole


def test_no_room_for_the_header_of_a_large_message():
    # It is taken when its header and some octets more fit behind what is there.
    for client in ROLES:
        for room in range(20):
            end = End(client, buffer=140)
            fill = 140 - room - 2 * (6 if client else 2)
            assert end.connection.send_binary(bytes(60))
            assert end.connection.send_binary(bytes(fill - 60))
            taken = room >= (8 if client else 4) + 4
            assert end.connection.send_binary(bytes(300)) == taken
            assert len(end.sent()) == (3 if taken else 2)


def test_room_for_a_pong():
    # In order when it fits to the last octet; else it comes last.
    for client in ROLES:
        header = 6 if client else 2
        for short in (0, 1):
            for size in (0, 5):
                end = End(client, buffer=140)
                end.connection.send_binary(bytes(60))
                end.connection.send_binary(bytes(140 - 60 - size - 3 * header + short))
                end.receive(end.peer(0x89, b"p" * size))
                assert (end.connection.ready() == 140) == (short == 0)
                assert end.sent()[-1] == (0x8A, b"p" * size)


def test_large_messages_are_not_copied():
    for client in ROLES:
        for kind in (bytes, bytearray, memoryview):
            for n in (200, 1000):
                check_large(End(client, buffer=140), kind, n)


def test_messages_of_64_kib_are_not_copied():
    for client in ROLES:
        for kind in (bytes, bytearray, memoryview):
            for n in (65535, 65536, 70000):
                check_large(End(client), kind, n)


def check_large(end, kind, n):
    octets = bytes((i * 7) & 0xFF for i in range(251)) * (n // 251 + 1)
    octets = octets[:n]
    data = memoryview(bytearray(octets)) if kind is memoryview else kind(octets)
    assert end.connection.send_binary(data)
    assert not end.connection.output.whole
    assert end.sent() == [(0x82, octets)]
    assert end.connection.output.whole
    assert end.connection.output.empty


def test_large_text():
    for client in ROLES:
        for text in ("plain " * 100, "grün €uro 😀 " * 40):
            for step in (1, 13, None):
                end = End(client, buffer=140)
                assert end.connection.send_text(text)
                wire = end.write(step=step)
                assert frames(wire, client) == [(0x81, text.encode())]


def test_message_may_be_changed_once_it_is_whole():
    for client in ROLES:
        end = End(client, buffer=140)
        data = bytearray(range(200))
        end.connection.send_binary(data)
        while not end.connection.output.whole:
            end.write(1)
            end.connection.ready()
        data[:] = bytes(200)
        assert end.sent() == [(0x82, bytes(range(200)))]


def test_sending_goes_on_right_after_a_large_message():
    # Between the last advance() and the next ready().
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(range(200)))
        total = len(end.write())
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(range(200)))
        end.write(total)
        assert end.connection.send_text("next")
        end.receive(end.peer(0x89, b"ping"))
        assert end.sent() == [(0x82, bytes(range(200))), (0x81, b"next"), (0x8A, b"ping")]


def test_every_key_is_fresh():
    # No two frames of a client have the same key, however they are made.
    end = End(True, MaskingKeys(), buffer=140)
    end.connection.send_text("one")
    end.connection.ping()
    end.receive(end.peer(0x89, b"a"))
    end.connection.send_binary(bytes(300))
    end.receive(end.peer(0x89, b"b"))
    end.write()
    end.connection.send_source(Source(bytes(300), 100))
    end.receive(end.peer(0x89, b"c"))
    end.write()
    end.connection.close(1000)
    end.write()
    found = parse(end.written, True)
    assert len(found) == 11
    keys = {key for _, _, key in found}
    assert len(keys) == len(found)
    assert b"\0\0\0\0" not in keys


def test_pongs_in_order_while_there_is_room():
    for client in ROLES:
        end = End(client, buffer=1024)
        pings = [b"%d" % i for i in range(10)]
        end.connection.send_text("before")
        for payload in pings:
            end.receive(end.peer(0x89, payload))
        end.connection.send_text("after")
        assert end.sent() == (
            [(0x81, b"before")] + [(0x8A, payload) for payload in pings] + [(0x81, b"after")]
        )


def test_newest_pong_when_there_is_none():
    for client in ROLES:
        end = End(client, buffer=140)
        big = [bytes([i]) * 125 for i in range(4)]
        for payload in big:
            end.receive(end.peer(0x89, payload))
        assert end.sent() == [(0x8A, big[0]), (0x8A, big[3])]
        end.receive(end.peer(0x89, b"small"))
        assert end.sent() == [(0x8A, b"small")]


def test_pongs_in_order_in_a_borrowed_buffer():
    for client in ROLES:
        end = End(client, buffer=1024)
        pings = [bytes([i]) * 125 for i in range(5)]
        for payload in pings:
            end.receive(end.peer(0x89, payload))
        assert end.sent() == [(0x8A, payload) for payload in pings]


def test_newest_pong_even_if_the_older_is_empty():
    end = End(True, buffer=140)
    end.connection.send_binary(bytes(200))
    end.receive(end.peer(0x89))
    while not end.connection.output.whole:
        end.write(1)
        end.connection.ready()
    end.receive(end.peer(0x89, b"newer"))
    assert end.sent() == [(0x82, bytes(200)), (0x8A, b"newer")]


def test_empty_pong_that_waits_is_output():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(200))
        total = len(end.write())
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(200))
        end.receive(end.peer(0x89))
        end.write(total)
        assert not end.connection.output.empty
        assert end.sent() == [(0x82, bytes(200)), (0x8A, b"")]
        assert end.connection.output.empty


def test_pong_never_splits_a_message():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(400))
        wire = end.write(5)
        for i in range(5):
            end.receive(end.peer(0x89, b"%d" % i))
            wire += end.write(50)
        wire += end.write()
        found = frames(wire, client)
        assert found[0] == (0x82, bytes(400))
        assert found[1:] == [(0x8A, b"4")]


def test_source():
    for client in ROLES:
        for text in (False, True):
            for size in (1, 7, 10000):
                for step in (1, 50, None):
                    octets = ("grün €uro 😀 " * 10).encode()
                    end = End(client, buffer=140)
                    end.connection.send_text("before")
                    assert end.connection.send_source(Source(octets, size), text)
                    wire = end.write(step=step)
                    end.connection.send_text("after")
                    wire += end.write()
                    found = frames(wire, client)
                    assert found[0] == (0x81, b"before")
                    assert found[-1] == (0x81, b"after")
                    parts = found[1:-1]
                    assert b"".join([payload for _, payload in parts]) == octets
                    firsts = [first for first, _ in parts]
                    assert firsts == [1 if text else 2] + [0] * (len(parts) - 2) + [0x80]


def test_source_is_read_no_sooner_than_it_can_be_written():
    end = End()
    octets = Source(bytes(500), 100)
    end.connection.send_text("before")
    assert end.connection.send_source(octets)
    assert octets.reads == 0
    end.write(4)
    assert octets.reads == 0
    end.write()
    assert octets.reads == 6


def test_source_fills_the_buffer():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_source(Source(bytes(1000), 1000))
        sizes = [len(payload) for _, payload in end.sent()]
        assert sizes == [132] * 7 + [1000 - 7 * 132, 0]


def test_no_second_source():
    end = End()
    assert end.connection.send_source(Source(b"one", 3))
    assert not end.connection.send_source(Source(b"two", 3))
    assert not end.connection.send_binary(b"two")
    assert not end.connection.send_fragment(b"two", True)
    end.write()
    assert end.connection.send_source(Source(b"two", 3))
    large = End(buffer=140)
    large.connection.send_binary(bytes(200))
    assert not large.connection.send_source(Source(b"two", 3))


def test_pongs_between_the_parts_of_a_source():
    end = End()
    end.connection.send_source(Source(b"abcdef", 3))
    end.write(3)
    end.receive(end.peer(0x89, b"p"))
    found = end.sent()
    assert (0x8A, b"p") in found[1:-1]
    found.remove((0x8A, b"p"))
    assert found == [(0x02, b"abc"), (0x00, b"def"), (0x80, b"")]


def test_source_without_an_end_mark():
    # A read that returns None ends it, as one that returns 0 does.
    class Nothing:
        def readinto(self, buf):
            return None

    end = End()
    end.connection.send_source(Nothing())
    assert end.sent() == [(0x82, b"")]


def test_source_that_fails():
    for client in ROLES:
        for error in (OSError(5), ValueError("no"), RuntimeError("no"), MemoryError()):
            end = End(client)
            end.connection.send_source(Source(b"abcdef", 3, error))
            assert end.sent() == [(0x02, b"abc"), (0x00, b"def"), CLOSING]
            end.outcome(initiator="local", sent_code=1011, failed_with=1011, undelivered=1)


def test_source_that_fails_behind_our_close():
    end = End()
    end.connection.send_source(Source(b"abc", 3, OSError(5)))
    end.connection.close(1000)
    assert end.sent() == [(0x02, b"abc"), (0x88, close_payload(1000))]
    end.outcome(initiator="local", sent_code=1000, failed_with=1011, undelivered=1)


def test_source_that_fails_after_the_peers_close():
    # The reply goes out all the same, and the message is counted.
    for window in (False, True):
        for client in ROLES:
            end = End(client, finish_window=window)
            end.connection.send_source(Source(b"abc", 3, OSError(5)))
            end.receive(end.peer(0x02, b"part"), end.peer_close(4001))
            assert end.sent() == [(0x02, b"abc"), (0x88, close_payload(4001))]
            end.outcome(
                code=4001,
                clean=True,
                initiator="peer",
                sent_code=4001,
                rcvd_code=4001,
                undelivered=1,
                truncated=True,
            )


def test_source_whose_text_is_bad():
    for octets in (b"ab\xff", b"\xc0\x80", b"ab\xe2\x82"):
        for size in (1, 2, 100):
            end = End()
            end.connection.send_source(Source(octets, size), True)
            found = end.sent()
            assert found[-1] == CLOSING
            assert [first for first, _ in found[:-1]] == ([1] + [0] * 9)[: len(found) - 1]
            end.outcome(initiator="local", sent_code=1011, failed_with=1011, undelivered=1)
    end = End()
    end.connection.send_source(Source(b"\xff\xc0", 1))
    assert end.sent()[-1] == (0x80, b"")


def test_empty():
    end = End(buffer=140)
    output = end.connection.output
    assert output.empty
    for act in (
        lambda: end.connection.send_text("x"),
        lambda: end.connection.send_binary(bytes(200)),
        lambda: end.connection.send_source(Source(b"x", 1)),
        lambda: end.receive(end.peer(0x89)),
        lambda: end.connection.close(1000),
    ):
        act()
        while not output.empty:
            assert end.connection.ready()
            end.write(1)
        assert end.connection.ready() == 0


def test_text_and_octets_at_the_borders_of_length():
    check_texts((0, 1, 125, 126, 127, 1000))


def test_text_at_the_border_of_64_kib():
    check_texts((65535, 65536))


def check_texts(sizes):
    for client in ROLES:
        for n in sizes:
            end = End(client)
            assert end.connection.send_text("x" * n)
            assert end.sent() == [(0x81, b"x" * n)]
            if n > 1:
                assert end.connection.send_text("ü" + "x" * (n - 2))
                assert end.sent() == [(0x81, "ü".encode() + b"x" * (n - 2))]


def test_nothing_is_taken_when_no_key_is_left():
    class Dry:
        calls = 0

        def __call__(self, n):
            if self.calls:
                raise MemoryError
            self.calls += 1
            return bytes(range(n))

    end = End(True, MaskingKeys(Dry()))
    taken = 0
    try:
        while end.connection.send_text("x"):
            taken += 1
    except MemoryError:
        pass
    assert taken > 10
    assert raises(MemoryError, end.connection.send_text, "x")
    assert raises(MemoryError, end.connection.send_binary, bytes(5000))
    assert end.connection.output.whole
    assert end.sent() == [(0x81, b"x")] * taken
    # One key is kept for a Pong, and one for the Close.
    for payload in (b"a", b"b"):
        assert end.receive(end.peer(0x89, payload)) == [(PING, payload)]
    assert end.sent() == [(0x8A, b"a")]
    assert end.receive(end.peer(0x89, b"c")) == [(PING, b"c")]
    assert end.connection.output.empty
    assert end.receive(end.peer(0xF1)) == [(FAILED, 1002)]
    assert end.sent() == [(0x88, close_payload(1002))]


class FullOutput(Output):
    """An Output that finds no memory for an attribute that it never had: on CPython."""

    def __setattr__(self, name, value):
        if name not in self.__dict__ and name != "__class__":
            raise MemoryError
        object.__setattr__(self, name, value)


def without_memory(end, send, data):
    """Call it with the heap locked. Returns what it does, or None after a MemoryError."""
    if MICROPYTHON:
        micropython.heap_lock()
    else:
        end.connection.output.__class__ = FullOutput
    try:
        return send(data)
    except MemoryError:
        return None
    finally:
        if MICROPYTHON:
            micropython.heap_unlock()
        else:
            end.connection.output.__class__ = Output


def leaves_no_header(*sizes):
    for client in ROLES:
        for n in sizes:
            for before in (0, 1):
                end = End(client)
                wanted = [(0x81, b"before")] * before
                for _ in range(before):
                    assert end.connection.send_text("before")
                data = bytearray(n)
                if without_memory(end, end.connection.send_binary, data):
                    wanted.append((0x82, bytes(data)))
                end.write()
                assert end.connection.output.whole
                assert end.connection.send_text("after")
                assert end.sent() == wanted + [(0x81, b"after")]


def test_a_message_for_which_there_is_no_memory_leaves_no_header():
    leaves_no_header(100, 130, 200, 5000)


def test_a_message_past_64_kib_for_which_there_is_no_memory_leaves_no_header():
    leaves_no_header(70000)


class PongOf:
    def __init__(self, end):
        self._end = end

    def __call__(self, data):
        self._end.connection.output.put_pong(data, 0, len(data))


def test_the_newest_pong_has_room_on_a_full_heap():
    for client in ROLES:
        end = End(client, buffer=140)
        first, second, third = b"a" * 125, b"b" * 125, b"c" * 124
        assert end.receive(end.peer(0x89, first)) == [(PING, first)]
        for payload in (second, third):
            without_memory(end, PongOf(end), bytearray(payload))
        end.connection.close(1000)
        assert end.sent() == [(0x8A, first), (0x8A, third), (0x88, close_payload(1000))]


def test_a_pong_that_waits_is_given_up_with_the_rest():
    for client in ROLES:
        end = End(client, buffer=140)
        for _ in range(2):
            assert end.receive(end.peer(0x89, bytes(125)))
        end.write(1)
        assert end.receive(end.peer(0xF1)) == [(FAILED, 1002)]
        assert end.sent() == [(0x8A, bytes(125)), (0x88, close_payload(1002))]


def test_a_source_for_which_there_is_no_memory_is_not_taken():
    for client in ROLES:
        end = End(client)
        octets = Source(b"octets", 6)
        sys.modules.pop("signalbox.ws.source", None)  # it is loaded with the first one
        assert without_memory(end, end.connection.send_source, octets) is None
        assert end.connection.output.whole and octets.reads == 0
        assert end.connection.send_text("before")
        assert end.connection.send_source(octets)
        end.connection.close(1000)
        assert end.sent() == [
            (0x81, b"before"),
            (0x02, b"octets"),
            (0x80, b""),
            (0x88, close_payload(1000)),
        ]
