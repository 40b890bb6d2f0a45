"""The other end of everything that is measured: a peer that costs as little as it can.

Frames are made once, before; what comes back is counted, not parsed. Only the first reply of a
connection is looked at.
"""

import base64
import contextlib
import hashlib
import os
import select
import socket
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT = 1
BINARY = 2
CLOSE = 8
NORMAL_CLOSE = b"\x03\xe8"

PATIENCE_S = 20  # for one connection to open, or one measurement to make progress
CLOSE_TIMEOUT_S = 2
_READ = 1 << 20
_KEY = b"\x37\xfa\x21\x3d"


class PeerError(Exception):
    """The program under measurement did something else than echo."""


def frame(opcode, payload, masked):
    """One whole frame, with the shortest header there is for it."""
    n = len(payload)
    mask = 0x80 if masked else 0
    head = bytes([0x80 | opcode])
    if n < 126:
        head += bytes([mask | n])
    elif n < 0x10000:
        head += bytes([mask | 126]) + n.to_bytes(2, "big")
    else:
        head += bytes([mask | 127]) + n.to_bytes(8, "big")
    return head + _KEY + xor(payload, _KEY) if masked else head + payload


def xor(payload, key):
    n = len(payload)
    keys = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(n, "big")


class Exchange:
    """What is sent over and over, and what must come back for it.

    `masked`: whether we are the client. `bare`: no WebSocket, the same octets come back.
    """

    def __init__(self, opcode, payload, masked, bare=False):
        self.octets = frame(opcode, payload, masked)
        self._bare = bare
        self._expected = frame(opcode, payload, False)
        self._masked_reply = not masked and not bare
        self.reply_size = len(self.octets) if bare else len(self._expected)
        if self._masked_reply:
            self.reply_size += 4

    def check(self, reply):
        """PeerError when `reply`, `reply_size` octets, is not what was sent."""
        expected = self.octets if self._bare else self._expected
        if self._masked_reply:
            at = len(reply) - (len(expected) - self._head_size(expected)) - 4
            head, key, payload = reply[:at], reply[at : at + 4], reply[at + 4 :]
            reply = bytes([head[0], head[1] & 0x7F]) + head[2:] + xor(payload, key)
        if reply != expected:
            raise PeerError(f"the echo differs: {reply[:16]!r}…, not {expected[:16]!r}…")

    @staticmethod
    def _head_size(octets):
        return {126: 4, 127: 10}.get(octets[1] & 0x7F, 2)


def connect(port, websocket=True, path="/"):
    """Open a connection to a server on this machine; with its opening handshake, as a client."""
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if websocket:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        sock.sendall(request.encode())
        answer = _read_head(sock)
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise PeerError(f"the server answered {answer[:60]!r}")
    return sock


class Listener:
    """Where clients connect to; one at a time."""

    def __init__(self):
        self._sock = socket.create_server(("127.0.0.1", 0))
        self._sock.settimeout(PATIENCE_S)
        self.port = self._sock.getsockname()[1]

    def fileno(self):
        """For select(): readable when a client is there."""
        return self._sock.fileno()

    def accept(self, websocket=True):
        """The next client's connection, after the opening handshake."""
        sock, _ = self._sock.accept()
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if websocket:
            fields = [line.partition(b":") for line in _read_head(sock).split(b"\r\n")]
            key = next(v.strip() for k, _, v in fields if k.lower() == b"sec-websocket-key")
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
            sock.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
        return sock

    def close(self):
        self._sock.close()


def _read_head(sock):
    # Octet by octet, as frames may follow.
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octet = sock.recv(1)
        if not octet:
            raise PeerError(f"closed during the opening handshake, after {head[:60]!r}")
        head += octet
    return head


def receive(sock, n):
    """Exactly `n` octets."""
    octets = bytearray()
    while len(octets) < n:
        part = sock.recv(n - len(octets))
        if not part:
            raise PeerError(f"closed after {len(octets)} of {n} octets")
        octets += part
    return bytes(octets)


def echo_once(sock, exchange):
    """One round trip, and a look at what comes back."""
    sock.settimeout(PATIENCE_S)
    sock.sendall(exchange.octets)
    exchange.check(receive(sock, exchange.reply_size))


def close(sock, masked, websocket=True):
    """Close cleanly, so that the other end counts it as a success."""
    with sock:
        sock.settimeout(CLOSE_TIMEOUT_S)
        with contextlib.suppress(OSError):
            if websocket:
                sock.sendall(frame(CLOSE, NORMAL_CLOSE, masked))
                if not masked:
                    sock.recv(64)  # its Close; then it waits for us, the server, to end TCP
                    sock.shutdown(socket.SHUT_WR)
            else:
                sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass


class Pump:
    """Keeps `window` messages in flight on a connection, each written by itself, as peers do."""

    def __init__(self, sock, exchange, window):
        self._sock = sock
        self._exchange = exchange
        self._window = window
        self._octets = memoryview(exchange.octets)
        self._buf = bytearray(_READ)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def run(self, duration_s):
        """Send for that long, a whole window at least. Returns (messages, seconds).

        When it returns, everything that was sent has come back.
        """
        sock = self._sock
        sock.setblocking(False)
        octets = self._octets
        size = len(octets)
        reply_size = self._exchange.reply_size
        buf = self._buf
        received = sent = 0
        allowed = self._window * size
        sending = True
        start = now = time.monotonic()
        while True:
            try:
                while sent < allowed:
                    sent += sock.send(octets[sent % size :])
            except BlockingIOError:
                pass
            try:
                n = sock.recv_into(buf)
                if n == 0:
                    raise PeerError(f"closed after {received} octets of replies")
                received += n
            except BlockingIOError:
                events = select.POLLIN | (select.POLLOUT if sent < allowed else 0)
                self._poll.modify(sock, events)
                if not self._poll.poll(PATIENCE_S * 1000):
                    raise PeerError(f"no echo for {PATIENCE_S} s") from None
                continue
            now = time.monotonic()
            if sending and now - start >= duration_s:
                sending = False
                allowed = max(allowed, -(-sent // size) * size)
            if sending:
                allowed = (received // reply_size + self._window) * size
            elif received >= allowed // size * reply_size:
                break
        if received != allowed // size * reply_size:
            raise PeerError(f"{received} octets came back for {allowed // size} messages")
        return allowed // size, now - start


def receive_frame(sock):
    """The payload of the next frame, which must be a short one."""
    head = receive(sock, 2)
    n = head[1] & 0x7F
    if n > 125:
        raise PeerError(f"a frame of {n} octets or more, where a short one was due")
    if head[1] & 0x80:
        key = receive(sock, 4)
        return xor(receive(sock, n), key)
    return receive(sock, n)
