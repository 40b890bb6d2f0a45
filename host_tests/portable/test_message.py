"""From frames to messages: ws/message.py, RFC 6455 sections 5.4, 5.6 and 8.1."""

from signalbox.ws import message
from signalbox.ws.buffers import Pool
from signalbox.ws.message import BINARY, CHUNK, NEED_DATA, TEXT, WAIT, MessageReader
from wire import KEY, ROLES, chunkings, frame

CLOSE, PING, PONG = 8, 9, 10
MIXED = "grün €uro 😀 plain, and then some more: ÄÖÜ"


class Incoming:
    """A MessageReader, and frames for it."""

    def __init__(self, masked=True, max_message=1000, stream=False, pool=None):
        self.reader = MessageReader(masked, max_message, stream, pool)
        self.key = KEY if masked else None
        self.buf = None

    def frame(self, first, payload=b""):
        return frame(first, payload, self.key)

    def header(self, first, n):
        """That of a frame with `n` octets of payload."""
        return frame(first, b"", self.key, n=n)

    def take(self, *pieces):
        """Events as tuples; a negative one is the last."""
        events = []
        for piece in pieces:
            self.buf = bytearray(b"\xa5" + piece)
            self.reader.feed(self.buf, 1, len(self.buf))
            events += self.events()
            assert self.buf[0] == 0xA5
            if events and not isinstance(events[-1], tuple):
                break
        return events

    def events(self):
        events = []
        reader = self.reader
        while True:
            event = reader.next()
            if event == NEED_DATA:
                assert reader.unread == 0
                return events
            if event == WAIT:
                return events + [WAIT]
            if event < 0:
                return events + [event]
            if event in (TEXT, BINARY):
                events.append((event, reader.message))
            else:
                data = bytes(reader.data[reader.offset : reader.offset + reader.length])
                if event == CHUNK:
                    events.append((CHUNK, reader.chunk_opcode, data, reader.chunk_final))
                else:
                    events.append((event, data))


def both(**settings):
    for masked in ROLES:
        yield Incoming(masked, **settings)


def check_chunkings(make, wire_of, expected):
    """The same events in every chunking, from a fresh reader each time."""
    for masked in ROLES:
        for pieces in chunkings(wire_of(make(masked))):
            assert make(masked).take(*pieces) == expected


def test_whole_messages():
    check_chunkings(
        Incoming,
        lambda i: (
            i.frame(0x81, MIXED.encode())
            + i.frame(0x81, b"ascii")
            + i.frame(0x82, bytes(range(200)))
            + i.frame(0x81)
            + i.frame(0x82)
        ),
        [(TEXT, MIXED), (TEXT, "ascii"), (BINARY, bytes(range(200))), (TEXT, ""), (BINARY, b"")],
    )


def test_messages_are_of_their_own():
    for incoming in both():
        first = incoming.take(incoming.frame(0x82, b"first"))[0][1]
        second = incoming.take(incoming.frame(0x82, b"other")[:-1])
        second = incoming.take(incoming.frame(0x82, b"other")[-1:])[0][1]
        assert type(first) is bytearray and type(second) is bytearray
        incoming.buf[:] = bytes(len(incoming.buf))
        incoming.take(incoming.frame(0x02, b"x" * 5), incoming.frame(0x80))
        assert (first, second) == (b"first", b"other")
        assert type(incoming.take(incoming.frame(0x81, b"text"))[0][1]) is str


def test_fragments():
    check_chunkings(
        Incoming,
        lambda i: (
            i.frame(0x02, b"one")
            + i.frame(0x00, b"")
            + i.frame(0x00, b"two" * 50)
            + i.frame(0x80, b"three")
            + i.frame(0x82, b"whole")
        ),
        [(BINARY, b"one" + b"two" * 50 + b"three"), (BINARY, b"whole")],
    )


