"""What a board does: joins the WebSocket server with the signalling relay."""

import asyncio

from .compat import const, sleep_ms
from .net.server import serve
from .signalling.broker import MAX_PEERS, Broker
from .ws.close import INTERNAL_ERROR, POLICY_VIOLATION, ConnectionClosed

_OUTBOX = const(32768)  # characters that wait for one peer, before it is given up
_STOP_TIMEOUT = const(7)  # s; a closing handshake has 5


class Outbox:
    """What one peer is still to be sent, so that nobody waits for it but its own messages.

    A peer that lets too much gather has stopped reading: it is closed with 1008. To leave out
    messages would leave it, and the one that it talks to, with half a session.
    """

    def __init__(self, peer_id, ws):
        self._peer_id = peer_id
        self._ws = ws
        self._texts = []
        self._task = None

    def put(self, text):
        """Send `text` after all that was put before it. Doesn't wait."""
        if self._ws.asked:
            return
        if self._texts and sum(map(len, self._texts)) + len(text) > _OUTBOX:
            self._give_up(POLICY_VIOLATION, "messages are not read")
            return
        self._texts.append(text)
        if self._task is None:
            self._task = asyncio.create_task(self._send())

    async def _send(self):
        try:
            while self._texts:
                await self._ws.send(self._texts.pop(0))
        except ConnectionClosed:
            self._texts = []
        except MemoryError:
            self._give_up(INTERNAL_ERROR, "out of memory")
        self._task = None

    def _give_up(self, code, reason):
        print("peer", self._peer_id, "is given up:", reason)
        self._texts = []
        self._ws.close(code, reason)


class App:
    """A signalling server for `max_peers` peers. Prints a line when one comes, and when it goes."""

    def __init__(self, max_peers=MAX_PEERS):
        self._broker = Broker(max_peers)
        self._outboxes = {}  # by the peer's id
        self._stopped = asyncio.Event()

    async def run(self, host, port):
        """Serve until stop(); then close every peer with 1001. OSError if it can't listen."""
        server = serve(self._peer, host, port, max_connections=self._broker.max_peers)
        print("listening on", port)
        await self._stopped.wait()
        server.close()
        try:
            await asyncio.wait_for(server.wait_closed(), _STOP_TIMEOUT)
        except asyncio.TimeoutError:
            print("stopped without waiting for every peer")

    def stop(self):
        """Have run() end."""
        self._stopped.set()

    async def _peer(self, ws):
        peer = self._broker.connect()
        try:
            self._outboxes[peer.id] = Outbox(peer.id, ws)
            ws.on_close = lambda outcome: print("peer", peer.id, "closed:", _words(outcome))
            print("peer", peer.id, "connected")
            self._deliver()
            async for message in ws:
                if isinstance(message, str):
                    self._broker.receive(peer, message)
                    self._deliver()
                    # A message that was read ahead is there without waiting, so the outboxes
                    # would fill up before any of them got a turn to send.
                    await sleep_ms(0)
        finally:
            self._broker.disconnect(peer)
            self._deliver()
            self._outboxes.pop(peer.id, None)

    def _deliver(self):
        for peer, text in self._broker.take():
            outbox = self._outboxes.get(peer.id)  # none, if the heap was too full for it
            if outbox:
                outbox.put(text)


def _words(outcome):
    # In one line, whatever the peer gave as the reason.
    words = "code=%d clean=%s initiator=%s" % (outcome.code, outcome.clean, outcome.initiator)
    for name in ("sent_code", "reason", "failed_with", "undelivered", "timed_out", "tcp_reset"):
        value = getattr(outcome, name)
        if value:
            words += " %s=%r" % (name, value)
    return words
