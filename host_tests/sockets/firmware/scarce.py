"""What a server does without memory for it. Arguments: accept or wait; a port."""

import asyncio
import gc
import socket
import sys
from asyncio import core

from signalbox.net.client import connect
from signalbox.net.listener import Listener
from signalbox.net.server import serve

kept = [None] * 5000


def fill(free):
    """Leave room for `free` floats, and nothing else."""
    n = 0
    gc.collect()
    for size in (2048, 128, 0):
        try:
            while True:
                kept[n] = bytearray(size) if size else n + 0.5
                n += 1
        except MemoryError:
            pass
    for i in range(n - free, n):
        kept[i] = None


def clear():
    for i in range(len(kept)):
        kept[i] = None


def accept(port):
    """However little memory there is, a client is accepted or left for later."""
    listener = Listener("127.0.0.1", port, 5)
    address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
    buf = bytearray(16)
    refused = 0
    for free in range(80):
        client = socket.socket()
        client.connect(address)
        transport = None
        fill(free)
        try:
            transport = listener.accept()
        except MemoryError:
            pass
        clear()
        if transport is None:
            refused += 1
            transport = listener.accept()
        client.write(b"here")
        assert transport.read(buf, 16) == 4
        transport.close()
        client.close()
    assert 0 < refused < 80
    listener.close()


class Scarce:
    """asyncio's poller, which has no memory for the next `missing` streams."""

    def __init__(self, poller):
        self.missing = 0
        self.unregister = poller.unregister
        self.modify = poller.modify
        self.ipoll = poller.ipoll
        self._register = poller.register

    def register(self, stream, events):
        if self.missing:
            self.missing -= 1
            raise MemoryError
        self._register(stream, events)


async def wait(port):
    """Whoever found no memory to wait waits later."""

    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    poller = core._io_queue.poller = Scarce(core._io_queue.poller)
    poller.missing = 1
    async with serve(echo, "127.0.0.1", port):
        await asyncio.sleep_ms(200)
        async with connect("ws://127.0.0.1:%d/" % port, open_timeout=2000) as ws:
            for i in range(8):
                poller.missing = i % 4
                await ws.send(bytes(i * 4000))
                assert len(await ws.recv()) == i * 4000
        assert ws.outcome.clean, ws.outcome
    assert poller.missing == 0


port = int(sys.argv[2])
if sys.argv[1] == "accept":
    accept(port)
else:
    asyncio.run(wait(port))
print("done")