def test_fragments_of_text_cut_inside_characters():
    octets = "ä€😀z".encode()
    for masked in ROLES:
        for i in range(len(octets) + 1):
            for j in range(i, len(octets) + 1):
                incoming = Incoming(masked)
                wire = (
                    incoming.frame(0x01, octets[:i])
                    + incoming.frame(0x00, octets[i:j])
                    + incoming.frame(0x80, octets[j:])
                )
                assert incoming.take(wire) == [(TEXT, "ä€😀z")]
                assert Incoming(masked).take(*[wire[k : k + 1] for k in range(len(wire))]) == [
                    (TEXT, "ä€😀z")
                ]


def test_empty_fragments():
    for incoming in both():
        frames = [incoming.frame(0x01), incoming.frame(0x00), incoming.frame(0x80)]
        assert incoming.take(*frames) == [(TEXT, "")]
        frames[0] = incoming.frame(0x02)
        assert incoming.take(b"".join(frames)) == [(BINARY, b"")]


def test_fragments_with_control_frames_between():
    check_chunkings(
        Incoming,
        lambda i: (
            i.frame(0x01, b"gr\xc3")
            + i.frame(0x89, b"p" * 125)
            + i.frame(0x00, b"\xbcn ")
            + i.frame(0x8A)
            + i.frame(0x89)
            + i.frame(0x80, b"too")
            + i.frame(0x88, b"\x03\xe8")
        ),
        [
            (PING, b"p" * 125),
            (PONG, b""),
            (PING, b""),
            (TEXT, "grün too"),
            (CLOSE, b"\x03\xe8"),
        ],
    )


def test_many_fragments_grow_the_room():
    for incoming in both(max_message=2000):
        expected = b""
        events = []
        for i in range(100):
            part = bytes([i]) * (i % 37)
            expected += part
            events += incoming.take(incoming.frame(0x02 if i == 0 else 0x00, part))
        events += incoming.take(incoming.frame(0x80, b"end"))
        assert events == [(BINARY, expected + b"end")]
        events = incoming.take(incoming.frame(0x01, b"a" * 999), incoming.frame(0x00, b"b" * 1000))
        assert events + incoming.take(incoming.frame(0x80, b"c")) == [
            (TEXT, "a" * 999 + "b" * 1000 + "c")
        ]


def test_order_of_fragments():
    for incoming in both():
        assert incoming.take(incoming.frame(0x80, b"?")) == [-1002]
    for incoming in both():
        assert incoming.take(incoming.frame(0x00, b"?")) == [-1002]
    for first in (0x01, 0x81, 0x02, 0x82):
        for incoming in both():
            assert incoming.take(incoming.frame(0x01, b"a"), incoming.frame(first, b"?")) == [-1002]
    for incoming in both(stream=True):
        assert incoming.take(incoming.frame(0x80, b"?")) == [-1002]


def test_limit_at_the_header():
    for masked in ROLES:
        for size, code in ((100, None), (101, -1009), (70000, -1009)):
            incoming = Incoming(masked, 100)
            expected = [] if code is None else [code]
            assert incoming.take(incoming.header(0x82, size)) == expected
            assert (incoming.reader.body is None) == (code is not None)
            # By fragments: the header that goes past the limit, not the octet that does.
            incoming = Incoming(masked, 100)
            assert incoming.take(incoming.frame(0x01, b"x")) == []
            assert incoming.take(incoming.header(0x00, size - 1)) == expected
    for incoming in both(max_message=0):
        assert incoming.take(incoming.frame(0x82)) == [(BINARY, b"")]
        assert incoming.take(incoming.frame(0x82, b"x")) == [-1009]


def test_whole_frames_past_the_limit():
    for incoming in both(max_message=5):
        assert incoming.take(incoming.frame(0x82, b"12345")) == [(BINARY, b"12345")]
        assert incoming.take(incoming.frame(0x82, b"123456")) == [-1009]


def test_control_frames_do_not_count():
    for incoming in both(max_message=5):
        assert incoming.take(incoming.frame(0x89, b"p" * 125)) == [(PING, b"p" * 125)]


