"""A SignallingPeer on its connections: registered again after each, and stop() in every state."""

import json

from recorder import LOST, Recorder
from scripted import EOF, broken, run, start
from scripted_network import Network
from signalbox import signalling_client
from signalbox.net import outbox
from signalbox.net.reconnect import Backoff
from signalbox.signalling.peer import PRODUCER, SignallingPeer
from signalbox.signalling_client import SignallingClient
from wire import close_payload, frame, frames, raises

ECONNREFUSED = 111
MAX_MESSAGE = 8192  # octets: a server of a script is in the same heap
MOST = 60000  # ms: the longest wait of a Backoff
TOLD = ("registered", "started", "sdp", "ice", "ended")
WELCOME = {"type": "welcome", "peerId": "me"}
START = {"type": "startSession", "peerId": "other", "sessionId": "s"}
LARGE = {"type": "peer", "sessionId": "s", "sdp": {"type": "offer", "sdp": "v=0\r\n" * 500}}


class Site:
    """A SignallingClient, its delegate, and a server of a script."""

    def __init__(self, **arguments):
        self.network = Network()
        self.clock = self.network.clock
        self.clock.install(signalling_client)
        self.clock.install(outbox)
        outbox.IN_FLIGHT = 0  # test_outbox.py has what a Pico W does
        self.printed = []
        signalling_client.print_exception = self.printed.append
        signalling_client.print = lambda *words: None
        self.delegate = Recorder()
        self.peer = SignallingPeer(self.delegate, (PRODUCER,))
        # A wait that no step of the clock passes over.
        backoff = Backoff(random=lambda n: b"\x80" * n)
        self.client = SignallingClient(
            self.peer,
            "ws://192.0.2.1:8443/",
            max_message=MAX_MESSAGE,
            backoff=backoff,
            **arguments,
        )
        self.running = start(self.client.run())

    @property
    def transport(self):
        return self.network.transport

    async def says(self, *messages):
        """The server sends some, all at once."""
        octets = b"".join([frame(0x81, json.dumps(message).encode()) for message in messages])
        self.transport.feed(octets)
        await run()

    async def welcome(self, session=True):
        """The server accepts the connection that is asked for, and what follows."""
        await self.network.accept(behind=frame(0x81, json.dumps(WELCOME).encode()))
        assert [json.loads(text)["type"] for text in self.texts()] == ["setPeerStatus"]
        assert self.told() == [("registered", "me")]
        if session:
            await self.says(START)
            assert self.told() == [("started", "s", "other", PRODUCER, None)]

    def told(self):
        told = self.delegate.told
        self.delegate.told = []
        return told

    def sent(self):
        octets = self.transport.written
        self.transport.written = b""
        return frames(octets, True)

    def texts(self):
        return [payload for first, payload in self.sent() if first == 0x81]

    async def lose(self):
        """The server goes without a word."""
        self.transport.feed(EOF)
        await run()

    async def stop(self):
        """stop(), and run() ends in the time that a closing handshake may take."""
        self.client.stop()
        await run()
        if self.network.transports and not self.transport.ended:
            self.transport.feed(frame(0x88, close_payload(1000)), EOF)
        await self.clock.advance(500)
        assert self.running.done()
        await self.running
        asked = len(self.network.asked)
        await self.clock.advance(2 * MOST)
        assert len(self.network.asked) == asked
        assert self.client._pool._lent == []

    async def comes_back(self):
        """It registers again, and nothing of before is left."""
        asked = len(self.network.asked)
        await self.network.attempt(asked + 1)
        await self.welcome()
        assert len(self.peer.sessions) == 1


async def test_it_registers_again_after_whatever_ends_the_connection():
    def close(code):
        return [frame(0x88, close_payload(code)), EOF]

    for items in (
        close(1000),
        close(1001),
        close(1011),
        close(1012),
        close(1013),
        close(4001),
        [frame(0x88), EOF],
        [EOF],
        [broken(104)],
        [b"\xff\xff\xff"],
        [frame(0x81, b"\xff")],
        [frame(0x01, b'{"type":"pe'), EOF],
        [frame(0x81, b"x" * 5000)[:3000], EOF],
        [frame(0x81, b"x" * 5000)[:3000], broken(104)],
        [frame(0x01, b"x" * 5000), frame(0x88, close_payload(1001)), EOF],
        [b"\x81\x7e" + (40000).to_bytes(2, "big") + b"x" * 3000, EOF],
    ):
        site = Site()
        await site.welcome()
        for _ in range(2):
            site.transport.feed(*items)
            await site.clock.advance(6000)
            assert site.told() == [("ended", "s", LOST)], items
            if len(site.network.transports) == len(site.network.asked):
                await site.network.attempt(len(site.network.asked) + 1)
            await site.welcome()
        assert site.client._pool._lent == []
        await site.stop()
        assert site.told() == [("ended", "s", LOST)]
        assert site.printed == []


