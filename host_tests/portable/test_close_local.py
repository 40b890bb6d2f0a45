"""We close first: rows L1 to L14 of close.md. L7, closing while connecting, is the endpoint's."""

from signalbox.compat import MICROPYTHON
from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import CLOSE, KEEP, PING
from signalbox.ws.masking_keys import MaskingKeys
from signalbox.ws.message import BINARY, NEED_DATA, TEXT
from signalbox.ws.output import WRITTEN
from wire import KEY, ROLES, End, Source, close_payload, frame, frames, parse, raises

if MICROPYTHON:
    import micropython

    SURROGATE = chr(0xD800)
else:

    class LaxText(str):
        """A str as MicroPython has it: a lone surrogate is encoded without complaint."""

        def encode(self):
            return b"\xed\xa0\x80"

    SURROGATE = LaxText("?")


def closing_sends(end):
    connection = end.connection
    return (
        lambda: connection.send_text("late"),
        lambda: connection.send_text("später"),
        lambda: connection.send_binary(b"late"),
        lambda: connection.send_fragment(b"late", True),
        lambda: connection.send_fragment(b"late", False),
        lambda: connection.send_source(Source(b"late", 4)),
        lambda: connection.ping(b"late"),
    )


def test_L1_close_when_idle():
    for client in ROLES:
        end = End(client)
        assert end.connection.state == "OPEN"
        end.connection.close(1000, "bye")
        assert end.connection.state == "CLOSING"
        assert end.sent() == [(0x88, close_payload(1000, b"bye"))]
        assert end.connection.state == "CLOSING"
        assert end.connection.want_close_tcp() == KEEP
        assert end.receive(end.peer(0x81, b"still")) == [(TEXT, "still")]
        assert end.sent() == []
        assert end.receive(end.peer_close(1000)) == [(CLOSE, 1000, "")]
        assert end.sent() == []
        end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_L2_close_behind_queued_messages():
    for client in ROLES:
        for size in (140, 1024):
            end = End(client, buffer=size)
            large = bytes(range(256)) * 2
            assert end.connection.send_text("m1")
            assert end.connection.send_binary(b"m2")
            assert end.connection.send_binary(large)
            end.connection.close(1001)
            assert end.sent() == [
                (0x81, b"m1"),
                (0x82, b"m2"),
                (0x82, large),
                (0x88, close_payload(1001)),
            ]


def test_L2_close_behind_a_source():
    for client in ROLES:
        end = End(client)
        assert end.connection.send_text("m1")
        assert end.connection.send_source(Source(b"abcdef", 4))
        end.connection.close(1000)
        assert end.sent() == [
            (0x81, b"m1"),
            (0x02, b"abcd"),
            (0x00, b"ef"),
            (0x80, b""),
            (0x88, close_payload(1000)),
        ]


def test_L3_close_inside_a_frame():
    for client in ROLES:
        for payload in (b"short", bytes(range(250))):  # in the buffer, and referred to
            whole = len(frame(0x82, payload, KEY if client else None))
            for cut in range(1, whole, 1 if whole < 20 else 7):
                end = End(client, buffer=140)
                assert end.connection.send_binary(payload)
                head = end.write(cut)
                assert len(head) == cut
                end.connection.close(1000, "bye")
                assert end.sent() == [(0x82, payload), (0x88, close_payload(1000, b"bye"))]


def test_L4_close_inside_a_fragmented_message():
    for client in ROLES:
        for written in (None, 0, 1, 4):
            end = End(client)
            assert end.connection.send_fragment(b"one", False)
            assert end.connection.send_fragment(b"two", False)
            if written != 0:
                end.write(written)
            end.connection.close(1000)
            assert end.sent() == [(0x02, b"one"), (0x00, b"two"), (0x88, close_payload(1000))]
            end.receive(end.peer_close(1000))
            end.outcome(
                code=1000,
                clean=True,
                initiator="local",
                sent_code=1000,
                rcvd_code=1000,
                undelivered=1,
            )


def test_L5_no_message_behind_our_close():
    for client in ROLES:
        for written in (False, True):
            end = End(client)
            end.connection.close(1000)
            if written:
                end.write()
            for send in closing_sends(end):
                assert raises(ConnectionClosed, send)
            assert end.sent() == [(0x88, close_payload(1000))]
            assert end.connection.tcp_closed().undelivered == 0


def test_L5_inside_a_fragmented_message():
    end = End()
    assert end.connection.send_fragment(b"one", False)
    end.connection.close(1000)
    for send in closing_sends(end):
        assert raises(ConnectionClosed, send)
    assert end.sent() == [(0x02, b"one"), (0x88, close_payload(1000))]


def test_L6_second_close_joins_the_first():
    for client in ROLES:
        for begun in (0, 1, None):
            end = End(client)
            end.connection.close(1000, "first")
            if begun != 0:
                end.write(begun)
            end.connection.close(4001, "second")
            end.connection.close()
            assert end.sent() == [(0x88, close_payload(1000, b"first"))]
            end.receive(end.peer_close(1000))
            end.connection.close(4002)
            assert end.sent() == []
            end.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)
            end.connection.close(4003)
            assert end.sent() == []


