"""Sending and receiving at the endpoint: kinds of messages, order, back-pressure both ways."""

import asyncio

from scripted import EOF, ScriptedTransport, Session, call, messages, raises, run, start
from signalbox.net import endpoint
from signalbox.net.endpoint import Chunk
from signalbox.ws.buffers import Pool
from signalbox.ws.close import ConnectionClosed
from wire import ROLES, Source, close_payload

BLOCK = bytes(range(256)) * 4


class Parts:
    """An asynchronous iterable, which MicroPython has no generators for."""

    def __init__(self, parts, error=None):
        self._parts = list(parts)
        self._error = error

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        if self._parts:
            return self._parts.pop(0)
        if self._error:
            raise self._error
        raise StopAsyncIteration


def joined(sent):
    """One message in fragments, as (opcode, payload); every frame is checked."""
    opcode = sent[0][0] & 0xF
    for i, (first, _) in enumerate(sent):
        assert first == (opcode if i == 0 else 0) | (0x80 if i == len(sent) - 1 else 0)
    return opcode, b"".join(payload for _, payload in sent)


# Sending


async def test_send_text_and_octets():
    for client in ROLES:
        session = Session(client)
        ws = session.ws
        await ws.send("grün")
        await ws.send("")
        await ws.send(b"bytes")
        await ws.send(bytearray(b"bytearray"))
        await ws.send(memoryview(b"a memoryview")[2:])
        await run()
        assert session.sent() == [
            (0x81, "grün".encode()),
            (0x81, b""),
            (0x82, b"bytes"),
            (0x82, b"bytearray"),
            (0x82, b"memoryview"),
        ]
        await session.drop()


async def test_send_may_be_written_at_once():
    # No task switch for a message that TCP takes.
    session = Session()
    await run()
    await session.ws.send("now")
    assert session.sent() == [(0x81, b"now")]


async def test_send_returns_when_the_message_may_be_changed_again():
    for client in ROLES:
        for size in (10, 1000, 10000):
            session = Session(client, ScriptedTransport(most=64), buffer=200)
            data = bytearray(b"x" * size)
            await session.ws.send(data)
            data[:] = b"y" * size
            await run()
            assert session.sent() == [(0x82, b"x" * size)]
            await session.drop()


async def test_send_large_text_in_one_frame():
    text = "grün" * 1200
    for client in ROLES:
        session = Session(client, ScriptedTransport(most=1000), buffer=300)
        await session.ws.send(text)
        assert session.sent() == [(0x81, text.encode())]
        await session.drop()


async def test_send_from_a_source():
    for client in ROLES:
        session = Session(client, buffer=300)
        await session.ws.send(Source(BLOCK * 3, 100))
        await session.ws.send("next")
        await run()
        sent = session.sent()
        assert sent.pop() == (0x81, b"next")
        assert joined(sent) == (2, BLOCK * 3)
        assert max(len(payload) for _, payload in sent) <= 300
        await session.drop()


async def test_send_from_a_source_waits_for_room():
    session = Session(transport=ScriptedTransport(room=0), buffer=140)
    tasks = [start(session.ws.send(bytes(500))), start(session.ws.send(Source(BLOCK, 100)))]
    await run()
    session.transport.give_room(None)
    for task in tasks:
        await task
    sent = session.sent()
    assert sent[0] == (0x82, bytes(500))
    assert joined(sent[1:]) == (2, BLOCK)


async def test_send_from_a_source_that_breaks():
    session = Session()
    await session.ws.send(Source(BLOCK, 100, OSError(5, "scripted")))
    await run()
    assert session.sent()[-1] == (0x88, close_payload(1011))
    await session.feed(EOF)
    await session.outcome(initiator="local", sent_code=1011, failed_with=1011, undelivered=1)


