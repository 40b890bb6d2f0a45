"""Those whom a board meets in its life, at their worst: each act() is one visit.

What they do comes from a random.Random of their own. What a board does to them (a Close, a refusal,
a reset) is theirs to bear; whether it was right is tested elsewhere. Here it must come through.
"""

import contextlib
import gzip
import http.client
import json
import select
import socket
import struct
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("memory", "bench")]

import light  # noqa: E402
from signalling import CANDIDATE, META, SDP, Link  # noqa: E402

TIMEOUT_S = 3
LOOK_S = 0.2  # for the board to come, until it is looked whether time is over
MOVE = {"type": "customUpstreamEvent", "structureName": "move", "structure": {"pan": 50}}
STOP = {"type": "customUpstreamEvent", "structureName": "stop", "structure": {}}
REQUESTS = (MOVE, MOVE, STOP, {"type": "customUpstreamEvent", "structureName": "no such"}, {}, None)
NO_MESSAGE = (b"", b"garbage", b"{" * 5000, b'{"type":"list",}', b'{"type":"peer"}', b"\xff\xfe")
BAD_FRAMES = (b"\xff" * 64, b"\x81\xff" + b"\x7f" * 12, b"\x83\x80abcd", b"\x81\x05hello", b"\x09")
BAD_REQUESTS = (
    b"GET / HTTP/1.1\r\n",
    b"\r\n\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 400 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
)
# What may befall a visitor.
TROUBLES = (
    OSError, EOFError, ValueError, StopIteration, light.PeerError, http.client.HTTPException,
)  # fmt: skip


def get(port, path):
    """The body of a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise light.PeerError(f"{path} is answered with {answer.status}")
        return answer.read()


def reset(sock):
    """End TCP by a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def connect(port, path="/"):
    """A WebSocket to the board."""
    sock = light.connect(port, path=path)
    sock.settimeout(TIMEOUT_S)
    return sock


def next_client(listener, websocket=True):
    """The board's next connection, after the opening handshake. TimeoutError: none comes."""
    if not select.select([listener], [], [], LOOK_S)[0]:
        raise TimeoutError
    sock = listener.accept(websocket)
    sock.settimeout(TIMEOUT_S)
    return sock


def leave(rng, sock, masked):
    """End a WebSocket in one of the ways that there are."""
    way = rng.randrange(7)
    frame = light.frame(light.CLOSE, light.NORMAL_CLOSE, masked)
    if way < 2:
        light.close(sock, masked)
    elif way == 2:
        sock.sendall(frame)
        reset(sock)
    elif way == 3:
        sock.sendall(frame[: rng.randrange(1, len(frame))])
        sock.close()
    elif way == 4:
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while sock.recv(4096):
                pass
        sock.close()
    elif way == 5:
        time.sleep(rng.random() * 2)  # gone without a word, for a while
        reset(sock)
    else:
        sock.sendall(rng.choice(BAD_FRAMES))
        sock.close()


class Visitor:
    """Comes to the board's port over and over. `heard` counts what shows that it was served."""

    def __init__(self, rng, port):
        self.rng = rng
        self.port = port
        self.heard = 0


class Peer(Visitor):
    """A signalling peer, also of the board's own device."""

    def act(self):
        sock = connect(self.port)
        try:
            link = Link(sock, True)
            link.receive("welcome")
            self.heard += 1
            roles = self.rng.sample(("producer", "consumer", "listener"), self.rng.randrange(4))
            link.send(type="setPeerStatus", roles=roles, meta=META)
            for _ in range(self.rng.randrange(6)):
                self._say(sock, link)
        finally:
            leave(self.rng, sock, True)

    def _say(self, sock, link):
        what = self.rng.randrange(6)
        if what == 0:
            payload = self.rng.choice(NO_MESSAGE)
            sock.sendall(light.frame(self.rng.choice((light.TEXT, light.BINARY)), payload, True))
        elif what == 1:
            sock.sendall(light.frame(light.TEXT, b"x" * self.rng.choice((500, 17000, 60000)), True))
        elif what == 2:
            link.send(type="listConsumers")
            for other in link.receive("listConsumers")["consumers"][:1]:
                link.send(type="control", peerId=other["id"], id=1, request=MOVE)
        else:
            link.send(type="list")
            others = [other["id"] for other in link.receive("list")["producers"]]
            if others:
                self._meet(link, self.rng.choice(others))

    def _meet(self, link, other):
        link.send(type="startSession", peerId=other)
        session = link.receive("sessionStarted")["sessionId"]
        sdp = {"type": "offer", "sdp": SDP[: self.rng.choice((100, 4000, 16384))]}
        link.send(type="peer", sessionId=session, sdp=sdp)
        for _ in range(self.rng.randrange(4)):
            link.send(type="peer", sessionId=session, ice=CANDIDATE)
        if self.rng.randrange(2):
            link.send(type="endSession", sessionId=session)


