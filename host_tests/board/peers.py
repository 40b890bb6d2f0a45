"""The board's peers on the host: raw sockets, frames made by hand, and what programs print."""

import ast
import asyncio
import base64
import collections
import hashlib
import os
import re
import socket
import struct
import time

import wire

BOARD = "10.0.0.2"
HOST = "10.0.0.1"
PORT = 80  # of the board's server; on the next one it streams its messages
SERVER_TIMEOUT_S = 3600
PEER_TIMEOUT_S = 300  # for one step of a peer: the board is 20 times slower than a real one
KEY = b"\x81\x02\x83\x04"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LOOK_S = 0.05

_sockets = []  # of all peers that were made since close_all()

Outcome = collections.namedtuple("Outcome", list(wire.FIELDS))


class Program:
    """A program on the board, with its output by lines. `source` is run in a task."""

    def __init__(self, board, source, timeout_s):
        self.lines = []
        self._last = ""
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(board.run(source, timeout_s, self._take))
        self._task.add_done_callback(self._ended)

    def _ended(self, task):
        # A failure is raised to whoever waits; to nobody, it is none.
        if not task.cancelled():
            task.exception()
        self._changed.set()

    def _take(self, text):
        *whole, self._last = (self._last + text).replace("\r", "").split("\n")
        self.lines += whole
        self._changed.set()

    async def wait_for_line(self, start, n=1, timeout_s=PEER_TIMEOUT_S):
        """The rest of the `n`th line that begins with `start`. AssertionError if none comes."""
        try:
            return await asyncio.wait_for(self._wait_for_line(start, n), timeout_s)
        except asyncio.TimeoutError:
            raise AssertionError(f"no {start!r} within {timeout_s} s: {self.lines}") from None

    async def _wait_for_line(self, start, n):
        while True:
            found = [line for line in self.lines if line.startswith(start)]
            if len(found) >= n:
                return found[n - 1][len(start) :].strip()
            if self._task.done():
                raise AssertionError(f"ended before {start!r}: {self.lines} {self._task.result()}")
            self._changed.clear()
            await self._changed.wait()

    async def outcome(self, path="", n=1):
        """The `n`th CloseOutcome that it prints, of this path."""
        line = await self.wait_for_line(f"outcome {path} " if path else "outcome ", n)
        return Outcome(*ast.literal_eval(line))

    def abandon(self):
        """Listen no more; it ends with the board, or when the next program is started."""
        self._task.cancel()

    async def end(self, timeout_s=PEER_TIMEOUT_S):
        """Wait for it to end by itself. AssertionError with the traceback if it raised."""
        _, traceback = await asyncio.wait_for(self._task, timeout_s)
        assert not traceback, traceback


