"""microdot's echo with a meter; see signalbox_allocation.py. Argument: the port."""

import asyncio
import sys

from meter import Meter
from microdot import Microdot
from microdot.websocket import with_websocket

app = Microdot()
meter = Meter()


@app.route("/")
@with_websocket
async def echo(request, ws):
    while True:
        message = await ws.receive()
        if message == "begin":
            meter.begin()
        elif message == "end":
            message = meter.end()
        await ws.send(message)


async def main():
    port = int(sys.argv[1])
    serving = asyncio.create_task(app.start_server("127.0.0.1", port))
    while app.server is None:
        await asyncio.sleep_ms(0)
    print("listening on", port)
    await serving


asyncio.run(main())