async def test_send_iterables_as_one_message():
    for client in ROLES:
        for kind in (list, tuple, iter, Parts):
            session = Session(client)
            await session.ws.send(kind([b"one", bytearray(b"two"), memoryview(b"three")]))
            await run()
            assert joined(session.sent()) == (2, b"onetwothree")
            await session.ws.send(kind(["grün", "", "rot"]))
            await run()
            sent = session.sent()
            assert len(sent) == 3
            assert joined(sent) == (1, "grünrot".encode())
            await session.ws.send(kind([b"only"]))
            await run()
            assert session.sent() == [(0x82, b"only")]
            await session.ws.send(kind([]))
            await run()
            assert session.sent() == [(0x82, b"")]
            await session.drop()


async def test_send_iterable_larger_than_everything():
    for client in ROLES:
        session = Session(client, ScriptedTransport(most=50), buffer=200)
        await session.ws.send([BLOCK, b"x", BLOCK * 2])
        assert joined(session.sent()) == (2, BLOCK + b"x" + BLOCK * 2)
        await session.drop()


async def test_send_refuses_what_is_no_message():
    session = Session()
    for wrong in (5, None, 1.5):
        assert await raises(TypeError, call(session.ws.send, wrong))
    await session.ws.send("still open")
    await run()
    assert session.sent() == [(0x81, b"still open")]


async def test_send_refuses_a_lone_surrogate():
    session = Session()
    for wrong in ("\ud800", "x" * 5000 + "\udfff", ["\ud800"], ["\ud800", "more"]):
        assert await raises(ValueError, call(session.ws.send, wrong))
    await session.ws.send("still open")
    await run()
    assert session.sent() == [(0x81, b"still open")]


async def test_send_of_an_iterable_that_fails_before_its_first_fragment():
    # Nothing was sent, and the connection is as good as before.
    for error in (OSError(5, "scripted"), ValueError("scripted")):
        session = Session()
        assert await raises(type(error), call(session.ws.send, Parts([b"one"], error)))
        await session.ws.send("still open")
        await run()
        assert session.sent() == [(0x81, b"still open")]
        await session.drop()


async def test_send_of_an_iterable_without_memory_to_load_what_sends_it():
    # A Close needs none of it, either.
    def without_memory(ws, message, text):
        raise MemoryError

    original = endpoint._send_parts
    for closes in (False, True):
        session = Session()
        endpoint._send_parts = without_memory
        try:
            assert await raises(MemoryError, call(session.ws.send, Parts([b"one", b"two"])))
            if closes:
                session.ws.close(1000)
        finally:
            endpoint._send_parts = original
        await run()
        if closes:
            assert session.sent() == [(0x88, close_payload(1000))]
        else:
            await session.ws.send(Parts([b"one", b"two"]))
            await run()
            assert joined(session.sent()) == (2, b"onetwo")
        await session.drop()


async def test_send_of_an_iterable_that_fails_after_that():
    # The message can't be finished, and no other may come inside it: what is left is to close.
    for parts in (Parts([b"one", b"two"], ValueError("scripted")), ["one", "\ud800", "three"]):
        session = Session()
        assert await raises(ValueError, call(session.ws.send, parts))
        await run()
        sent = session.sent()
        assert sent[0][0] & 0x80 == 0
        assert sent[-1] == (0x88, close_payload(1011))
        assert await raises(ConnectionClosed, call(session.ws.send, "more"))
        await session.feed(session.peer_close(1011))
        await session.outcome(
            code=1011,
            clean=True,
            initiator="local",
            sent_code=1011,
            rcvd_code=1011,
            undelivered=1,
        )


async def test_send_of_an_iterable_that_is_cancelled():
    for client in ROLES:
        session = Session(client)
        never = asyncio.Event()

        class Slow(Parts):
            async def __anext__(self, never=never):
                if not self._parts:
                    await never.wait()
                return self._parts.pop(0)

        task = start(session.ws.send(Slow([b"one", b"two"])))
        await run()
        task.cancel()
        await run()
        assert session.sent() == [(0x02, b"one"), (0x88, close_payload(1011))]
        await session.drop()


