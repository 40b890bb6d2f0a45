"""How the endpoint takes TCP down: rows K1 to K7 of close.md."""

from scripted import BLOCKED, EOF, FIN, RST, ScriptedTransport, Session, messages, run, start
from wire import KEY, ROLES, close_payload


async def test_K1_server_closes_tcp_first():
    for local in (False, True):
        session = Session()
        if local:
            session.ws.close(1000)
            await run()
        await session.feed(session.peer_close(1000))
        record = session.transport.record
        assert record[-1] == FIN
        assert EOF not in record
        assert session.sent() == [(0x88, close_payload(1000))]
        await session.outcome(
            code=1000,
            clean=True,
            initiator="local" if local else "peer",
            sent_code=1000,
            rcvd_code=1000,
        )


async def test_K1_not_before_the_last_octet_is_written():
    session = Session(transport=ScriptedTransport(room=0))
    await session.feed(session.peer_close(1000))
    for _ in range(4):
        assert session.transport.ended is None
        session.transport.give_room(1)
        await run()
    await session.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


async def test_K1_whatever_tcp_says_to_it():
    class Grumbling(ScriptedTransport):
        def close(self):
            super().close()
            raise OSError(12, "scripted")

    session = Session(transport=Grumbling())
    await session.feed(session.peer_close(1000))
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


async def test_what_was_borrowed_is_given_back():
    for client in ROLES:
        session = Session(client)
        buffers = session.ws.connection.settings.buffers
        await session.feed(session.peer(0x81, b"m1"), session.peer_close(1000), EOF)
        await session.clock.advance(400)
        assert session.transport.ended == FIN
        # No other was made to drain it, and the one that read is there for the next connection.
        assert len(buffers._free) == 1


async def test_K2_unread_input_is_drained():
    session = Session(buffer=200)
    # More than one read, of what a peer may send in the same breath as its Close.
    await session.feed(session.peer_close(1000), bytes(5000))
    record = session.transport.record
    assert sum(entry[1] for entry in record if entry[0] == "read") == 5008
    assert record[-2:] == [BLOCKED, FIN]
    assert session.sent() == [(0x88, close_payload(1000))]
    await session.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


async def test_K2_input_that_comes_while_the_reply_is_written():
    transport = ScriptedTransport(room=0)
    session = Session(transport=transport)
    await session.feed(session.peer_close(1000))
    transport.when(lambda: transport.written != b"", bytes(30000))
    transport.give_room(None)
    await session.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


async def test_K2_client_reads_on_until_the_servers_fin():
    session = Session(client=True)
    await session.feed(session.peer_close(1000), bytes(5000))
    await session.feed(bytes(5000))
    await session.feed(bytes(5000), EOF)
    assert session.transport.record[-2:] == [EOF, FIN]
    await session.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


async def test_K3_everything_is_written_before_tcp_is_closed():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0), buffer=140)
        await session.ws.send("m1")
        sending = start(session.ws.send(bytes(1000)))
        await run()
        session.ws.close(1000)
        await session.feed(session.peer(0x89, b"hi"), session.peer_close(1000))
        while len(session.transport.written) < 1000:
            assert session.transport.ended is None
            session.transport.give_room(7)
            await run()
        session.transport.give_room(None)
        await run()
        await session.feed(*([EOF] if client else []))
        await sending
        # The Ping came before the peer's Close, so it is answered.
        assert session.sent() == [
            (0x81, b"m1"),
            (0x82, bytes(1000)),
            (0x8A, b"hi"),
            (0x88, close_payload(1000)),
        ]
        assert session.transport.record[-1] == FIN
        await session.outcome(
            code=1000, clean=True, initiator="both", sent_code=1000, rcvd_code=1000
        )


async def test_K4_fail_while_the_peer_uploads():
    for client in ROLES:
        session = Session(client, max_message=1000)
        transport = session.transport
        header = bytes([0x82, 127 if client else 0xFF]) + (1 << 20).to_bytes(8, "big")
        if not client:
            header += KEY
        await session.feed(header, bytes(4000))
        # The Close is there at once, and TCP stays, as a reset would destroy it.
        assert session.sent() == [(0x88, close_payload(1009))]
        for _ in range(20):
            for _ in range(10):
                await session.feed(bytes(5000))
            await session.clock.advance(90)
            assert transport.ended is None
        assert session.ws.connection.reader.body is None
        # Silence says that the peer has noticed.
        await session.clock.advance(400)
        assert transport.record[-1] == FIN
        await session.outcome(initiator="local", sent_code=1009, failed_with=1009, truncated=True)


