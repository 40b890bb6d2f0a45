"""The queue in front of one peer: order, bounds, deadlines, and buffers that come back."""

import asyncio

from scripted import EOF, Clock, Session, broken, run
from signalbox.net import endpoint, outbox
from signalbox.net.outbox import MOST, STALL, STALL_WANTED, Outbox
from signalbox.ws.buffers import Pool
from wire import close_payload

PIECE = 1024
BUFFER = 736  # of the firmware's server
EPIPE = 32


class Lender:
    """A pool that keeps account: each of its buffers must come back once."""

    def __init__(self):
        self.out = []
        self.wanted = False

    def lend(self, octets):
        buf = bytearray(octets)
        self.out.append(buf)
        return buf

    def give_back(self, buf):
        for i, lent in enumerate(self.out):
            if lent is buf:
                self.out.pop(i)
                return
        raise AssertionError("given back twice, or never lent")


class Row(Session):
    """A WebSocket with an Outbox, of a server unless `client`.

    What is larger than BUFFER can't be written without the peer's help: send() refers to it then.
    """

    def __init__(self, in_flight=0, client=False, room=None, **settings):
        super().__init__(client, buffer=BUFFER, **settings)
        self.clock.install(outbox)
        self.transport.room = room
        self.pool = Lender()
        self.reasons = []
        self.outbox = Outbox(self.ws, self.pool, in_flight)
        self.outbox.on_give_up = self.reasons.append

    def lend(self, octets):
        """Put a buffer as a message of its own."""
        buf = self.pool.lend(octets)
        self.outbox.put(buf, buf)
        return buf

    def texts(self):
        """The text messages sent since the last call."""
        texts = []
        for first, payload in self.sent():
            if first & 15 == 1:
                texts.append(b"")
            if first & 15 < 2:
                texts[-1] += payload
        return texts

    async def pong(self, payload=b"signalbox"):
        await self.feed(self.peer(0x8A, payload))

    async def end(self):
        """Let the peer end it, and see that nothing is left."""
        self.transport.give_room(None)
        await self.feed(EOF)
        await self.clock.advance(12000)
        assert self.ws.outcome
        self.is_empty()

    def is_empty(self):
        assert self.pool.out == []
        assert self.outbox._messages == [] and self.outbox._waiting == 0
        assert self.outbox._task is None
        assert self.outbox not in endpoint._live


async def test_who_is_given_up_has_the_time_that_a_close_has():
    row = Row(room=1000)
    row.lend(b"a" * 2000)

    def on_give_up(why):
        row.clock.now += 1  # a line that is printed takes some ms

    row.outbox.on_give_up = on_give_up
    await run()
    await row.clock.advance(STALL + 1200)
    assert row.ws.asked and row.ws.outcome is None
    row.transport.give_room(None)
    await row.feed(row.peer_close(1008))
    await row.clock.advance(500)
    assert row.ws.outcome.clean


async def test_nobody_waits_for_a_buffer_who_is_gone_or_has_closed():
    for leave in (endpoint.WebSocket.close_now, endpoint.WebSocket.close):
        pool = Pool(1, 4000)
        slow = Row(room=100, pool=pool, max_message=4000)
        slow.outbox = Outbox(slow.ws, pool, 0)
        lent = pool.borrow(3000)
        slow.outbox.put(lent, lent)
        other = Session(clock=slow.clock, buffer=BUFFER, pool=pool, max_message=4000)
        await other.feed(other.peer(0x81, b"a" * 3000))
        assert pool.wanted
        leave(other.ws)
        await slow.clock.advance(STALL_WANTED + 1000)
        assert not pool.wanted and not slow.ws.asked
        other.ws.close_now()
        slow.ws.close_now()
        await slow.clock.advance(6000)


async def test_messages_of_every_kind_are_sent_in_order():
    for client in (False, True):
        row = Row(client=client)
        buf = row.pool.lend(b"x" * 3000)
        row.outbox.put("grün")
        row.outbox.put(buf, buf)
        row.outbox.put(b"octets")
        row.outbox.put(("head ", memoryview(bytearray(b"view")), " tail"))
        row.outbox.put("")
        row.lend(b"small")
        await run()
        assert row.texts() == [
            "grün".encode(),
            b"x" * 3000,
            b"octets",
            b"head view tail",
            b"",
            b"small",
        ]
        row.is_empty()
        row.outbox.put("again")
        await run()
        assert row.texts() == [b"again"]
        assert row.reasons == []
        await row.end()


