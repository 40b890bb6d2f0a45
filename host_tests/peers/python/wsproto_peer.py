"""wsproto, as its examples use it: without I/O, here on asyncio's streams. See ../README.md."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import form
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

READ = 65536
EOF_TIMEOUT_S = 10


class Wsproto(form.Shell):
    def __init__(self):
        super().__init__()
        self.reader = self.writer = self.ws = None
        self.texts = []

    async def use(self, reader, writer, ws):
        """Read until the end, and tell what the library made of it."""
        self.reader, self.writer, self.ws = reader, writer, ws
        close = error = None
        while close is None:
            try:
                data = await reader.read(READ)
                # An empty one is an EOF to the library, too, which makes a CloseConnection of it.
                ws.receive_data(data or None)
                for event in ws.events():
                    close = await self.handle(event) or close
            except Exception as problem:
                error = problem
                break
        self.counts.closed(
            close.code if close else None, (close.reason or "") if close else None, error=error
        )
        if ws.client:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(reader.read(), EOF_TIMEOUT_S)  # the server's end (7.1.1)
        writer.close()

    async def handle(self, event):
        """Returns the event if it is a Close."""
        if isinstance(event, Request):
            await self.write(AcceptConnection())
            self.open()
        elif isinstance(event, AcceptConnection):
            self.open()
        elif isinstance(event, RejectConnection):
            raise ConnectionError(f"rejected: {event.status_code}")
        elif isinstance(event, Message):
            self.texts.append(event.data)
            if event.message_finished:
                self.counts.message("".join(self.texts))
                self.texts = []
        elif isinstance(event, Ping):
            await self.write(event.response())
        elif isinstance(event, CloseConnection):
            if self.ws.state.name == "REMOTE_CLOSING":
                await self.write(event.response())
            return event
        return None

    async def write(self, event):
        self.writer.write(self.ws.send(event))
        await self.writer.drain()

    async def send(self, text):
        await self.write(TextMessage(data=text))

    async def fragment(self):
        await self.write(TextMessage(data="unfinished", message_finished=False))

    async def close(self, code, reason):
        # It has no default of its own: 1000 is what its examples say.
        await self.write(CloseConnection(code=code or 1000, reason=reason or None))

    async def drop(self):
        self.writer.close()

    async def main(self, given):
        if given.role == "client":
            url = urlsplit(given.url)
            try:
                reader, writer = await asyncio.open_connection(
                    url.hostname, url.port, ssl=given.context
                )
                ws = WSConnection(ConnectionType.CLIENT)
                writer.write(ws.send(Request(host=url.netloc, target=url.path or "/")))
            except OSError as error:
                self.counts.closed(None, None, error=error)
            else:
                await self.use(reader, writer, ws)
        else:
            await asyncio.start_server(self.serve, given.host, given.port, ssl=given.context)
            form.tell("listening", port=given.port)

    async def serve(self, reader, writer):
        if not self.ws:
            await self.use(reader, writer, WSConnection(ConnectionType.SERVER))


async def main():
    shell = Wsproto()
    await shell.run(shell.main(form.arguments()))


asyncio.run(main())
