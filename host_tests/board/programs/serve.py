"""A server whose connections do what the path says, and which prints every outcome.

What follows a `?` in the path only tells connections apart in what is printed: `listening`, for
each connection `open <path>` and `outcome <path> <tuple>`, and `stopped`.
"""

import asyncio
import gc

import network
from signalbox.net.server import serve
from signalbox.net.transport import server_context
from signalbox.ws.connection import Settings

LARGE = bytes(range(256)) * 64  # 16 KiB
PATIENCE_MS = 60000  # for the handshake: an emulated board is slow


async def handle(ws):
    name = ws.path
    path = name.split("?")[0]
    print("open", name)
    ws.on_close = lambda outcome: print("outcome", name, tuple(outcome))
    if path == "/echo":
        async for message in ws:
            await ws.send(message)
    elif path == "/close":
        await ws.recv()
        ws.close(4001, "grün")
        await ws.wait_closed()
    elif path == "/large":
        await ws.send(LARGE)
    elif path == "/drop":
        await ws.recv()
        ws.close_now()
        ws.close_now()
        await ws.wait_closed()
        ws.close_now()
    elif path == "/idle":
        await ws.wait_closed()
    elif path == "/sink":
        octets = ended = 0
        async for chunk in ws:
            octets += len(chunk.data)
            ended += chunk.final
        print("sink", octets, ended)
    elif path == "/offline":
        await ws.recv()
        wlan = network.WLAN(network.WLAN.IF_STA)
        wlan.disconnect()
        while wlan.isconnected():
            await asyncio.sleep_ms(10)
        ws.close_now()
        await ws.wait_closed()
        wlan.connect(*server.wifi)
        while not wlan.isconnected():
            await asyncio.sleep_ms(10)
        print("online")
    elif path == "/deaf":
        while not server.deaf_enough:
            await asyncio.sleep_ms(10)
    elif path == "/hear":
        server.deaf_enough = True
    elif path == "/heap":
        gc.collect()
        print("free", gc.mem_free())
    elif path == "/stop":
        server.close()


async def main(port, settings, context, wifi):
    global server
    server = serve(
        handle,
        "0.0.0.0",
        port,
        settings=settings,
        context=context,
        handshake_timeout=PATIENCE_MS,
    )
    server.deaf_enough = False
    server.wifi = wifi
    streaming = serve(handle, "0.0.0.0", port + 1, settings=Settings(stream=True))
    print("listening")
    await server.wait_closed()
    streaming.close()
    await streaming.wait_closed()
    print("stopped")


def run(port, cert=None, key=None, wifi=None, **settings):
    """Serve on `port`, and with streamed messages on the next one.

    `cert`, `key`: files, for TLS. `wifi`: the arguments of WLAN.connect(), for /offline.
    """
    context = server_context(cert, key) if cert else None
    asyncio.run(main(port, Settings(**settings), context, wifi))
