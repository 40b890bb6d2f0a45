"""Who closes and who is told: rows L12, P7, P8, O1 and O3 of close.md at the endpoint."""

import asyncio
import gc

from scripted import EOF, FIN, ScriptedTransport, Session, call, messages, raises, run, start
from signalbox.compat import MICROPYTHON
from signalbox.net import endpoint
from signalbox.ws.close import ConnectionClosed
from wire import ROLES, close_payload

WINDOW = {"code": 1000, "clean": True, "sent_code": 1000, "rcvd_code": 1000}


def fill_heap():
    """Take all memory there is. Returns what keeps it."""
    hog = None
    gc.collect()
    size = 1 << 20
    while size:
        try:
            hog = [hog, bytearray(size)]
        except MemoryError:
            size >>= 1
    try:
        while True:
            hog = [hog]
    except MemoryError:
        return hog


def release(hog):
    """Give it back, link by link: an address of one that is left on the stack keeps no other."""
    while hog:
        link = hog
        hog = link[0]
        link[0] = link[-1] = None


class TinyTransport(ScriptedTransport):
    """Keeps what is written without allocating anything."""

    def __init__(self):
        super().__init__()
        self.kept = bytearray(64)
        self.size = 0

    def write(self, buf, at, n):
        for i in range(n):
            self.kept[self.size] = buf[at + i]
            self.size += 1
        return n


async def test_L12_close_on_a_heap_that_the_application_filled():
    for client in ROLES:
        session = Session(client, TinyTransport(), ping_interval=0)
        ws = session.ws
        transport = session.transport
        await run()
        if MICROPYTHON:
            # No turn of this loop allocates: what the endpoint needs, it finds.
            turns = range(20)
            hog = fill_heap()
            full = False
            try:
                bytearray(64)
            except MemoryError:
                full = True
            ws.close(1000)
            for _ in turns:
                await asyncio.sleep_ms(1)
            release(hog)
            assert full
        else:
            # CPython's heap doesn't end: no buffer is lent, and that is what the endpoint asks for.
            hog = ws.connection.settings.buffers
            hog.borrow = no_memory
            ws.close(1000)
            await run()
            assert raises_memory_error(hog.borrow)
            del hog.borrow
        gc.collect()
        transport.written = bytes(transport.kept[: transport.size])
        assert session.sent() == [(0x88, close_payload(1000))]
        # And when there is memory again, the reply is read.
        await session.feed(session.peer_close(1000), *([EOF] if client else []))
        await session.clock.advance(100)
        await session.outcome(
            code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000
        )


def no_memory():
    raise MemoryError


def raises_memory_error(function):
    try:
        function()
    except MemoryError:
        return True
    return False


async def test_L12_reading_waits_for_memory():
    for client in ROLES:
        session = Session(client)
        buffers = session.ws.connection.settings.buffers
        buffers.borrow = no_memory
        await session.feed(session.peer(0x81, b"m1"))
        await session.clock.advance(50)
        assert session.ws.recv_nowait() is None
        del buffers.borrow
        await session.clock.advance(20)
        assert session.ws.recv_nowait() == "m1"
        assert session.ws.connection.state == "OPEN"
        await session.drop()


async def test_L12_closing_with_no_memory_to_read_the_reply():
    # It can't be known then; but it ends, in time, and by a close() of ours as any other.
    session = Session(close_timeout=200, finish_timeout=0)
    buffers = session.ws.connection.settings.buffers
    buffers.borrow = no_memory
    session.ws.close(1000)
    await session.feed(session.peer_close(1000))
    await session.clock.advance(400)
    assert session.ws.outcome
    assert session.sent() == [(0x88, close_payload(1000))]


async def test_L12_a_write_without_memory_is_repeated():
    session = Session()
    await run()
    write = session.transport.write
    faults = [1, 1, 1]

    def fault(buf, at, n):
        if faults:
            faults.pop()
            raise MemoryError
        return write(buf, at, n)

    session.transport.write = fault
    session.ws.close(1000)
    await session.clock.advance(100)
    assert faults == []
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.feed(session.peer_close(1000))
    await session.outcome(initiator="local", **WINDOW)


async def test_L12_drained_without_a_buffer():
    session = Session()
    transport = session.transport
    transport.room = 0
    buffers = session.ws.connection.settings.buffers
    await session.feed(session.peer_close(1000))

    def replied():
        if transport.written:
            buffers.borrow = no_memory
        return transport.written

    transport.when(replied, bytes(5000))
    transport.give_room(None)
    await run()
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.outcome(initiator="peer", **WINDOW)


