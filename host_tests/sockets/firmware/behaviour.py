"""What server.py and client.py do with a WebSocket, and how they report it.

Each function here is one thing to do, `plan` its particulars. A report is a line: a word, and what
there is to say about it as JSON.
"""

import asyncio
import json
import select
import socket
import time

from signalbox.compat import sleep_ms, ticks_diff, ticks_ms
from signalbox.ws.close import ConnectionClosed
from wire import FIELDS, Source


class PollOfESP32:
    """select.poll() on an ESP32, whose sockets tell only of events that were asked for.

    After ports/esp32/modsocket.c, socket_stream_ioctl().
    """

    def __init__(self):
        self._poll = select.poll()
        self._asked = []

    def register(self, sock, events):
        self._poll.register(sock, events)
        self._asked.append((sock, events))

    def unregister(self, sock):
        self._poll.unregister(sock)
        self._asked = [each for each in self._asked if each[0] is not sock]

    def ipoll(self, timeout):
        for sock, events in self._poll.ipoll(timeout):
            for each, asked in self._asked:
                if each is sock and events & asked:
                    yield sock, events & asked


class SocketOfESP32:
    """The module socket of an ESP32, as far as a client needs it: it tells addresses of IPv4 only.

    After ports/esp32/modsocket.c, esp_socket_getaddrinfo().
    """

    SOCK_STREAM = socket.SOCK_STREAM
    socket = socket.socket

    @staticmethod
    def getaddrinfo(*what):
        found = socket.getaddrinfo(*what)
        return [each if each[0] == socket.AF_INET else each[:-1] + (None,) for each in found]


def be_a_port(plan):
    """Have sockets behave as on the port of MicroPython that the plan names, if it does."""
    if plan.get("sockets") == "esp32":
        from signalbox.net import dialer, transport

        transport._resets = PollOfESP32()
        dialer.socket = SocketOfESP32


def report(word, value=None):
    print(word, json.dumps(value))


def message_text(message):
    """A message as it is reported: short text as it is, all else as its length and sum."""
    if isinstance(message, str) and len(message) < 100:
        return message
    octets = message.encode() if isinstance(message, str) else message
    return [len(octets), sum(octets)]


async def use(ws, plan):
    """Do what the plan says, and report how it ended."""
    report("opened", {"path": ws.path, "subprotocol": ws.subprotocol})
    try:
        await DO[plan["do"]](ws, plan)
    except ConnectionClosed as error:
        report("closed", str(error))
    if plan.get("wait", True):
        await end(ws)


async def end(ws):
    began = ticks_ms()
    outcome = await ws.wait_closed()
    report("outcome", {name: getattr(outcome, name) for name in FIELDS})
    report("waited", ticks_diff(ticks_ms(), began))


async def echo(ws, plan):
    async for message in ws:
        await ws.send(message)


async def read(ws, plan):
    """Report whatever comes."""
    async for message in ws:
        report("message", message_text(message))


async def idle(ws, plan):
    """Take no message."""
    await ws.wait_closed()


async def close(ws, plan):
    ws.close(plan.get("code"), plan.get("reason", ""))
    await read(ws, plan)


async def close_now(ws, plan):
    """When the peer says so: by a message."""
    await ws.recv()
    ws.close_now()


async def close_when_full(ws, plan):
    """Take no message until the endpoint reads no further, then close."""
    while not ws.connection.reader.unread:
        await sleep_ms(5)
    report("full")
    ws.close(1000)


async def be_busy(ws, plan):
    """Let nothing run for a while, as a driver may; then perhaps send."""
    report("busy")
    time.sleep(plan["ms"] / 1000)
    if "send" in plan:
        await ws.send(plan["send"])
    await read(ws, plan)


async def send(ws, plan):
    """Send messages, each of its own octets, and close."""
    for i in range(plan["count"]):
        await ws.send(bytes([i & 0xFF]) * plan["size"])
        report("sent", i)
    ws.close(1000)


async def send_source(ws, plan):
    await ws.send(Source(b"0123456789" * (plan["size"] // 10), 1000))
    ws.close(1000)


async def cancel_the_waiter(ws, plan):
    ws.close(1000)
    task = asyncio.create_task(ws.wait_closed())
    await sleep_ms(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        report("cancelled")


async def send_from_two_tasks(ws, plan):
    accepted = [0, 0]

    async def one(which):
        try:
            while True:
                await ws.send("ab"[which] * 3000)
                accepted[which] += 1
        except ConnectionClosed:
            pass

    tasks = [asyncio.create_task(one(0)), asyncio.create_task(one(1))]
    while min(accepted) < 10:
        await ws.recv()
    ws.close(1000)
    for task in tasks:
        await task
    report("accepted", accepted)


async def window(ws, plan):
    """Go on sending after the peer's Close."""
    done = asyncio.Event()

    async def last_words(ws):
        for i in range(3):
            await ws.send(str(i))
            await sleep_ms(20)
        done.set()

    ws.on_peer_close = last_words
    await read(ws, plan)
    await done.wait()


async def fail(ws, plan):
    raise ValueError("scripted")


async def fill_the_heap(ws, plan):
    """Leave no memory, close, and take it as long as the plan says."""
    await ws.recv()
    hog = None
    size = 1 << 20
    while size:
        try:
            hog = [hog, bytearray(size)]
        except MemoryError:
            size >>= 1
    full = False
    try:
        bytearray(256)
    except MemoryError:
        full = True
    ws.close(1000)
    for _ in range(plan["ms"] // 10):
        await sleep_ms(10)
    hog = None
    report("full", full and hog is None)


DO = {
    function.__name__: function
    for function in (
        echo,
        read,
        idle,
        close,
        close_now,
        close_when_full,
        be_busy,
        send,
        send_source,
        cancel_the_waiter,
        send_from_two_tasks,
        window,
        fail,
        fill_the_heap,
    )
}
