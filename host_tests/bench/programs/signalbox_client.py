"""An echo client: reads a port from stdin, echoes until closed, and reads the next."""

import asyncio
import sys

from signalbox.net.client import connect
from signalbox.ws.connection import Settings


async def echo(port):
    async with connect("ws://127.0.0.1:" + port, settings=Settings(max_message=131072)) as ws:
        async for message in ws:
            await ws.send(message)


async def main():
    while True:
        port = sys.stdin.readline().strip()
        if not port:
            break
        await echo(port)


asyncio.run(main())
