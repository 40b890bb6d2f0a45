"""A peer on the plain `websockets` client: it sends and receives JSON objects, in order."""

import asyncio
import json
import socket

from websockets.asyncio.client import connect

TIMEOUT_S = 15


def free_port():
    """A port of the loopback that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Client:
    """Use it as `async with Client(port) as peer`; the welcome has been received then."""

    path = ""  # behind the slash

    def __init__(self, port):
        self._port = port

    async def __aenter__(self):
        url = f"ws://127.0.0.1:{self._port}/{self.path}"
        self.ws = await connect(url, ping_interval=None, proxy=None)
        try:
            welcome = await self.receive("welcome")
            assert set(welcome) == {"type", "peerId"}
            self.id = welcome["peerId"]
        except BaseException:
            await self.ws.close()
            raise
        return self

    async def __aexit__(self, *exception):
        await self.ws.close()

    async def send(self, kind, **members):
        await self.ws.send(json.dumps({"type": kind, **members}))

    async def receive_text(self):
        return await asyncio.wait_for(self.ws.recv(), TIMEOUT_S)

    async def receive(self, kind):
        """The next message, which must be of this kind."""
        message = json.loads(await self.receive_text())
        assert message["type"] == kind, message
        return message

    async def take_roles(self, *roles, **members):
        await self.send("setPeerStatus", roles=roles, **members)
        if "listener" in roles:
            await self.receive("peerStatusChanged")
        else:
            await self.list()

    async def list(self):
        """The producers. What was sent before has been dealt with when this returns."""
        await self.send("list")
        return (await self.receive("list"))["producers"]

    async def start_session(self, producer):
        """A session as the consumer. Returns its id, when both know of it."""
        await self.send("startSession", peerId=producer.id)
        session = (await self.receive("sessionStarted"))["sessionId"]
        await producer.receive("startSession")
        return session
