"""A TCP echo through MicroPython's asyncio, no WebSocket: the ceiling. Argument: the port."""

import asyncio
import sys


async def echo(reader, writer):
    buf = bytearray(65536)
    view = memoryview(buf)
    while True:
        n = await reader.readinto(buf)
        if not n:
            break
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
