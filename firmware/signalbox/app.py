"""What a board does, as its configuration says: joins servers, signalling client and device.

Knows of Wi-Fi and clock only whether they are there; start.py runs those.
"""

import asyncio
import gc
import sys

from . import outcomes
from .app_device import Device
from .compat import const, print_exception, sleep_ms, ticks_diff, ticks_ms
from .net.endpoint import unwatch, watch
from .supervisor import Restarts

_MINUTE = const(60000)  # ms
_STOP_TIMEOUT = const(8)  # s; servers and client have limits of their own


class Surroundings:
    """What the app tells those who run it. Derive from it what wants to know."""

    def beat(self, name, now):
        """`name`, a part of the app, is alive."""

    def crashed(self, part, error):
        """A part has crashed."""
        print_exception(error)

    def online(self):
        """A server has registered the device, or ours listens for others."""

    def describe(self, health):
        """Add to what App.health() tells."""


class App:
    """Make it, run() it. health() says how it is."""

    faulty = False  # the device is
    deaf = False  # it can't listen

    def __init__(self, config, hardware, surroundings=None):
        """`config`: of config.load(). `hardware`: the module for drivers. ValueError, OSError or
        MemoryError when something that it names is not to be had.
        """
        self._surroundings = surroundings or Surroundings()
        self.name = config["name"]
        self.client = None
        self.server = None  # a SignallingServer
        self._web = None  # what serves; the same, if it is one
        self.address = None  # (host, port) that it listens on
        self._site = None
        self._looked = 0  # the second
        self._minutes = 0  # since the start, and ms: ticks come round again
        self._ms = 0
        self._since = ticks_ms()
        self._ended = asyncio.Event()
        self._stopped = False
        self._failure = None
        self._parts = []  # (name, run)
        self._tasks = {}  # the same, once they run
        self._link = asyncio.Event()
        self._link.set()
        listen = config["listen"]
        self.device = Device(self.name, config["announce"], _control_url(config), self._device_beat)
        if config["device"]:
            self._open_device(config, hardware)
        if config["announce"] == "producer" and not self.device.media:
            # webrtcsrc would open a session with it, and wait for media for ever.
            raise ValueError('announce: must be "consumer" or "none": this device has no media')
        if config["mode"] != "server":
            self._make_client(config["server"])
        if listen:
            self._make_server(config, listen)
        if self.device.control:
            self.add("device", self.device.run)

    def add(self, name, run):
        """Another part: run() is a coroutine without an end, and is started again if it crashes."""
        self._parts.append((name, run))

    def _open_device(self, config, hardware):
        name = "signalbox.device." + config["device"]["driver"]
        __import__(name)
        driver = sys.modules[name].create(config["device"], hardware)
        self.device.drive(driver, config["control"])

    def _make_client(self, server):
        from .signalling_client import SignallingClient

        peer = self.device.peer(self._surroundings.online)
        self.client = SignallingClient(
            peer, server["url"], server["token"], server["ca"], on_close=_note_close
        )
        self.device.connect(peer, self.client.deliver)
        self.add("client", self._run_client)

    def _make_server(self, config, listen):
        from .guests import Guests
        from .net.access import Access
        from .web import Site

        self.address = (listen["host"], listen["port"])
        context = None
        if listen["cert"]:
            from .net.transport import server_context

            context = server_context(listen["cert"], listen["key"])
        access = Access(listen["token"], listen["origins"], listen["open"])
        routes = {}
        subprotocols = []
        if config["mode"] == "client":
            from .web_server import WebServer

            self._web = WebServer(context)
        else:
            from .signalling_server import SignallingServer

            self._web = self.server = SignallingServer(access, listen["max_peers"], context=context)
            # Its own peer is in no connection's place.
            peer = self.device.peer()
            self.device.connect(peer, self.server.attach(peer))
            routes[None] = self.server
        self._viewers = listen["max_viewers"]
        guests = Guests(self._viewers)
        if self.device.control:
            from .device.control_socket import SUBPROTOCOL, ControlSocket

            socket = ControlSocket(self.device.control, self._viewers)
            routes["/control"] = guests.route(socket, self._viewers)
            subprotocols.append(SUBPROTOCOL)
        if config["preview"]:
            from .preview_server import create

            preview = create(config["preview"], self.device.driver)
            # One place is for who controls: pictures alone don't stop a camera.
            routes["/preview"] = guests.route(preview, max(1, self._viewers - 1))
        self._site = Site(access, self.health, routes, subprotocols)
        self.add("server", self._serve)

    async def run(self):
        """Run all parts until stop(). OSError if it can't listen; Exception of a part that has
        crashed too often.
        """
        watch(self)
        try:
            for name, run in self._parts:
                self._tasks[name] = asyncio.create_task(self._keep(name, run))
            await self._ended.wait()
            await self._stop_parts()
        finally:
            await self.device.close()
            unwatch(self)
        if self._failure:
            raise self._failure

    def stop(self):
        """Have run() end: each peer and server is told, and motion stops."""
        self._stopped = True
        self._ended.set()

    def link_changed(self, up):
        """The network has come or gone. As long as it hasn't come, there is no client."""
        if not up:
            self.device.safe()
            if not self._tasks:
                self._link.clear()
            return
        self._link.set()
        if self.client and self.client.peer.id is None:
            # It may be waiting for a minute, for a server that is there again.
            self.client.hurry()

    def tick(self, now):
        """Called by the clock."""
        self._ms += ticks_diff(now, self._since)
        self._since = now
        if self._ms >= _MINUTE:
            self._ms -= _MINUTE
            self._minutes += 1
        self._surroundings.beat("app", now)
        if self._ms // 1000 != self._looked:
            self._looked = self._ms // 1000
            self.faulty = self.device.faulty

    def _device_beat(self, now):
        self._surroundings.beat("device", now)

    @property
    def online(self):
        """Whether it is what the configuration wants: registered, or listening."""
        return self.client is None or self.client.peer.id is not None

    @property
    def uptime(self):
        """Seconds since the start."""
        return self._minutes * 60 + self._ms // 1000

    def health(self):
        """A dict for JSON: how the board is."""
        gc.collect()
        health = {
            "name": self.name,
            "board": getattr(sys.implementation, "_machine", sys.platform),
            "uptime_s": self.uptime,
            "heap": _heap(),
            "outcomes": list(outcomes.recent),
        }
        self._surroundings.describe(health)
        if self.client:
            health["registered"] = self.client.peer.id
        if self.server:
            broker = self.server.broker
            health["peers"] = [{"id": peer.id, "roles": peer.roles} for peer in broker.peers]
            health["sessions"] = [
                {"id": s.id, "producer": s.producer.id, "consumer": s.consumer.id}
                for s in broker.sessions
            ]
        control = self.device.control
        if control:
            health["caps"] = control.advert()["caps"]
            health["deadman_ms"] = control.deadman
            health["presets"] = control.driver.presets
            health["device"] = control.driver.state()
        return health

    # Parts

    async def _keep(self, name, run):
        # Crashed parts are started again, by and by. One that crashes on and on ends it all, and so
        # does one that there is no memory to start again.
        restarts = Restarts()
        try:
            while not self._stopped:
                try:
                    await run()
                    if not self._stopped:
                        raise RuntimeError(name + " has ended by itself")
                except Exception as error:
                    if self._stopped:
                        return
                    # Without the port that it is to listen on there is no sense in going on.
                    if name == "server" and isinstance(error, OSError):
                        self.deaf = True
                        raise
                    delay = restarts.crashed(ticks_ms())
                    self._crashed(name, error, delay)
                    if delay is None:
                        raise
                    error = None
                    gc.collect()
                    await sleep_ms(delay)
        except Exception as error:
            self._failure = error
            self._ended.set()

    def _crashed(self, name, error, delay):
        self._surroundings.crashed(name, error)
        if delay is not None:
            print(name, "crashed: again in", delay, "ms")
        if name == "device":
            self.device.safe()

    async def _run_client(self):
        await self._link.wait()
        await self.client.run()

    async def _serve(self):
        host, port = self.address
        # With a client, being registered says more.
        listening = None if self.client else self._surroundings.online
        await self._web.run(host, port, self._site, self._viewers, listening)

    async def _stop_parts(self):
        self._stopped = True
        self.device.safe()
        if self.client:
            self.client.stop()
        if self.address:
            self._web.stop()
        # The device goes on until those who may control it are gone.
        for name in ("client", "server"):
            if name in self._tasks and self._link.is_set():
                await _finish(self._tasks[name], _STOP_TIMEOUT)
        for name in self._tasks:
            self._tasks[name].cancel()
            await _finish(self._tasks[name], 1)


def _note_close(outcome):
    line = "signalling server closed: " + outcomes.in_words(outcome)
    print(line)
    outcomes.note(line)


async def _finish(task, timeout):
    # A task that an interrupt has hit never ends.
    try:
        await asyncio.wait_for(task, timeout)
    except (asyncio.CancelledError, asyncio.TimeoutError):
        pass


def _heap():
    if not hasattr(gc, "mem_free"):
        return None  # a computer's Python
    return {"free": gc.mem_free(), "used": gc.mem_alloc()}


def _control_url(config):
    # A computer's name is nothing that we know.
    listen = config["listen"]
    if not listen or not config["wifi"]:
        return None
    from .net.wifi import hostname

    name = config["hostname"] or hostname(config["name"])
    scheme = "wss" if listen["cert"] else "ws"
    return "%s://%s.local:%d/control" % (scheme, name, listen["port"])
