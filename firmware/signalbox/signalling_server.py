"""The on-board signalling server: the broker behind a WebSocket server."""

import asyncio
import gc

from .compat import const, sleep_ms
from .net.outbox import Outbox
from .net.server import serve
from .signalling.broker import MAX_PEERS, Broker
from .ws.buffers import Pool
from .ws.connection import Settings

MAX_MESSAGE = 18432  # octets: an SDP of 16 KiB as JSON
BUFFER = 1460  # octets: large messages need none, and of the small ones a few fit

_FEW = const(4)  # peers, for which one large buffer must do
_STOP_TIMEOUT = const(7)  # s; a closing handshake has 5
_RETRY = const(100)  # ms until there may be memory again


class SignallingServer:
    """For `max_peers` peers. Prints a line when one comes, and when it goes."""

    def __init__(
        self,
        access,
        max_peers=MAX_PEERS,
        max_message=MAX_MESSAGE,
        large=None,
        context=None,
    ):
        """`access`: a net.access.Access. `large`: how many messages of more than 1024 octets can be
        on their way at once; a peer that sends another waits. `context`: for TLS. MemoryError.
        """
        if large is None:
            large = 1 if max_peers <= _FEW else 2
        self.broker = Broker(max_peers)
        self._max_peers = max_peers
        self._access = access
        self._context = context
        self._pool = Pool(large, max_message)
        self._settings = Settings(max_message=max_message, buffer=BUFFER, pool=self._pool)
        self._outboxes = {}  # by the peer's id
        self._stopped = asyncio.Event()

    async def run(self, host, port):
        """Serve until stop(); then close every peer with 1001. OSError if it can't listen."""
        server = serve(
            self._peer,
            host,
            port,
            process_request=self._access,
            subprotocols=self._access.subprotocols,
            context=self._context,
            settings=self._settings,
            max_connections=self._max_peers,
        )
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

    def attach(self, peer):
        """Let a SignallingPeer of the board's own take part, without a connection.

        Returns what to call after the peer's calls, as SignallingClient.deliver() is.
        """
        self.broker.max_peers += 1
        member = self.broker.connect()
        self._outboxes[member.id] = _Local(self.broker, member, peer, self._pool)
        peer.connected()
        self._deliver()

        def deliver():
            self._outboxes[member.id].speak()
            self._deliver()

        return deliver

    async def _peer(self, ws):
        peer = self.broker.connect()
        try:
            self._outboxes[peer.id] = outbox = _Member(ws, self._pool)
            outbox.id = peer.id
            ws.on_close = outbox.on_close
            print("peer", peer.id, "connected")
            self._deliver()
            async for message in ws:
                if isinstance(message, bytearray):
                    self._receive(peer, message)
                    # A message that was read ahead is there without waiting, so the outboxes
                    # would fill up before any of them got a turn to send.
                    await sleep_ms(0)
        finally:
            self._outboxes.pop(peer.id, None)
            await self._remove(peer)
            message = ws.recv_nowait()
            while message is not None:
                self._pool.give_back(message)
                message = ws.recv_nowait()

    async def _remove(self, peer):
        # Its counterparts must know, however full the heap is now.
        while True:
            try:
                self.broker.disconnect(peer)
                self._deliver()
                return
            except MemoryError:
                gc.collect()
                await sleep_ms(_RETRY)

    def _receive(self, peer, octets):
        relayed = False
        try:
            relayed = self.broker.receive(peer, octets)
        finally:
            if not relayed:
                self._pool.give_back(octets)
        self._deliver()

    def _deliver(self):
        outgoing = self.broker.take()
        while outgoing:
            for peer, message, lent in outgoing:
                outbox = self._outboxes.get(peer.id)
                if outbox:
                    outbox.put(message, lent)
                elif lent is not None:
                    self._pool.give_back(lent)
            outgoing = self.broker.take()  # what the board's own peer has said to that


class _Member(Outbox):
    """The Outbox of a peer, which says in a line each what becomes of it. `id`: the peer's."""

    id = None

    def on_give_up(self, why):
        print("peer", self.id, "is given up:", why)

    def on_close(self, outcome):
        print("peer", self.id, "closed:", in_words(outcome))


class _Local:
    """In the place of an Outbox, for the board's own peer."""

    def __init__(self, broker, member, peer, pool):
        self._broker = broker
        self._member = member
        self._peer = peer
        self._pool = pool

    def put(self, message, lent=None):
        parts = message if isinstance(message, tuple) else (message,)
        octets = bytearray()
        for part in parts:
            octets.extend(part.encode() if isinstance(part, str) else part)
        if lent is not None:
            self._pool.give_back(lent)
        self._peer.receive(octets)
        self.speak()

    def speak(self):
        for message in self._peer.take():
            parts = (message,) if isinstance(message, str) else message
            self._broker.receive(self._member, bytearray("".join(parts).encode()))


def in_words(outcome):
    """A CloseOutcome in one line, whatever the peer gave as the reason."""
    words = "code=%d clean=%s initiator=%s" % (outcome.code, outcome.clean, outcome.initiator)
    for name in ("sent_code", "reason", "failed_with", "undelivered", "timed_out", "tcp_reset"):
        value = getattr(outcome, name)
        if value:
            words += " %s=%r" % (name, value)
    return words