def test_bad_text():
    for masked in ROLES:
        for octets in (b"\xff", b"a\xc0\x80b", b"abc\xe2\x82", b"\xed\xa0\x80" + b"x" * 50):
            for pieces in chunkings(frame(0x81, octets, KEY if masked else None)):
                assert Incoming(masked).take(*pieces) == [-1007]


def test_bad_text_is_seen_at_its_first_octet():
    for masked in ROLES:
        for stream in (False, True):
            for text, bad in (
                (b"ok\xff......", 2),
                ("grün".encode() + b"\xc3..", 6),
                (b"\xf4\x90\x80\x80....", 1),
                (b"x" * 40 + b"\xed\xa0\x80", 41),
            ):
                incoming = Incoming(masked, 1000, stream)
                wire = incoming.frame(0x81, text)
                at = len(wire) - len(text) + bad
                events = incoming.take(*[wire[i : i + 1] for i in range(at)])
                assert not [e for e in events if not isinstance(e, tuple)]
                if text[bad] == ord("."):
                    bad += 1
                assert incoming.take(wire[at : at + 1]) == [-1007]


def test_binary_is_not_checked():
    for stream in (False, True):
        for incoming in both(stream=stream):
            events = incoming.take(incoming.frame(0x02, b"\xff"), incoming.frame(0x80, b"\xc0"))
            assert len(events) == (2 if stream else 1)


def test_text_state_does_not_leak_into_the_next_message():
    for incoming in both():
        assert incoming.take(incoming.frame(0x02, b"\xe2\x82")) == []
        assert incoming.take(incoming.frame(0x80, b"\xac")) == [(BINARY, b"\xe2\x82\xac")]
        assert incoming.take(incoming.frame(0x01, b"\xe2")) == []
        assert incoming.take(incoming.frame(0x80, b"\x82\xac")) == [(TEXT, "€")]
        assert incoming.take(incoming.frame(0x81, b"ok")) == [(TEXT, "ok")]


def test_stop():
    for incoming in both():
        for first in (0x01, 0x02):
            incoming.take(incoming.frame(first, b"x" * 50)[:20])
            assert incoming.reader.partial
            incoming.reader.stop()
            assert not incoming.reader.partial
            assert incoming.reader.unread == 0
            assert incoming.reader.direct() == 0
            assert incoming.events() == []
        incoming.reader.feed(bytearray(b"whatever"), 0, 8)
        incoming.reader.stop()
        assert incoming.events() == []


def test_partial():
    for stream in (False, True):
        for incoming in both(stream=stream):
            reader = incoming.reader
            wire = incoming.frame(0x02, b"ab") + incoming.frame(0x80, b"cd")
            assert not reader.partial
            for i in range(len(wire)):
                incoming.take(wire[i : i + 1])
                assert reader.partial == (i < len(wire) - 1)
            wire = incoming.frame(0x89, b"ab")
            for i in range(len(wire)):
                incoming.take(wire[i : i + 1])
                assert reader.partial == (i < len(wire) - 1)


def test_position_and_unread():
    incoming = Incoming()
    first = incoming.frame(0x82, b"one")
    wire = bytearray(first + incoming.frame(0x82, b"two")[:-1])
    incoming.reader.feed(wire, 0, len(wire))
    assert incoming.reader.next() == BINARY
    assert incoming.reader.position == len(first)
    assert incoming.reader.unread == len(wire) - len(first)
    # What is unread may be lent again, from elsewhere.
    rest = bytearray(wire[len(first) :])
    incoming.reader.feed(rest, 0, len(rest))
    assert incoming.reader.next() == NEED_DATA
    assert incoming.take(incoming.frame(0x82, b"two")[-1:]) == [(BINARY, b"two")]


def test_stream():
    for incoming in both(stream=True, max_message=5):
        assert incoming.take(incoming.frame(0x82, bytes(500))) == [(CHUNK, 2, bytes(500), True)]
        assert incoming.take(incoming.frame(0x81)) == [(CHUNK, 1, b"", True)]
        assert incoming.take(incoming.frame(0x01, b"abc")) == [(CHUNK, 1, b"abc", False)]
        assert incoming.take(incoming.frame(0x89, b"p")) == [(PING, b"p")]
        assert incoming.take(incoming.frame(0x00)) == []
        assert incoming.take(incoming.frame(0x80, b"def")) == [(CHUNK, 1, b"def", True)]
        assert incoming.reader.direct() == 0


