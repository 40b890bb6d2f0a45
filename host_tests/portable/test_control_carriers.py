"""Control over the board's own /control, and through signalling: replies, the state, and ends."""

import json

from scripted import EOF, run
from scripted_listener import REQUEST
from signalbox.device import control_socket, simulated
from signalbox.device.control import DEADMAN, Control
from signalbox.device.control_peer import ControlPeer
from signalbox.device.control_socket import MAX_VIEWERS, PATH, ControlSocket
from signalbox.signalling.peer import CONSUMER, Delegate, SignallingPeer
from signalling_site import Site
from wire import KEY, frame

AT_CONTROL = REQUEST.replace(b"/path?query", PATH.encode())
EVERY = 200  # ms between two messages of the state


def request(number, verb, **structure):
    return {
        "id": number,
        "request": {
            "type": "customUpstreamEvent",
            "structureName": verb,
            "structure": structure,
        },
    }


class Ours(Delegate):
    """What the board's own peer tells of control."""

    carrier = None

    def control(self, peer_id, octets):
        return self.carrier.request(peer_id, octets)

    def control_ended(self, peer_id):
        self.carrier.ended(peer_id)


class Device:
    """The board: a simulated camera, and its control over both carriers."""

    def __init__(self):
        self.driver = simulated.create({}, None)
        self.control = Control(self.driver)
        ours = Ours()
        self.peer = SignallingPeer(ours, (CONSUMER,), {"control": self.control.advert()})
        ours.carrier = ControlPeer(self.control, self.peer)
        self.socket = ControlSocket(self.control)
        self.site = Site(self.peer, {PATH: self.socket})
        ours.carrier.deliver = self.site.deliver
        ours.carrier._clock = self.site.clock.ticks_ms
        self.site.clock.install(control_socket)
        self.control.tick(self.site.clock.now)

    async def wait(self, ms):
        """Time passes, and the application looks after the device."""
        end = self.site.clock.now + ms
        while self.site.clock.now < end:
            await self.site.clock.advance(min(20, end - self.site.clock.now))
            self.control.tick(self.site.clock.now)
        await run()

    async def viewer(self):
        """A WebSocket at /control, and the state that it was sent first."""
        viewer = await self.site.connect(AT_CONTROL)
        (message,) = viewer.sent()
        assert message["type"] == "InfoMessage"
        return viewer, message["info"]["state"]

    def moves(self):
        return self.driver.state()["moving"]


def replies(messages):
    return [m for m in messages if isinstance(m, dict) and m["type"] == "ControlResponseMessage"]


def states(messages):
    return [
        m["info"]["state"]
        for m in messages
        if isinstance(m, dict) and m["type"] == "InfoMessage" and "state" in m["info"]
    ]


def is_done(messages, number):
    assert replies(messages) == [{"type": "ControlResponseMessage", "id": number, "error": None}]
    return True


async def test_a_viewer_sees_and_controls():
    device = Device()
    viewer, state = await device.viewer()
    assert state["control"] == "none" and state["pan"] == 0
    await viewer.says(**request(1, "move", pan=100))
    assert is_done(viewer.sent(), 1) and device.moves()
    await device.wait(EVERY)
    (state,) = states(viewer.sent())
    assert state["control"] == "you" and state["moving"] and state["pan"] > 0
    await viewer.closes()
    await run()
    assert not device.moves() and device.control.owner is None
    await device.site.end()


async def test_the_state_comes_at_a_bounded_rate_and_only_when_it_changed():
    device = Device()
    viewer, _ = await device.viewer()
    await device.wait(2000)
    assert viewer.sent() == []
    for number in range(20):
        await viewer.says(**request(number, "move", pan=number))
        await device.wait(50)
    sent = viewer.sent()
    assert len(replies(sent)) == 20 and 3 <= len(states(sent)) <= 1000 // EVERY
    await device.site.end(viewer)


async def test_a_viewer_that_reads_slowly_gets_the_state_less_often():
    device = Device()
    viewer, _ = await device.viewer()
    watcher, _ = await device.viewer()
    viewer.transport.room = 0
    await watcher.says(**request(1, "move", pan=1))
    for _ in range(10):
        await device.wait(EVERY)
        await watcher.says(**request(1, "move", pan=1))
    viewer.transport.give_room(None)
    await device.wait(EVERY)
    assert len(states(viewer.sent())) <= 3
    assert len(states(watcher.sent())) >= 8
    await device.site.end(viewer, watcher)


async def test_a_lost_connection_stops_the_motion():
    for fault in (EOF, OSError(104, "reset")):
        device = Device()
        viewer, _ = await device.viewer()
        await viewer.says(**request(1, "move", pan=100))
        assert device.moves()
        await viewer.sends(fault)
        await run()
        assert not device.moves() and device.control.owner is None
        await device.site.end()


async def test_a_link_that_falls_silent_stops_the_motion_by_the_dead_man():
    device = Device()
    viewer, _ = await device.viewer()
    await viewer.says(**request(1, "move", pan=100))
    viewer.sent()
    await device.wait(DEADMAN - 40)
    assert device.moves()
    await device.wait(60)
    assert not device.moves() and device.control.owner is not None
    await device.wait(37000)  # a Ping, no Pong, and no reply to a Close
    assert device.control.owner is None
    await device.site.end()


