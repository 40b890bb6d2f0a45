"""What is done without memory for it. Arguments: accept, report, wait, end, signalling; a port."""

import asyncio
import gc
import socket
import sys
from asyncio import core

from signalbox.net.client import connect
from signalbox.net.listener import Listener
from signalbox.net.server import serve

kept = [None] * 9000
rest = None


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


def fill_the_rest(buf=None, n=0):
    """In a call that needs no memory, and so leaves none behind. MemoryError."""
    global rest
    while True:
        rest = (rest,)


def clear():
    global rest
    rest = None
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


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def wait(port):
    """Whoever found no memory to wait waits later."""

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
        # Nor is anything left of who is let go of before that.
        poller.missing = 2  # for the next one to be accepted, and for this one's request
        sock = socket.socket()
        sock.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        await asyncio.sleep_ms(200)
        sock.setblocking(False)
        assert sock.read(1) == b"" and len(core._io_queue.map) == 1
        sock.close()
        poller.missing = 1
        try:
            await connect("ws://127.0.0.1:%d/" % port)
            raise AssertionError
        except MemoryError:
            assert len(core._io_queue.map) == 1
    assert poller.missing == 0


def report():
    """A crash is reported, or it isn't."""
    from signalbox import crash

    crash.exception_text = fill_the_rest
    report = crash.CrashReport("/no/such/directory")
    report.save("when", ValueError("why"))
    clear()
    assert report.last is None


async def clear_at_times():
    while True:
        await asyncio.sleep_ms(50)
        clear()


async def end(port):
    """Neither serving nor the end of a connection is broken off."""
    clearing = asyncio.create_task(clear_at_times())
    async with serve(echo, "127.0.0.1", port) as server:
        listener = server._listener
        accept = listener.accept
        address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
        for _ in range(5):
            sock = socket.socket()
            await asyncio.sleep_ms(10)
            sock.connect(address)
            listener.accept = fill_the_rest
            fill(0)
            await asyncio.sleep_ms(20)
            listener.accept = accept
            await asyncio.sleep_ms(200)
            sock.close()
        ws = await connect("ws://127.0.0.1:%d/" % port, open_timeout=2000)
        transport = ws._transport
        original = transport.read

        def read(buf, n):
            n = original(buf, n)
            if n == 0:  # EOF: what is read behind it is the end's
                transport.read = fill_the_rest
                fill(0)
            return n

        transport.read = read
        ws.close(1000)
        await asyncio.wait_for(ws.wait_closed(), 4)
        assert ws.outcome.clean, ws.outcome
        assert transport.read is fill_the_rest
    clearing.cancel()


def fill_at_the_end(ws, free):
    """When it reads the EOF there is room for `free` floats."""
    transport = ws._transport
    original = transport.read

    def read(buf, n):
        n = original(buf, n)
        if n == 0:
            fill(free)
        return n

    transport.read = read


async def signalling(port):
    """A peer that goes is forgotten, and one whose server goes registers again."""
    # The others have less memory to fill without these.
    from signalbox.net.access import Access
    from signalbox.net.reconnect import Backoff
    from signalbox.signalling.peer import Delegate, SignallingPeer
    from signalbox.signalling_client import SignallingClient
    from signalbox.signalling_server import SignallingServer

    server = SignallingServer(Access(open=True))
    serving = asyncio.create_task(server.run("127.0.0.1", port))
    await asyncio.sleep_ms(20)
    peer = SignallingPeer(Delegate(), ("consumer",))
    url = "ws://127.0.0.1:%d/" % port
    client = SignallingClient(peer, url, backoff=Backoff(10, 20))
    running = asyncio.create_task(client.run())
    clearing = asyncio.create_task(clear_at_times())
    for free in range(0, 80, 2):
        for ours in (True, False):
            while not (peer.id and [each.id for each in server.broker.peers] == [peer.id]):
                await asyncio.sleep_ms(10)
            ends = [client._outbox._ws, server._outboxes[peer.id]._ws]
            fill_at_the_end(ends[ours], free)
            ends[not ours].close_now()
            while peer.id:
                await asyncio.sleep_ms(10)
    client.stop()
    await running
    server.stop()
    await serving
    clearing.cancel()


port = int(sys.argv[2])
if sys.argv[1] == "accept":
    accept(port)
elif sys.argv[1] == "report":
    report()
else:
    asyncio.run({"wait": wait, "end": end, "signalling": signalling}[sys.argv[1]](port))
print("done")
