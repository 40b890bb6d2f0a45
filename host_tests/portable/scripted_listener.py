"""The clients of a server, as a script has them: who comes, and the handshake of each."""

import asyncio

from scripted import ScriptedTransport

REQUEST = (
    b"GET /path?query HTTP/1.1\r\n"
    b"Host: 192.0.2.1\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"\r\n"
)
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class Listener:
    """Clients come when a test says so."""

    def __init__(self):
        self.waiting = []
        self.closed = False
        self.fault = None  # raised by the next accept()
        self._arrived = asyncio.Event()

    def __call__(self, host, port, backlog, context):
        self.arguments = (host, port, backlog, context)
        return self

    async def ready(self):
        while not self.waiting:
            self._arrived.clear()
            await self._arrived.wait()

    def accept(self):
        fault = self.fault
        self.fault = None
        if fault:
            raise fault
        return self.waiting.pop(0)

    def close(self):
        self.closed = True

    def connect(self, *items):
        """A client connects and sends. Returns our side of its transport."""
        transport = ScriptedTransport()
        transport.feed(*items)
        self.waiting.append(transport)
        self._arrived.set()
        return transport