async def test_K4_an_upload_without_end_is_cut_off():
    # By then the peer has had its time to read the Close.
    for cap in ({"drain": 100000}, {"tcp_timeout": 500}):
        session = Session(max_message=1000, **cap)
        transport = session.transport
        header = bytes([0x82, 0xFF]) + (1 << 24).to_bytes(8, "big") + KEY
        await session.feed(header)
        assert session.sent() == [(0x88, close_payload(1009))]
        fed = 0
        while transport.ended is None:
            await session.feed(bytes(20000))
            fed += 20000
            await session.clock.advance(100)
            assert fed <= 200000
        assert fed >= 100000
        await session.outcome(initiator="local", sent_code=1009, failed_with=1009, truncated=True)


async def test_K5_tls_offers_the_same_octets_again():
    # What mbedTLS has begun to encrypt can't be taken back: it goes before a Close that would
    # else overtake it. The transport fails the test if it is offered other octets.
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0, tls=True), buffer=200)
        await session.ws.send("begun")
        await run()
        await session.ws.send("not begun")
        await session.feed(session.peer(0x81, b"\xff"))
        assert session.ws.connection.failed_with == 1007
        session.transport.give_room(None)
        await run()
        assert session.sent() == [(0x81, b"begun"), (0x88, close_payload(1007))]
        await session.feed(EOF)
        await session.outcome(
            initiator="local", sent_code=1007, failed_with=1007, undelivered=1, truncated=True
        )


async def test_K5_tls_clean_close():
    for client in ROLES:
        transport = ScriptedTransport(room=0, most=3, tls=True)
        session = Session(client, transport, buffer=200)
        sending = start(session.ws.send(bytes(700)))
        await run()
        session.ws.close(1000)
        while len(transport.written) < 700:
            transport.give_room(100)
            await run()
        transport.give_room(None)
        await sending
        await run()
        assert session.sent() == [(0x82, bytes(700)), (0x88, close_payload(1000))]
        await session.feed(session.peer_close(1000), *([EOF] if client else []))
        await session.outcome(
            code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000
        )


async def test_K6_close_now_in_any_state():
    def opened(session):
        return {}

    def closing(session):
        session.ws.close(4000)
        return {}

    def blocked(session):
        session.transport.room = 0
        session.ws.close(4000)
        return {}

    def received(session):
        session.transport.room = 0
        session.transport.feed(session.peer_close(4001, b"why"))
        return {"code": 4001, "reason": "why", "rcvd_code": 4001, "initiator": "peer"}

    def failed(session):
        session.transport.feed(session.peer(0xF1))
        return {"failed_with": 1002, "initiator": "local", "sent_code": 1002}

    for client in ROLES:
        for reach in (opened, closing, blocked, received, failed):
            session = Session(client)
            expected = reach(session)
            if reach is not closing:
                await run()
            session.ws.close_now()
            session.ws.close_now()
            await run()
            # At once: no time has passed.
            assert session.ws.outcome
            if reach is closing and session.transport.written:
                expected = {"initiator": "local", "sent_code": 4000}
            await session.outcome(**expected)


async def test_K6_close_now_does_not_wait_for_input_or_output():
    for client in ROLES:
        session = Session(client, ScriptedTransport(room=0))
        await session.ws.send("never written")
        # Read ahead as far as the endpoint does without an application.
        await session.feed(session.peer(0x82, bytes(2000)) * 8)
        session.ws.close_now()
        assert session.ws.asked
        await run()
        assert session.transport.ended == RST
        assert len(await messages(session.ws)) > 0
        await session.outcome(tcp=RST, undelivered=1)


async def test_K7_client_waits_for_the_servers_fin():
    for local in (False, True):
        session = Session(client=True)
        if local:
            session.ws.close(1000)
            await run()
        await session.feed(session.peer_close(1000))
        assert session.sent() == [(0x88, close_payload(1000))]
        await session.clock.advance(1800)
        assert session.transport.ended is None
        await session.feed(EOF)
        assert session.transport.record[-2:] == [EOF, FIN]
        await session.outcome(
            code=1000,
            clean=True,
            initiator="local" if local else "peer",
            sent_code=1000,
            rcvd_code=1000,
        )


async def test_K7_or_until_tcp_timeout():
    session = Session(client=True)
    await session.feed(session.peer_close(1000))
    await session.clock.advance(1900)
    assert session.transport.ended is None
    await session.clock.advance(300)
    assert session.transport.record[-1] == FIN
    assert EOF not in session.transport.record
    await session.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)