def test_L8_codes_that_may_not_be_sent():
    for client in ROLES:
        end = End(client)
        for code in (1004, 1005, 1006, 1015, 999, 1016, 2999, 5000, 0, 1, -1, 65535, 66536):
            assert raises(ValueError, end.connection.close, code)
            assert raises(ValueError, end.connection.close, code, "why")
        assert end.connection.state == "OPEN"
        assert end.connection.send_text("open")
        end.connection.close(1000)
        assert raises(ValueError, end.connection.close, 1005)
        assert end.sent() == [(0x81, b"open"), (0x88, close_payload(1000))]


def test_L8_codes_that_may_be_sent():
    for code in [1000, 1001, 1002, 1003, 3000, 3999, 4000, 4999] + list(range(1007, 1015)):
        end = End()
        end.connection.close(code)
        assert end.sent() == [(0x88, close_payload(code))]


def test_L9_long_reason_is_cut_between_characters():
    for client in ROLES:
        for character in ("r", "ü", "€", "😀"):
            for shift in range(5):
                for count in range(110 // len(character.encode()), 128):
                    reason = "x" * shift + character * count
                    expected = b""
                    for c in reason:
                        if len(expected) + len(c.encode()) > 123:
                            break
                        expected += c.encode()
                    end = End(client, buffer=140)
                    end.connection.close(1000, reason)
                    wire = end.write()
                    assert len(wire) - (6 if client else 2) <= 125
                    assert frames(wire, client) == [(0x88, close_payload(1000, expected))]
                    if count > 40 and len(expected) < len(reason.encode()):
                        break


def test_L10_close_without_a_code():
    end = End()
    end.connection.close()
    assert end.write() == b"\x88\x00"
    end = End(client=True)
    end.connection.close()
    wire = end.write()
    assert wire[:2] == b"\x88\x80" and len(wire) == 6
    end.receive(end.peer_close(1000))
    end.outcome(code=1000, clean=True, initiator="local", sent_code=1005, rcvd_code=1000)


def test_L11_client_masks_with_a_fresh_key():
    fetched = []

    def random(n):
        fetched.append(bytes((len(fetched) * 64 + i) * 7 & 0xFF for i in range(n)))
        return fetched[-1]

    keys = MaskingKeys(random)
    used = []
    for _ in range(40):
        end = End(True, keys, buffer=140)
        end.connection.send_text("x")
        end.connection.send_binary(b"y" * 200)
        end.connection.close(1000, "bye")
        found = parse(end.write(), True)
        assert [payload for _, payload, _ in found] == [
            b"x",
            b"y" * 200,
            close_payload(1000, b"bye"),
        ]
        used += [key for _, _, key in found]
    pool = b"".join(fetched)
    expected = [pool[i : i + 4] for i in range(0, len(pool), 4)]
    for key in used:
        assert key in expected, "a key that is used twice, or of no random origin"
        expected.remove(key)


def test_L11_shared_keys_differ():
    seen = set()
    for _ in range(50):
        end = End(client=True)
        end.connection.close(1000)
        seen.add(parse(end.write(), True)[0][2])
    assert len(seen) > 45


def test_L11_server_does_not_mask():
    end = End()
    end.connection.close(1000, "bye")
    assert end.write() == b"\x88\x05\x03\xe8bye"


class LockedHeap:
    """What a transport does, from and to buffers that are there before the heap is locked."""

    def __init__(self, end, incoming):
        self.connection = end.connection
        self.incoming = bytearray(incoming)
        self.wire = bytearray(600)
        self.size = 0
        self.events = bytearray(8)
        self.count = 0
        self.error = None

    def run(self, act):
        if MICROPYTHON:
            micropython.heap_lock()
        try:
            act(self)
        except MemoryError as error:
            self.error = error
        finally:
            if MICROPYTHON:
                micropython.heap_unlock()
        assert self.error is None, "memory was allocated"

    def read(self):
        self.connection.receive_data(self.incoming, 0, len(self.incoming))
        while True:
            event = self.connection.next_event()
            if event == NEED_DATA:
                break
            self.events[self.count] = event
            self.count += 1

    def write(self):
        connection = self.connection
        while True:
            n = connection.ready()
            if n == 0:
                break
            at = connection.output.offset
            for i in range(n):
                self.wire[self.size] = connection.output.buf[at + i]
                self.size += 1
            connection.advance(n)


def test_L12_close_with_the_heap_locked():
    # `spent`: how many masking keys are used up, up to none being left but the reserve.
    for client in ROLES:
        for spent in range(17) if client else (0,):
            for reason in ("", "bye", "r" * 200, "grün", "ü" * 100):
                keys = MaskingKeys() if client else None
                end = End(client, keys)
                for _ in range(spent):
                    end.connection.ping()
                end.sent()

                def act(heap, connection=end.connection, reason=reason):
                    connection.close(1000, reason)
                    heap.write()

                heap = LockedHeap(end, b"")
                heap.run(act)
                found = frames(heap.wire[: heap.size], client)
                assert len(found) == 1 and found[0][0] == 0x88
                sent = found[0][1]
                assert sent[:2] == close_payload(1000)
                # A reason past ASCII may take memory to check: the code goes out all the same.
                assert sent[2:] in (reason.encode()[:123], reason.encode()[:122], b"")
                if reason in ("bye", ""):
                    assert sent[2:] == reason.encode()


def test_L12_ping_close_and_reply_with_the_heap_locked():
    for client in ROLES:
        for spent in range(16) if client else (0,):
            keys = MaskingKeys() if client else None
            end = End(client, keys)
            for _ in range(spent):
                end.connection.ping()
            end.sent()
            ping = end.peer(0x89, b"p" * 125)

            def act(heap):
                heap.read()
                heap.write()

            heap = LockedHeap(end, ping)
            heap.run(act)
            assert heap.count == 1 and heap.events[0] == PING
            assert frames(heap.wire[: heap.size], client) == [(0x8A, b"p" * 125)]
            reply = LockedHeap(end, end.peer_close(4001, b"why"))
            reply.run(act)
            assert reply.count == 1 and reply.events[0] == CLOSE
            assert frames(reply.wire[: reply.size], client) == [(0x88, close_payload(4001))]
            end.outcome(
                code=4001,
                reason=end.connection.rcvd_reason,
                clean=True,
                initiator="peer",
                sent_code=4001,
                rcvd_code=4001,
            )
            assert end.connection.rcvd_reason in ("why", "")


def test_L12_pings_past_the_last_key_with_the_heap_locked():
    # Then a Ping may go unanswered; the Close may not.
    end = End(True, MaskingKeys())

    def act(heap):
        for _ in range(20):
            heap.incoming[0] = 0x89
            heap.read()
            heap.count = 0
            heap.write()
        end.connection.close(1001)
        heap.write()

    heap = LockedHeap(end, end.peer(0x89))
    heap.run(act)
    found = frames(heap.wire[: heap.size], True)
    assert found[-1] == (0x88, close_payload(1001))
    assert len(found) > 10
    assert all(sent == (0x8A, b"") for sent in found[:-1])


def test_L12_failing_with_the_heap_locked():
    for client in ROLES:
        end = End(client)
        end.connection.send_text("given up")

        def act(heap):
            heap.read()
            heap.write()

        heap = LockedHeap(end, end.peer(0xC1, b"rsv"))
        heap.run(act)
        assert frames(heap.wire[: heap.size], client) == [(0x88, close_payload(1002))]


def test_L12_message_that_finds_no_memory():
    if MICROPYTHON:
        end = End()
        big = end.peer(0x82, bytes(200))

        def act(heap):
            heap.connection.receive_data(heap.incoming, 0, len(heap.incoming))
            heap.events[0] = heap.connection.next_event()
            heap.write()

        heap = LockedHeap(end, big)
        heap.run(act)
        assert frames(heap.wire[: heap.size], False) == [(0x88, close_payload(1009))]
        end.outcome(initiator="local", sent_code=1009, failed_with=1009)


def test_L13_reason_without_a_code():
    for client in ROLES:
        end = End(client)
        assert raises(ValueError, end.connection.close, None, "reason")
        assert end.connection.state == "OPEN"
        assert end.sent() == []
        assert end.connection.send_text("open")
        assert end.sent() == [(0x81, b"open")]


def test_L14_text_that_is_not_unicode():
    for client in ROLES:
        end = End(client)
        assert raises(ValueError, end.connection.send_text, SURROGATE)
        assert raises(ValueError, end.connection.close, 1000, SURROGATE)
        if MICROPYTHON:
            assert raises(ValueError, end.connection.send_text, "ok" * 70 + SURROGATE)
            assert raises(ValueError, end.connection.close, 1000, "x" * 200 + SURROGATE)
        else:
            assert raises(ValueError, end.connection.send_text, "\ud800")
            assert raises(ValueError, end.connection.close, 1000, "x\udfff")
        assert end.connection.state == "OPEN"
        assert end.sent() == []
        assert end.connection.send_text("ok")
        end.connection.close(1000)
        assert end.sent() == [(0x81, b"ok"), (0x88, close_payload(1000))]


def test_L1_reading_goes_on_in_every_chunking():
    end = End()
    wire = end.peer(0x82, b"data") + end.peer(0x89, b"p") + end.peer_close(1000, b"bye")
    for i in range(1, len(wire)):
        end = End()
        end.connection.close(1000)
        end.write()
        events = end.receive(wire[:i], wire[i:])
        assert events == [(BINARY, b"data"), (PING, b"p"), (CLOSE, 1000, "bye")]
        assert end.sent() == [(0x88, close_payload(1000)), (0x8A, b"p")]


def test_L2_close_is_offered_octet_by_octet():
    for client in ROLES:
        end = End(client)
        end.connection.send_text("m1")
        end.connection.close(3000, "bye")
        wire = end.write(step=1)
        assert frames(wire, client) == [(0x81, b"m1"), (0x88, close_payload(3000, b"bye"))]
        assert end.connection.output.close_state == WRITTEN