async def test_whatever_a_viewer_sends_there_is_a_reply():
    device = Device()
    viewer, _ = await device.viewer()
    await viewer.sends(viewer.frame("{"))
    (reply,) = replies(viewer.sent())
    assert reply["id"] is None and reply["error"]
    await viewer.sends(viewer.frame('{"id":1,"request":"' + "x" * 4000 + '"}'))
    (reply,) = replies(viewer.sent())
    assert "octets at most" in reply["error"]
    await viewer.sends(frame(0x82, b"binary", KEY))
    assert ("close", 1003) in viewer.sent()
    await viewer.closes(1003)
    await device.site.end()


async def test_who_floods_is_read_slowly():
    device = Device()
    viewer, _ = await device.viewer()
    await viewer.sends(*[viewer.frame(request(n, "state")) for n in range(60)])
    for _ in range(10):
        await run()
    sent = replies(viewer.sent())
    assert len(sent) == 31 and sent[30]["error"]
    await device.wait(3000)
    sent += replies(viewer.sent())
    assert [reply["id"] for reply in sent] == list(range(60))
    assert any(reply["error"] for reply in sent)
    await device.site.end(viewer)


async def test_a_stop_behind_more_requests_than_are_taken_is_in_time():
    # A mouse on a fast display, or a joystick, by a program that passes on whatever comes.
    device = Device()
    viewer, _ = await device.viewer()
    for _ in range(2 * 240 // 12):
        await viewer.sends(*[viewer.frame(request(n, "move", pan=50 + n)) for n in range(12)])
        await device.wait(50)
        viewer.sent()
    assert device.moves()
    await viewer.sends(viewer.frame(request(99, "stop")))
    await device.wait(100)
    assert is_done(viewer.sent(), 99)
    await device.wait(500)  # in which it comes to rest
    assert not device.moves()
    await device.site.end(viewer)


async def test_viewers_have_a_number():
    device = Device()
    viewers = []
    for _ in range(MAX_VIEWERS):
        viewers.append((await device.viewer())[0])
    refused = await device.site.connect(AT_CONTROL)
    assert refused.transport.ended
    await viewers[0].closes()
    viewers[0], _ = await device.viewer()
    await device.site.end(*viewers)


async def test_a_viewer_takes_over_from_another_who_is_told():
    device = Device()
    one, _ = await device.viewer()
    two, _ = await device.viewer()
    await one.says(**request(1, "light", on=True))
    await two.says(**request(2, "takeover"))
    assert is_done(two.sent(), 2)
    lost = {"type": "InfoMessage", "info": {"controlLost": "somebody else has taken over"}}
    assert lost in one.sent()
    await device.wait(EVERY)
    assert states(one.sent())[-1]["control"] == "other"
    assert states(two.sent())[-1]["control"] == "you"
    await device.site.end(one, two)


async def test_a_peer_controls_through_signalling():
    device = Device()
    peer = await device.site.enter("listener")
    await peer.says(type="listConsumers")
    ((consumer,),) = [m["consumers"] for m in peer.sent()]
    assert consumer["meta"]["control"]["caps"][0] == "ptz"
    message = dict(request(1, "move", pan=100), type="control", peerId=consumer["id"])
    await peer.says(**message)
    reply = {"type": "ControlResponseMessage", "id": 1, "error": None}
    assert peer.sent() == [{"type": "control", "peerId": consumer["id"], "id": 1, "reply": reply}]
    assert device.moves()
    await device.wait(DEADMAN + 20)
    assert not device.moves()
    await peer.says(**message)
    assert device.moves()
    await peer.sends(EOF)
    await run()
    assert not device.moves() and device.control.owner is None
    await device.site.end()


async def test_control_is_taken_over_between_the_carriers():
    device = Device()
    peer = await device.site.enter()
    viewer, _ = await device.viewer()
    me = device.peer.id
    await peer.says(type="control", peerId=me, **request(1, "light", on=True))
    assert peer.kinds() == ["control"]
    await viewer.says(**request(1, "takeover"))
    assert peer.sent() == [
        {"type": "endControl", "peerId": me, "error": "somebody else has taken over"}
    ]
    await peer.says(type="control", peerId=me, **request(2, "move", pan=1))
    (message,) = peer.sent()
    assert "somebody else is in control" in message["reply"]["error"]
    await peer.says(type="control", peerId=me, **request(3, "takeover"))
    assert peer.sent()[0]["reply"]["error"] is None
    assert any("controlLost" in str(m) for m in viewer.sent())
    await device.site.end(peer, viewer)


def test_peers_are_remembered_up_to_a_number():
    driver = simulated.create({}, None)
    control = Control(driver)
    peer = SignallingPeer(Delegate(), (CONSUMER,))
    carrier = ControlPeer(control, peer, clock=lambda: 5)
    move = json.dumps(request(1, "move", pan=1)).encode()
    state = json.dumps(request(1, "state")).encode()
    carrier.request("owner", bytearray(move))
    owner = control.owner
    for number in range(20):
        reply = json.loads(carrier.request(str(number), bytearray(state)))
        assert reply["state"]["control"] == "other"
        assert len(carrier._controllers) <= 8
    carrier.ended("nobody")
    assert control.owner is owner and driver.state()["moving"]
    carrier.ended(None)
    assert control.owner is None and not driver.state()["moving"]
    assert len(carrier._controllers) == 0
