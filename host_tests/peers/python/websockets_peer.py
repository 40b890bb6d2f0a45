"""`websockets`, its asyncio implementation. See ../README.md for the form."""

import asyncio

import form
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

OPTIONS = {"compression": None, "max_size": form.LARGEST_MESSAGE}


class Websockets(form.Shell):
    def __init__(self):
        super().__init__()
        self.ws = None
        self.unfinished = None

    async def use(self, ws):
        if self.ws:
            return  # not the first
        self.ws = ws
        self.open()
        try:
            while True:
                self.counts.message(await ws.recv())
        except ConnectionClosed as error:
            # It has no word for "clean": also a 4001 that was answered is an error.
            self.counts.closed(
                ws.close_code, ws.close_reason, error=error if ws.close_code == 1006 else None
            )

    async def send(self, text):
        await self.ws.send(text)

    async def fragment(self):
        async def parts():
            yield "unfinished"
            await asyncio.Event().wait()

        self.unfinished = asyncio.create_task(self.ws.send(parts()))
        await asyncio.sleep(0.05)

    async def close(self, code, reason):
        await (self.ws.close() if code is None else self.ws.close(code, reason))

    async def drop(self):
        self.ws.transport.close()

    async def main(self, given):
        if given.role == "client":
            try:
                ws = await connect(given.url, ssl=given.context, proxy=None, **OPTIONS)
            except Exception as error:
                self.counts.closed(None, None, error=repr(error))
            else:
                await self.use(ws)
        else:
            await serve(self.use, given.host, given.port, ssl=given.context, **OPTIONS)
            form.tell("listening", port=given.port)


async def main():
    shell = Websockets()
    await shell.run(shell.main(form.arguments()))


asyncio.run(main())
