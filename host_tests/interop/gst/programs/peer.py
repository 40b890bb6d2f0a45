"""A signalling peer on the unix port.

Arguments: URL, ROLES (`producer,listener`, or `-`), NAME, and for wss the authority's file.

| command | does |
| --- | --- |
| `start PEER` | asks for a session |
| `describe SESSION KIND SIZE` | sends an SDP of that many characters |
| `ice SESSION FIRST N` | sends N candidates, which bear numbers from FIRST on |
| `end SESSION` | ends it |
| `icestop SESSION N` | queues N candidates, and closes the connection at once |
| `stop` | closes the connection; so does the end of standard input |

What it is told is printed, a JSON object to a line; at the end `outcome`, that of the last
connection. In between the client says itself why it connects again.
"""

import asyncio
import json
import sys

from signalbox.net.reconnect import Backoff
from signalbox.signalling.peer import Delegate, SignallingPeer
from signalbox.signalling_client import SignallingClient

# With what JSON escapes, and UTF-8.
LINES = (
    "a=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    'i="grün"\r\n'
)
FIELDS = (
    "code",
    "reason",
    "clean",
    "initiator",
    "sent_code",
    "rcvd_code",
    "failed_with",
    "undelivered",
    "discarded",
    "timed_out",
    "truncated",
    "tcp_reset",
    "peer_no_echo",
)


def tell(event, **more):
    more["event"] = event
    print(json.dumps(more))


def text_of(size):
    """An SDP of that many characters."""
    return (LINES * (size // len(LINES) + 1))[:size]


class Teller(Delegate):
    def registered(self, peer_id):
        tell("registered", id=peer_id)

    def session_started(self, session, offer):
        tell("started", session=session.id, peer=session.peer_id, role=session.role)

    def sdp(self, session, kind, sdp):
        text = str(sdp, "utf-8")
        right = text == text_of(len(text))
        tell("sdp", session=session.id, kind=kind, size=len(text), right=right)

    def ice(self, session, candidate, line_index):
        tell("ice", session=session.id, candidate=candidate, line=line_index)

    def session_ended(self, session, error):
        tell("ended", session=session.id, error=error)

    def producers_changed(self, producers):
        metas = {}
        for peer_id, meta in producers.items():
            metas[peer_id] = json.loads(meta)
        tell("producers", producers=metas)

    def error(self, details):
        tell("error", details=details)


class Program:
    def __init__(self, url, roles, name, ca=None):
        roles = () if roles == "-" else tuple(roles.split(","))
        self.peer = SignallingPeer(Teller(), roles, {"name": name})
        self.client = SignallingClient(self.peer, url, ca=ca, backoff=Backoff(100, 400))

    async def run(self):
        obeying = asyncio.create_task(self.obey())
        await self.client.run()
        obeying.cancel()
        outcome = self.client.outcome
        tell("outcome", **{name: getattr(outcome, name) for name in FIELDS} if outcome else {})

    async def obey(self):
        lines = asyncio.StreamReader(sys.stdin.buffer)
        while True:
            words = (await lines.readline()).decode().split()
            if not words or words[0] == "stop":
                self.client.stop()
                return
            getattr(self, "do_" + words[0])(*words[1:])
            self.client.deliver()

    def do_start(self, peer_id):
        self.peer.start_session(peer_id)

    def do_describe(self, session_id, kind, size):
        self.peer.send_sdp(self.peer.sessions[session_id], kind, text_of(int(size)))

    def do_ice(self, session_id, first, n):
        for number in range(int(first), int(first) + int(n)):
            self.peer.send_ice(self.peer.sessions[session_id], "candidate:%d" % number, number)

    def do_end(self, session_id):
        self.peer.end_session(self.peer.sessions[session_id])

    def do_icestop(self, session_id, n):
        self.do_ice(session_id, 0, n)
        self.client.deliver()
        self.client.stop()


asyncio.run(Program(*sys.argv[1:]).run())
