"""A SignallingPeer at a server, through every loss of the connection."""

import asyncio
import gc

from .compat import sleep_ms
from .net.client import connect
from .net.outbox import Outbox
from .net.reconnect import Backoff
from .ws.buffers import Pool
from .ws.close import INTERNAL_ERROR, NORMAL
from .ws.connection import Settings

MAX_MESSAGE = 18432  # octets: an SDP of 16 KiB as JSON


class SignallingClient:
    """Connects `peer` to the server at `url`. `outcome`: of the last connection, or None."""

    outcome = None

    def __init__(self, peer, url, token=None, ca=None, max_message=MAX_MESSAGE, backoff=None):
        """`token`: for `Authorization: Bearer`. `ca`: see net.client.connect(). ValueError."""
        self._peer = peer
        self._pool = Pool(1, max_message)
        self._outbox = None
        self._task = None
        self._stopped = False
        self._backoff = backoff or Backoff()
        self._connect = connect(
            url,
            headers={"Authorization": "Bearer " + token} if token else None,
            ca=ca,
            settings=Settings(max_message=max_message, pool=self._pool),
            on_retry=self._retry,
            backoff=self._backoff,
        )

    async def run(self):
        """Be connected until stop(), again after whatever ends the connection (7.2.3)."""
        self._task = asyncio.current_task()
        try:
            while not self._stopped:
                async for ws in self._connect:
                    await self._converse(ws)
                    if self._stopped:
                        ws.close(NORMAL)  # it ended before stop() could; that is no reason to go on
                # Ended from this side: by stop(), or for a reason of the outbox's.
                if not self._stopped:
                    await sleep_ms(self._backoff.next())
        except asyncio.CancelledError:
            if not self._stopped:
                raise

    async def _converse(self, ws):
        self._outbox = Outbox(ws)
        ws.on_close = self._closed
        self._peer.connected()
        try:
            async for message in ws:
                try:
                    if isinstance(message, bytearray):
                        self._peer.receive(message)
                        self.deliver()
                except MemoryError:
                    ws.close(INTERNAL_ERROR, "out of memory")
                    gc.collect()
                finally:
                    self._pool.give_back(message)
                await sleep_ms(0)
        finally:
            self._outbox = None
            self._peer.disconnected()

    def deliver(self):
        """Send what the peer has to say: call it after the peer's calls. Doesn't wait."""
        messages = self._peer.take()
        if self._outbox:
            for message in messages:
                self._outbox.put(message)

    def stop(self, code=NORMAL):
        """Close the connection behind what was delivered, and have run() end."""
        self._stopped = True
        if self._outbox:
            self._outbox.close(code)
        elif self._task:
            self._task.cancel()

    def _closed(self, outcome):
        self.outcome = outcome

    def _retry(self, why, delay):
        print("signalling server:", why, "- again in", delay, "ms")
