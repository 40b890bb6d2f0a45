"""What a board does: joins the signalling server and the device that the board is."""

from .signalling.broker import MAX_PEERS
from .signalling.peer import CONSUMER, Delegate, SignallingPeer
from .signalling_server import SignallingServer


class App:
    """A signalling server for `max_peers` peers, and a device `name` that is found there."""

    def __init__(self, access, name, max_peers=MAX_PEERS, context=None):
        """`access`: a net.access.Access. `context`: see net.transport.server_context()."""
        self.server = SignallingServer(access, max_peers, context=context)
        # No producer: webrtcsrc would open a session with it, and wait for media for ever.
        self._device = SignallingPeer(Delegate(), (CONSUMER,), {"name": name})
        self.server.attach(self._device)

    async def run(self, host, port):
        """Serve until stop(); then close every peer with 1001. OSError if it can't listen."""
        await self.server.run(host, port)

    def stop(self):
        """Have run() end."""
        self.server.stop()
