"""A client that has its messages echoed, and closes or is closed.

Prints `echoed <kind> <octets>` for each message, `pong`, `message <what>` for any other message and
`outcome <tuple>`; or `failed <exception>`.
"""

import asyncio
import gc

from signalbox.net.client import connect
from signalbox.ws.connection import Settings

PATIENCE_MS = 60000  # for the handshake: an emulated board is slow


def binary(n):
    whole = bytearray(n)
    for i in range(n):
        whole[i] = (7 * i + n) & 0xFF
    return whole


def text(n):
    """`n` octets of UTF-8, in characters of one to four octets."""
    whole = "aé€😀 Zürs" * (n // 16)
    return whole + "." * (n % 16) if n % 16 else whole


async def echo(ws, message):
    await ws.send(message)
    answer = await ws.recv()
    assert answer == message
    if isinstance(answer, str):
        print("echoed text", len(answer.encode()))
    else:
        print("echoed binary", len(answer))


async def session(url, sizes, code, reason, settings):
    try:
        ws = await connect(url, settings=settings, open_timeout=PATIENCE_MS)
    except OSError as error:
        print("failed", repr(error))
        return
    if sizes:
        await ws.ping()
        print("pong")
    for n in sizes:
        await echo(ws, text(n))
        gc.collect()
        await echo(ws, binary(n))
        gc.collect()
    if code:
        ws.close(code, reason)
    async for message in ws:
        print("message", message)
    print("outcome", tuple(await ws.wait_closed()))


def run(url, sizes=(), code=None, reason="", **settings):
    asyncio.run(session(url, sizes, code, reason, Settings(**settings)))
