"""A TCP echo from the client's side: reads a port from stdin, echoes until EOF, reads the next."""

import asyncio
import sys


async def echo(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
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
    while True:
        port = sys.stdin.readline().strip()
        if not port:
            break
        await echo(int(port))


asyncio.run(main())
