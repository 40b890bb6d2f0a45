"""asyncio's TCP echo with a meter; see signalbox_allocation.py. Argument: the port."""

import asyncio
import sys

from meter import Meter

meter = Meter()


async def echo(reader, writer):
    buf = bytearray(65536)
    view = memoryview(buf)
    while True:
        n = await reader.readinto(buf)
        if not n:
            break
        if n == 5 and view[:n] == b"begin":
            meter.begin()
            writer.write(view[:n])
        elif n == 3 and view[:n] == b"end":
            writer.write(meter.end())
        else:
            writer.write(view[:n])
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def main():
    port = int(sys.argv[1])
    server = await asyncio.start_server(echo, "127.0.0.1", port)
    print("listening on", port)
    await server.wait_closed()


asyncio.run(main())
