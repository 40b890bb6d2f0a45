"""Peers that die, crowd in, send nonsense or stop reading, against the firmware."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from signalling_client import TIMEOUT_S, Client
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

MAX_PEERS = 16  # of tools/run.py
ANSWERS = 5  # to a peer that has nothing to do with a slow one, until that is given up

PRODUCER = """
import json, sys
from websockets.sync.client import connect
ws = connect(sys.argv[1], proxy=None)
ws.send(json.dumps({"type": "setPeerStatus", "roles": ["producer"], "meta": {"name": "doomed"}}))
print(json.loads(ws.recv())["peerId"], flush=True)
while True:
    ws.recv()
"""


async def test_a_producer_that_dies_ends_its_sessions(firmware):
    url = f"ws://127.0.0.1:{firmware.port}/"
    async with Client(firmware.port) as listener, Client(firmware.port) as consumer:
        await listener.take_roles("listener")
        command = [sys.executable, "-c", PRODUCER, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as producer:
            try:
                status = await listener.receive("peerStatusChanged")
                assert status["roles"] == ["producer"]
                await consumer.send("startSession", peerId=status["peerId"])
                session = (await consumer.receive("sessionStarted"))["sessionId"]
                assert producer.stdout.readline().strip() == status["peerId"]
            finally:
                os.kill(producer.pid, signal.SIGKILL)
        assert await consumer.receive("endSession") == {"type": "endSession", "sessionId": session}
        assert await listener.receive("peerStatusChanged") == {**status, "roles": []}
        assert await consumer.list() == []
    line = firmware.wait_for_line(f"peer {status['peerId']} closed")
    assert line.startswith(": code=1006 clean=False initiator=transport")


async def test_a_full_server_answers_503_and_has_room_again_later(firmware):
    async def enter():
        try:
            return await Client(firmware.port).__aenter__()
        except InvalidStatus as refusal:
            return refusal.response

    came = await asyncio.gather(*(enter() for _ in range(20)))
    clients = [client for client in came if isinstance(client, Client)]
    refusals = [response for response in came if not isinstance(response, Client)]
    try:
        assert len(clients) == MAX_PEERS
        assert [response.status_code for response in refusals] == [503] * (20 - MAX_PEERS)
        assert await clients[0].list() == []
        await clients.pop().ws.close()
        clients.append(await Client(firmware.port).__aenter__())
        assert await clients[-1].list() == []
    finally:
        for client in clients:
            await client.ws.close()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b'{"type":"list"}',
        bytes(range(256)) * 64,
        "",
        "garbage",
        "{" * 18000,
        '{"type":"list",}',
        '{"type":"newPeer"}',
        '{"type":"setPeerStatus","roles":["director"]}',
    ],
    ids=lambda message: repr(message[:20]),
)
async def test_what_is_no_message_is_ignored(firmware, message):
    async with Client(firmware.port) as peer:
        await peer.ws.send(message)
        assert await peer.list() == []
    assert peer.ws.close_code == 1000


async def test_a_peer_that_breaks_rfc_6455_takes_no_other_along(firmware):
    async with Client(firmware.port) as peer, Client(firmware.port) as bad:
        await bad.take_roles("producer")
        session = await peer.start_session(bad)
        bad.ws.transport.write(b"\xff" * 64)
        assert (await peer.receive("endSession"))["sessionId"] == session
        await bad.ws.wait_closed()
        assert bad.ws.close_code == 1002
        assert await peer.list() == []
    assert " failed_with=1002" in firmware.wait_for_line(f"peer {bad.id} closed")


async def test_a_message_larger_than_a_board_can_take_is_answered_with_1009(firmware):
    async with Client(firmware.port) as peer:
        await peer.ws.send("x" * 40000)
        await peer.ws.wait_closed()
        assert peer.ws.close_code == 1009


class Slow:
    """A consumer with small buffers that stops reading in a session with `producer`."""

    def __init__(self, port, producer):
        self._port = port
        self._producer = producer

    async def __aenter__(self):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", self._port))
        url = f"ws://127.0.0.1:{self._port}/"
        self.ws = await connect(url, sock=sock, max_queue=1, ping_interval=None)
        self.id = json.loads(await self.ws.recv())["peerId"]
        await self.ws.send(json.dumps({"type": "startSession", "peerId": self._producer.id}))
        self.session = json.loads(await self.ws.recv())["sessionId"]
        await self._producer.receive("startSession")
        self.ws.transport.pause_reading()
        return self

    async def __aexit__(self, *exception):
        self.ws.transport.abort()
        await self.ws.wait_closed()


async def send_until_given_up(firmware, producer, slow, octets):
    """Send numbered candidates to `slow` until the firmware has enough of it; others go on.

    Returns how many were sent.
    """
    sent = 0

    async def send():
        nonlocal sent
        while True:
            ice = {"candidate": "c" * octets, "sdpMLineIndex": sent}
            await producer.send("peer", sessionId=slow.session, ice=ice)
            sent += 1

    deadline = time.monotonic() + 4 * TIMEOUT_S  # megabytes go there first
    sending = asyncio.create_task(send())
    answers = 0
    async with Client(firmware.port) as bystander:
        while f"peer {slow.id} is given up: " not in firmware.output:
            assert time.monotonic() < deadline, firmware.output
            assert len(await bystander.list()) == 1
            answers += 1
            await asyncio.sleep(0.01)
    sending.cancel()
    # Held up by the slow one, it would have got the second only now.
    assert answers >= ANSWERS
    return sent


@pytest.mark.parametrize("octets", [500, 8000])
async def test_a_peer_that_stops_reading_holds_up_nobody_and_its_session_ends(firmware, octets):
    async with Client(firmware.port) as producer:
        await producer.take_roles("producer")
        async with Slow(firmware.port, producer) as slow:
            await send_until_given_up(firmware, producer, slow, octets)
            assert (await producer.receive("endSession"))["sessionId"] == slow.session
    line = firmware.wait_for_line(f"peer {slow.id} closed")
    assert line.startswith(": code=1006 clean=False")
    # Where others wait for its buffer just then, it has less than that (test_outbox.py).
    assert octets == 8000 or " timed_out=True" in line
    assert firmware.wait_for_line(f"peer {producer.id} closed").startswith(": code=1000 clean=True")


async def test_a_peer_that_reads_again_finds_no_gap_before_the_close(firmware):
    async with Client(firmware.port) as producer:
        await producer.take_roles("producer")
        async with Slow(firmware.port, producer) as slow:
            sent = await send_until_given_up(firmware, producer, slow, 500)
            slow.ws.transport.resume_reading()
            numbers = []
            with pytest.raises(ConnectionClosedError):
                async for text in slow.ws:
                    numbers.append(json.loads(text)["ice"]["sdpMLineIndex"])
            assert numbers == list(range(len(numbers)))
            assert 0 < len(numbers) < sent
            assert slow.ws.close_code == 1008, firmware.output
            assert (await producer.receive("endSession"))["sessionId"] == slow.session
    line = firmware.wait_for_line(f"peer {slow.id} closed")
    assert line.startswith(": code=1008 clean=True initiator=local sent_code=1008")
