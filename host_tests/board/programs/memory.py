"""What the firmware takes of the heap. Prints `ram <allocated> <free> <when>` at each step."""

import asyncio
import gc


def report(*when):
    gc.collect()
    gc.collect()
    print("ram", gc.mem_alloc(), gc.mem_free(), *when)


def imports(*names):
    asyncio.new_event_loop()
    report("start")
    for name in names:
        __import__(name)
    report("imported")


def serve(port):
    from signalbox.net import server as module

    async def handle(ws):
        async for message in ws:
            await ws.send(message)
            report("clients", len(server.websockets))
            if message == "stop":
                server.close()

    async def main():
        global server
        report("server imported")
        server = module.serve(handle, "0.0.0.0", port, handshake_timeout=60000)
        await asyncio.sleep_ms(0)
        report("clients 0")
        await server.wait_closed()
        report("served")

    asyncio.run(main())


def connect(url, n):
    from signalbox.net.client import connect

    async def main():
        report("client imported")
        open_ones = []
        for i in range(n):
            ws = await connect(url, open_timeout=60000)
            await ws.send("hello")
            await ws.recv()
            open_ones.append(ws)
            await asyncio.sleep_ms(100)
            report("connections", i + 1)
        for ws in open_ones:
            ws.close(1000)
        for ws in open_ones:
            await ws.wait_closed()

    asyncio.run(main())
