"""An echo client that says how full its heap is: `idle_client.py PORT`. See idle_server.py.

The message "open" makes it open another connection to the same server.
"""

import asyncio
import gc
import sys

from signalbox.net.client import connect


def used():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


async def echo(url):
    async with connect(url) as ws:
        async for message in ws:
            if message == "measure":
                message = str(used())
            elif message == "open":
                asyncio.create_task(echo(url))  # noqa: RUF006  MicroPython's loop holds it
            await ws.send(message)


async def main():
    print("empty", used())
    await echo("ws://127.0.0.1:" + sys.argv[1])


asyncio.run(main())
