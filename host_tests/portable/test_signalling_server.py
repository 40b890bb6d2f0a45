"""The broker on connections: buffers that come back, peers that fail, and the board's own."""

from recorder import LOST, Recorder
from scripted import EOF, ScriptedTransport, broken, run
from signalbox.signalling.peer import CONSUMER, LISTENER, PRODUCER, SignallingPeer
from signalling_site import SDP, Site, offer
from wire import KEY, close_payload, frame

SLOW = 6000  # ms for a large message that others wait for


def ice(session):
    return {"type": "peer", "sessionId": session, "ice": {"candidate": "c", "sdpMLineIndex": 0}}


async def test_stop_closes_behind_what_a_peer_is_still_to_be_sent():
    site = Site()
    producer, consumer, session = await site.session()
    consumer.transport.room = 0
    await producer.sends(b"".join([producer.frame(ice(session)) for _ in range(40)]))
    await site.clock.advance(200)  # all of them are taken
    site.server.stop()
    await run()
    assert producer.kinds() == [("close", 1001)]
    await producer.closes(1001)
    consumer.transport.give_room(1 << 20)
    await run()
    assert consumer.kinds() == ["peer"] * 40 + [("close", 1001)]
    await consumer.closes(1001)
    await site.end()


async def test_large_messages_go_through_one_buffer_in_order():
    site = Site()
    producer, consumer, session = await site.session()
    messages = [offer(session, SDP + str(i)) for i in range(4)]
    messages.insert(2, ice(session))
    await producer.sends(*[producer.frame(message) for message in messages])
    await site.clock.advance(500)
    assert consumer.sent() == messages
    site.is_clean()
    await site.end(producer, consumer)


async def test_buffers_come_back_however_a_peer_ends():
    close = frame(0x88, close_payload(1000), KEY)
    for items in (
        [EOF],
        [broken(104)],
        [close],
        [b"\xff" * 10],
        [frame(0x81, b"\xff" * 2000, KEY)],
        [frame(0x01, b"x" * 2000, KEY), close],
        [frame(0x01, b"x" * 2000, KEY), EOF],
        [frame(0x81, b"x" * 3000, KEY)[:2000], EOF],
        [frame(0x81, b"x" * 3000, KEY)[:2000], broken(104)],
        [frame(0x81, b"x" * 3000, KEY), frame(0x81, b"x" * 3000, KEY), close],
        [frame(0x81, b"x" * 3000, KEY), frame(0x81, b"x" * 3000, KEY), EOF],
        [frame(0x81, b"x" * 3000, KEY), b"\xff" * 10],
        [b"\x81\xfe" + (30000).to_bytes(2, "big") + KEY + b"x" * 2000],
        [frame(0x82, b"x" * 3000, KEY), frame(0x82, b"", KEY), EOF],
    ):
        await buffers_come_back(items)


async def buffers_come_back(items):
    # A function for its names: a board has no room for two sites.
    site = Site()
    producer, consumer, session = await site.session()
    large = producer.frame(offer(session))
    await producer.sends(large, large, *items)
    await site.clock.advance(7000)
    if not producer.transport.ended:
        producer.transport.feed(EOF)
        await site.clock.advance(7000)
    assert producer.transport.ended, items
    kinds = consumer.kinds()
    assert kinds[-1] == "endSession" and kinds[:-1].count("peer") == len(kinds) - 1
    assert len(site.broker.peers) == 1 and not site.broker.sessions
    site.is_clean()
    await site.end(consumer)
    assert site.faults == []


async def test_buffers_come_back_from_who_goes_silent_inside_a_message():
    for begin in (frame(0x81, b"x" * 5000, KEY)[:3000], frame(0x01, b"x" * 100, KEY)):
        site = Site()
        producer, consumer, _session = await site.session()
        await producer.sends(begin)
        assert len(site.server.pool._lent) == 1
        await site.clock.advance(40000)
        assert producer.transport.ended
        site.is_clean()
        assert consumer.transport.ended
        await site.end()