async def test_a_server_that_goes_silent_is_left():
    site = Site()
    await site.welcome()
    await site.clock.advance(19000)
    assert site.told() == []
    await site.clock.advance(25000)
    assert site.told() == [("ended", "s", LOST)]
    assert site.client.outcome.code == 1006
    await site.network.attempt(2)
    await site.welcome()
    await site.stop()


async def test_a_server_that_can_not_be_reached_is_tried_again():
    site = Site()
    site.network.refuse = broken(ECONNREFUSED)
    await site.network.attempt(1)
    for number in (2, 3, 4):
        site.network.refuse = broken(ECONNREFUSED)
        await site.network.attempt(number)
    await site.network.attempt(5)
    await site.welcome()
    await site.stop()


async def test_stop_ends_it_in_every_state():
    # Not running yet.
    site = Site()
    await site.stop()
    assert site.network.asked == []
    # Waiting for TCP.
    site = Site()
    site.network.reachable.clear()
    await run()
    await site.stop()
    # Waiting for the response.
    site = Site()
    await run()
    assert site.transport.written
    await site.stop()
    assert site.transport.ended
    # Waiting for the welcome.
    site = Site()
    await site.network.accept()
    await site.stop()
    # Waiting for the backoff.
    site = Site()
    site.network.refuse = broken(ECONNREFUSED)
    await run()
    await site.stop()
    site = Site()
    await site.welcome()
    await site.lose()
    await site.stop()
    # Closing, by the server; and twice.
    for again in (False, True):
        site = Site()
        await site.welcome()
        site.transport.room = 0
        site.transport.feed(frame(0x88, close_payload(1001)))
        await run()
        if again:
            site.client.stop()
        site.client.stop()
        site.transport.give_room(None)
        site.transport.feed(EOF)
        await site.clock.advance(8000)
        assert site.running.done()
        await site.running
    # It has ended; the task goes on with something else.
    site.client.stop()
    site.client.stop()


async def test_stop_from_inside_the_delegate():
    for name in ("registered", "started", "sdp", "ended"):
        site = Site()
        site.delegate.then[name] = lambda *_, site=site: site.client.stop()
        await site.network.accept(
            behind=b"".join(
                [frame(0x81, json.dumps(message).encode()) for message in (WELCOME, START, LARGE)]
            )
        )
        await site.clock.advance(100)
        if name == "ended":
            await site.lose()
        site.transport.feed(frame(0x88, close_payload(1000)), EOF)
        await site.clock.advance(MOST)
        assert site.running.done(), name
        assert len(site.network.asked) == 1
        assert site.printed == []
        assert site.client._pool._lent == []


async def test_stop_sends_what_was_delivered_before_it():
    site = Site()
    await site.welcome()
    site.peer.end_session(site.peer.sessions["s"])
    site.client.deliver()
    site.client.stop(4001)
    await run()
    assert site.sent() == [
        (0x81, b'{"type":"endSession","sessionId":"s"}'),
        (0x88, close_payload(4001)),
    ]
    await site.stop()


def fail(left, kind):
    if left[0]:
        left[0] -= 1
        raise kind


async def test_a_delegate_without_memory_costs_a_connection_and_no_more():
    for name in TOLD:
        await costs_a_connection(name, MemoryError)


async def test_a_delegate_that_fails_costs_a_connection_and_no_more():
    for name in TOLD:
        await costs_a_connection(name, ValueError)


async def costs_a_connection(name, kind):
    # A function for its names: a board has no room for two sites.
    site = Site()
    left = [2]
    site.delegate.then[name] = lambda *_, left=left, kind=kind: fail(left, kind)
    ice = {"type": "peer", "sessionId": "s", "ice": {"candidate": "c", "sdpMLineIndex": 0}}
    for number in (1, 2, 3):
        await site.network.attempt(number)
        octets = [
            frame(0x81, json.dumps(message).encode())
            for message in (WELCOME, START, LARGE, ice, LARGE)
        ]
        await site.network.accept(behind=b"".join(octets))
        await site.clock.advance(200)
        if site.transport.ended:
            continue
        site.transport.feed(frame(0x88, close_payload(1011)), EOF)
        await site.clock.advance(1000)
    told = site.told()
    assert left == [0], (name, kind, left, [what[0] for what in told])
    # What was started was ended, each once.
    assert [what[0] for what in told if what[0] in ("started", "ended")] == [
        "started",
        "ended",
    ] * len([what for what in told if what[0] == "started"]), told
    assert len(site.printed) == (0 if kind is MemoryError else 2)
    await site.network.attempt(4)
    await site.welcome()
    assert site.client._pool._lent == []
    await site.stop()


