"""A signalling peer through one session, from the import to a clean close: `… PORT`.

It answers an offer, and ends when the session has.
"""

import asyncio
import gc
import sys

gc.threshold(8192)  # see the README of net

# The core before what needs it, as on a board, which reads its configuration first.
from signalbox.compat import sleep_ms  # noqa: E402, F401
from signalbox.signalling.peer import Delegate, SignallingPeer  # noqa: E402
from signalbox.signalling_client import SignallingClient  # noqa: E402

ANSWER = "v=0\r\n" * 200


class Consumer(Delegate):
    octets = 0
    candidates = 0

    def session_started(self, session, offer):
        pass

    def sdp(self, session, kind, sdp):
        self.octets = len(sdp)
        peer.send_sdp(session, "answer", ANSWER)
        peer.send_ice(session, "candidate:0", 0)

    def ice(self, session, candidate, line_index):
        self.candidates += 1

    def session_ended(self, session, error):
        client.stop()


consumer = Consumer()
peer = SignallingPeer(consumer, ("consumer",), {"name": "camera"})
client = SignallingClient(peer, "ws://127.0.0.1:" + sys.argv[1])
asyncio.run(client.run())
print("got", consumer.octets, consumer.candidates, client.outcome.clean)
sys.exit(0 if consumer.octets and client.outcome.clean else 1)
