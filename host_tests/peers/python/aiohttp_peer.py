"""aiohttp's WebSockets, client and server. See ../README.md for the form."""

import asyncio
import socket

import aiohttp
import form
from aiohttp import web

OPTIONS = {"max_msg_size": form.LARGEST_MESSAGE}


class Aiohttp(form.Shell):
    """It has no way to send a fragment of a message."""

    def __init__(self):
        super().__init__()
        self.ws = self.closing = self.telling = None

    async def use(self, ws):
        """As a handler in its documentation: close(), elsewhere, ends the iteration."""
        self.ws = ws
        self.open()
        reason = None
        async for message in ws:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.counts.message(message.data)
            elif message.type is aiohttp.WSMsgType.CLOSE:
                reason = message.extra
        self.telling = asyncio.create_task(self.tell(reason))

    async def tell(self, reason):
        if self.closing:
            await self.closing.wait()  # only now it has a code
        self.counts.closed(self.ws.close_code, reason, error=self.ws.exception())

    async def send(self, text):
        await self.ws.send_str(text)

    async def close(self, code, reason):
        self.closing = asyncio.Event()
        try:
            options = {} if code is None else {"code": code, "message": reason.encode()}
            await self.ws.close(**options)
        finally:
            self.closing.set()

    async def drop(self):
        self.ws.get_extra_info("socket").shutdown(socket.SHUT_WR)

    async def main(self, given):
        if given.role == "client":
            try:
                self.session = aiohttp.ClientSession()
                ws = await self.session.ws_connect(given.url, ssl=given.context or True, **OPTIONS)
            except Exception as error:
                self.counts.closed(None, None, error=repr(error))
            else:
                await self.use(ws)
        else:
            app = web.Application()
            app.router.add_get("/", self.serve)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, given.host, given.port, ssl_context=given.context).start()
            form.tell("listening", port=given.port)

    async def serve(self, request):
        ws = web.WebSocketResponse(compress=False, **OPTIONS)
        await ws.prepare(request)
        await self.use(ws)
        return ws


async def main():
    shell = Aiohttp()
    await shell.run(shell.main(form.arguments()))


asyncio.run(main())