async def test_a_peer_without_memory_for_its_message_is_closed_and_its_buffers_come_back():
    site = Site()
    producer, consumer, session = await site.session()
    receive = site.broker.receive
    left = [1]

    def scarce(peer, octets):
        if left[0] and len(octets) > 1000:
            left[0] -= 1
            raise MemoryError
        return receive(peer, octets)

    site.broker.receive = scarce
    large = producer.frame(offer(session))
    await producer.sends(large + large + large)
    # What comes before it answers the Close has buffers, too.
    await producer.sends(large, large)
    assert producer.kinds() == [("close", 1011)]
    assert consumer.kinds() == ["endSession"]
    await producer.closes(1011)
    await site.clock.advance(7000)
    assert producer.transport.ended
    site.is_clean()
    # The others go on.
    producer = await site.enter("producer")
    await consumer.says(type="startSession", peerId=producer.id)
    session = consumer.sent()[0]["sessionId"]
    await producer.says(**offer(session))
    assert consumer.sent() == [offer(session)]
    await site.end(producer, consumer)


async def test_without_memory_for_a_peer_its_place_is_not_lost():
    site = Site(max_peers=2)
    for times in range(3):
        left = [times + 1]

        def scarce(n, left=left):
            left[0] -= 1
            if left[0] >= 0:
                raise MemoryError
            return bytes(range(n))

        before = site.broker._random
        site.broker._random = scarce
        peer = await site.connect()
        assert peer.kinds() == [("close", 1011)]
        # A message that it sent meanwhile.
        await peer.sends(frame(0x81, b"x" * 3000, KEY))
        await peer.closes(1011)
        await site.clock.advance(7000)
        site.broker._random = before
        assert len(site.broker.peers) == 0
        site.is_clean()

    class Scarce(dict):
        def __setitem__(self, key, value):
            raise MemoryError

    site.broker._peers = Scarce()
    peer = await site.connect()
    await peer.closes(1011)
    await site.clock.advance(7000)
    site.broker._peers = {}
    peers = [await site.enter(), await site.enter()]
    await site.end(*peers)


