"""The signalling server on the board: what its memory and its TCP stack are enough for."""

import asyncio
import contextlib
import json
import socket
import time

import pytest
from peers import BOARD, HOST, SERVER_TIMEOUT_S, Program
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

PORT = 8443
PEERS = 4
SDP = ("a=candidate:1 1 UDP 2122260223 192.168.1.2\r\n" * 400)[:16384]
ICE = {"candidate": "candidate:0 1 UDP 2122187007 192.168.1.2 47934 typ host", "sdpMLineIndex": 0}
TIMEOUT_S = 300  # for one message: the board is 20 times slower than a real one


@pytest.fixture(scope="module")
def signalling(network, pico):
    async def start():
        program = Program(pico, f"import signalling\nsignalling.run({PORT})", SERVER_TIMEOUT_S)
        await program.wait_for_line("listening on ")
        return program

    program = network.run(start(), TIMEOUT_S)
    yield program
    program.abandon()


class Peer:
    """A signalling peer that nobody here wrote."""

    def __init__(self, ws):
        self.ws = ws

    @classmethod
    async def open(cls, *roles, **options):
        options = {"proxy": None, "compression": None, "ping_interval": None, **options}
        timeouts = {"open_timeout": TIMEOUT_S, "close_timeout": TIMEOUT_S}
        peer = cls(await connect(f"ws://{BOARD}:{PORT}/", **timeouts, **options))
        peer.id = (await peer.receive("welcome"))["peerId"]
        if roles:
            await peer.send(type="setPeerStatus", roles=roles, meta={"name": "x" * 100})
            if "listener" in roles:
                await peer.receive("peerStatusChanged")
        return peer

    async def send(self, **message):
        await self.ws.send(json.dumps(message))

    async def receive(self, kind):
        """The next message of that type; what listeners are told is passed over."""
        while True:
            message = json.loads(await asyncio.wait_for(self.ws.recv(), TIMEOUT_S))
            if message["type"] == kind:
                return message
            assert message["type"] == "peerStatusChanged", message

    async def start_session(self, producer):
        await self.send(type="startSession", peerId=producer.id)
        session = (await self.receive("sessionStarted"))["sessionId"]
        assert (await producer.receive("startSession"))["sessionId"] == session
        return session


async def have_session(producer, consumer):
    """Descriptions of 16 KB and candidates, both ways."""
    session = await consumer.start_session(producer)
    for kind, sender, receiver in (
        ("offer", producer, consumer),
        ("answer", consumer, producer),
    ):
        sdp = {"type": kind, "sdp": SDP}
        await sender.send(type="peer", sessionId=session, sdp=sdp)
        assert (await receiver.receive("peer"))["sdp"] == sdp
        for _ in range(3):
            await sender.send(type="peer", sessionId=session, ice=ICE)
        for _ in range(3):
            assert (await receiver.receive("peer"))["ice"] == ICE
    await consumer.send(type="endSession", sessionId=session)
    assert (await producer.receive("endSession"))["sessionId"] == session


async def test_four_peers_have_sessions_and_the_fifth_is_refused(network, pico, signalling, figure):
    roles = (("producer",), ("listener",)) * 2
    peers = [await Peer.open(*role) for role in roles]
    with pytest.raises(InvalidStatus) as refusal:
        await Peer.open()
    assert refusal.value.response.status_code == 503
    for _ in range(2):
        await asyncio.gather(have_session(*peers[:2]), have_session(*peers[2:]))
    for peer in peers:
        await peer.ws.close()
        assert (peer.ws.close_code, peer.ws.close_reason) == (1000, "")
        line = await signalling.wait_for_line(f"peer {peer.id} closed: ")
        assert line.startswith("code=1000 clean=True")
    free = min(int(line.split()[1]) for line in signalling.lines if line.startswith("free"))
    figure(f"signalling, 4 peers, 2 sessions at once, 16 KB SDPs: {free} octets were free at least")


async def test_a_peer_that_takes_nothing_starves_nobody(network, pico, signalling, figure):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.bind((HOST, 0))
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (BOARD, PORT))
    consumer = await Peer.open(sock=sock, max_queue=1)
    producer = await Peer.open("producer")
    await producer.send(type="list")
    await producer.receive("list")  # so it is registered
    stalled = await consumer.start_session(producer)
    consumer.ws.transport.pause_reading()
    for _ in range(20):
        await producer.send(type="peer", sessionId=stalled, ice=dict(ICE, candidate="c" * 600))
    other = await Peer.open()
    session = await other.start_session(producer)
    longest = 0
    deadline = time.monotonic() + TIMEOUT_S
    while "messages are not read" not in str(signalling.lines):
        assert time.monotonic() < deadline, signalling.lines[-3:]
        start = time.monotonic()
        await producer.send(type="peer", sessionId=session, ice=ICE)
        assert (await other.receive("peer"))["ice"] == ICE
        longest = max(longest, time.monotonic() - start)
        with contextlib.suppress(asyncio.TimeoutError):
            await producer.send(type="peer", sessionId=stalled, ice=dict(ICE, candidate="c" * 600))
    assert (await producer.receive("endSession"))["sessionId"] == stalled
    figure(f"beside a peer that takes nothing, a message was relayed in {longest:.1f} s at most")
    consumer.ws.transport.abort()
    for peer in (producer, other):
        await peer.ws.close()
        line = await signalling.wait_for_line(f"peer {peer.id} closed: ")
        assert line.startswith("code=1000 clean=True")
