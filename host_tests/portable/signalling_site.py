"""A signalling server that runs, on a listener of a script, and its clients."""

import json

from scripted import Clock, run, start
from scripted_listener import REQUEST, Listener
from signalbox import signalling_local, signalling_server, web
from signalbox.net import outbox, server
from signalbox.net.access import Access
from signalbox.signalling_server import SignallingServer
from wire import KEY, close_payload, frame, frames

MAX_MESSAGE = 5632  # octets: a board has little more in one piece, with what is written beside it
SDP = "v=0\r\n" * 160  # more than 1 KiB as JSON: a large message


def offer(session, sdp=SDP):
    return {"type": "peer", "sessionId": session, "sdp": {"type": "offer", "sdp": sdp}}


class Peer:
    """A client of the server's: its transport, and the messages in both directions."""

    def __init__(self, transport):
        self.transport = transport
        self.id = None

    async def sends(self, *items):
        self.transport.feed(*items)
        await run()

    def frame(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        return frame(0x81, text.encode(), KEY)

    async def says(self, **message):
        await self.sends(self.frame(message))

    def sent(self):
        """Whole messages and Closes since the last call."""
        octets = self.transport.written
        self.transport.written = b""
        self.transport.record.clear()  # a board has no room for both
        sent = []
        text = b""
        for first, payload in frames(octets, False):
            if first == 0x88:
                sent.append(("close", int.from_bytes(payload[:2], "big")))
            elif first & 15 < 2:
                text += payload
                if first & 0x80:
                    sent.append(json.loads(text))
                    text = b""
        assert not text
        return sent

    def kinds(self):
        return [m["type"] if isinstance(m, dict) else m for m in self.sent()]

    async def closes(self, code=1000):
        await self.sends(frame(0x88, close_payload(code), KEY))


class Site:
    """A SignallingServer that runs, on a listener of a script."""

    def __init__(self, local=None, routes=None, **arguments):
        self.clock = Clock()
        for module in (server, outbox, signalling_server):
            self.clock.install(module)
        outbox.IN_FLIGHT = 0  # test_outbox.py has what a Pico W does
        self.lines = []
        signalling_server.print = lambda *words: self.lines.append(" ".join(map(str, words)))
        self.faults = []
        server.print_exception = signalling_local.print_exception = self.faults.append
        self.listener = Listener()
        server.Listener = self.listener
        self.server = SignallingServer(Access(open=True), max_message=MAX_MESSAGE, **arguments)
        self.deliver = self.server.attach(local) if local else None
        if routes:
            routes[None] = self.server
            more = 2
            pages = web.Site(Access(open=True), dict, routes)
        else:
            pages = None
            more = 0
        self.running = start(self.server.run("192.0.2.1", 8443, pages, more))

    @property
    def broker(self):
        return self.server.broker

    async def connect(self, request=REQUEST):
        await run()
        peer = Peer(self.listener.connect(request))
        await run()
        _, _, peer.transport.written = peer.transport.written.partition(b"\r\n\r\n")
        return peer

    async def enter(self, *roles):
        """A peer that has been welcomed, and has these roles."""
        peer = await self.connect()
        (welcome,) = peer.sent()
        peer.id = welcome["peerId"]
        if roles:
            await peer.says(type="setPeerStatus", roles=roles)
            peer.sent()
        return peer

    async def session(self):
        """A producer and a consumer, and their session's id."""
        producer = await self.enter("producer")
        consumer = await self.enter()
        await consumer.says(type="startSession", peerId=producer.id)
        session = consumer.sent()[0]["sessionId"]
        assert producer.kinds() == ["startSession"]
        return producer, consumer, session

    async def end(self, *peers):
        """Stop it; `peers` answer."""
        self.server.stop()
        await run()
        for peer in peers:
            if not peer.transport.ended:
                assert peer.kinds()[-1] == ("close", 1001)
                await peer.closes(1001)
        await self.clock.advance(8000)
        assert self.running.done()
        await self.running
        self.is_clean()
        assert len(self.broker.peers) == (1 if self.deliver else 0)

    def is_clean(self):
        assert self.server.pool._lent == [], "a buffer was not given back"
        assert not self.broker._outgoing
