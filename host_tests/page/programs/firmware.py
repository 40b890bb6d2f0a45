"""The firmware as `make run` has it, without a configuration: firmware.py PORT [TOKEN].

A signalling server, a simulated camera with its picture, and the page. Ends with standard input.
"""

import asyncio
import gc
import sys

gc.threshold(8192)

from signalbox.compat import sleep_ms, ticks_diff, ticks_ms  # noqa: E402
from signalbox.device.control import Control  # noqa: E402
from signalbox.device.control_socket import SUBPROTOCOL, ControlSocket  # noqa: E402
from signalbox.device.preview import Preview  # noqa: E402
from signalbox.device.preview_pattern import Pattern  # noqa: E402
from signalbox.device.simulated import Simulated  # noqa: E402
from signalbox.net.access import Access  # noqa: E402
from signalbox.preview_server import PreviewServer  # noqa: E402
from signalbox.signalling.peer import CONSUMER, Delegate, SignallingPeer  # noqa: E402
from signalbox.signalling_server import SignallingServer  # noqa: E402
from signalbox.web import Site  # noqa: E402


class Firmware:
    def __init__(self, token):
        access = Access(token=token, open=token is None)
        self.driver = Simulated()
        self.control = Control(self.driver)
        self.server = SignallingServer(access, 8)
        meta = {"name": "Camera", "control": self.control.advert()}
        self.server.attach(SignallingPeer(Delegate(), (CONSUMER,), meta))
        pool = self.server.pool
        routes = {
            None: self.server,
            "/control": ControlSocket(self.control, pool),
            "/preview": PreviewServer(Preview(Pattern(self.driver), 5, 4), pool),
        }
        self.site = Site(access, self.health, routes, (SUBPROTOCOL,))
        self.began = ticks_ms()

    def health(self):
        broker = self.server.broker
        return {
            "name": "Camera",
            "version": "test",
            "uptime_s": ticks_diff(ticks_ms(), self.began) // 1000,
            "heap": {"free": gc.mem_free(), "used": gc.mem_alloc()},
            "caps": self.driver.caps,
            "sessions": [
                {"id": s.id, "producer": s.producer.id, "consumer": s.consumer.id}
                for s in broker.sessions
            ],
        }

    async def run(self, port):
        asyncio.create_task(self.tick())
        asyncio.create_task(self.stop_at_eof())
        await self.server.run("127.0.0.1", port, self.site, 8)

    async def tick(self):
        while True:
            self.control.tick(ticks_ms())
            await sleep_ms(20)

    async def stop_at_eof(self):
        stdin = asyncio.StreamReader(sys.stdin)
        while await stdin.read(1):
            pass
        self.server.stop()


asyncio.run(Firmware(sys.argv[2] if sys.argv[2:] else None).run(int(sys.argv[1])))