def test_stream_in_every_chunking():
    octets = "ä€😀z".encode() * 3
    for masked in ROLES:
        one = Incoming(masked)
        wire = one.frame(0x01, octets[:4]) + one.frame(0x89, b"p") + one.frame(0x80, octets[4:])
        for pieces in chunkings(wire):
            incoming = Incoming(masked, 1000, True)
            events = incoming.take(*pieces)
            assert (PING, b"p") in events
            chunks = [e for e in events if e[0] == CHUNK]
            assert b"".join([data for _, _, data, _ in chunks]) == octets
            assert [final for _, _, _, final in chunks] == [False] * (len(chunks) - 1) + [True]
            assert {opcode for _, opcode, _, _ in chunks} == {1}
            assert not [e for e in chunks[:-1] if not e[2]], "an empty chunk"


def test_stream_checks_text():
    for masked in ROLES:
        for octets in (b"abc\xe2\x82", b"ab\xffcd"):
            for pieces in chunkings(frame(0x81, octets, KEY if masked else None)):
                events = Incoming(masked, 1000, True).take(*pieces)
                assert events[-1] == -1007
                assert not [e for e in events[:-1] if e[3]]
        # A split character is right; one that never ends isn't.
        incoming = Incoming(masked, 1000, True)
        assert incoming.take(incoming.frame(0x01, b"\xe2\x82")) == [(CHUNK, 1, b"\xe2\x82", False)]
        assert incoming.take(incoming.frame(0x80)) == [-1007]


def fill(incoming, octets, most):
    """Read the rest of a message straight into it, `most` octets at a time."""
    reader = incoming.reader
    at = 0
    event = NEED_DATA
    while event == NEED_DATA and reader.direct():
        n = min(most, reader.direct(), len(octets) - at)
        start = reader.body_size
        reader.body[start : start + n] = octets[at : at + n]
        at += n
        event = reader.received(n)
    return event, at


def test_direct():
    for masked in ROLES:
        for first, data in (
            (0x82, bytes(range(256)) * 2),
            (0x81, (MIXED * 8).encode()),
            (0x81, b"ascii only " * 40),
        ):
            for most in (1, 3, 100, 10000):
                for before in (0, 1, 2, 7):
                    incoming = Incoming(masked)
                    wire = incoming.frame(first, data)
                    at = len(wire) - len(data) + before
                    assert incoming.reader.direct() == 0
                    assert incoming.take(wire[:at]) == []
                    assert incoming.reader.direct() == len(data) - before
                    assert incoming.reader.body_size == before
                    event, taken = fill(incoming, wire[at:], most)
                    assert taken == len(wire) - at
                    assert event == first & 0xF
                    got = incoming.reader.message
                    assert (got.encode() if event == TEXT else got) == data
                    assert incoming.reader.direct() == 0
                    assert not incoming.reader.partial


def test_direct_inside_fragments():
    for incoming in both():
        assert incoming.take(incoming.frame(0x01, b"gr\xc3")) == []
        assert incoming.reader.direct() == 0
        wire = incoming.frame(0x00, b"\xbcn" + b"x" * 50)
        assert incoming.take(wire[:-50]) == []
        assert incoming.reader.direct() == 50
        event, taken = fill(incoming, wire[-50:], 20)
        assert (event, taken) == (NEED_DATA, 50)
        assert incoming.reader.direct() == 0
        assert incoming.take(incoming.frame(0x89, b"p")[:-1]) == []
        assert incoming.reader.direct() == 0, "a control frame isn't part of the message"
        assert incoming.take(incoming.frame(0x89, b"p")[-1:]) == [(PING, b"p")]
        wire = incoming.frame(0x80, b"y" * 60)
        assert incoming.take(wire[:-60]) == []
        event, _ = fill(incoming, wire[-60:], 7)
        assert event == TEXT
        assert incoming.reader.message == "grün" + "x" * 50 + "y" * 60


