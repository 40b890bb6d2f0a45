"""/preview over transports of a script: viewers that come, go, are slow, or stall."""

import sys

from scripted import EOF, FIN, Clock, ScriptedTransport, run
from scripted_listener import ACCEPTED, REQUEST, Listener
from signalbox import preview_server
from signalbox.device.preview import STALL, Preview, Source
from signalbox.net import endpoint, server
from signalbox.net.server import serve
from signalbox.preview_server import PreviewServer
from signalbox.ws.connection import Settings
from wire import KEY, close_payload, frame, frames, raises

SIZE = 1600  # octets of a picture, more than the connections' buffers


class Numbers(Source):
    """Pictures full of their number."""

    size = SIZE

    def __init__(self):
        self.made = 0
        self.closed = 0
        self.error = None

    def capture(self, buf, now):
        if self.error:
            raise self.error
        self.made += 1
        buf[:] = bytes([self.made]) * SIZE
        return memoryview(buf)[:SIZE]

    def close(self):
        self.closed += 1


class Site:
    """A server of pictures, 10 in a second."""

    def __init__(self, viewers=2, in_flight=0):
        self.clock = Clock()
        for module in (server, preview_server):
            self.clock.install(module)
        self.faults = []
        server.print_exception = self.faults.append
        self.lines = []
        preview_server.print = lambda *words: self.lines.append(" ".join(map(str, words)))
        self.listener = Listener()
        server.Listener = self.listener
        self.source = Numbers()
        self.preview = Preview(self.source, 10, viewers)
        self.route = PreviewServer(self.preview, in_flight)
        self.server = serve(
            self.route.serve,
            "192.0.2.1",
            8080,
            settings=Settings(buffer=1460, max_message=1024),
        )

    async def watch(self, room=None):
        transport = ScriptedTransport(room)
        transport.feed(REQUEST)
        self.listener.waiting.append(transport)
        self.listener._arrived.set()
        await run()
        return transport

    async def end(self, *viewers):
        self.server.close()
        await run()
        for viewer in viewers:
            if not viewer.ended:
                viewer.feed(frame(0x88, close_payload(1001), KEY))
        await self.clock.advance(6000)
        await self.server.wait_closed()
        assert self.faults == []
        assert self.preview.viewers == [] and self.route._task is None
        assert self.preview._frames == [] and self.source.closed >= 1


def pictures(viewer):
    """The numbers of the pictures since the last call; Closes as ("close", code)."""
    octets = viewer.written
    viewer.written = b""
    if octets.startswith(ACCEPTED):
        octets = octets[len(ACCEPTED) :]
    seen = []
    picture = b""
    for first, payload in frames(octets, False):
        if first == 0x88:
            seen.append(("close", int.from_bytes(payload[:2], "big")))
        elif first & 15 < 3:
            picture += payload
            if first & 0x80:
                assert len(picture) == SIZE and len(set(picture)) == 1, "torn"
                seen.append(picture[0])
                picture = b""
    assert not picture
    return seen


async def test_pictures_go_to_every_viewer():
    site = Site()
    one = await site.watch()
    other = await site.watch()
    await site.clock.advance(250)
    seen = pictures(one)
    assert seen == [1, 2, 3]
    assert pictures(other) == seen
    assert site.source.made == 3
    await site.end(one, other)
    assert ("close", 1001) in pictures(one)


async def test_nothing_is_made_when_the_last_viewer_has_gone():
    site = Site()
    viewer = await site.watch()
    await site.clock.advance(250)
    viewer.feed(frame(0x88, close_payload(1000), KEY))
    await site.clock.advance(500)
    assert viewer.ended == FIN
    made = site.source.made
    await site.clock.advance(1000)
    assert site.source.made == made and site.source.closed == 1
    again = await site.watch()
    await site.clock.advance(150)
    assert pictures(again) == [made + 1, made + 2]
    await site.end(again)


async def test_a_slow_viewer_misses_pictures_and_holds_nobody_up():
    site = Site()
    slow = await site.watch(room=len(ACCEPTED) + SIZE + 4 + 100)
    fast = await site.watch()
    await site.clock.advance(500)
    seen = pictures(fast)
    await site.clock.advance(550)
    assert seen + pictures(fast) == list(range(1, 12))
    slow.give_room(None)
    await site.clock.advance(100)
    seen = pictures(slow)
    assert seen[:2] == [1, 2] and len(seen) <= 4 and seen[2] >= 11
    await site.end(slow, fast)


async def test_a_viewer_that_stalls_is_dropped():
    site = Site(viewers=1)
    viewer = await site.watch(room=len(ACCEPTED) + 1000)
    await site.clock.advance(STALL - 500)
    assert site.preview.full
    await site.clock.advance(1000)
    assert site.server.websockets[0].asked
    await site.clock.advance(6000)
    assert viewer.ended
    assert not site.preview.full
    await site.end()


async def test_a_stalled_viewer_that_goes_on_is_told_why():
    site = Site(viewers=1)
    viewer = await site.watch(room=len(ACCEPTED) + 1000)
    await site.clock.advance(STALL + 500)
    viewer.give_room(None)
    viewer.room = None
    viewer._has_room.set()
    await site.clock.advance(100)
    assert pictures(viewer) == [1, ("close", 1008)]
    viewer.feed(frame(0x88, close_payload(1008), KEY))
    await site.end()


