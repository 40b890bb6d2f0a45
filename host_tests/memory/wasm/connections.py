"""RAM per open, idle connection on a 32-bit MicroPython without sockets. See run.mjs.

What reads and writes is the firmware itself: serve(), connect(), their tasks and its transport,
with a real poller. Only the sockets are stand-ins, made beforehand, which don't count. Prints
`result ` and JSON.
"""

import asyncio
import binascii
import collections  # noqa: F401  in C on a board, and not of our modules' account
import errno  # noqa: F401
import gc
import io
import json
import os
import select
import sys
from asyncio import core

N = 20
POLL = 3  # MP_STREAM_POLL
DIGEST = b"01234567890123456789"
ACCEPT = b"MDEyMzQ1Njc4OTAxMjM0NTY3ODk="  # the same, in base64
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
)
PAYLOAD = b"sixteen octets.."
TO_SERVER = b"\x82\x90\0\0\0\0" + PAYLOAD
TO_CLIENT = b"\x82\x10" + PAYLOAD


class Socket(io.IOBase):
    """Takes all that is written, and gives out what feed() was called with."""

    def __init__(self):
        self.incoming = b""
        self.at = 0
        self.written = 0

    def feed(self, octets):
        self.incoming = octets
        self.at = 0
        self.written = 0

    @property
    def has_input(self):
        return self.at < len(self.incoming)

    def ioctl(self, request, events):
        if request != POLL:
            return 0
        return events & (select.POLLOUT | (select.POLLIN if self.has_input else 0))

    def readinto(self, buf, n):
        n = min(n, len(self.incoming) - self.at)
        if n == 0:
            return None
        for i in range(n):
            buf[i] = self.incoming[self.at + i]
        self.at += n
        return n

    def write(self, buf, at, n):
        self.written += n
        return n

    def connect(self, address):
        pass

    def setblocking(self, flag):
        pass

    def setsockopt(self, level, option, value):
        pass

    def close(self):
        pass


class ListeningSocket(Socket):
    def __init__(self):
        super().__init__()
        self.waiting = []

    @property
    def has_input(self):
        return bool(self.waiting)

    def bind(self, address):
        pass

    def listen(self, backlog):
        pass

    def accept(self):
        if not self.waiting:
            raise OSError(11)
        return self.waiting.pop(), None


class SocketModule:
    AF_INET = SOCK_STREAM = SOL_SOCKET = SO_REUSEADDR = 1

    def __init__(self):
        self.prepared = []  # what socket() returns next

    def getaddrinfo(self, host, port, family=0, kind=0):
        return [(1, 1, 0, "", (host, port))]

    def socket(self, *arguments):
        return self.prepared.pop()


class Sha1:
    def __init__(self, octets):
        pass

    def digest(self):
        return DIGEST


class HashModule:
    sha1 = Sha1


class IOQueue:
    """As asyncio has it on boards; this build's waits for JavaScript only."""

    def __init__(self):
        self.poller = select.poll()
        self.map = {}

    def _enqueue(self, stream, index):
        if id(stream) not in self.map:
            entry = [None, None, stream]
            entry[index] = core.cur_task
            self.map[id(stream)] = entry
            self.poller.register(stream, select.POLLOUT if index else select.POLLIN)
        else:
            self.map[id(stream)][index] = core.cur_task
            self.poller.modify(stream, select.POLLIN | select.POLLOUT)
        core.cur_task.data = self

    def queue_read(self, stream):
        self._enqueue(stream, 0)

    def queue_write(self, stream):
        self._enqueue(stream, 1)

    def remove(self, task):
        for key in list(self.map):
            if task in self.map[key][:2]:
                self.poller.unregister(self.map[key][2])
                del self.map[key]

    def wake(self):
        """Wake all whose socket is ready; returns whether there were any."""
        ready = self.poller.poll(0)
        for stream, events in ready:
            entry = self.map[id(stream)]
            for index, event in ((0, select.POLLIN), (1, select.POLLOUT)):
                if events & event and entry[index] is not None:
                    core._task_queue.push(entry[index])
                    entry[index] = None
            if entry[0] is None and entry[1] is None:
                del self.map[id(stream)]
                self.poller.unregister(stream)
            else:
                self.poller.modify(stream, select.POLLOUT if entry[1] else select.POLLIN)
        return bool(ready)


def no_timer(delay):
    pass


def spin():
    """Run the event loop until nothing is left to do; the clock stands still."""
    core._run_iter()
    while core._io_queue.wake():
        core._run_iter()


network = SocketModule()
sys.modules["socket"] = network
sys.modules["hashlib"] = HashModule()
os.urandom = bytes
decode = binascii.a2b_base64
binascii.a2b_base64 = lambda text: decode(text.encode())  # this build's takes no str
core._io_queue = IOQueue()
core._schedule_run_iter = no_timer
core._task_queue = core.TaskQueue()


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def server(serve):
    """Start a server; returns what lets a client's socket connect to it."""
    listening = ListeningSocket()
    network.prepared.append(listening)

    async def start():
        return serve(echo, max_connections=N + 2)

    asyncio.create_task(start())  # noqa: RUF006  MicroPython's loop holds it
    spin()

    def connect(sock):
        sock.feed(REQUEST)
        listening.waiting.append(sock)
        spin()
        assert sock.written > 100, sock.written
        sock.feed(TO_SERVER)
        spin()
        assert sock.written == len(PAYLOAD) + 2, sock.written

    return connect


def client(connect):
    async def open_and_echo():
        async with connect("ws://board:80/") as ws:
            await echo(ws)

    def connect_one(sock):
        sock.feed(RESPONSE)
        network.prepared.append(sock)
        asyncio.create_task(open_and_echo())  # noqa: RUF006  MicroPython's loop holds it
        spin()
        assert sock.written > 100, sock.written
        sock.feed(TO_CLIENT)
        spin()
        assert sock.written == len(PAYLOAD) + 6, sock.written

    return connect_one


def program():
    result = {"pointer": 4 if sys.maxsize < 1 << 32 else 8, "connections": N}
    spin()
    yield
    start = gc.mem_alloc()
    from signalbox.net.client import connect
    from signalbox.net.server import serve
    from signalbox.ws.connection import Connection, Settings

    yield
    result["modules"] = gc.mem_alloc() - start
    sockets = [Socket() for _ in range(2 * N + 2)]
    settings = Settings()
    Connection(True, settings)  # makes the shared masking keys
    kept = [None] * N
    for is_client in (False, True):
        yield
        before = gc.mem_alloc()
        for i in range(N):
            kept[i] = Connection(is_client, settings)
        yield
        spent = gc.mem_alloc() - before
        result["core client" if is_client else "core server"] = -(-spent // N)
        for i in range(N):
            kept[i] = None
    for role, open_one in (("server", server(serve)), ("client", client(connect))):
        yield
        first = gc.mem_alloc()
        open_one(sockets.pop())
        yield
        before = gc.mem_alloc()
        for _ in range(N):
            open_one(sockets.pop())
        yield
        result[role] = -(-(gc.mem_alloc() - before) // N)
        result[role + " shared"] = before - first - result[role]
    print("result", json.dumps(result))
    yield True