def test_direct_only_when_the_window_is_empty():
    for incoming in both():
        wire = incoming.frame(0x82, b"one") + incoming.frame(0x82, bytes(100))[:50]
        buf = bytearray(wire)
        incoming.reader.feed(buf, 0, len(buf))
        assert incoming.reader.next() == BINARY
        assert incoming.reader.direct() == 0
        assert incoming.reader.next() == NEED_DATA
        assert incoming.reader.direct() > 0


def test_direct_bad_text():
    for incoming in both():
        wire = incoming.frame(0x81, b"x" * 50 + b"\xff" + b"y" * 50)
        assert incoming.take(wire[:-101]) == []
        event, taken = fill(incoming, wire[-101:], 25)
        assert event == -1007
        assert taken == 75


def test_two_connections_share_the_text_buffer():
    # One is inside a long text while others come and go.
    for masked in ROLES:
        one = Incoming(masked)
        other = Incoming(masked)
        first = one.frame(0x81, (MIXED * 5).encode())
        second = other.frame(0x81, ("other " + MIXED * 3).encode())
        for cut in range(3, len(first) - 1, 5):
            assert one.take(first[:cut]) == []
            assert other.take(other.frame(0x81, b"short")) == [(TEXT, "short")]
            assert other.take(second[:100]) == []
            assert one.take(first[cut:]) == [(TEXT, MIXED * 5)]
            assert one.take(one.frame(0x81, b"x" * 300)) == [(TEXT, "x" * 300)]
            assert other.take(second[100:]) == [(TEXT, "other " + MIXED * 3)]


def test_text_given_up_does_not_spoil_the_next():
    for masked in ROLES:
        one = Incoming(masked)
        other = Incoming(masked)
        assert one.take(one.frame(0x01, b"given up" * 20)) == []
        one.reader.stop()
        assert other.take(other.frame(0x81, b"a")) == [(TEXT, "a")]
        assert other.take(other.frame(0x01, b"b" * 200)) == []
        third = Incoming(masked)
        assert third.take(third.frame(0x81, b"c" * 300)) == [(TEXT, "c" * 300)]
        assert other.take(other.frame(0x80, b"d")) == [(TEXT, "b" * 200 + "d")]


def test_text_sizes_up_and_down():
    for incoming in both(max_message=5000):
        for n in (1, 511, 512, 513, 5000, 3, 4999, 1, 2000, 5000, 126):
            text = ("ü" + "x" * n)[:n] if n > 1 else "x" * n
            wire = incoming.frame(0x81, text.encode()[:5000])
            expected = text.encode()[:5000].decode()
            assert incoming.take(wire) == [(TEXT, expected)]
            assert incoming.take(wire[:-1], wire[-1:]) == [(TEXT, expected)]


def without_memory(module, name, incoming, wire):
    """Take `wire` while `name`, as `module` calls it, finds no memory."""

    def full(*arguments):
        raise MemoryError

    module_has_it = hasattr(module, name)
    before = getattr(module, name, None)
    setattr(module, name, full)
    try:
        incoming.take(wire)
    except MemoryError:
        return True
    finally:
        if module_has_it:
            setattr(module, name, before)
        else:
            delattr(module, name)
    return False


def test_no_memory_for_a_message():
    for masked in ROLES:
        for name in ("str", "_borrow"):
            for first in (0x81, 0x01):
                incoming = Incoming(masked)
                wire = incoming.frame(first, b"x" * 50)
                if first == 0x01:
                    wire += incoming.frame(0x80, b"y")
                assert without_memory(message, name, incoming, wire)
                # The connection is failed then; another goes on.
                incoming.reader.stop()
                other = Incoming(masked)
                assert other.take(other.frame(0x81, b"z" * 60)) == [(TEXT, "z" * 60)]
        incoming = Incoming(masked)
        assert without_memory(message, "bytearray", incoming, incoming.frame(0x02, b"x" * 50))
        incoming.reader.stop()
        assert not incoming.reader.partial