async def test_a_buffer_comes_back_when_its_message_is_written_and_no_sooner():
    row = Row(room=1000)
    first = row.lend(b"a" * 2000)
    second = row.lend(b"b" * 100)
    await run()
    assert row.pool.out == [first, second]
    row.transport.give_room(1003)
    await run()
    assert row.pool.out == [first, second]
    row.transport.give_room(1)
    await run()
    assert first not in row.pool.out
    row.transport.give_room(None)
    await run()
    assert row.texts() == [b"a" * 2000, b"b" * 100]
    row.is_empty()
    await row.end()


async def test_a_message_that_is_being_sent_does_not_count():
    # A list of many peers is more than a board's TCP takes at once, and gstwebrtc-api asks for two.
    row = Row(room=5744)
    row.outbox.put("x" * (MOST + 500))
    row.outbox.put("y" * 60)
    await run()
    assert row.reasons == []
    row.outbox.put("z" * (MOST - 60))
    assert row.reasons == []
    row.transport.give_room(None)
    await run()
    assert [len(text) for text in row.texts()] == [MOST + 500, 60, MOST - 60]
    row.is_empty()
    # The next ones count from the beginning.
    row.transport.room = 0
    row.outbox.put("a")
    row.outbox.put("b" * MOST)
    assert row.reasons == []
    row.outbox.put("c")
    assert row.reasons == ["messages are not read"]
    await row.end()


async def test_who_lets_too_much_gather_is_closed_with_1008():
    row = Row(room=0)
    n = 0
    while not row.reasons:
        assert n < 2 * MOST
        row.outbox.put("x" * 100)
        n += 100
    assert MOST <= n <= MOST + 200
    assert row.reasons == ["messages are not read"]
    row.outbox.put("dropped")
    buf = row.lend(b"dropped")
    assert buf not in row.pool.out
    row.transport.give_room(None)
    await run()
    frames = row.sent()
    assert frames[-1] == (0x88, close_payload(1008, b"messages are not read"))
    assert all(octets == b"x" * 100 for _, octets in frames[:-1])
    await row.feed(row.peer_close(1008))
    row.is_empty()
    assert row.ws.outcome.clean
    assert row.reasons == ["messages are not read"]


async def test_one_message_may_be_larger_than_what_may_gather():
    row = Row(room=10)
    row.outbox.put("x" * 2 * MOST)
    await run()
    assert row.reasons == []
    row.transport.give_room(None)
    await run()
    assert row.texts() == [b"x" * 2 * MOST]
    await row.end()


async def test_what_is_in_the_pool_s_buffers_does_not_count_but_small_buffers_do():
    row = Row(room=0)
    row.outbox.put("first")
    for _ in range(20):
        row.lend(b"x" * (PIECE + 1))
    assert row.reasons == []
    row.outbox.put("x" * (MOST - 5))
    assert row.reasons == []
    await row.end()
    # Of a buffer that is kept, all of it is, however little is sent.
    row = Row(room=0)
    row.outbox.put("first")
    n = 0
    while not row.reasons:
        assert n <= MOST // PIECE + 1
        buf = row.pool.lend(b"x" * PIECE)
        row.outbox.put(("head", memoryview(buf)[:4]), buf)
        n += 1
    assert n == MOST // PIECE + 1
    await row.end()


async def test_who_does_not_take_a_message_in_time_is_closed_with_1008():
    row = Row(room=10, ping_interval=0)
    row.lend(b"x" * 2000)
    row.outbox.put("y")
    await row.clock.advance(STALL - 200)
    assert row.reasons == [] and len(row.pool.out) == 1
    await row.clock.advance(300)
    assert row.reasons == ["a message is not taken"]
    await row.clock.advance(4500)
    assert len(row.pool.out) == 1 and row.ws.outcome is None
    await row.clock.advance(5000)
    assert row.ws.outcome.code == 1006 and row.ws.outcome.sent_code is None
    row.is_empty()


