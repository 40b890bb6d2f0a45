# app.py: what it joins, without a network: the device, links that come and go, parts that crash.

import asyncio
import sys

import scripted  # noqa: F401  CPython's transport, before what needs one
from signalbox import app as app_module
from signalbox.app import App, Surroundings
from signalbox.config import check
from signalbox.device.control import Controller
from signalbox.device.driver import Driver

MOVE = b'{"id":1,"request":{"type":"customUpstreamEvent","structureName":"%s","structure":%s}}'


class Camera(Driver):
    """Notes what it is told. `media`: as the module below says."""

    caps = ("ptz",)

    def __init__(self):
        self.told = []

    def move(self, pan, tilt, zoom):
        self.told.append(("move", pan))

    def stop(self):
        self.told.append(("stop",))

    def state(self):
        return {"moving": False}

    def close(self):
        self.told.append(("close",))


class Module:
    """In the place of a driver's file."""

    options = tuple
    media = None

    @classmethod
    def create(cls, options, hardware):
        driver = Camera()
        driver.media = cls.media
        return driver


class Media:
    """Takes every session."""

    def __init__(self):
        self.told = []

    def session_started(self, member, session, offer):
        self.told.append(("started", session.id))
        return True

    def session_ended(self, member, session, error):
        self.told.append(("ended", session.id))


class Around(Surroundings):
    """Notes what the app tells."""

    def __init__(self):
        self.told = []
        self.beats = set()

    def beat(self, name, now):
        self.beats.add(name)

    def crashed(self, part, error):
        self.told.append((part, str(error)))

    def online(self):
        self.told.append("online")


def make(media=None, around=None, **changes):
    sys.modules["signalbox.device.test_camera"] = Module
    Module.media = media
    config = {
        "name": "cam",
        "mode": "client",
        "wifi": [],
        "server": {"url": "ws://127.0.0.1:1/"},
        "device": {"driver": "test_camera"},
    }
    for name in changes:
        config[name] = changes[name]
    try:
        return App(check(config), None, around)
    finally:
        del sys.modules["signalbox.device.test_camera"]


def ask(app, controller, verb, structure):
    octets = bytearray(MOVE.replace(b"%s", verb, 1).replace(b"%s", structure, 1))
    return app.device.control.receive(controller, octets, 0)


def registered(app):
    """The app's peer, after a server's welcome. What it has said is taken."""
    peer = app.client.peer
    peer.connected()
    peer.receive(bytearray(b'{"type":"welcome","peerId":"me"}'))
    return peer


def test_a_lost_link_stops_motion_and_takes_control_away():
    app = make()
    who = Controller()
    assert '"error":null' in ask(app, who, b"move", b'{"pan":50}')
    assert app.device.driver.told[-1] == ("move", 50) and app.device.control.owner is who
    app.link_changed(False)
    assert app.device.driver.told[-1] == ("stop",) and app.device.control.owner is None


def test_a_server_that_is_gone_stops_what_its_peers_have_moved():
    app = make()
    peer = registered(app)
    peer.receive(
        bytearray(
            b'{"type":"control","peerId":"other","id":1,"request":'
            b'{"type":"customUpstreamEvent","structureName":"move","structure":{"pan":9}}}'
        )
    )
    assert app.device.driver.told[-1] == ("move", 9)
    peer.disconnected()
    assert app.device.driver.told[-1] == ("stop",)


def test_how_it_is_announced():
    for announce, roles in (("consumer", '["consumer"]'), ("none", "[]")):
        said = "".join(registered(make(announce=announce)).take()).replace(" ", "")
        assert '"roles":' + roles in said and '"caps":["ptz"]' in said and '"name":"cam"' in said
    try:
        make(announce="producer")
    except ValueError as error:
        assert str(error).startswith('announce: must be "consumer" or "none"')
    else:
        raise AssertionError("a producer without media")


