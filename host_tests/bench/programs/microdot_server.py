"""microdot's WebSocket server. Argument: the port."""

import asyncio
import sys

from microdot import Microdot
from microdot.websocket import WebSocket, with_websocket

WebSocket.max_message_length = 131072
app = Microdot()


@app.route("/")
@with_websocket
async def echo(request, ws):
    while True:
        await ws.send(await ws.receive())


async def main():
    port = int(sys.argv[1])
    serving = asyncio.create_task(app.start_server("127.0.0.1", port))
    while app.server is None:
        await asyncio.sleep_ms(0)
    print("listening on", port)
    await serving


asyncio.run(main())