async def test_each_message_has_that_time_for_itself():
    row = Row(room=10, ping_interval=0)
    for _ in range(4):
        row.outbox.put("x" * 2000)
    for _ in range(4):
        await row.clock.advance(STALL - 200)
        row.transport.give_room(2004)
        await run()
    assert row.reasons == []
    assert len(row.texts()) == 4
    # And a first one behind a long pause.
    await row.clock.advance(3 * STALL)
    row.transport.room = 0
    row.outbox.put("x" * 2000)
    await row.clock.advance(STALL - 200)
    assert row.reasons == []
    await row.end()


async def test_a_buffer_that_others_want_is_taken_from_who_does_not_read():
    row = Row(room=10, ping_interval=0)
    row.lend(b"x" * 2000)
    await row.clock.advance(STALL_WANTED + 200)
    assert row.reasons == []
    row.pool.wanted = True
    await row.clock.advance(200)
    assert row.reasons == ["a message is not taken"]
    assert len(row.pool.out) == 1
    await row.clock.advance(STALL_WANTED)
    row.is_empty()
    assert row.ws.outcome.code == 1006
    # Who has no such buffer has the usual time.
    row = Row(room=10, ping_interval=0)
    row.pool.wanted = True
    row.outbox.put("x" * 2000)
    await row.clock.advance(2 * STALL_WANTED + 200)
    assert row.reasons == []
    await row.end()


async def test_buffers_come_back_however_the_connection_ends():
    def closed_before(row):
        row.ws.close(1000)

    async def by_peer(row):
        await row.feed(row.peer_close(1000))

    async def by_us(row):
        row.ws.close(4001)

    async def by_violation(row):
        await row.feed(b"\xff" * 10)

    async def by_eof(row):
        await row.feed(EOF)

    async def by_reset(row):
        await row.feed(broken(104))

    async def by_broken_pipe(row):
        row.transport.fail_writes(broken(EPIPE))

    async def now(row):
        row.ws.close_now()

    async def by_silence(row):
        pass

    for how in (by_peer, by_us, by_violation, by_eof, by_reset, by_broken_pipe, now, by_silence):
        for in_flight in (0, 1400):
            for room in (0, 10, 1500):
                row = Row(in_flight, room=room)
                for octets in (b"a" * 100, b"b" * 3000, b"c" * 100):
                    row.lend(octets)
                await run()
                await how(row)
                # Some more that come while it ends.
                row.lend(b"late")
                await run()
                row.lend(b"later")
                await row.clock.advance(40000)
                assert row.ws.outcome, how
                row.is_empty()
                row.lend(b"too late")
                row.outbox.put("too late")
                await run()
                row.is_empty()
    row = Row()
    closed_before(row)
    row.lend(b"x" * 2000)
    assert row.pool.out == []
    await row.end()


async def test_an_end_before_the_first_turn_of_the_queue():
    for end in ("close", "close_now"):
        row = Row()
        row.lend(b"x" * 2000)
        getattr(row.ws, end)()
        await run()
        assert row.texts() == []
        await row.end()


async def test_a_message_that_can_not_be_sent_ends_the_connection_and_nothing_is_left():
    def broken_text():
        yield "some"
        raise ValueError("a fault of the application's")

    class Broken:
        def __len__(self):
            return 10

        def __iter__(self):
            return broken_text()

    for in_flight in (0, 1400):
        row = Row(in_flight)
        row.outbox.put("good")
        row.outbox.put(Broken(), row.pool.lend(b"x"))
        row.lend(b"y")
        await run()
        await row.clock.advance(100)
        assert row.reasons == ["a message can't be sent"]
        first, payload = row.sent()[-1]
        assert first == 0x88 and payload[:2] == close_payload(1011)
        await row.feed(row.peer_close(1011))
        await row.clock.advance(1000)
        assert row.ws.outcome.sent_code == 1011
        row.is_empty()


async def test_without_memory_for_a_message_the_connection_ends():
    class Scarce(list):
        def append(self, item):
            raise MemoryError

    row = Row()
    row.outbox._messages = Scarce()
    row.lend(b"x")
    assert row.reasons == ["out of memory"]
    await row.feed(row.peer_close(1011))
    assert row.ws.outcome.code == 1011
    row.outbox._messages = []
    row.is_empty()


