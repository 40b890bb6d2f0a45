"""`websockets` on CPython, with its C extension. Argument: the port."""

import asyncio
import sys

import websockets.speedups  # noqa: F401  without it, masking would be measured in Python
from websockets.asyncio.server import serve


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main():
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), compression=None) as server:
        print("listening on", sys.argv[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