async def test_send_by_two_tasks_does_not_mix():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0), buffer=200)
        ws = session.ws
        tasks = [
            start(ws.send(Parts([b"a" * 100] * 5))),
            start(ws.send("b" * 500)),
            start(ws.send(["c" * 100] * 3)),
            start(ws.send(Source(b"d" * 500, 50))),
            start(ws.send("e")),
        ]
        await run()
        session.transport.give_room(None)
        for task in tasks:
            await task
        await run()
        # Strictly: a message is whole before another begins.
        found = []
        parts = []
        for first, payload in session.sent():
            assert (first & 0xF == 0) == bool(parts)
            parts.append(payload)
            if first & 0x80:
                found.append(b"".join(parts))
                parts = []
        wanted = [b"a" * 500, b"b" * 500, b"c" * 300, b"d" * 500, b"e"]
        assert sorted(found) == wanted
        await session.drop()


async def test_send_waits_while_another_message_is_open():
    # Even when it had begun to wait before that one began.
    session = Session(transport=ScriptedTransport(room=0), buffer=140)
    ws = session.ws
    await ws.send("x" * 60)
    waiting = start(ws.send("y" * 100))
    await run()
    release = asyncio.Event()

    class Slow(Parts):
        async def __anext__(self):
            if len(self._parts) == 1:
                await release.wait()
            return await super().__anext__()

    # Its first fragment finds room where the other did not.
    fragmented = start(ws.send(Slow([b"1", b"2", b"3"])))
    await run()
    later = start(ws.send("z"))
    session.transport.give_room(None)
    await run()
    assert not waiting.done() and not later.done()
    release.set()
    await waiting
    await fragmented
    await later
    await run()
    sent = session.sent()
    assert sent[0] == (0x81, b"x" * 60)
    assert joined(sent[1:-2]) == (2, b"123")
    assert sorted(sent[-2:]) == [(0x81, b"y" * 100), (0x81, b"z")]


async def test_send_waits_for_room_and_grows_nothing():
    count = 30
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0), buffer=200)
        ws = session.ws
        accepted = []

        async def send(ws=ws, accepted=accepted):
            for i in range(count):
                await ws.send(str(i) + " " * 20)
                accepted.append(i)

        task = start(send())
        await run()
        stopped = len(accepted)
        assert 0 < stopped < 10
        await session.clock.advance(1000)
        assert len(accepted) == stopped
        for _ in range(6 * count):
            session.transport.give_room(5)
            await run()
        await task
        await run()
        sent = session.sent()
        assert [payload.strip() for _, payload in sent] == [b"%d" % i for i in range(count)]
        await session.drop()


async def test_send_that_is_cancelled_is_whole_or_not_there():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0), buffer=200)
        ws = session.ws
        accepted = start(ws.send(b"a" * 1000))
        refused = start(ws.send(b"b" * 1000))
        await run()
        session.transport.give_room(300)
        await run()
        accepted.cancel()
        refused.cancel()
        await run()
        session.transport.give_room(None)
        await ws.send("next")
        await run()
        assert session.sent() == [(0x82, b"a" * 1000), (0x81, b"next")]
        await session.drop()


async def test_many_sends_leave_others_a_turn():
    session = Session()
    turns = []

    async def other():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = start(other())
    await run()
    before = len(turns)
    for _ in range(200):
        await session.ws.send("no wait in between, as TCP takes everything")
    assert len(turns) > before
    await run()
    assert len(session.sent()) == 200
    task.cancel()
    await run()


# Receiving


async def test_receive_in_three_ways():
    for client in ROLES:
        session = Session(client)
        ws = session.ws
        assert ws.recv_nowait() is None
        await session.feed(*[session.peer(0x81, b"%d" % i) for i in range(4)])
        assert ws.recv_nowait() == "0"
        assert await ws.recv() == "1"
        async for message in ws:
            assert message == "2"
            break
        assert ws.recv_nowait() == "3"
        assert ws.recv_nowait() is None
        await session.drop()


async def test_recv_gives_an_own_bytearray():
    session = Session()
    await session.feed(session.peer(0x82, b"first"), session.peer(0x82, b"second"))
    first = await session.ws.recv()
    assert type(first) is bytearray
    first[:] = b"FIRST"
    assert await session.ws.recv() == b"second"
    assert first == b"FIRST"


