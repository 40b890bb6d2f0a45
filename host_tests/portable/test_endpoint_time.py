"""Deadlines, disorder and keepalive at the endpoint: rows T1 to T7 of close.md, and ping()."""

import asyncio

from scripted import EOF, FIN, RST, ScriptedTransport, Session, messages, raises, run, start
from signalbox.net import endpoint
from signalbox.net.endpoint import Deadline
from signalbox.ws.close import ConnectionClosed
from wire import ROLES, close_payload


async def ended_after(session, most):
    """Milliseconds until TCP is closed; the clock of the endpoint ticks every 100."""
    passed = 0
    while session.transport.ended is None:
        assert passed < most, f"still open after {passed} ms"
        await session.clock.advance(50)
        passed += 50
    return passed


async def test_T1_peer_is_silent_after_our_close():
    for client in ROLES:
        session = Session(client)
        session.ws.close(4001, "bye")
        assert 4950 <= await ended_after(session, 6000) <= 5150
        assert session.sent() == [(0x88, close_payload(4001, b"bye"))]
        await session.outcome(initiator="local", sent_code=4001, timed_out=True)


async def test_T1_nothing_can_be_written():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0), close_timeout=400, finish_timeout=0)
        await session.ws.send("lost")
        session.ws.close(1000)
        assert 350 <= await ended_after(session, 1000) <= 550
        await session.outcome(undelivered=1, timed_out=True)


async def test_T2_peer_drips():
    # Neither octets nor whole messages nor Pings gain the peer time.
    wait = bytes(100)
    for client in ROLES:
        session = Session(client)
        session.ws.close(1000)
        await run()
        wire = session.peer(0x81, b"drip") + session.peer(0x89, b"?") + session.peer(0x82, wait)
        passed = 0
        while session.transport.ended is None:
            assert passed < 6000
            await session.feed(wire[:1])
            wire = wire[1:]
            await session.clock.advance(100)
            passed += 100
        assert 4900 <= passed <= 5200
        assert await messages(session.ws) == ["drip"]
        await session.outcome(initiator="local", sent_code=1000, timed_out=True)


async def test_T3_server_never_ends_tcp():
    session = Session(client=True)
    session.ws.close(1000)
    await session.clock.advance(1000)
    await session.feed(session.peer_close(1000))
    assert 1950 <= await ended_after(session, 3000) <= 2150
    assert session.transport.record[-1] == FIN
    await session.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


async def test_T4_queue_full_and_a_close_behind_it():
    for client in ROLES:
        session = Session(client)
        frames = b"".join(session.peer(0x81, b"%d" % i) for i in range(100))
        await session.feed(frames, session.peer_close(4000))
        assert session.ws.connection.rcvd_code is None
        # Nobody takes messages any more, so they don't stand in the Close's way.
        session.ws.close(1000)
        await session.feed(*([EOF] if client else []))
        await session.clock.advance(400)
        assert session.ws.connection.rcvd_code == 4000
        taken = await messages(session.ws)
        assert taken == [str(i) for i in range(len(taken))]
        outcome = session.ws.outcome
        assert outcome.discarded == 100 - len(taken) > 0
        await session.outcome(
            code=4000,
            clean=True,
            initiator="local",
            sent_code=1000,
            rcvd_code=4000,
            discarded=outcome.discarded,
        )


async def test_T4_an_application_that_reads_gets_everything():
    session = Session()
    frames = b"".join(session.peer(0x81, b"%d" % i) for i in range(100))
    reading = start(messages(session.ws))
    session.ws.close(1000)
    for i in range(0, len(frames), 50):
        await session.feed(frames[i : i + 50])
    await session.feed(session.peer_close(1000))
    assert await reading == [str(i) for i in range(100)]
    await session.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


async def test_T4_an_application_that_reads_gets_everything_that_comes_at_once():
    for client in ROLES:
        session = Session(client)
        reading = start(messages(session.ws))
        session.ws.close(1000)
        frames = b"".join(session.peer(0x81, b"%d" % i) for i in range(100))
        await session.feed(frames)
        await session.feed(session.peer_close(1000), *([EOF] if client else []))
        assert await reading == [str(i) for i in range(100)]
        await session.outcome(
            code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000
        )


