"""An echo server on our own library, for Autobahn's fuzzing client. Argument: the port."""

import asyncio
import sys

from signalbox.net.server import serve
from signalbox.ws.connection import Settings

LARGEST = 16 * 1024 * 1024  # the largest message of case family 9


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main():
    settings = Settings(max_message=LARGEST)
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), settings=settings) as server:
        print("listening on", sys.argv[1])
        await server.wait_closed()


asyncio.run(main())