async def test_recv_waits():
    session = Session()
    receiving = start(session.ws.recv())
    await run()
    assert not receiving.done()
    octets = session.peer(0x81, b"in pieces")
    for i in range(len(octets)):
        assert not receiving.done()
        await session.feed(octets[i : i + 1])
    assert await receiving == "in pieces"


async def test_a_peer_that_sends_and_does_not_read_is_alive_and_a_send_can_be_given_up():
    session = Session(transport=ScriptedTransport(room=100), buffer=140)
    begun = start(session.ws.send(bytes(5000)))
    waiting = start(session.ws.send(b"not accepted"))
    for _ in range(30):
        await session.feed(session.peer(0x81, b"still here"))
        assert session.ws.recv_nowait() == "still here"
        await session.clock.advance(5000)
    assert session.ws.connection.state == "OPEN"
    assert not begun.done() and not waiting.done()
    begun.cancel()
    waiting.cancel()
    await run()
    session.transport.give_room(None)
    await run()
    assert session.sent() == [(0x82, bytes(5000))]
    await session.drop()


async def test_a_streamed_message_of_which_a_part_was_discarded_is_never_whole():
    session = Session(True, stream=True)
    parts = []

    async def take():
        async for chunk in session.ws:
            parts.append(bytes(chunk.data))
            assert not chunk.final
            await session.clock.sleep_ms(1)

    taking = start(take())
    await run()
    session.ws.close(1000)
    # More at once than the queue holds, and nobody waits for room behind a Close.
    octets = [session.peer(0, b"%02d" % i) for i in range(1, 20)]
    await session.feed(session.peer(2, b"00"), *octets)
    await session.clock.advance(30)
    await session.feed(session.peer(0x80, b"end"))
    await session.clock.advance(30)
    await session.feed(session.peer_close(1000), EOF)
    await session.clock.advance(200)
    await taking
    assert parts == [b"%02d" % i for i in range(len(parts))] and 0 < len(parts) < 20
    assert session.ws.outcome.discarded == 21 - len(parts)


async def test_recv_that_is_cancelled_loses_nothing():
    session = Session()
    ws = session.ws
    for i in range(5):
        receiving = start(ws.recv())
        await run()
        receiving.cancel()
        # Before and after the cancellation takes effect.
        if i % 2:
            await run()
        await session.feed(session.peer(0x81, b"%d" % i))
        assert await ws.recv() == str(i)


async def test_octets_behind_the_opening_handshake():
    for client in ROLES:
        probe = Session(client)
        rest = bytearray(probe.peer(0x81, b"with the head") + probe.peer(0x81, b"half")[:4])
        await probe.drop()
        session = Session(client, rest=rest)
        await run()
        assert session.ws.recv_nowait() == "with the head"
        await session.feed(session.peer(0x81, b"half")[4:])
        assert session.ws.recv_nowait() == "half"
        await session.drop()


async def test_large_messages_are_read_where_they_belong():
    for client in ROLES:
        session = Session(client, buffer=200, max_message=20000)
        await session.feed(session.peer(0x82, BLOCK * 10), session.peer(0x81, b"next"))
        assert session.ws.recv_nowait() == BLOCK * 10
        assert await session.ws.recv() == "next"
        assert max(entry[1] for entry in session.transport.record if entry[0] == "read") > 9000
        await session.drop()


async def test_reading_pauses_while_the_application_does_not_read():
    for client in ROLES:
        session = Session(client)
        count = 300
        session.transport.most_read = 100
        await session.feed(b"".join(session.peer(0x82, b"%3d" % i) for i in range(count)))
        await session.clock.advance(1000)
        # What TCP's own flow control holds back from the peer:
        unread = session.transport.unread
        assert unread > 1000
        assert session.ws.connection.discarded == 0
        # It goes on once the application has caught up, and not before.
        assert session.ws.recv_nowait() == b"  0"
        await run()
        assert session.transport.unread == unread
        for i in range(1, count):
            assert await session.ws.recv() == b"%3d" % i
        await session.feed(session.peer_close(1000), EOF)
        await session.clock.advance(400)
        await session.outcome(
            code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000
        )