async def test_T5_waiter_of_the_close_is_cancelled():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0))
        await session.ws.send("m1")
        session.ws.close(1000)
        for room in (1, 2, 3):
            waiting = start(session.ws.wait_closed())
            await run()
            session.transport.give_room(room)
            waiting.cancel()
            await run()
            assert waiting.done()
        session.transport.give_room(None)
        await run()
        assert session.sent() == [(0x81, b"m1"), (0x88, close_payload(1000))]
        await session.feed(session.peer_close(1000), *([EOF] if client else []))
        await session.outcome(
            code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000
        )


async def test_T6_two_tasks_send_and_pings_come_while_closing():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0), buffer=200)
        ws = session.ws
        outcomes = []

        async def send(letter, ws=ws, outcomes=outcomes):
            for n in (10, 500) * 4:
                try:
                    await ws.send(letter * n)
                    outcomes.append((letter, n))
                except Exception as error:
                    outcomes.append(type(error).__name__)
                    break

        tasks = [start(send("a")), start(send("b"))]
        for i in range(300):
            session.transport.give_room(7)
            if i % 10 == 0 and i < 100:
                session.transport.feed(session.peer(0x89, b"%d" % i))
            if i == 150:
                ws.close(1000)
            await run()
        session.transport.give_room(None)
        await run()
        await session.feed(session.peer_close(1000), *([EOF] if client else []))
        for task in tasks:
            await task
        # Strictly parsed: no frame is torn. Every accepted message is there, once, in order.
        sent = session.sent()
        assert sent[-1] == (0x88, close_payload(1000))
        found = [payload for first, payload in sent if first == 0x81]
        for letter in "ab":
            mine = [payload for payload in found if payload[:1] == letter.encode()]
            accepted = [n for entry, n in [e for e in outcomes if len(e) == 2] if entry == letter]
            assert mine == [letter.encode() * n for n in accepted]
        pongs = [int(payload) for first, payload in sent if first == 0x8A]
        assert pongs == sorted(set(pongs)) and pongs[-1] == 90
        assert outcomes.count("ConnectionClosed") == 2
        assert len(found) + len(pongs) + 1 == len(sent)
        await session.outcome(
            code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000
        )


async def test_T7_missed_pong():
    for client in ROLES:
        session = Session(client)
        await session.clock.advance(19900)
        assert session.sent() == []
        await session.clock.advance(300)
        assert session.sent() == [(0x89, b"signalbox")]
        await session.clock.advance(9700)
        assert session.sent() == []
        await session.clock.advance(400)
        assert session.sent() == [(0x88, close_payload(1011, b"no pong"))]
        assert not session.ws.asked
        assert 4700 <= await ended_after(session, 6000) <= 5100
        await session.outcome(initiator="local", sent_code=1011, timed_out=True)


async def test_T7_missed_pong_and_nothing_can_be_written():
    session = Session(transport=ScriptedTransport(room=0))
    await session.ws.send("lost")
    await session.clock.advance(34000)
    assert session.ws.outcome is None
    await session.clock.advance(1500)
    await session.outcome(undelivered=1, timed_out=True)


async def test_T7_whatever_comes_keeps_the_connection():
    session = Session()
    for octets in (session.peer(0x8A), session.peer(0x81, b"text"), session.peer(0x89)):
        await session.clock.advance(29000)
        await session.feed(octets)
    session.sent()
    await session.clock.advance(19000)
    assert session.sent() == []
    assert session.ws.connection.state == "OPEN"


class Zeros:
    """A source of `n` octets, which needs no memory."""

    def __init__(self, n):
        self.left = n

    def readinto(self, buf):
        n = min(len(buf), self.left)
        self.left -= n
        return n


async def test_T7_a_link_that_takes_octets_is_alive_while_there_is_no_room_for_a_ping():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0), buffer=1100)
        sending = start(session.ws.send(Zeros(60000)))
        for _ in range(60):
            await session.clock.advance(1000)
            session.transport.give_room(1000)
            await run()
            session.transport.written = b""  # a board has no room for all of it
            session.transport.record.clear()
            assert session.ws.connection.state == "OPEN"
        # When it stands still, it isn't.
        stood = 0
        while session.ws.connection.state == "OPEN":
            assert stood < 31
            stood += 1
            await session.clock.advance(1000)
        await session.clock.advance(6000)
        await sending
        await session.outcome(undelivered=1, timed_out=True)