async def test_without_memory_for_a_task_the_connection_ends():
    class Scarce:
        def create_task(self, coroutine):
            coroutine.close()
            raise MemoryError

    row = Row()
    outbox.asyncio = Scarce()
    try:
        row.lend(b"x" * 2000)
    finally:
        outbox.asyncio = asyncio
    assert row.reasons == ["out of memory"]
    assert row.pool.out == []
    await row.feed(row.peer_close(1011))
    assert row.ws.outcome.code == 1011
    row.is_empty()


async def test_without_memory_to_load_what_sends_parts_the_connection_ends():
    def without_memory(ws, message, text):
        raise MemoryError

    row = Row()
    original = endpoint._send_parts
    endpoint._send_parts = without_memory
    try:
        row.outbox.put("before")
        buf = row.pool.lend(b"octets")
        row.outbox.put(("head", memoryview(buf), "tail"), buf)
        await run()
    finally:
        endpoint._send_parts = original
    assert row.reasons == ["a message can't be sent"]
    assert row.sent() == [
        (0x81, b"before"),
        (0x88, close_payload(1011, b"a message can't be sent")),
    ]
    await row.feed(row.peer_close(1011))
    assert row.ws.outcome.clean
    await row.end()


async def test_without_memory_to_send_the_connection_ends():
    row = Row()

    async def send(message, text):
        raise MemoryError

    row.ws.send = send
    row.lend(b"x" * 2000)
    row.lend(b"y")
    await run()
    assert row.reasons == ["a message can't be sent"]
    await row.feed(row.peer_close(1011))
    assert row.ws.outcome.code == 1011
    row.is_empty()


async def test_an_interrupt_that_hits_its_task_leaves_a_close_to_be_sent():
    class Interrupt(BaseException):
        pass

    def send(message, text):
        raise Interrupt

    row = Row()
    row.ws.send = send
    row.outbox._messages.append(("x", None))
    row.outbox._task = task = row.outbox._send()
    try:
        task.send(None)
        raise AssertionError("the interrupt was swallowed")
    except Interrupt:
        pass
    row.outbox.close(1001)
    await run()
    assert row.sent() == [(0x88, close_payload(1001))]
    await row.feed(row.peer_close(1001))
    await row.clock.advance(200)
    assert row.ws.outcome.clean


async def test_who_can_not_be_told_of_the_end_does_not_hinder_it():
    row = Row(room=0, ping_interval=0)

    def fail(why):
        raise MemoryError

    row.outbox.on_give_up = fail
    row.outbox.put("x" * 2000)
    # The clock goes on, too.
    await row.clock.advance(STALL + 8000)
    assert row.ws.outcome
    row.is_empty()


# Pacing, where TCP must not hold more than a little


class Paced(Row):
    """Counts the octets that no Pong has answered for yet."""

    def __init__(self, in_flight=1400, **more):
        super().__init__(in_flight, **more)
        self.seen = []  # all data frames

    async def go_on(self):
        """Answer the last Ping, if there is one. Returns the data octets sent before and since."""
        pinged = False
        behind = 0
        for first, payload in self.sent():
            assert not pinged or first & 8, "data behind a Ping that is not answered"
            if first == 0x89:
                pinged = True
                ping = payload
            elif first & 15 < 2:
                self.seen.append((first, payload))
                behind += len(payload)
        if pinged:
            await self.pong(ping)
        return behind, pinged


async def test_a_large_message_goes_piece_by_piece_each_behind_a_pong():
    for message, sizes in (
        ("x" * 3000, [1024, 1024, 952]),
        (("h" * 100, memoryview(bytearray(b"v" * 2048)), "t"), [100, 1024, 1024, 1]),
        ("x" * 1025, [1024, 1]),
        ("x" * 2048, [1024, 1024]),
    ):
        row = Paced()
        row.outbox.put(message)
        await run()
        turns = []
        for _ in range(10):
            turns.append(await row.go_on())
        assert [n for n, _ in turns if n] == sizes, turns
        firsts = [first for first, _ in row.seen]
        assert firsts == [0x01] + [0x00] * (len(sizes) - 2) + [0x80]
        row.is_empty()
        await row.end()


