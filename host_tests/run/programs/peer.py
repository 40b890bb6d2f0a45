"""A SignallingClient on the unix port: `peer.py PORT STOP_AT [FAIL_AT [TOKEN]]`.

Prints each thing that its delegate is told. Calls stop() when STOP_AT is told (or, with "ms:", so
long after the start), and raises MemoryError the first time that FAIL_AT is.
"""

import asyncio
import sys

from signalbox.net.reconnect import Backoff
from signalbox.signalling.peer import LISTENER, PRODUCER, Delegate, SignallingPeer
from signalbox.signalling_client import SignallingClient


class Reporter(Delegate):
    """Prints, and does what the arguments say."""

    client = None

    def __init__(self, stop_at, fail_at):
        self.stop_at = stop_at
        self.fail_at = fail_at

    def tell(self, name, *what):
        """Print it."""
        print(name, *what)
        if name == self.fail_at:
            self.fail_at = None
            raise MemoryError
        if name == self.stop_at:
            self.client.stop()

    def registered(self, peer_id):
        """As Delegate.registered()."""
        self.tell("registered", peer_id)

    def session_started(self, session, offer):
        """As Delegate.session_started()."""
        self.tell("started", session.id)

    def sdp(self, session, kind, sdp):
        """As Delegate.sdp(); sends it back as an answer."""
        self.tell("sdp", session.id, kind, len(sdp))
        self.client.peer.send_sdp(session, "answer", str(sdp, "utf-8"))

    def session_ended(self, session, error):
        """As Delegate.session_ended()."""
        self.tell("ended", session.id, error)

    def producers_changed(self, producers):
        """As Delegate.producers_changed()."""
        self.tell("producers", len(producers))


async def main(port, stop_at, fail_at=None, token=None):
    """Run the client until it ends."""
    delegate = Reporter(stop_at, fail_at)
    peer = SignallingPeer(delegate, (PRODUCER, LISTENER), {"name": "cam"})
    url = "ws://127.0.0.1:%s/" % port
    delegate.client = client = SignallingClient(peer, url, token, backoff=Backoff(200, 400))
    client.peer = peer
    running = asyncio.create_task(client.run())
    if stop_at.startswith("ms:"):
        await asyncio.sleep_ms(int(stop_at[3:]))
        client.stop()
    await running
    print("done", len(peer.sessions), len(client._pool._lent))


asyncio.run(main(*sys.argv[1:]))
