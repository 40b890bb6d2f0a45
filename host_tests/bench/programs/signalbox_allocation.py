"""An echo that says what it costs on the heap: `signalbox_allocation.py server|client PORT`.

The messages "begin" and "end" bound what is measured; the answer to "end" is the octets. As a
server, the path says how messages are taken: /nowait or /iterate. A client does it the one way,
and on a second connection the other.
"""

import asyncio
import sys

from meter import Meter
from signalbox.net.client import connect
from signalbox.net.server import serve
from signalbox.net.transport import Transport
from signalbox.ws.close import ConnectionClosed

meter = Meter()
meter.count(asyncio.Event, "wait")
meter.count(Transport, "readable", "writable")


def answer(message):
    """What to send for a text."""
    if message == "begin":
        meter.begin()
        return message
    return meter.end()


async def iterate(ws):
    async for message in ws:
        if type(message) is str:
            message = answer(message)
        await ws.send(message)


async def nowait(ws):
    try:
        while True:
            message = await ws.recv()
            while message is not None:
                if type(message) is str:
                    message = answer(message)
                await ws.send(message)
                message = ws.recv_nowait()
    except ConnectionClosed:
        pass


async def handle(ws):
    await (nowait if ws.path == "/nowait" else iterate)(ws)


async def client(port):
    async with connect("ws://127.0.0.1:" + port) as ws:
        await nowait(ws)
    async with connect("ws://127.0.0.1:" + port) as ws:
        await iterate(ws)


async def server(port):
    async with serve(handle, "127.0.0.1", port) as listening:
        print("listening on", port)
        await listening.wait_closed()


if sys.argv[1] == "client":
    asyncio.run(client(sys.argv[2]))
else:
    asyncio.run(server(int(sys.argv[2])))