class Viewer(Visitor):
    """Watches pictures: eagerly, slowly, or not at all."""

    def act(self):
        sock = connect(self.port, "/preview")
        try:
            pause = self.rng.choice((0, 0.02, 1))
            until = time.monotonic() + self.rng.random() * 3
            while time.monotonic() < until:
                if pause < 1:
                    self.heard += bool(sock.recv(self.rng.choice((100, 65536))))
                time.sleep(pause)
        finally:
            leave(self.rng, sock, True)


class Controller(Visitor):
    """Moves the camera, and forgets to stop it."""

    def act(self):
        sock = connect(self.port, "/control")
        try:
            for number in range(self.rng.randrange(1, 30)):
                request = json.dumps({"id": number, "request": self.rng.choice(REQUESTS)}).encode()
                sock.sendall(light.frame(light.TEXT, request, True))
                self.heard += bool(sock.recv(65536))
                time.sleep(self.rng.random() * 0.1)
        finally:
            leave(self.rng, sock, True)


class Browser(Visitor):
    """Pages and /health, and what is no HTTP."""

    def act(self):
        with light.connect(self.port, websocket=False) as sock:
            sock.settimeout(TIMEOUT_S)
            if self.rng.randrange(3):
                path = self.rng.choice(("/", "/health", "/nothing"))
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                self.heard += sock.recv(12) == b"HTTP/1.1 200"
            else:
                for octet in self.rng.choice(BAD_REQUESTS):
                    sock.sendall(bytes((octet,)))
            if self.rng.randrange(3) == 0:
                reset(sock)
                return
            while sock.recv(self.rng.choice((10, 65536))):
                pass


class Upstream:
    """The signalling server that the board is a client of: `listener.port`."""

    def __init__(self, rng, listener):
        self.rng = rng
        self.listener = listener
        self.heard = 0

    def act(self):
        """Serve the board once; TimeoutError when it doesn't come soon."""
        kind = self.rng.randrange(8)
        sock = next_client(self.listener, websocket=kind > 2)
        try:
            if kind == 0:
                sock.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
            elif kind == 1:
                sock.sendall(b"HTTP/1.1 101 Switching Pro")
            elif kind > 2:
                self._serve(sock)
        finally:
            leave(self.rng, sock, False)

    def _serve(self, sock):
        link = Link(sock, False)
        link.send(type="welcome", peerId="a")
        link.receive("setPeerStatus")
        self.heard += 1
        for number in range(self.rng.randrange(4)):
            link.send(type="control", peerId="b", id=number, request=MOVE)
            link.receive("control")
        if self.rng.randrange(2):
            link.send(type="startSession", peerId="b", sessionId="c", offer=SDP)
            if self.rng.randrange(2):
                link.receive("endSession")


class Guest:
    """Who means well: has a session with the largest SDP there may be, with itself."""

    def __init__(self, port):
        self.port = port

    def act(self):
        with connect(self.port) as sock:
            link = Link(sock, True)
            me = link.receive("welcome")["peerId"]
            link.send(type="setPeerStatus", roles=["producer"])
            link.send(type="startSession", peerId=me, offer=SDP)
            session = link.receive("sessionStarted")["sessionId"]
            offered = link.receive("startSession")["offer"]
            link.send(type="peer", sessionId=session, sdp={"type": "answer", "sdp": SDP})
            if offered != SDP or link.receive("peer")["sdp"]["sdp"] != SDP:
                raise light.PeerError("another SDP came out")
            link.close()


class Remote(Guest):
    """Is obeyed, through signalling."""

    def act(self):
        with connect(self.port) as sock:
            link = Link(sock, True)
            link.receive("welcome")
            link.send(type="listConsumers")
            (device,) = link.receive("listConsumers")["consumers"]
            for number, request in enumerate((MOVE, STOP)):
                link.send(type="control", peerId=device["id"], id=number, request=request)
                check_reply(link.receive("control")["reply"], number)
            link.close()


class Watcher(Guest):
    """Sees one picture."""

    def act(self):
        with connect(self.port, "/preview") as sock:
            head = light.receive(sock, 2)
            n = head[1]
            if n > 125:
                n = int.from_bytes(light.receive(sock, 2 if n == 126 else 8), "big")
            picture = light.receive(sock, n)
            if picture[:2] != b"\xff\xd8" or picture[-2:] != b"\xff\xd9":
                raise light.PeerError("that is no JPEG")
            light.close(sock, True)


class Reader(Guest):
    """Sees the page."""

    def act(self):
        gzip.decompress(get(self.port, "/"))


class Operator(Guest):
    """Is obeyed, at /control."""

    def act(self):
        with connect(self.port, "/control") as sock:
            link = Link(sock, True)
            for number, request in enumerate((MOVE, STOP)):
                link.send(id=number, request=request)
                check_reply(link.receive("ControlResponseMessage"), number)
            link.close()


def check_reply(reply, number):
    if reply["id"] != number or reply["error"]:
        raise light.PeerError(f"the reply is {reply}")
