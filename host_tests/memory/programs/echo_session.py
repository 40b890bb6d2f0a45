"""One session of an echo client, from the import to a clean close: `echo_session.py PORT`."""

import asyncio
import gc
import sys

gc.threshold(8192)  # see the README of net

from signalbox.net.client import connect  # noqa: E402


async def main():
    async with connect("ws://127.0.0.1:" + sys.argv[1]) as ws:
        async for message in ws:
            await ws.send(message)
    return ws.outcome.clean


sys.exit(0 if asyncio.run(main()) else 1)
