"""Two connections of which one is to a peer that takes nothing.

Prints `took <milliseconds>` for each message on the other, and the outcomes of both.
"""

import asyncio
import time

from signalbox.net.client import connect
from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import Settings

PATIENCE_MS = 60000  # for the handshake: an emulated board is slow
SETTINGS = Settings(ping_interval=0)


async def send(ws, message):
    try:
        await ws.send(message)
    except ConnectionClosed:
        pass


async def main(url, other_url, sizes):
    stalled = await connect(url, settings=SETTINGS, open_timeout=PATIENCE_MS)
    other = await connect(other_url, settings=SETTINGS, open_timeout=PATIENCE_MS)
    sending = asyncio.create_task(send(stalled, bytes(16384)))  # more than TCP has room for
    await asyncio.sleep_ms(500)
    for n in sizes:
        start = time.ticks_ms()
        await send(other, bytes(n))
        print("took", time.ticks_diff(time.ticks_ms(), start))
    other.close(1000)
    print("outcome other", tuple(await other.wait_closed()))
    stalled.close_now()
    print("outcome stalled", tuple(await stalled.wait_closed()))
    await sending


def run(url, other_url, sizes):
    asyncio.run(main(url, other_url, sizes))