async def test_T7_a_ping_that_finds_no_room_for_a_moment_is_sent_later():
    session = Session()
    await session.clock.advance(19900)
    session.transport.room = 0
    sending = start(session.ws.send(bytes(6000)))
    await session.clock.advance(300)
    session.transport.give_room(1 << 20)
    await run()
    assert sending.done()
    assert session.sent() == [(0x82, bytes(6000))]
    await session.clock.advance(19000)
    assert session.sent() == []
    await session.clock.advance(1200)
    ((first, payload),) = session.sent()
    assert first == 0x89
    await session.feed(session.peer(0x8A, payload))
    await session.clock.advance(15000)
    assert session.ws.connection.state == "OPEN"


async def test_the_clock_goes_on_when_a_tick_is_broken_off():
    # Ctrl-C breaks whatever runs; what is to be closed then has deadlines all the same.
    class Ticker:
        def tick(self, now):
            if broken_off:
                endpoint.unwatch(self)
            else:
                broken_off.append(endpoint._clock_task)
                raise KeyboardInterrupt

    broken_off = []
    session = Session(close_timeout=400, finish_timeout=200)
    endpoint.watch(Ticker())
    clock = endpoint._clock()
    try:
        clock.send(None)
    except KeyboardInterrupt:
        pass
    assert endpoint._clock_task not in (None, broken_off[0])
    broken_off[0].cancel()
    session.ws.close(1000)
    await session.clock.advance(1000)
    await session.outcome(initiator="local", sent_code=1000, timed_out=True)


async def test_keepalive_does_not_count_against_a_peer_that_is_not_read():
    # It may have answered: the Pong stands behind messages that our application doesn't take.
    session = Session()
    await session.feed(session.peer(0x82, bytes(1000)) * 14)
    assert session.transport.unread > 0
    await session.clock.advance(120000)
    assert session.ws.connection.state == "OPEN"
    # Once it is read again, silence counts again.
    reading = start(messages(session.ws))
    await session.clock.advance(15000)
    assert session.transport.unread == 0
    await session.clock.advance(25000)
    assert session.sent()[-1] == (0x88, close_payload(1011, b"no pong"))
    await session.clock.advance(6000)
    assert len(await reading) == 14
    await session.outcome(initiator="local", sent_code=1011, timed_out=True)


async def test_T7_a_peer_that_is_not_read_is_alive_while_it_takes_what_waits():
    # The application stands in send(), and doesn't read: no Pong can be seen.
    for sizes in ((6000,), (60,) * 90):
        session = Session(transport=ScriptedTransport(room=0))

        async def sending(session=session, sizes=sizes):
            try:
                for n in sizes:
                    await session.ws.send(bytes(n))
            except ConnectionClosed:
                pass

        await session.feed(session.peer(0x82, bytes(1000)) * 14)
        task = start(sending())
        for _ in range(20):
            await session.clock.advance(9000)
            session.transport.give_room(60)
            await run()
        assert session.transport.unread > 0
        assert session.ws.connection.state == "OPEN" and not task.done()
        # When its power goes, TCP would find out, in many minutes.
        await session.clock.advance(36000)
        assert session.ws.outcome.timed_out
        await task


async def test_keepalive_can_be_switched_off():
    session = Session(ping_interval=0)
    await session.clock.advance(100000)
    assert session.transport.written == b""
    assert session.ws.connection.state == "OPEN"


async def test_ping_measures_the_round_trip():
    for client in ROLES:
        session = Session(client)
        pinging = start(session.ws.ping())
        await session.clock.advance(70)
        ((first, payload),) = session.sent()
        assert first == 0x89
        # Pongs that nobody asked for are no answer.
        await session.feed(session.peer(0x8A), session.peer(0x8A, b"unasked"))
        await session.clock.advance(50)
        assert not pinging.done()
        await session.feed(session.peer(0x8A, payload))
        assert await pinging == 120
        await session.drop()


async def test_ping_by_two_tasks_is_one():
    session = Session()
    pinging = [start(session.ws.ping()), start(session.ws.ping())]
    await session.clock.advance(30)
    ((_, payload),) = session.sent()
    await session.feed(session.peer(0x8A, payload))
    assert (await pinging[0], await pinging[1]) == (30, 30)
    # And the next is another.
    pinging = start(session.ws.ping())
    await session.clock.advance(10)
    assert len(session.sent()) == 1
    await session.feed(session.peer(0x8A, payload))
    assert await pinging == 10


async def test_ping_waits_for_room():
    session = Session(transport=ScriptedTransport(room=0), buffer=140)
    sending = start(session.ws.send(bytes(500)))
    pinging = start(session.ws.ping())
    await run()
    session.transport.give_room(None)
    await run()
    await sending
    (_, (first, payload)) = session.sent()
    assert first == 0x89
    await session.feed(session.peer(0x8A, payload))
    assert await pinging == 0