async def test_reading_pauses_for_large_messages_sooner():
    session = Session()
    session.transport.most_read = 500
    await session.feed(session.peer(0x82, bytes(1000)) * 14)
    assert session.transport.unread > 4000
    for _ in range(14):
        assert len(await session.ws.recv()) == 1000


async def test_pausing_survives_what_else_happens():
    # Whatever wakes the reader, it reads no further and drops nothing.
    session = Session()
    ws = session.ws
    await session.feed(b"".join(session.peer(0x81, b"%d" % i) for i in range(60)))
    for _ in range(30):
        await ws.send("something else")
        await run()
    assert len(session.sent()) == 30
    taken = []
    while len(taken) < 60:
        taken.append(await ws.recv())
        await ws.send(taken[-1])
    assert taken == [str(i) for i in range(60)]
    assert ws.connection.discarded == 0


async def test_messages_nobody_takes_while_closing_are_counted():
    session = Session()
    session.ws.close(1000)
    await run()
    await session.feed(*[session.peer(0x81, b"%d" % i) for i in range(20)])
    await session.feed(session.peer_close(1000))
    await session.clock.advance(400)
    taken = await messages(session.ws)
    assert taken == [str(i) for i in range(len(taken))]
    assert 10 < len(taken) < 20
    await session.outcome(
        code=1000,
        clean=True,
        initiator="local",
        sent_code=1000,
        rcvd_code=1000,
        discarded=20 - len(taken),
    )


async def test_streaming_gives_chunks():
    for client in ROLES:
        session = Session(client, stream=True, buffer=200, max_message=100)
        text = "grün".encode() * 200
        reading = start(messages(session.ws))
        await session.feed(
            session.peer(0x82, BLOCK),
            session.peer(0x01, text[:501]),
            session.peer(0x89, b"?"),
            session.peer(0x80, text[501:]),
            session.peer(0x82),
        )
        await session.feed(session.peer_close(1000), EOF)
        await session.clock.advance(10)
        found = []
        parts = b""
        for chunk in await reading:
            assert type(chunk) is Chunk and type(chunk.data) is bytearray
            parts += chunk.data
            if chunk.final:
                found.append((chunk.text, parts))
                parts = b""
        assert found == [(False, BLOCK), (True, text), (False, b"")]
        await session.outcome(
            code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000
        )


async def test_streaming_pauses_too():
    session = Session(stream=True, buffer=200)
    session.transport.most_read = 200
    await session.feed(session.peer(0x82, bytes(10000)))
    assert session.transport.unread > 5000
    size = 0
    while size < 10000:
        size += len((await session.ws.recv()).data)
    assert size == 10000


# A Close or a violation in the same read


async def test_answers_go_out_before_the_reply_to_a_close():
    # As if the messages had come alone.
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    for client in ROLES:
        session = Session(client)
        echoing = start(echo(session.ws))
        await run()
        await session.feed(
            session.peer(0x81, b"m1"),
            session.peer(0x82, b"m2"),
            session.peer_close(1000),
            *([EOF] if client else []),
        )
        await session.clock.advance(10)
        await echoing
        assert session.sent() == [
            (0x81, b"m1"),
            (0x82, b"m2"),
            (0x88, close_payload(1000)),
        ]
        await session.outcome(
            code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000
        )


async def test_answers_go_out_before_the_failure():
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    session = Session()
    echoing = start(echo(session.ws))
    await run()
    await session.feed(session.peer(0x81, b"m1"), session.peer(0xF1), EOF)
    await session.clock.advance(10)
    await echoing
    assert session.sent() == [(0x81, b"m1"), (0x88, close_payload(1002))]
    await session.outcome(initiator="local", sent_code=1002, failed_with=1002)


async def test_an_application_that_does_not_answer_delays_a_close_by_300_ms():
    session = Session()
    await session.feed(session.peer(0x81, b"m1"), session.peer_close(1000))
    await session.clock.advance(250)
    assert session.sent() == []
    await session.clock.advance(100)
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