def test_without_media_sessions_are_refused():
    peer = registered(make())
    peer.take()
    peer.receive(bytearray(b'{"type":"startSession","peerId":"other","sessionId":"s"}'))
    assert "endSession" in "".join(peer.take()) and not peer.sessions


def test_stream_on_and_off_change_the_role():
    media = Media()
    app = make(media, announce="producer")
    peer = registered(app)
    assert '"roles":["producer"]' in "".join(peer.take()).replace(" ", "")
    peer.receive(bytearray(b'{"type":"startSession","peerId":"other","sessionId":"s"}'))
    who = Controller()
    app.device.connect(peer, lambda: None)
    assert '"error":null' in ask(app, who, b"stream", b'{"on":false}')
    said = "".join(peer.take()).replace(" ", "")
    assert '"roles":["consumer"]' in said and '"endSession"' in said
    assert media.told == [("started", "s"), ("ended", "s")]
    assert '"error":null' in ask(app, who, b"stream", b'{"on":true}')
    assert '"roles":["producer"]' in "".join(peer.take()).replace(" ", "")


def test_the_advert_says_where_the_board_takes_control_itself():
    wifi = [{"ssid": "house"}]
    app = make(listen={"open": True, "port": 8444}, wifi=wifi, name="Stage left")
    said = "".join(registered(app).take())
    assert '"ws://stage-left.local:8444/control"' in said


def test_health():
    health = make().health()
    assert health["name"] == "cam" and health["registered"] is None
    assert health["caps"] == ["ptz"] and health["device"] == {"moving": False}
    assert health["deadman_ms"] == 750
    assert health["uptime_s"] == 0 and health["outcomes"] == []
    app = make(mode="server", listen={"open": True})
    assert app.health()["sessions"] == [] and len(app.health()["peers"]) == 1


async def run(app, until):
    async def stop():
        while not until():
            await asyncio.sleep(0.01)
        app.stop()

    stopping = asyncio.create_task(stop())
    try:
        await app.run()
    finally:
        stopping.cancel()


async def test_a_part_that_crashes_is_started_again():
    around = Around()
    app = make(around=around)
    starts = []

    async def part():
        starts.append(1)
        if len(starts) < 3:
            raise RuntimeError("the first two")
        while True:
            await asyncio.sleep(1)

    app.add("part", part)
    await run(app, lambda: len(starts) == 3)
    assert [told for told in around.told if told[0] == "part"] == [("part", "the first two")] * 2
    assert {"app", "device"} <= around.beats
    assert app.device.driver.told[-2:] == [("stop",), ("close",)]


async def test_a_part_that_crashes_on_and_on_ends_it():
    class Impatient:
        def __init__(self):
            self.left = 3

        def crashed(self, now):
            self.left -= 1
            return 1 if self.left else None

    around = Around()
    before = app_module.Restarts
    app_module.Restarts = Impatient
    try:
        app = make(around=around)

        async def part():
            raise RuntimeError("always")

        app.add("part", part)
        try:
            await run(app, lambda: False)
        except RuntimeError as error:
            assert str(error) == "always"
        else:
            raise AssertionError
    finally:
        app_module.Restarts = before
    assert around.told.count(("part", "always")) == 3
    assert app.device.driver.told[-1] == ("close",)


async def test_a_part_that_ends_by_itself_has_crashed():
    around = Around()
    app = make(around=around)
    starts = []

    async def part():
        starts.append(1)

    app.add("part", part)
    await run(app, lambda: len(starts) == 2)
    assert ("part", "part has ended by itself") in around.told


async def test_a_part_that_there_is_no_memory_to_start_again_ends_it():
    class Full(Around):
        def crashed(self, part, error):
            raise MemoryError

    app = make(around=Full())

    async def part():
        raise RuntimeError("once")

    app.add("part", part)
    try:
        await asyncio.wait_for(app.run(), 5)
    except MemoryError:
        assert app.device.driver.told[-1] == ("close",)
    else:
        raise AssertionError