async def test_a_peer_that_stops_inside_a_large_message_holds_up_nobody_for_long():
    site = Site()
    producer, consumer, session = await site.session()
    slow = await site.enter()
    large = producer.frame(offer(session))
    await slow.sends(large[:1100])
    await site.clock.advance(3 * SLOW)
    # While nobody wants the buffer it may keep it, if it is alive.
    assert not slow.transport.ended
    await producer.sends(large)
    await site.clock.advance(1000)
    assert slow.kinds()[-1] == ("close", 1008)
    await site.clock.advance(2500)
    assert slow.transport.ended
    assert consumer.sent() == [offer(session)]
    site.is_clean()
    # One that drips gains nothing.
    slow = await site.enter()
    await slow.sends(large[:1100])
    await producer.sends(large)
    waited = 0
    while not slow.transport.ended:
        assert waited <= SLOW + 3000
        await slow.sends(large[1100 + waited // 100 : 1101 + waited // 100])
        await site.clock.advance(100)
        waited += 100
    assert consumer.sent() == [offer(session)]
    await site.end(producer, consumer)


async def test_the_end_of_the_server_closes_every_peer_and_waits():
    site = Site()
    producer, consumer, session = await site.session()
    site.server.stop()
    await run()
    for peer in (producer, consumer):
        assert peer.sent() == [("close", 1001)]
    await site.clock.advance(1000)
    assert not site.running.done()
    await producer.closes(1001)
    await run()
    assert producer.transport.ended and not site.running.done()
    # What is sent before the answer is no fault.
    await consumer.says(**offer(session))
    await consumer.closes(1001)
    await site.clock.advance(500)
    assert site.running.done()
    await site.running
    site.is_clean()
    assert site.faults == []
    assert len([line for line in site.lines if "code=1001 clean=True" in line]) == 2
    late = ScriptedTransport()
    assert site.listener.closed and not late.ended


async def test_a_server_that_is_cancelled_listens_no_more():
    site = Site()
    peer = await site.enter()
    site.running.cancel()
    await run()
    assert site.listener.closed
    assert peer.sent() == [("close", 1001)]
    await peer.closes(1001)
    await site.clock.advance(1000)
    assert peer.transport.ended


# The board's own peer


def device(*roles):
    delegate = Recorder()
    return delegate, SignallingPeer(delegate, roles, {"name": "cam"})


async def test_the_board_s_own_peer_is_one_among_the_others():
    delegate, peer = device(PRODUCER, LISTENER)
    site = Site(peer)
    assert delegate.told[0] == ("registered", peer.id)
    consumer = await site.enter("listener")
    await consumer.says(type="list")
    assert consumer.sent() == [
        {"type": "list", "producers": [{"id": peer.id, "meta": {"name": "cam"}}]}
    ]
    delegate.told = []
    await consumer.says(type="startSession", peerId=peer.id, offer=SDP)
    session = consumer.sent()[0]["sessionId"]
    assert delegate.told == [("started", session, consumer.id, PRODUCER, SDP)]
    peer.send_sdp(peer.sessions[session], "answer", SDP)
    site.deliver()
    await run()
    answer = {"type": "peer", "sessionId": session, "sdp": {"type": "answer", "sdp": SDP}}
    assert consumer.sent() == [answer]
    delegate.told = []
    await consumer.says(**ice(session))
    assert delegate.told == [("ice", session, "c", 0)]
    peer.end_session(peer.sessions[session])
    site.deliver()
    await run()
    assert consumer.kinds() == ["endSession"]
    await site.end(consumer)


async def test_it_may_deliver_from_inside_its_delegate_and_order_is_kept():
    delegate, peer = device(CONSUMER, LISTENER)
    site = Site(peer)
    producer = await site.enter("producer")

    def answer(*_):
        for session in peer.sessions.values():
            peer.send_ice(session, "mine", 0)
        site.deliver()

    delegate.then["started"] = answer
    await producer.says(type="startSession", peerId=peer.id)
    # The producer hears of the session before anything in it.
    assert producer.kinds() == ["startSession", "peer"]
    await site.end(producer)


async def test_when_it_fails_it_is_as_if_it_had_left_and_come_again():
    for kind in (MemoryError, ValueError):
        delegate, peer = device(PRODUCER)
        site = Site(peer)
        listener = await site.enter("listener")
        sessions = []
        for _ in range(2):
            await listener.says(type="startSession", peerId=peer.id)
            sessions.append(listener.sent()[0]["sessionId"])
        left = [3]

        def fail(*_, left=left, kind=kind):
            if left[0]:
                left[0] -= 1
                raise kind

        delegate.told = []
        delegate.then["ice"] = delegate.then["ended"] = fail
        before = peer.id
        large = offer(sessions[0])
        large["sdp"]["type"] = "answer"
        await listener.sends(
            b"".join([listener.frame(message) for message in (large, ice(sessions[0]), large)])
        )
        await site.clock.advance(2000)
        assert left == [0]
        assert [what[0] for what in delegate.told] == ["sdp", "ice", "ended", "ended", "registered"]
        assert peer.id != before
        sent = listener.sent()
        assert sorted(m["sessionId"] for m in sent if m["type"] == "endSession") == sorted(sessions)
        assert sent[-1]["type"] == "peerStatusChanged" and sent[-1]["peerId"] == peer.id
        assert sent[-1]["roles"] == ["producer"]
        assert len(site.broker.peers) == 2 and len(site.server._outboxes) == 2
        site.is_clean()
        assert len(site.faults) == (0 if kind is MemoryError else 3)
        # The one that spoke to it has nothing to do with that.
        await listener.says(type="startSession", peerId=peer.id)
        assert listener.kinds() == ["sessionStarted"]
        await site.end(listener)
        assert LOST in delegate.told[2]
