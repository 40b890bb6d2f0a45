"""The on-board signalling server: the broker behind a WebSocket server."""

import asyncio
import gc

from .compat import const, sleep_ms, ticks_diff
from .net.endpoint import unwatch, watch
from .net.outbox import STALL_WANTED, Outbox
from .net.server import serve
from .outcomes import in_words, note
from .signalling.broker import MAX_PEERS, Broker
from .ws.buffers import Pool
from .ws.connection import Settings

MAX_MESSAGE = 18432  # octets: an SDP of 16 KiB as JSON
BUFFER = 736  # octets: large messages need none, and of the small ones a few fit

_GOING_AWAY = const(1001)  # close.GOING_AWAY
_POLICY_VIOLATION = const(1008)  # close.POLICY_VIOLATION
_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR
_FEW = const(4)  # peers, for which one large buffer must do
_STOP_TIMEOUT = const(7)  # s; a closing handshake has 5
_RETRY = const(100)  # ms until there may be memory again
_LARGE = const(1024)  # octets, past which a message is in a buffer of the pool
_SLOW = const(6000)  # ms to send such a message, while others wait for the buffer


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
        self.pool = Pool(large, max_message)
        self._settings = Settings(max_message=max_message, buffer=BUFFER, pool=self.pool)
        self._outboxes = {}  # by the peer's id
        self._locals = []
        self._delivering = False
        self._stopped = asyncio.Event()

    @property
    def full(self):
        """Whether there are as many peers as may be: a route of web.Site says so."""
        return len(self.broker.peers) >= self.broker.max_peers

    async def run(self, host, port, site=None, more=0, listening=None):
        """Serve until stop(); then close every WebSocket with 1001. OSError if it can't listen.

        `site`: a web.Site, one of whose routes this is; it may have `more` WebSockets than the
        peers. `listening()` is called once it does.
        """
        server = serve(
            site.serve if site else self.serve,
            host,
            port,
            process_request=site or self._access,
            subprotocols=(site or self._access).subprotocols,
            context=self._context,
            settings=self._settings,
            max_connections=self._max_peers + more,
        )
        watch(self)
        try:
            print("listening on", port)
            if listening:
                listening()
            await self._stopped.wait()
        finally:
            unwatch(self)
            server.refuse()
            peers = []
            for outbox in self._outboxes.values():
                outbox.close(_GOING_AWAY)  # behind what the peer is still to be sent
                peers.append(outbox._ws)
            for ws in server.websockets:
                if ws not in peers:
                    ws.close(_GOING_AWAY)
        try:
            await asyncio.wait_for(server.wait_closed(), _STOP_TIMEOUT)
        except asyncio.TimeoutError:
            print("stopped without waiting for every peer")
            for ws in server.websockets:
                ws.close_now()

    def stop(self):
        """Have run() end."""
        self._stopped.set()

    def attach(self, peer):
        """Let a SignallingPeer of the board's own take part, without a connection.

        Returns what to call after the peer's calls, as SignallingClient.deliver() is.
        """
        self.broker.max_peers += 1
        from .signalling_local import Local  # a server without one needs none of it

        local = Local(self, peer)
        local.join()
        self._locals.append(local)
        return local.deliver

    def tick(self, now):
        """Called by the clock: nobody keeps a buffer for long into which others want to write."""
        for outbox in self._outboxes.values():
            outbox.check(now, self.pool.wanted)
        for local in self._locals:
            local.mend()

    async def serve(self, ws):
        """The handler of a peer's WebSocket."""
        peer = None
        try:
            peer = self.broker.connect()
            self._outboxes[peer.id] = outbox = _Member(ws, self.pool)
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
        except Exception:
            ws.close(_INTERNAL_ERROR)
            raise
        finally:
            # Its counterparts must know, however full the heap is now: too full for a call, even.
            while True:
                try:
                    if peer:
                        self._outboxes.pop(peer.id, None)
                        self.broker.disconnect(peer)
                        peer = None
                    self._deliver()
                    # What still comes in holds buffers of the pool.
                    async for message in ws:
                        self.pool.give_back(message)
                    break
                except MemoryError:
                    gc.collect()
                    await sleep_ms(_RETRY)

    def _receive(self, peer, octets):
        relayed = False
        try:
            relayed = self.broker.receive(peer, octets)
        finally:
            if not relayed:
                self.pool.give_back(octets)
        self._deliver()

    def _deliver(self):
        if self._delivering:
            return  # the board's own peer calls from inside; its turn comes behind the others'
        self._delivering = True
        try:
            outgoing = self.broker.take()
            while outgoing:
                for peer, message, lent in outgoing:
                    outbox = self._outboxes.get(peer.id)
                    if outbox:
                        outbox.put(message, lent)
                    elif lent is not None:
                        self.pool.give_back(lent)
                outgoing = self.broker.take()  # what the board's own peer has said to that
        finally:
            self._delivering = False


class _Member(Outbox):
    """The Outbox of a peer, which says in a line each what becomes of it. `id`: the peer's."""

    id = None
    _body = None  # a buffer of the pool that the peer writes into
    _body_size = 0
    _body_since = 0

    def check(self, now, wanted):
        """Called by the clock. `wanted`: others wait for a buffer of the pool."""
        reader = self._ws.connection.reader
        body = reader.body
        if body is None or len(body) <= _LARGE:
            self._body = None
        elif body is not self._body or reader.body_size < self._body_size:
            self._body = body
            self._body_since = now
        elif wanted and ticks_diff(now, self._body_since) >= _SLOW:
            self._give_up(_POLICY_VIOLATION, "a message takes too long")
            if ticks_diff(now, self._body_since) >= _SLOW + STALL_WANTED:
                self._ws.close_now()
        self._body_size = reader.body_size

    def on_give_up(self, why):
        print("peer", self.id, "is given up:", why)

    def on_close(self, outcome):
        line = "peer %s closed: %s" % (self.id, in_words(outcome))
        print(line)
        note(line)