async def test_an_application_that_never_took_a_message_delays_nothing():
    session = Session()
    await session.feed(session.peer_close(1000))
    assert session.sent() == [(0x88, close_payload(1000))]


async def test_pings_are_answered_in_order_at_once():
    for client in ROLES:
        session = Session(client)
        await session.feed(*[session.peer(0x89, b"%d" % i) for i in range(10)])
        assert session.sent() == [(0x8A, b"%d" % i) for i in range(10)]
        await session.drop()


# With a pool of buffers


def pooled(client, **more):
    pool = Pool(1, 4000)
    return pool, Session(client, max_message=4000, pool=pool, **more)


async def test_send_octets_as_text():
    for client in ROLES:
        session = Session(client)
        ws = session.ws
        large = "grün".encode() * 2000
        await ws.send(b"octets", text=True)
        await ws.send(bytearray(b"more"), text=True)
        await ws.send([b"in ", "par", memoryview(b"ts")], text=True)
        waiting = start(call(ws.send, large, True))
        await run()
        assert session.sent() == [
            (0x81, b"octets"),
            (0x81, b"more"),
            (0x01, b"in "),
            (0x00, b"par"),
            (0x80, b"ts"),
            (0x81, large),
        ]
        await waiting
        await session.drop()


async def test_send_octets_as_text_when_there_is_room_again():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0))
        sends = [start(call(session.ws.send, b"x" * 3000, True)) for _ in range(3)]
        parts = start(call(session.ws.send, [b"a", b"b"], True))
        await run()
        assert not all(send.done() for send in sends)
        session.transport.give_room(None)
        for send in sends + [parts]:
            await send
        await run()
        sent = session.sent()
        at = sent.index((0x01, b"a"))
        assert sent[at : at + 2] == [(0x01, b"a"), (0x80, b"b")]
        assert sent[:at] + sent[at + 2 :] == [(0x81, b"x" * 3000)] * 3
        await session.drop()


async def test_pool_a_reader_waits_for_a_buffer():
    for client in ROLES:
        pool, session = pooled(client)
        held = pool.borrow(1)
        await session.feed(session.peer(0x81, BLOCK.hex().encode()), session.peer(0x89, b"ping"))
        assert session.ws.recv_nowait() is None
        assert session.sent() == []
        await session.clock.advance(29000)  # silence that is not the peer's
        assert session.ws.outcome is None
        assert session.sent() == []
        pool.give_back(held)
        await run()
        octets = session.ws.recv_nowait()
        assert octets is held and octets == BLOCK.hex().encode()
        assert session.sent() == [(0x8A, b"ping")]
        await session.drop()


async def test_pool_a_reader_does_not_wait_while_closing():
    for client in ROLES:
        for before in (True, False):
            pool, session = pooled(client)
            pool.borrow(1)
            if before:
                session.ws.close(1000)
                await run()
            await session.feed(session.peer(0x81, b"x" * 2000), session.peer_close(1000))
            if not before:
                session.ws.close(1000)
                await run()
            assert bytes(session.ws.recv_nowait()) == b"x" * 2000
            await session.clock.advance(400)  # in which the application could answer
            if client:
                await session.feed(EOF)
            await session.outcome(
                code=1000,
                clean=True,
                initiator="local",
                sent_code=1000,
                rcvd_code=1000,
            )


async def test_pool_a_reader_that_waits_ends_at_once():
    for client in ROLES:
        pool, session = pooled(client)
        pool.borrow(1)
        await session.feed(session.peer(0x81, b"x" * 2000))
        session.ws.close_now()
        await run()
        assert session.ws.outcome.code == 1006
        await session.drop()


async def test_pool_gets_back_a_message_without_room():
    for client in ROLES:
        pool, session = pooled(client)
        session.ws.close(1000)
        await session.feed(*[session.peer(0x82, b"small")] * 15, session.peer(0x81, b"x" * 2000))
        assert session.ws.connection.discarded == 1
        assert pool.borrow(1) is not None
        await session.drop()
