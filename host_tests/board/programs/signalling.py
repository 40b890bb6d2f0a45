"""The signalling server on the board, until it is interrupted."""

import asyncio
import gc

gc.threshold(8192)  # see the README of net

from signalbox.net.access import Access  # noqa: E402
from signalbox.signalling_server import SignallingServer  # noqa: E402


async def report(seconds):
    least = gc.mem_free()
    while True:
        await asyncio.sleep(seconds)
        gc.collect()
        if gc.mem_free() < least:
            least = gc.mem_free()
            print("free", least)


async def main(port):
    gc.collect()
    print("free", gc.mem_free())
    server = SignallingServer(Access(open=True))
    reporting = asyncio.create_task(report(1))
    await server.run("0.0.0.0", port)
    reporting.cancel()


def run(port):
    """Serve on `port`, and print the least that was free of the heap."""
    asyncio.run(main(port))
