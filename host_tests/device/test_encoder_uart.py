"""An encoder on a pty, written from README.md alone, and the whole firmware: SDP goes through."""

import asyncio
import contextlib
import json
import os
import pty
import re
import select
import socket
import threading
import time
import tty
import zlib
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

MAIN = Path(__file__).parents[2] / "firmware" / "main.py"
LINE = re.compile(rb"\$([0-9A-F]{2})(.*)\*([0-9A-F]{8})", re.DOTALL)
OFFER = "v=0\r\n" + "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n" * 280
ANSWER = "v=0\r\no=grün\\ 1\r\n" + "a=x\r\n" * 1000
TIMEOUT_S = 60


class Encoder:
    """Answers each START with an offer and a candidate; keeps what it is told."""

    def __init__(self):
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.told = []
        self.starts = 0
        self.spoil = lambda line: line
        self._bodies = []
        self._number = 0
        self._sent = None
        self._when = 0
        self._last = None
        self._octets = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.restart()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self._thread.join(10)
        os.close(self.master)
        os.close(self._slave)

    def restart(self):
        self.starts += 1
        self._bodies = [b"HELLO 1 %06X" % self.starts]
        self._sent = self._last = None

    def say_offer(self, number):
        octets = OFFER.encode()
        pieces = [octets[at : at + 150] for at in range(0, len(octets), 150)]
        for i, piece in enumerate(pieces):
            more = b"+" if i + 1 < len(pieces) else b"."
            piece = piece.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
            self._bodies.append(b"SDP %s offer %s %s" % (number, more, piece))
        self._bodies.append(b"ICE %s 0 . candidate:7" % number)

    def _run(self):
        while not self._ended.is_set():
            ready, _, _ = select.select([self.master], [], [], 0.02)
            if ready:
                self._octets += os.read(self.master, 4096)
            while b"\n" in self._octets:
                line, _, self._octets = self._octets.partition(b"\n")
                self._hear(line)
            now = time.monotonic()
            if self._sent is None and self._bodies:
                self._number = self._number + 1 & 255
                self._sent = self._bodies[0]
                self._write(self._number, self._sent, now)
            elif self._sent is not None and now - self._when > 0.25:
                self._write(self._number, self._sent, now)
            elif self._sent is None and now - self._when > 2:
                self._bodies.append(b"PING")

    def _write(self, number, body, now=None):
        if now is not None:
            self._when = now
        inner = b"%02X" % number + body
        os.write(self.master, self.spoil(b"$%s*%08X\n" % (inner, zlib.crc32(inner))))

    def _hear(self, line):
        match = LINE.fullmatch(line)
        if not match or int(match[3], 16) != zlib.crc32(match[1] + match[2]):
            return
        number, body = int(match[1], 16), match[2]
        if body == b"+":
            if self._sent is not None and number == self._number:
                self._bodies.pop(0)
                self._sent = None
            return
        if number != self._last:
            self._last = number
            if not body.startswith((b"PING", b"HELLO")):
                self.told.append(body)
            if body.startswith(b"START "):
                self.say_offer(body.split()[1])
        self._write(number, b"+")

    def text(self, head):
        """The text of the lines that begin so, put together."""
        lines = [body[len(head) :] for body in self.told if body.startswith(head)]
        text = b"".join(line[3:] for line in lines).decode()
        return re.sub(
            r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), text, flags=re.DOTALL
        )


@pytest.fixture
def firmware(micropython, tmp_path):
    """(the encoder, the URL of the board's signalling server)."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with Encoder() as encoder:
        config = tmp_path / "config.json"
        config.write_text(
            json.dumps(
                {
                    "name": "cam",
                    "mode": "server",
                    "wifi": [],
                    "announce": "producer",
                    "listen": {"host": "127.0.0.1", "port": port, "open": True},
                    "device": {"driver": "encoder", "uart": encoder.path},
                }
            )
        )
        with micropython.start(MAIN, config) as program:
            program.wait_for_line("listening on ")
            yield encoder, f"ws://127.0.0.1:{port}/"


class Viewer:
    """A consumer at the board's signalling server."""

    def __init__(self, ws):
        self._ws = ws

    async def hears(self, kind):
        while True:
            message = json.loads(await asyncio.wait_for(self._ws.recv(), TIMEOUT_S))
            if message["type"] == kind:
                return message

    async def says(self, **message):
        await self._ws.send(json.dumps(message))

    async def session(self):
        """Returns a session's id, once the encoder takes part."""
        await self.says(type="list")
        (producer,) = (await self.hears("list"))["producers"]
        for _ in range(60):
            await self.says(type="startSession", peerId=producer["id"])
            session = (await self.hears("sessionStarted"))["sessionId"]
            message = json.loads(await asyncio.wait_for(self._ws.recv(), TIMEOUT_S))
            if message["type"] != "endSession":  # else the encoder is not up yet
                return session, message
            await asyncio.sleep(0.5)
        raise AssertionError("every session was refused")


@contextlib.asynccontextmanager
async def viewer(url):
    async with connect(url) as ws:
        yield Viewer(ws)


async def wait_for(condition, what):
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


async def negotiate(encoder, consumer):
    session, message = await consumer.session()
    assert message["sdp"] == {"type": "offer", "sdp": OFFER}
    ice = (await consumer.hears("peer"))["ice"]
    assert ice == {"candidate": "candidate:7", "sdpMLineIndex": 0}
    sdp = {"type": "answer", "sdp": ANSWER}
    await consumer.says(type="peer", sessionId=session, sdp=sdp)
    ice = {"candidate": "candidate:8", "sdpMLineIndex": 1}
    await consumer.says(type="peer", sessionId=session, ice=ice)
    return session


def test_a_session_is_negotiated_through_the_board(firmware):
    encoder, url = firmware

    async def course():
        async with viewer(url) as consumer:
            session = await negotiate(encoder, consumer)
            await wait_for(
                lambda: b"ICE 1 1 . candidate:8" in encoder.told,
                "the candidate arrives",
            )
            assert encoder.text(b"SDP 1 answer") == ANSWER
            await consumer.says(type="endSession", sessionId=session)
            await wait_for(lambda: encoder.told[-1] == b"END 1", "it is told of the end")

    asyncio.run(course())


def test_a_bad_line_costs_time_alone(firmware):
    encoder, url = firmware
    count = [0]

    def spoil(line):
        count[0] += 1
        return line[:9] + b"\x00" + line[10:] if count[0] % 7 == 0 else line

    encoder.spoil = spoil

    async def course():
        async with viewer(url) as consumer:
            await negotiate(encoder, consumer)
            await wait_for(lambda: b"ICE 1 1 . candidate:8" in encoder.told, "it all arrives")
            assert encoder.text(b"SDP 1 answer") == ANSWER

    asyncio.run(course())


def test_an_encoder_that_starts_anew_ends_its_sessions_and_has_others(firmware):
    encoder, url = firmware

    async def course():
        async with viewer(url) as consumer:
            session = await negotiate(encoder, consumer)
            await wait_for(lambda: b"ICE 1 1 . candidate:8" in encoder.told, "it all arrives")
            encoder.restart()
            assert (await consumer.hears("endSession"))["sessionId"] == session
            encoder.told = []
            await negotiate(encoder, consumer)

    asyncio.run(course())
