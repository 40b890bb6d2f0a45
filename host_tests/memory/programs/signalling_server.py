"""A signalling server that says how full its heap is: `signalling_server.py PORT PEERS`.

For every line on standard input it prints `used `, and the octets in use after a collection; at
the end of that it stops, and exits with 0.
"""

import asyncio
import gc
import sys
from asyncio import core

gc.threshold(8192)  # see the README of net

# The core before what needs it, as on a board, which reads its configuration first.
from signalbox.compat import sleep_ms  # noqa: E402, F401
from signalbox.net.access import Access  # noqa: E402
from signalbox.signalling_server import SignallingServer  # noqa: E402


def used():
    gc.collect()
    gc.collect()  # what the first one finalized
    return gc.mem_alloc()


def readable(stream):
    yield core._io_queue.queue_read(stream)  # asyncio.StreamReader would be more to load


async def answer(server):
    while True:
        await readable(sys.stdin)
        if not sys.stdin.readline():
            break
        print("used", used())
    server.stop()


async def main():
    server = SignallingServer(Access(open=True), int(sys.argv[2]))
    print("empty", used())
    answering = asyncio.create_task(answer(server))
    await server.run("127.0.0.1", int(sys.argv[1]))
    await answering


asyncio.run(main())