async def test_the_link_breaks_in_the_middle_of_a_picture():
    site = Site()
    viewer = await site.watch(room=len(ACCEPTED) + 1000)
    await site.clock.advance(300)
    viewer.feed(EOF)
    await site.clock.advance(6000)
    assert viewer.ended and site.preview.viewers == []
    await site.end()


async def test_past_the_cap():
    site = Site(viewers=1)
    viewer = await site.watch()
    assert site.route.full
    await site.end(viewer)
    assert not site.route.full


async def test_what_a_viewer_says_is_not_listened_to():
    site = Site()
    viewer = await site.watch()
    for _ in range(5):
        for _ in range(10):
            viewer.feed(frame(0x81, b"text", KEY), frame(0x82, bytes(200), KEY))
        await site.clock.advance(100)
    viewer.feed(frame(0x88, close_payload(1000), KEY))
    seen = []
    for _ in range(10):
        await site.clock.advance(300)  # a few of the messages are read for each picture
        seen += pictures(viewer)
    assert viewer.ended == FIN
    assert seen[-1] == ("close", 1000)
    await site.end()


async def test_where_what_is_on_its_way_is_bounded_pieces_wait_for_pongs():
    site = Site(in_flight=1400)
    viewer = await site.watch()
    await site.clock.advance(300)
    # The first piece, and a Ping that nobody has answered.
    sent = frames(viewer.written[len(ACCEPTED) :], False)
    assert [first for first, _ in sent] == [0x89]
    viewer.written = b""
    fragments = b""
    for _ in range(2):
        viewer.feed(frame(0x8A, b"signalbox", KEY))
        await run()
        for first, payload in frames(viewer.written, False):
            if first & 15 < 3:
                fragments += payload
        viewer.written = b""
    assert fragments == b"\x01" * SIZE
    await site.end(viewer)


async def test_a_source_that_fails_is_reported_once():
    site = Site()
    site.source.error = OSError("no sensor")
    viewer = await site.watch()
    await site.clock.advance(5000)
    assert site.lines == ["preview: no sensor"]
    assert pictures(viewer) == []
    site.source.error = None
    await site.clock.advance(1500)
    assert pictures(viewer)[0] == 1
    # Without pictures, too, it is seen that a viewer has gone.
    site.source.error = OSError("no sensor")
    viewer.feed(frame(0x88, close_payload(1000), KEY))
    await site.clock.advance(2500)
    assert viewer.ended == FIN and site.preview.viewers == []
    await site.end()


async def test_a_source_with_a_mistake_ends_it_for_its_viewers_alone():
    site = Site()
    make = site.route._make
    raised = []

    async def watched():
        try:
            await make()
        except TypeError as error:
            raised.append(error)

    site.source.error = TypeError("scripted")
    site.route._make = watched
    viewer = await site.watch()
    assert len(raised) == 1
    assert pictures(viewer) == [("close", 1011)]
    viewer.feed(frame(0x88, close_payload(1011), KEY))
    await run()
    site.source.error = None
    again = await site.watch()
    assert pictures(again) == [1]
    await site.end(again)


async def test_a_viewer_of_rare_pictures_is_gone_at_once():
    site = Site()
    site.preview._interval = 10000
    viewer = await site.watch()
    site.server.close()
    viewer.feed(frame(0x88, close_payload(1001), KEY))
    await site.clock.advance(600)
    assert viewer.ended == FIN
    assert site.server._clients == 0
    await site.end()


async def test_no_memory_for_pictures():
    site = Site()
    site.source.size = sys.maxsize >> 2
    viewer = await site.watch()
    assert pictures(viewer) == [("close", 1013)]
    viewer.feed(frame(0x88, close_payload(1013), KEY))
    await run()
    site.source.size = SIZE
    again = await site.watch()
    assert pictures(again) == [1]
    await site.end(again)


async def test_a_viewer_that_nothing_can_be_sent_to_gives_its_place_back():
    site = Site(viewers=1)
    send = endpoint.WebSocket.send
    failed = []

    def scarce(self, message, text=False):
        if failed:
            return send(self, message, text)
        failed.append(self)
        raise MemoryError

    endpoint.WebSocket.send = scarce
    try:
        viewer = await site.watch()
        await site.clock.advance(200)
    finally:
        endpoint.WebSocket.send = send
    assert pictures(viewer) == [("close", 1011)]
    viewer.feed(frame(0x88, close_payload(1011), KEY))
    await site.clock.advance(1000)
    assert viewer.ended and not site.route.full
    assert [type(fault) for fault in site.faults] == [MemoryError]
    site.faults.clear()
    await site.end()


def test_as_the_configuration_says():
    options = {"source": "pattern", "fps": 4, "viewers": 1}
    route = preview_server.create(options, None)
    viewer = route._preview.join()
    assert route.full
    assert route._preview.tick(0) == 250
    assert bytes(viewer.take(0)[:2]) == b"\xff\xd8"
    viewer.done()
    route._preview.leave(viewer)
    missing = {"source": "camera", "frame_size": "VGA", "quality": 80, "fps": 4, "viewers": 1}
    raises(ValueError, preview_server.create, missing, None)
