# An App without a network, and what a test asks it.

import sys

import scripted  # noqa: F401  CPython's transport, before what needs one
from signalbox.app import App, Surroundings
from signalbox.config import check
from signalbox.device.driver import Driver
from small_pools import SmallPools

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
        with SmallPools():
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
