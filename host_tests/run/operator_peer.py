"""Who controls a device, through a signalling server or at the board's own port."""

import asyncio
import json
import sys

from signalling_client import TIMEOUT_S
from websockets.asyncio.client import connect

EVERY_S = 0.2  # between two requests to move, well within the dead-man's time


class Operator:
    """`async with Operator(url, subprotocol)`. It keeps a device moving while it has one."""

    def __init__(self, url, subprotocols=None):
        self._url = url
        self._subprotocols = subprotocols
        self._id = 0
        self._moving = None

    async def __aenter__(self):
        deadline = asyncio.get_running_loop().time() + TIMEOUT_S
        while True:
            try:
                self.ws = await connect(
                    self._url, subprotocols=self._subprotocols, ping_interval=None, proxy=None
                )
                return self
            except OSError:
                assert asyncio.get_running_loop().time() < deadline, f"nobody at {self._url}"
                await asyncio.sleep(0.1)

    async def __aexit__(self, *exception):
        if self._moving:
            self._moving.cancel()
        self.ws.transport.abort()
        await self.ws.wait_closed()

    async def find(self, name):
        """The peer id of the device of this name, once it is there."""
        for _ in range(600):
            await self.ws.send('{"type":"listConsumers"}')
            for consumer in (await self._receive("listConsumers"))["consumers"]:
                if (consumer["meta"] or {}).get("name") == name:
                    return consumer["id"]
            await asyncio.sleep(0.1)
        raise AssertionError(f"no {name} at {self._url}")

    async def ask(self, peer_id, name, **structure):
        """One request and its error, None if it was obeyed. `peer_id`: None at the board's port."""
        self._id += 1
        event = {"type": "customUpstreamEvent", "structureName": name, "structure": structure}
        message = {"id": self._id, "request": event}
        if peer_id:
            message.update(type="control", peerId=peer_id)
        await self.ws.send(json.dumps(message))
        while True:
            reply = json.loads(await asyncio.wait_for(self.ws.recv(), TIMEOUT_S))
            reply = reply.get("reply", reply)
            if reply.get("id") == self._id:
                return reply["error"]

    async def move(self, peer_id):
        """Begin to move, and go on asking for that in the background as long as it works."""
        assert await self.ask(peer_id, "move", pan=50) is None

        async def go_on():
            while True:
                await asyncio.sleep(EVERY_S)
                await self.ask(peer_id, "move", pan=50)

        self._moving = asyncio.create_task(go_on())
        self._moving.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def rest(self):
        """Ask for nothing more. The connection is left open."""
        self._moving.cancel()
        await asyncio.wait([self._moving])

    async def _receive(self, kind):
        while True:
            message = json.loads(await asyncio.wait_for(self.ws.recv(), TIMEOUT_S))
            if message["type"] == kind:
                return message


async def main(url):
    """Keep the device at a board's own port moving, for as long as this program runs."""
    async with Operator(url, ["signalbox.control.v1"]) as operator:
        await operator.move(None)
        await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
