"""TCP ends, at the endpoint: rows E1 to E7 of close.md, and what GStreamer's server does."""

import errno

from scripted import ECONNRESET, EOF, EPIPE, Session, broken, messages, run
from wire import ROLES, close_payload


async def test_E1_eof_when_open():
    for client in ROLES:
        session = Session(client)
        await session.feed(EOF)
        assert session.sent() == []
        await session.outcome()


async def test_E1_reset_when_open():
    for client in ROLES:
        session = Session(client)
        await session.feed(broken(ECONNRESET))
        await session.outcome(tcp_reset=True)


async def test_E1_another_error_when_open():
    session = Session()
    await session.feed(broken(errno.EIO))
    await session.outcome()


async def test_E1_accepted_messages_are_still_written():
    for client in ROLES:
        session = Session(client)
        session.transport.room = 3
        await session.ws.send("accepted")
        await session.feed(EOF)
        assert session.ws.outcome is None
        session.transport.give_room(None)
        await run()
        assert session.sent() == [(0x81, b"accepted")]
        await session.outcome()


async def test_E2_eof_inside_a_frame():
    for client in ROLES:
        session = Session(client)
        whole = session.peer(0x81, b"whole")
        await session.feed(whole, session.peer(0x82, b"not all of it")[:9], EOF)
        assert await messages(session.ws) == ["whole"]
        await session.outcome(truncated=True)


async def test_E2_eof_inside_a_large_message():
    # Large enough to be read where it belongs, without the borrowed buffer.
    session = Session(buffer=200)
    await session.feed(session.peer(0x82, bytes(1000))[:900], EOF)
    await session.outcome(truncated=True)


async def test_E3_eof_after_our_close():
    for client in ROLES:
        for end in (EOF, broken(ECONNRESET)):
            session = Session(client)
            session.ws.close(4001, "bye")
            await run()
            assert session.sent() == [(0x88, close_payload(4001, b"bye"))]
            await session.feed(end)
            await session.outcome(
                initiator="local", sent_code=4001, peer_no_echo=True, tcp_reset=end is not EOF
            )


async def test_E4_eof_after_the_handshake():
    # A server may have closed TCP by then: it goes first.
    session = Session(client=True)
    await session.feed(session.peer_close(1000, b"why"))
    assert session.ws.outcome is None
    await session.feed(EOF)
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.outcome(
        code=1000, reason="why", clean=True, initiator="peer", sent_code=1000, rcvd_code=1000
    )


async def test_E4_close_and_eof_in_one_read():
    for client in ROLES:
        session = Session(client)
        await session.feed(session.peer_close(4000), EOF)
        assert session.sent() == [(0x88, close_payload(4000))]
        await session.outcome(
            code=4000, clean=True, initiator="peer", sent_code=4000, rcvd_code=4000
        )


async def test_E5_reset_after_the_handshake():
    session = Session(client=True)
    session.ws.close(1000)
    await run()
    await session.feed(session.peer_close(1000), broken(ECONNRESET))
    await session.outcome(
        code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000, tcp_reset=True
    )


async def test_E6_messages_before_a_reset():
    for client in ROLES:
        session = Session(client)
        await session.feed(session.peer(0x81, b"m1"), session.peer(0x82, b"m2"), broken(ECONNRESET))
        assert await messages(session.ws) == ["m1", b"m2"]
        await session.outcome(tcp_reset=True)


async def test_E6_more_messages_than_the_queue_takes():
    # They wait in the kernel until the application has room; then comes the reset.
    session = Session()
    frames = b"".join(session.peer(0x81, b"%d" % i) for i in range(50))
    await session.feed(frames, broken(ECONNRESET))
    assert session.ws.outcome is None
    assert await messages(session.ws) == [str(i) for i in range(50)]
    await session.outcome(tcp_reset=True)


async def test_E7_write_fails_and_the_peers_close_is_on_its_way():
    for client in ROLES:
        session = Session(client)
        session.transport.fail_writes(broken(EPIPE))
        await session.ws.send("lost")
        await run()
        assert session.ws.outcome is None
        await session.feed(session.peer(0x81, b"last words"), session.peer_close(4001, b"why"))
        assert await messages(session.ws) == ["last words"]
        await session.feed(EOF)
        await session.outcome(
            code=4001, reason="why", initiator="peer", rcvd_code=4001, undelivered=1
        )


async def test_E7_write_is_reset():
    session = Session()
    session.transport.room = 0
    await session.ws.send("lost")
    session.transport.fail_writes(broken(ECONNRESET))
    await run()
    assert session.ws.outcome is None
    await session.feed(session.peer_close(1001), EOF)
    await session.outcome(
        code=1001, initiator="peer", rcvd_code=1001, undelivered=1, tcp_reset=True
    )


async def test_gstreamers_server_answers_a_close_with_a_bare_fin():
    # Since 0.14. Reported truthfully, and marked as nothing to worry about.
    session = Session(client=True)
    session.ws.close(1000)
    await run()
    await session.feed(EOF)
    await session.outcome(initiator="local", sent_code=1000, peer_no_echo=True)
