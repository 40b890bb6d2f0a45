"""Clients that send a small message each again and again, and a clock that sees the loop stand.

Prints `open`; `stood <milliseconds>`, the longest time so far in which no other task ran, about
every 2 s; every outcome, and `ended`.
"""

import asyncio
import time

from signalbox.net.client import connect
from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import Settings

PATIENCE_MS = 60000  # for the handshake: an emulated board is slow
SETTINGS = Settings(ping_interval=10000, pong_timeout=5000)
LOOK_MS = 20
REPORT_MS = 2000


async def send(ws, message, pause_ms):
    try:
        while True:
            await ws.send(message)
            await asyncio.sleep_ms(pause_ms)
    except ConnectionClosed:
        print("outcome", tuple(await ws.wait_closed()))


async def watch():
    longest = 0
    reported = last = time.ticks_ms()
    while True:
        await asyncio.sleep_ms(LOOK_MS)
        now = time.ticks_ms()
        longest = max(longest, time.ticks_diff(now, last))
        last = now
        if time.ticks_diff(now, reported) >= REPORT_MS:
            print("stood", longest)
            reported = now


async def main(urls, size, pause_ms):
    tasks = []
    for url in urls:
        ws = await connect(url, settings=SETTINGS, open_timeout=PATIENCE_MS)
        tasks.append(asyncio.create_task(send(ws, "x" * size, pause_ms)))
    print("open")
    watching = asyncio.create_task(watch())
    for task in tasks:
        await task
    watching.cancel()
    print("ended")


def run(urls, size, pause_ms):
    asyncio.run(main(urls, size, pause_ms))