async def test_never_more_than_that_is_unanswered():
    row = Paced()
    sizes = [10, 3000, 300, 1024, 1024, 5, 2500, 2500, 376, 377, 1, 1025, 1000, 1000]
    row.transport.room = 0
    for i, n in enumerate(sizes):
        row.lend(bytes([65 + i]) * n)
    row.transport.give_room(None)
    await run()
    unanswered = 0
    for _ in range(60):
        n, pinged = await row.go_on()
        unanswered += n
        assert unanswered <= 1400, unanswered
        if pinged:
            unanswered = 0
    assert b"".join(payload for _, payload in row.seen) == b"".join(
        bytes([65 + i]) * n for i, n in enumerate(sizes)
    )
    row.is_empty()
    assert row.reasons == []
    await row.end()


async def test_small_messages_need_no_pong_until_they_are_many():
    row = Paced()
    for _ in range(14):
        row.outbox.put("x" * 100)
    await run()
    assert await row.go_on() == (1400, False)
    row.outbox.put("y")
    await run()
    assert await row.go_on() == (0, True)
    assert await row.go_on() == (1, False)
    await row.end()


async def test_who_does_not_answer_pings_is_closed_with_1008():
    row = Paced(ping_interval=0)
    row.lend(b"x" * 3000)
    await row.clock.advance(STALL - 200)
    assert row.reasons == []
    await row.clock.advance(300)
    assert row.reasons == ["a message is not taken"]
    # What was begun isn't finished (R2).
    assert [first for first, _ in row.sent()] == [0x89, 0x88]
    await row.feed(row.peer_close(1008))
    row.is_empty()


async def test_whose_answers_are_slow_keeps_a_buffer_that_others_want_while_pieces_arrive():
    row = Paced(ping_interval=0)
    row.lend(b"x" * 5000)
    row.pool.wanted = True
    await run()
    turns = 0
    while row.outbox._messages:
        await row.clock.advance(STALL_WANTED - 500)
        await row.go_on()
        turns += 1
    assert turns > 4 and row.reasons == []
    # One that stands still does not keep it.
    row.lend(b"y" * 5000)
    await run()
    await row.go_on()
    await row.clock.advance(STALL_WANTED + 200)
    assert row.reasons == ["a message is not taken"]
    await row.feed(row.peer_close(1008))
    row.is_empty()


async def test_pieces_that_arrive_give_nobody_more_than_the_time_for_all_of_it():
    row = Paced(ping_interval=0)
    row.lend(b"x" * 16000)
    row.pool.wanted = True
    await run()
    waited = 0
    while not row.reasons:
        await row.clock.advance(STALL_WANTED - 500)
        waited += STALL_WANTED - 500
        await row.go_on()
        assert waited < STALL + STALL_WANTED
    await row.feed(row.peer_close(1008))
    await row.end()


async def test_a_close_between_two_pieces():
    for how in ("close", "peer", "put"):
        row = Paced(ping_interval=0)
        row.lend(b"x" * 3000)
        await run()
        await row.go_on()
        await row.go_on()
        assert len(row.seen) == 1
        if how == "close":
            row.ws.close(1001)
        elif how == "peer":
            await row.feed(row.peer_close(1000))
        else:
            while not row.reasons:
                row.outbox.put("y" * 1000)
        await run()
        sent = row.sent()
        assert sent[-1][0] == 0x88, sent
        assert not any(first == 0x80 for first, _ in sent)
        if how != "peer":
            await row.feed(row.peer_close(1000))
        await row.clock.advance(1000)
        assert row.ws.outcome.clean and row.ws.outcome.undelivered >= 1
        row.is_empty()


async def test_the_clock_goes_on_when_one_of_its_own_has_no_memory():
    clock = Clock()

    class Scarce:
        ticks = 0

        def tick(self, now):
            self.ticks += 1
            raise MemoryError

    first = Scarce()
    last = Scarce()
    for what in (first, last):
        endpoint.watch(what)
    await clock.advance(500)
    assert first.ticks >= 4 and last.ticks >= 4
    for what in (first, last):
        endpoint.unwatch(what)
    await clock.advance(200)