async def test_L12_outcome_waits_for_memory():
    session = Session()
    tcp_closed = session.ws.connection.tcp_closed
    session.ws.connection.tcp_closed = no_memory
    waiting = start(session.ws.wait_closed())
    await session.feed(session.peer_close(1000))
    await session.clock.advance(50)
    assert session.transport.ended == FIN
    assert session.told == [] and not waiting.done()
    session.ws.connection.tcp_closed = tcp_closed
    await session.clock.advance(20)
    assert (await waiting).clean
    await session.outcome(initiator="peer", **WINDOW)


async def test_P7_window_that_a_coroutine_ends():
    for client in ROLES:
        session = Session(client)
        ws = session.ws
        more = asyncio.Event()

        async def last_words(which, more=more, ws=ws):
            assert which is ws
            await ws.send("still here")
            await more.wait()
            await ws.send("goodbye")

        ws.on_peer_close = last_words
        await session.feed(session.peer_close(1000))
        assert session.sent() == [(0x81, b"still here")]
        await session.clock.advance(2000)
        assert session.sent() == []
        more.set()
        await run()
        assert session.sent() == [(0x81, b"goodbye"), (0x88, close_payload(1000))]
        if client:
            await session.feed(EOF)
        await session.outcome(initiator="peer", **WINDOW)


async def test_P7_window_that_finish_ends():
    for client in ROLES:
        session = Session(client)
        ws = session.ws
        told = []
        ws.on_peer_close = told.append  # a plain function
        reading = start(messages(ws))
        await session.feed(session.peer(0x81, b"last"), session.peer_close(1000))
        await session.clock.advance(10)
        assert told == [ws]
        assert await reading == ["last"]
        await session.clock.advance(1000)
        await ws.send("still here")
        assert session.sent() == [(0x81, b"still here")]
        ws.finish()
        ws.finish()
        await run()
        assert session.sent() == [(0x88, close_payload(1000))]
        if client:
            await session.feed(EOF)
        await session.outcome(initiator="peer", **WINDOW)


async def test_P7_close_in_the_window_has_its_own_code():
    session = Session()
    session.ws.on_peer_close = lambda ws: ws.close(4000, "mine")
    await session.feed(session.peer_close(1000))
    assert session.sent() == [(0x88, close_payload(4000, b"mine"))]
    await session.outcome(code=1000, clean=True, sent_code=4000, rcvd_code=1000, initiator="peer")


async def test_P7_without_it_the_reply_is_immediate():
    session = Session()
    await session.feed(session.peer_close(1000))
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.outcome(initiator="peer", **WINDOW)


async def test_P7_not_when_we_closed_first():
    session = Session()
    told = []
    session.ws.on_peer_close = told.append
    session.ws.close(1000)
    await run()
    await session.feed(session.peer_close(1000))
    assert told == []
    await session.outcome(initiator="local", **WINDOW)


async def test_P7_a_mistake_in_the_window_ends_it():
    def mistake(ws):
        raise ValueError("scripted")

    async def later_mistake(ws):
        await run()
        raise ValueError("scripted")

    for on_peer_close in (mistake, later_mistake):
        session = Session()
        reported = []
        asyncio.get_event_loop().set_exception_handler(
            lambda loop, context, reported=reported: reported.append(context["exception"])
        )
        session.ws.on_peer_close = on_peer_close
        await session.feed(session.peer_close(1000))
        await run()
        gc.collect()
        await run()
        assert [type(error) for error in reported] == [ValueError]
        assert session.sent() == [(0x88, close_payload(1000))]
        await session.outcome(initiator="peer", **WINDOW)


async def test_P8_window_that_nobody_ends():
    for client in ROLES:
        session = Session(client)
        session.ws.on_peer_close = lambda ws: None
        await session.feed(session.peer_close(1000))
        await session.clock.advance(2800)
        assert session.sent() == []
        await session.clock.advance(400)
        assert session.sent() == [(0x88, close_payload(1000))]
        if client:
            await session.feed(EOF)
        await session.outcome(initiator="peer", **WINDOW)


async def test_P8_coroutine_that_never_returns():
    never = asyncio.Event()

    async def wait_for_ever(ws):
        await never.wait()

    session = Session(finish_timeout=500)
    session.ws.on_peer_close = wait_for_ever
    await session.feed(session.peer_close(1000))
    await session.clock.advance(700)
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.outcome(initiator="peer", **WINDOW)
    never.set()
    await run()


