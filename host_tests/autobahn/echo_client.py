"""An echo client on our own library, for Autobahn's fuzzing server. Argument: its ws:// URL."""

import asyncio
import sys

from signalbox.net.client import connect
from signalbox.ws.connection import Settings

AGENT = "signalbox"
LARGEST = 16 * 1024 * 1024  # the largest message of case family 9


async def echo(url, settings):
    async with connect(url, settings=settings) as ws:
        async for message in ws:
            await ws.send(message)


async def main(server):
    settings = Settings(max_message=LARGEST)
    async with connect(server + "/getCaseCount") as ws:
        count = int(await ws.recv())
    for case in range(1, count + 1):
        await echo("%s/runCase?case=%d&agent=%s" % (server, case, AGENT), settings)
        print("case", case, "of", count)
    await echo("%s/updateReports?agent=%s" % (server, AGENT), settings)


asyncio.run(main(sys.argv[1]))