async def test_ping_without_an_answer_ends_with_the_connection():
    session = Session()
    pinging = start(raises(ConnectionClosed, session.ws.ping()))
    await run()
    await session.feed(EOF)
    assert await pinging
    session.sent()
    await session.outcome()


async def test_ping_is_answered_by_the_newest_pong_alone():
    # A peer that slept may answer the newest of several Pings, which is the keepalive's (5.5.3).
    session = Session()
    pinging = start(session.ws.ping())
    await session.clock.advance(20200)
    pings = session.sent()
    assert [first for first, _ in pings] == [0x89, 0x89]
    await session.feed(session.peer(0x8A, pings[-1][1]))
    assert await pinging == 20200
    await session.drop()


async def test_cancelled_ping_does_not_disturb_the_next():
    session = Session()
    pinging = start(session.ws.ping())
    await run()
    ((_, payload),) = session.sent()
    pinging.cancel()
    await run()
    again = start(session.ws.ping())
    await session.clock.advance(20)
    await session.feed(session.peer(0x8A, payload))
    assert await again == 20


async def test_a_deadline_cancels_its_task():
    session = Session()  # for its clock
    deadlines = []

    async def wait_for_ever():
        deadline = Deadline(500)
        deadlines.append(deadline)
        await asyncio.Event().wait()

    task = start(wait_for_ever())
    await session.clock.advance(400)
    assert not task.done()
    await session.clock.advance(200)
    assert task.done()
    assert deadlines[0].expired
    deadlines[0].done()
    deadlines[0].done()


async def test_a_deadline_that_is_met_cancels_nothing():
    session = Session()

    async def in_time():
        deadline = Deadline(500)
        deadline.done()
        await session.clock.sleep_ms(2000)
        return deadline.expired

    task = start(in_time())
    await session.clock.advance(2500)
    assert await task is False


async def test_a_fault_in_one_does_not_stop_the_clock_of_others():
    class Faulty:
        ticks = 0

        def tick(self, now):
            self.ticks += 1
            raise (MemoryError, KeyError("scripted"))[self.ticks % 2]

    session = Session(ping_interval=1000, pong_timeout=500)
    reported = []
    endpoint.print_exception = reported.append
    faulty = Faulty()
    endpoint.watch(faulty)
    await session.clock.advance(1200)
    assert session.sent() == [(0x89, b"signalbox")]
    assert 10 <= faulty.ticks <= 13  # there is one clock
    # A full heap is no news; what else goes wrong is said.
    assert 5 <= len(reported) <= faulty.ticks // 2 + 1
    assert all(isinstance(error, KeyError) for error in reported)
    endpoint.unwatch(faulty)
    await session.drop()


async def test_the_clock_stops_when_there_is_nothing_to_watch_and_starts_again():
    first = Session()
    await first.drop()
    await first.clock.advance(1000)
    assert endpoint._clock_task is None
    session = Session(clock=first.clock, ping_interval=1000)
    await session.clock.advance(1200)
    assert session.sent() == [(0x89, b"signalbox")]
    await session.drop()


async def test_two_connections_share_the_clock():
    session = Session(close_timeout=400, finish_timeout=0)
    other = Session(clock=session.clock, close_timeout=800, finish_timeout=0)
    session.ws.close(1000)
    other.ws.close(1000)
    await session.clock.advance(600)
    assert session.transport.ended == FIN
    assert other.transport.ended is None
    await session.clock.advance(400)
    assert other.transport.ended == FIN


class Chatter(ScriptedTransport):
    """Behind each `ping` that is read stands another one, 10,000 times. Keeps no record."""

    ping = None
    count = 10_000

    def read_at(self, buf, at, n):
        n = super().read_at(buf, at, n)
        if self.ping and self.count and not self._input:
            self.count -= 1
            self.feed(self.ping)
            self.record.clear()
            self.written = b""
        return n


async def test_a_peer_that_never_stops_does_not_stop_the_clock():
    # There is always something to read, and none of it is a Close.
    for client in ROLES:
        session = Session(client, Chatter(), close_timeout=300, finish_timeout=0)
        session.ws.close(1000)
        await run()
        session.transport.ping = session.peer(0x89)
        session.transport.feed(session.transport.ping)
        await session.clock.advance(500)
        assert session.transport.ended == RST
        await session.outcome(tcp=RST, initiator="local", sent_code=1000, timed_out=True)
