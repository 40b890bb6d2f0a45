"""An echo server that says how full its heap is: `idle_server.py PORT CONNECTIONS`.

The answer to the message "measure" is the octets in use after a collection; so are those in the
line `empty `, printed before there is a connection.
"""

import asyncio
import gc
import sys

from signalbox.net.server import serve


def used():
    gc.collect()
    gc.collect()  # what the first one finalized
    return gc.mem_alloc()


async def echo(ws):
    async for message in ws:
        if message == "measure":
            message = str(used())
        await ws.send(message)


async def main():
    port = int(sys.argv[1])
    async with serve(echo, "127.0.0.1", port, max_connections=int(sys.argv[2])) as server:
        await asyncio.sleep_ms(0)
        print("empty", used())
        print("listening on", port)
        await server.wait_closed()


asyncio.run(main())