async def test_a_network_that_is_there_again_while_an_end_could_not_be_told():
    site = Site()
    await site.welcome()
    await site.says(dict(START, sessionId="s2"))
    site.told()
    left = [1]
    site.delegate.then["ended"] = lambda *_: fail(left, MemoryError)
    await site.lose()
    assert len(site.told()) == 1 and left == [0]
    site.client.hurry()
    await site.network.attempt(2)
    await site.network.accept()
    assert len(site.told()) == 1  # the other one's end
    await site.says(WELCOME, START)
    assert [json.loads(text)["type"] for text in site.texts()] == ["setPeerStatus"]
    assert list(site.peer.sessions) == ["s"]
    await site.stop()


async def test_a_network_that_is_there_again_while_memory_is_waited_for():
    site = Site()
    await site.welcome()
    original = site.client._converse

    def no_memory(ws):
        site.client._converse = original
        raise MemoryError

    site.client._converse = no_memory
    await site.lose()
    await site.network.attempt(2)
    await site.network.accept()
    assert site.client._converse == original
    site.client.hurry()
    await run()
    assert not site.running.done()
    site.told()
    await site.comes_back()
    await site.stop()


async def test_behind_a_failure_no_message_is_told():
    site = Site()
    await site.welcome()

    def fail(*_):
        raise MemoryError

    site.delegate.then["sdp"] = fail
    ice = {"type": "peer", "sessionId": "s", "ice": {"candidate": "c", "sdpMLineIndex": 0}}
    await site.says(LARGE, ice, LARGE, ice)
    told = site.told()
    assert [what[0] for what in told] == ["sdp"]
    await site.says(LARGE, LARGE, ice)
    assert site.told() == []
    assert site.sent() == [(0x88, close_payload(1011))]
    assert site.client._pool._lent == []
    site.transport.feed(frame(0x88, close_payload(1011)), EOF)
    await run()
    assert site.told() == [("ended", "s", LOST)]
    await site.comes_back()
    await site.stop()


async def test_without_memory_to_wait_for_messages_it_comes_back():
    # MicroPython allocates for some waits.
    site = Site()
    await site.welcome()
    ws = site.client._outbox._ws
    failures = [3]
    real_next = type(ws).__anext__

    async def scarce_next(self):
        if self is ws and failures[0]:
            failures[0] -= 1
            raise MemoryError
        return await real_next(self)

    type(ws).__anext__ = scarce_next
    try:
        await site.says(LARGE, LARGE)
        site.transport.feed(frame(0x88, close_payload(1011)), EOF)
        await site.clock.advance(6000)
    finally:
        type(ws).__anext__ = real_next
    assert failures == [0]
    assert site.client._pool._lent == []
    assert site.told()[-1] == ("ended", "s", LOST)
    if len(site.network.asked) == 1:
        await site.network.attempt(2)
    await site.welcome()
    await site.stop()


async def test_without_memory_to_say_why_it_tries_again():
    site = Site()

    def fail(*words):
        raise MemoryError

    signalling_client.print = fail
    site.network.refuse = broken(ECONNREFUSED)
    await site.network.attempt(2)
    await site.welcome()
    await site.lose()
    assert site.told() == [("ended", "s", LOST)]
    await site.comes_back()
    await site.stop()


async def test_a_text_that_can_not_be_sent_does_not_break_the_connection():
    site = Site()
    await site.welcome()
    lone = json.loads('"\\ud800"')
    assert raises(ValueError, site.peer.send_sdp, site.peer.sessions["s"], "offer", lone)
    site.client.deliver()
    site.peer.send_sdp(site.peer.sessions["s"], "offer", "ü\r\n" * 1000)
    site.client.deliver()
    await run()
    text = b"".join([payload for _, payload in site.sent()])
    assert json.loads(text)["sdp"]["sdp"] == "ü\r\n" * 1000
    await site.stop()


async def test_binary_messages_are_ignored():
    site = Site()
    await site.welcome()
    site.transport.feed(frame(0x82, json.dumps(START).encode()), frame(0x82, b"x" * 5000))
    await run()
    assert site.told() == [] and site.client._pool._lent == []
    await site.stop()
