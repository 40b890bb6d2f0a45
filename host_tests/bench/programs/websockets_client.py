"""`websockets` as an echo client: reads a port from stdin, echoes until closed, reads the next."""

import asyncio
import sys

import websockets.speedups  # noqa: F401  without it, masking would be measured in Python
from websockets.asyncio.client import connect


async def main():
    for port in sys.stdin:
        async with connect(f"ws://127.0.0.1:{port.strip()}", compression=None) as ws:
            async for message in ws:
                await ws.send(message)


asyncio.run(main())