async def test_O1_everyone_who_waits_is_told_the_same():
    for client in ROLES:
        session = Session(client)
        ws = session.ws
        waiting = [
            start(raises(ConnectionClosed, ws.recv())),
            start(raises(ConnectionClosed, ws.ping())),
        ]
        closed = [start(ws.wait_closed()) for _ in range(3)]
        await run()
        session.sent()
        ws.close(1000)
        ws.close(4000)
        await run()
        assert await raises(ConnectionClosed, call(ws.send, "too late"))
        assert session.sent() == [(0x88, close_payload(1000))]
        await session.feed(session.peer_close(4001), *([EOF] if client else []))
        for task in waiting:
            assert await task
        outcome = await session.outcome(
            code=4001, clean=True, sent_code=1000, rcvd_code=4001, initiator="local"
        )
        for task in closed:
            assert await task is outcome
        try:
            outcome.code = 1000
            raise AssertionError("the outcome was changed")
        except AttributeError:
            pass


async def test_O1_a_sender_without_room_is_told():
    session = Session(transport=ScriptedTransport(room=0), buffer=140)
    first = start(session.ws.send(bytes(1000)))
    second = start(raises(ConnectionClosed, call(session.ws.send, bytes(1000))))
    await run()
    session.transport.fail_writes(OSError(32, "scripted"))
    await run()
    assert await second
    await first  # accepted, though not delivered: the outcome counts it
    await session.feed(EOF)
    await session.outcome(undelivered=1)


async def test_O3_handler_unset_and_references_dropped_right_after_close():
    for client in ROLES:
        session = Session(client)
        told = []
        session.told = told
        session.ws.on_close = told.append
        session.ws.close(1000)
        session.ws.on_close = None
        session.ws = None
        gc.collect()
        await run()
        gc.collect()
        assert session.sent() == [(0x88, close_payload(1000))]
        assert told == []
        await session.feed(session.peer_close(4001), *([EOF] if client else []))
        (outcome,) = told
        assert outcome.clean and outcome.code == 4001
        assert session.transport.ended == FIN
        await session.clock.advance(10000)
        assert told == [outcome]


async def test_O3_a_handler_set_after_close_is_told_too():
    session = Session()
    session.ws.on_close = None
    session.ws.close(1000)
    session.ws.on_close = session.told.append
    await session.feed(session.peer_close(1000))
    await session.clock.advance(100)
    assert len(session.told) == 1


async def test_O3_a_mistake_in_the_handler_leaves_the_others_told():
    def mistake(outcome):
        raise ValueError("scripted")

    session = Session()
    printed = []
    before = endpoint.print_exception
    endpoint.print_exception = printed.append
    session.ws.on_close = mistake
    waiting = start(session.ws.wait_closed())
    await session.feed(session.peer_close(1000))
    endpoint.print_exception = before
    assert (await waiting).clean
    assert session.transport.ended == FIN
    assert [type(error) for error in printed] == [ValueError]
    # asyncio would keep an exception that it is left with, and with that all of the connection.
    await session.ws._reader


async def test_close_is_synchronous_and_checks_at_once():
    session = Session()
    for arguments in ((1005,), (1006,), (5000,), (None, "why"), (1000, "\ud800")):
        try:
            session.ws.close(*arguments)
            raise AssertionError(arguments)
        except ValueError:
            pass
    assert not session.ws.asked
    await session.clock.advance(200)
    assert session.sent() == []
    assert session.ws.close(1000) is None
    assert session.ws.asked
    await run()
    assert session.sent() == [(0x88, close_payload(1000))]


async def test_iteration_goes_on_after_our_close():
    # "I am done sending": what the peer still says is delivered.
    session = Session()
    reading = start(messages(session.ws))
    session.ws.close(1000)
    await session.feed(session.peer(0x81, b"m1"))
    await session.feed(session.peer(0x82, b"m2"))
    assert not reading.done()
    await session.feed(session.peer_close(1000))
    assert await reading == ["m1", b"m2"]
    await session.outcome(initiator="local", **WINDOW)


async def test_with_block_closes_and_waits():
    async def body(ws, error):
        async with ws as entered:
            assert entered is ws
            if error:
                raise error

    for error, code in ((None, 1000), (ValueError("scripted"), 1011)):
        session = Session()
        task = start(raises(ValueError, body(session.ws, error)))
        await run()
        assert not task.done()
        assert session.sent() == [(0x88, close_payload(code))]
        await session.feed(session.peer_close(1000))
        assert await task == (error is not None)
        await session.outcome(
            code=1000, clean=True, sent_code=code, rcvd_code=1000, initiator="local"
        )


async def test_with_block_that_is_cancelled_goes_away():
    async def body(ws):
        async with ws:
            await asyncio.Event().wait()

    session = Session()
    task = start(raises(asyncio.CancelledError, body(session.ws)))
    await run()
    task.cancel()
    await run()
    assert session.sent() == [(0x88, close_payload(1001))]
    await session.feed(session.peer_close(1001))
    assert await task
    await session.outcome(code=1001, clean=True, sent_code=1001, rcvd_code=1001, initiator="local")