# With a pool of buffers

LARGE = MIXED.encode() * 30  # 1650 octets


def pooled(masked, count=1):
    pool = Pool(count, 3000)
    return pool, Incoming(masked, 3000, pool=pool)


def test_pool_text_is_given_as_octets_and_binary_as_a_view():
    for masked in ROLES:
        for n in (0, 1, 200):
            _, i = pooled(masked)
            text = MIXED.encode() + b"x" * n
            for pieces in chunkings(i.frame(0x81, text) + i.frame(0x82, b"b" * n)):
                _, i = pooled(masked)
                (kind, octets), (other, view) = i.take(*pieces)
                assert (kind, other) == (TEXT, BINARY)
                assert type(octets) is bytearray and octets == text
                assert type(view) is memoryview and bytes(view) == b"b" * n


def test_pool_large_text_is_in_its_buffer():
    for masked in ROLES:
        _, i = pooled(masked)
        wire = i.frame(0x81, LARGE)
        for pieces in (
            [wire],
            [wire[:5], wire[5:]],
            [wire[k : k + 100] for k in range(0, 2000, 100)],
        ):
            pool, i = pooled(masked)
            ((kind, octets),) = i.take(*pieces)
            assert kind == TEXT and octets == LARGE
            assert pool.borrow(1) is None
            pool.give_back(octets)
            assert pool.borrow(1) is octets


def test_pool_fragmented_text_is_in_its_buffer():
    for masked in ROLES:
        for empty in (b"", b"first"):
            pool, i = pooled(masked)
            wire = i.frame(0x01, empty) + i.frame(0x00, LARGE) + i.frame(0x80, b"last")
            ((kind, octets),) = i.take(wire)
            assert kind == TEXT and octets == empty + LARGE + b"last"
            pool.give_back(octets)
            assert pool.borrow(1) is octets


def test_pool_without_a_buffer_the_reader_waits():
    for masked in ROLES:
        for first, rest in ((0x81, b""), (0x01, frame(0x80, b"end", KEY if masked else None))):
            for cut in (0, 1, 700):
                pool, i = pooled(masked)
                held = pool.borrow(1)
                wire = (
                    i.frame(0x89, b"ping") + i.frame(first, LARGE) + rest + i.frame(0x82, b"next")
                )
                assert i.take(wire[: len(wire) - cut]) == [(PING, b"ping"), WAIT]
                assert i.events() == [WAIT]
                pool.give_back(held)
                events = i.events()
                if cut:
                    events += i.take(wire[len(wire) - cut :])
                end = b"end" if rest else b""
                assert events == [(TEXT, LARGE + end), (BINARY, b"next")]


def test_pool_an_impatient_reader_takes_new_memory():
    for masked in ROLES:
        pool, i = pooled(masked)
        held = pool.borrow(1)
        i.reader.patient = False
        ((kind, octets),) = i.take(i.frame(0x81, LARGE))
        assert kind == TEXT and octets == LARGE
        assert octets is not held
        i.reader.discard()
        pool.give_back(held)
        assert pool.borrow(1) is held


def test_pool_gets_back_what_is_not_delivered():
    for masked in ROLES:
        pool, i = pooled(masked)
        i.take(i.frame(0x81, LARGE)[:-1])
        assert pool.borrow(1) is None
        i.reader.stop()
        assert pool.borrow(1) is not None
        pool, i = pooled(masked)
        i.take(i.frame(0x81, LARGE))
        i.reader.discard()
        assert pool.borrow(1) is not None
        pool, i = pooled(masked)
        assert i.take(i.frame(0x81, LARGE + b"\xff"))[-1] == -1007
        i.reader.stop()
        assert pool.borrow(1) is not None


def test_discard_without_a_pool():
    for i in both():
        i.take(i.frame(0x81, b"text"))
        i.reader.discard()
