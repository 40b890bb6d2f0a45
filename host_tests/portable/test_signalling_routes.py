"""Other routes beside the peers', on the same server."""

from scripted import EOF, FIN, broken
from scripted_listener import REQUEST
from signalling_site import Site, offer
from wire import KEY, close_payload, frame, frames


class Echo:
    """A route beside the peers'."""

    full = False

    async def serve(self, ws):
        async for message in ws:
            await ws.send(message, text=True)


async def test_beside_the_peers_others_have_web_sockets_of_the_same_server():
    site = Site(max_peers=1, routes={"/echo": Echo()})
    peer = await site.enter()
    other = await site.connect()
    assert other.transport.ended == FIN, "past max_peers, and yet let in"
    echo = await site.connect(REQUEST.replace(b"/path?query", b"/echo?query"))
    await echo.sends(frame(0x81, b"text", KEY))
    assert frames(echo.transport.written, False) == [(0x81, b"text")]
    echo.transport.written = b""
    assert len(site.broker.peers) == 1
    await site.end(peer, echo)


class Deaf:
    """A route that reads nothing."""

    full = False
    until = None  # the handler ends

    async def serve(self, ws):
        if self.until:
            await self.until(ws)


async def test_what_another_route_leaves_unread_holds_no_buffer():
    async def ended(ws):
        await ws.wait_closed()

    large = frame(0x81, b"x" * 1100, KEY)  # of the pool, and not enough to pause for
    for until in (None, ended):
        for end in ([EOF], [frame(0x88, close_payload(1000), KEY), EOF], [broken(104)]):
            deaf = Deaf()
            deaf.until = until
            site = Site(None, {"/deaf": deaf})
            other = await site.connect(REQUEST.replace(b"/path?query", b"/deaf") + large)
            other.transport.feed(*end)
            await site.clock.advance(1000)
            assert other.transport.ended
            producer, consumer, session = await site.session()
            await producer.says(**offer(session))
            assert consumer.sent() == [offer(session)], (until, end)
            await site.end(producer, consumer)


async def test_who_stops_inside_a_message_to_another_route_holds_up_nobody():
    site = Site(None, {"/echo": Echo()})
    other = await site.connect(REQUEST.replace(b"/path?query", b"/echo"))
    await other.sends(frame(0x01, b"x", KEY))
    producer, consumer, session = await site.session()
    await producer.says(**offer(session))
    assert consumer.sent() == [offer(session)]
    other.transport.feed(EOF)
    await site.end(producer, consumer)
