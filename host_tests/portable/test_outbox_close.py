"""Outbox.close(): a Close behind everything that was put, within a bounded time."""

from scripted import FIN, ScriptedTransport, Session, run
from signalbox.net import outbox
from signalbox.net.outbox import STALL, Outbox
from wire import close_payload

MANY = 50


def session_and_outbox(transport=None, **settings):
    session = Session(True, transport, ping_interval=0, **settings)
    session.clock.install(outbox)
    return session, Outbox(session.ws, in_flight=0)


async def test_what_was_put_comes_before_the_close():
    session, box = session_and_outbox()
    for i in range(MANY):
        box.put(f"message {i}")
    box.close(4001)
    box.put("too late")
    assert not session.ws.asked
    await run()
    await session.clock.advance(0)
    sent = session.sent()
    texts = [(0x81, b"message %d" % i) for i in range(MANY)]
    assert sent == texts + [(0x88, close_payload(4001))]
    await session.feed(session.peer_close(4001))
    await session.feed("EOF")
    await session.outcome(code=4001, clean=True, initiator="local", sent_code=4001, rcvd_code=4001)


async def test_nothing_was_put():
    session, box = session_and_outbox()
    box.close(1000)
    await run()
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.drop()


async def test_the_first_code_counts():
    session, box = session_and_outbox()
    box.put("message")
    box.close(4001)
    box.close(4002)
    await run()
    assert session.sent() == [(0x81, b"message"), (0x88, close_payload(4001))]
    await session.drop()


async def test_a_peer_that_takes_nothing_is_not_waited_for():
    session, box = session_and_outbox(
        ScriptedTransport(room=0), close_timeout=600, finish_timeout=300
    )
    for _ in range(3):  # more than the WebSocket takes before TCP does
        box.put("x" * 2500)
    box.close(1000)
    await session.clock.advance(STALL - 500)
    assert not session.ws.asked
    await session.clock.advance(1000)
    assert session.ws.asked
    await session.clock.advance(2000)
    assert session.ws.outcome.clean is False
    assert session.transport.ended


async def test_a_peer_that_takes_a_little_gains_no_time():
    session, box = session_and_outbox(ScriptedTransport(room=0))
    for _ in range(3):
        box.put("x" * 2500)
    box.close(1000)
    for i in range(12):
        assert session.ws.asked == (i * 1000 >= STALL), i
        session.transport.give_room(300)
        await session.clock.advance(1000)
    await session.drop()


async def test_the_peer_closes_meanwhile():
    session, box = session_and_outbox(ScriptedTransport(room=0))
    box.put("message")
    box.close(4001)
    await session.feed(session.peer_close(1001))
    session.transport.give_room(None)
    session.transport.room = None
    await run()
    await session.feed("EOF")
    await session.clock.advance(200)
    assert session.ws.outcome.code == 1001
    assert session.transport.ended == FIN
