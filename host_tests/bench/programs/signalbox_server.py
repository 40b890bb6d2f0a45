"""The echo server as the README shows it. Argument: the port."""

import asyncio
import sys

from signalbox.net.server import serve
from signalbox.ws.connection import Settings


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main():
    port = int(sys.argv[1])
    async with serve(echo, "127.0.0.1", port, settings=Settings(max_message=131072)) as server:
        print("listening on", port)
        await server.wait_closed()


asyncio.run(main())
