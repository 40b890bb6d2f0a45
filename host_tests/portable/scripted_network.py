"""The network of a client, as a script has it: what it connects to, and when."""

import asyncio

from scripted import EOF, Clock, ScriptedTransport, run
from signalbox.net import client, reconnect
from signalbox.ws.handshake import accept_key
from wire import close_payload, frame


class Network:
    """What connect() gets its transports from."""

    def __init__(self):
        self.clock = Clock()
        self.clock.install(reconnect)
        self.asked = []  # (host, port, context)
        self.transports = []
        self.refuse = None  # an error for the next attempt
        self.reachable = asyncio.Event()
        self.reachable.set()
        client.open_transport = self.open_transport

    async def open_transport(self, host, port, context=None):
        self.asked.append((host, port, context))
        await self.reachable.wait()
        error = self.refuse
        self.refuse = None
        if error:
            raise error
        self.transports.append(ScriptedTransport())
        return self.transports[-1]

    @property
    def transport(self):
        return self.transports[-1]

    def request(self):
        """The request that was written, as its first line and a dict."""
        head = str(self.transport.written, "utf-8")
        self.transport.written = b""
        assert head.endswith("\r\n\r\n")
        line, *fields = head[:-4].split("\r\n")
        fields = [field.split(": ", 1) for field in fields]
        assert len(dict(fields)) == len(fields)
        return line, dict(fields)

    def response(self, fields=(), key=None):
        """The response to the request that was written."""
        key = key or self.request()[1]["Sec-WebSocket-Key"]
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Accept: " + accept_key(key),
        ]
        lines.extend(fields)
        return "\r\n".join(lines + ["", ""]).encode()

    async def attempt(self, number):
        """Let time pass until connect() has tried so often."""
        while len(self.asked) < number:
            await self.clock.advance(100)
        assert len(self.asked) == number

    async def accept(self, fields=(), behind=b""):
        """Answer the request as a server does."""
        await run()
        self.transport.feed(self.response(fields) + behind)
        await run()

    async def peer_closes(self, code):
        """The server ends the newest connection."""
        self.transport.feed(frame(0x88, close_payload(code)), EOF)
        await run()