class Peer:
    """One end of a TCP connection to the board, which sends what it is told, well-formed or not."""

    client = True
    _rest = b""

    def __init__(self, sock):
        self._sock = sock
        _sockets.append(sock)
        # Octets that wait for an acknowledgment would be lost by reset().
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = asyncio.get_running_loop()
        self.port = sock.getsockname()[1]

    async def send_octets(self, octets):
        await asyncio.wait_for(self._loop.sock_sendall(self._sock, octets), PEER_TIMEOUT_S)

    def frame(self, first, payload=b""):
        """The octets of a frame, masked if this is a client; `first`: FIN, RSV and opcode."""
        return wire.frame(first, payload, KEY if self.client else None)

    def close_frame(self, code, reason=b""):
        return self.frame(0x88, wire.close_payload(code, reason))

    async def send(self, first, payload=b""):
        await self.send_octets(self.frame(first, payload))

    async def send_close(self, code, reason=b""):
        await self.send_octets(self.close_frame(code, reason))

    async def read_head(self):
        """The octets of an HTTP head, without the empty line."""
        head = b""
        while b"\r\n\r\n" not in head:
            octets = await self._receive()
            assert octets, head
            head += octets
        head, _, self._rest = head.partition(b"\r\n\r\n")
        return head

    async def read_frames(self, n):
        """The next `n` frames: (first octet, payload)."""
        octets = self._rest
        while True:
            found, used = split(octets, not self.client, n)
            if len(found) == n:
                self._rest = octets[used:]
                return found
            more = await self._receive()
            if not more:
                raise EOFError(f"after {found}")
            octets += more

    async def read_frame(self):
        """The next frame, or None at the end of TCP."""
        try:
            return (await self.read_frames(1))[0]
        except (EOFError, ConnectionResetError):
            return None

    async def read_to_end(self):
        """All octets that still come, and how TCP ended: "FIN" or "RST"."""
        octets = self._rest
        self._rest = b""
        try:
            while more := await self._receive():
                octets += more
        except ConnectionResetError:
            return octets, "RST"
        return octets, "FIN"

    async def read_frames_to_end(self):
        """All frames that still come, and how TCP ended."""
        octets, end = await self.read_to_end()
        return wire.frames(octets, not self.client), end

    async def _receive(self):
        return await asyncio.wait_for(self._loop.sock_recv(self._sock, 65536), PEER_TIMEOUT_S)

    def close(self):
        """A FIN, or an RST when something was not read."""
        self._sock.close()

    def reset(self):
        """An RST, whatever was read."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()


class Client(Peer):
    """A client of the board's server."""

    @classmethod
    async def dial(cls, receive_buffer=None, port=PORT):
        """Open TCP, no more."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            loop = asyncio.get_running_loop()
            await asyncio.wait_for(loop.sock_connect(sock, (BOARD, port)), PEER_TIMEOUT_S)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    @classmethod
    async def open(cls, path, receive_buffer=None, port=PORT):
        """Open a WebSocket."""
        client = await cls.dial(receive_buffer, port)
        head = await client.handshake(path)
        assert head.startswith(b"HTTP/1.1 101 "), head
        return client

    async def handshake(self, path):
        """Returns the head of the answer."""
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send_octets(
            f"GET {path} HTTP/1.1\r\nHost: {BOARD}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        return await self.read_head()


class Server(Peer):
    """A server's end, for one client on the board. `port`: where it listens."""

    client = False

    @classmethod
    def listen(cls, receive_buffer=None):
        """A listening socket; its port is free."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        sock.bind((HOST, 0))
        sock.listen()
        return sock

    @classmethod
    async def accept(cls, listening):
        """The next client, after its opening handshake."""
        loop = asyncio.get_running_loop()
        sock, _ = await asyncio.wait_for(loop.sock_accept(listening), PEER_TIMEOUT_S)
        sock.setblocking(False)
        server = cls(sock)
        head = await server.read_head()
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", head)[1]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        await server.send_octets(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        return server


def close_all():
    """Close what a failed test has left open."""
    while _sockets:
        _sockets.pop().close()


def split(octets, masked, most):
    """The whole frames at the beginning of `octets`, `most` at most, and the octets they take."""
    found = []
    at = 0
    while len(octets) - at >= 2 and len(found) < most:
        n = octets[at + 1] & 0x7F
        head = {126: 4, 127: 10}.get(n, 2)
        if len(octets) - at < head:
            break
        if n > 125:
            n = int.from_bytes(octets[at + 2 : at + head], "big")
        end = at + head + (4 if masked else 0) + n
        if len(octets) < end:
            break
        found += wire.frames(octets[at:end], masked)
        at = end
    return found, at


def fins_and_resets(segments):
    """Who sent a FIN or an RST, in order and each once: "board FIN", "host RST" …"""
    seen = []
    for segment in segments:
        who = "board" if segment.from_board else "host"
        for flag, name in (("F", "FIN"), ("R", "RST")):
            if flag in segment.flags and f"{who} {name}" not in seen:
                seen.append(f"{who} {name}")
    return seen


async def start_server(pico, source):
    """Start serve.py on the board, with `source`. Returns the Program, listening."""
    program = Program(pico, source, SERVER_TIMEOUT_S)
    await program.wait_for_line("listening")
    return program


async def stop_server(program):
    """End it, if it is at PORT."""
    client = await Client.open("/stop")
    await program.wait_for_line("stopped")
    await program.end()
    client.close()


async def settle(pico, port, *ends):
    """Wait until these FINs and RSTs were on the wire, in this order, and see that no other was."""
    deadline = time.monotonic() + PEER_TIMEOUT_S
    while len(fins_and_resets(pico.wire.of(port))) < len(ends) and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_S)
    assert fins_and_resets(pico.wire.of(port)) == list(ends)


def check(outcome, **expected):
    """Compare all fields of a CloseOutcome; those not named with an unclean nothing."""
    assert outcome._asdict() == {**wire.FIELDS, **expected}
