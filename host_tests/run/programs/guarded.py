"""A SignallingServer on the unix port that wants a token: `guarded.py PORT TOKEN ORIGIN`."""

import asyncio
import sys

from signalbox.net.access import Access
from signalbox.signalling_server import SignallingServer


async def main(port, token, origin):
    """Serve for ever, two peers at most."""
    server = SignallingServer(Access(token, (origin,)), max_peers=2)
    await server.run("127.0.0.1", int(port))


asyncio.run(main(*sys.argv[1:]))
