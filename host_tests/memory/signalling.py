"""Signalling in a small heap: sessions with SDPs of 16 KB, between the firmware and light peers.

    signalling.py [SESSIONS]

prints what the heap has in use while that many sessions (10,000 unless told) come and go.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DIRECTORY = Path(__file__).parent / "programs"
# To be deployed with the firmware, see mpy.deployed(): on a board nothing is compiled.
PROGRAMS = (DIRECTORY / "signalling_server.py", DIRECTORY / "signalling_client.py")
sys.path.append(str(Path(__file__).parents[1] / "bench"))

import light  # noqa: E402
from contenders import free_port  # noqa: E402

# As large as boards.md reckons with: 16 KB of SDP, 17.8 KB as JSON.
SDP = ("a=candidate:1 1 UDP 2122260223 192.168.1.2\r\n" * 400)[:16384]
META = {"display-name": "camera behind the stage", "control": {"v": 1, "caps": ["ptz"]}}
CANDIDATE = {
    "candidate": "candidate:0 1 UDP 2122187007 192.168.1.2 47934 typ host",
    "sdpMLineIndex": 0,
}
CANDIDATES = 5
TIMEOUT_S = 20
SMALLEST_KB = 64
LARGEST_KB = 512
SESSIONS = 10_000
REPORTS = 10


class Link:
    """Signalling messages on a plain socket; `masked`: we are the client."""

    def __init__(self, sock, masked):
        self._sock = sock
        self._sock.settimeout(TIMEOUT_S)
        self._masked = masked
        self._have = bytearray()

    def send(self, **message):
        text = json.dumps(message, separators=(",", ":")).encode()
        self._sock.sendall(light.frame(light.TEXT, text, self._masked))

    def receive(self, kind):
        """The next message of that type; what comes unasked is passed over."""
        while True:
            message = json.loads(self._text())
            if message["type"] == kind:
                return message
            if message["type"] not in ("peerStatusChanged", "InfoMessage"):
                raise light.PeerError(f"{message['type']} instead of {kind}: {message}")

    def _text(self):
        text = b""
        while True:
            first, payload = self._frame()
            if first & 8:
                if first & 0xF == light.CLOSE:
                    raise light.PeerError(f"closed: {payload!r}")
                self._sock.sendall(light.frame(0xA, payload, self._masked))
                continue
            text += payload
            if first & 0x80:
                return text

    def _frame(self):
        n = self._need(2)[1] & 0x7F
        head = 2
        if n == 126:
            head = 4
            n = int.from_bytes(self._need(4)[2:4], "big")
        if not self._masked:
            head += 4
        have = self._need(head + n)
        first, payload = have[0], bytes(have[head : head + n])
        if not self._masked:
            payload = light.xor(payload, bytes(have[head - 4 : head]))
        del have[: head + n]
        return first, payload

    def _need(self, n):
        while len(self._have) < n:
            part = self._sock.recv(65536)
            if not part:
                raise light.PeerError("closed without a Close")
            self._have += part
        return self._have

    def close(self):
        light.close(self._sock, self._masked)


class Peer(Link):
    """A signalling peer."""

    def __init__(self, port, *roles):
        super().__init__(light.connect(port), True)
        self.id = self.receive("welcome")["peerId"]
        if roles:
            self.send(type="setPeerStatus", roles=roles, meta=META)
            if "listener" in roles:
                self.receive("peerStatusChanged")


class Pair:
    """A producer and a consumer."""

    def __init__(self, port):
        self.producer = Peer(port, "producer")
        self.consumer = Peer(port, "listener")

    def start(self):
        self.consumer.send(type="startSession", peerId=self.producer.id)
        self.session = self.consumer.receive("sessionStarted")["sessionId"]
        assert self.producer.receive("startSession")["sessionId"] == self.session

    def offer(self):
        sdp = {"type": "offer", "sdp": SDP}
        self.producer.send(type="peer", sessionId=self.session, sdp=sdp)

    def answer(self):
        assert self.consumer.receive("peer")["sdp"] == {"type": "offer", "sdp": SDP}
        sdp = {"type": "answer", "sdp": SDP}
        self.consumer.send(type="peer", sessionId=self.session, sdp=sdp)

    def end(self):
        assert self.producer.receive("peer")["sdp"] == {"type": "answer", "sdp": SDP}
        for sender, receiver in (
            (self.producer, self.consumer),
            (self.consumer, self.producer),
        ):
            for _ in range(CANDIDATES):
                sender.send(type="peer", sessionId=self.session, ice=CANDIDATE)
            for _ in range(CANDIDATES):
                assert receiver.receive("peer")["ice"] == CANDIDATE
        self.consumer.send(type="endSession", sessionId=self.session)
        assert self.producer.receive("endSession")["sessionId"] == self.session

    def close(self):
        self.producer.close()
        self.consumer.close()


class Server:
    """The firmware's, in `heap_kb` of heap, for `peers`."""

    def __init__(self, unix, heap_kb, peers):
        self.port = free_port()
        heap = ("-X", f"heapsize={heap_kb}k")
        self.process = subprocess.Popen(
            [unix.path, *heap, "-m", "signalling_server", str(self.port), str(peers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=unix.env,
        )
        self._output = b""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_for(self, what):
        """The rest of the next line that begins with it."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            line, newline, rest = self._output.partition(b"\n")
            if newline:
                self._output = rest
                if line.startswith(what):
                    return line[len(what) :].decode()
                if b"rror" in line:
                    raise light.PeerError(line.decode())
                continue
            ready = select.select([self.process.stdout], [], [], deadline - time.monotonic())[0]
            part = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not part:
                raise light.PeerError(f"no line {what!r}, but {self._output!r}")
            self._output += part

    def used(self):
        """Octets of its heap in use."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return int(self.wait_for(b"used "))

    def stop(self):
        """Returns its exit status."""
        self.process.stdin.close()
        self.process.stdin = None
        self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode


def run_sessions(pairs):
    """One session of each pair, all at the same time."""
    for step in (Pair.start, Pair.offer, Pair.answer, Pair.end):
        for pair in pairs:
            step(pair)


def fits(unix, heap_kb, peers, sessions):
    """Whether `peers` (two for each session) have three sessions each in that heap."""
    with Server(unix, heap_kb, peers) as server, contextlib.ExitStack() as stack:
        try:
            server.wait_for(b"listening on ")
            pairs = [Pair(server.port) for _ in range(sessions)]
            for pair in pairs:
                stack.callback(pair.close)
            for _ in range(3):
                run_sessions(pairs)
            stack.close()
            return server.stop() == 0
        except (OSError, light.PeerError, subprocess.TimeoutExpired, AssertionError) as error:
            if os.environ.get("VERBOSE"):
                print(f"{heap_kb} KB: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
            return False


def client_fits(unix, heap_kb):
    """Whether a client has a session in that heap."""
    with contextlib.closing(light.Listener()) as listener, contextlib.ExitStack() as stack:
        heap = ("-X", f"heapsize={heap_kb}k")
        process = subprocess.Popen(
            [unix.path, *heap, "-m", "signalling_client", str(listener.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=unix.env,
        )
        stack.callback(process.communicate)
        stack.callback(process.kill)
        deadline = time.monotonic() + TIMEOUT_S
        while not select.select([listener], [], [], 0.05)[0]:
            if process.poll() is not None or time.monotonic() > deadline:
                return False
        try:
            link = Link(listener.accept(), False)
            link.send(type="welcome", peerId="a")
            link.receive("setPeerStatus")
            link.send(type="sessionStarted", peerId="b", sessionId="c")
            link.send(type="peer", sessionId="c", sdp={"type": "offer", "sdp": SDP})
            assert link.receive("peer")["sdp"]["type"] == "answer"
            link.receive("peer")
            for _ in range(CANDIDATES):
                link.send(type="peer", sessionId="c", ice=CANDIDATE)
            link.send(type="endSession", sessionId="c")
            with contextlib.suppress(light.PeerError):
                link.receive("nothing but its Close")
            link.close()
            output, _ = process.communicate(timeout=TIMEOUT_S)
            return output.startswith(b"got %d %d True" % (len(SDP), CANDIDATES))
        except (OSError, light.PeerError, subprocess.TimeoutExpired, AssertionError):
            return False


def least_heap(fits):
    """The least number of KB for which fits() is true."""
    low, high = SMALLEST_KB, LARGEST_KB
    if not fits(high):
        raise light.PeerError(f"not in {high} KB of heap")
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            high = middle
        else:
            low = middle
    return high


def growth(unix, heap_kb, peers, sessions, report=print):
    """Octets in use after each tenth of `sessions`; the peers stay throughout."""
    with Server(unix, heap_kb, peers) as server, contextlib.ExitStack() as stack:
        server.wait_for(b"listening on ")
        pairs = [Pair(server.port) for _ in range(peers // 2)]
        for pair in pairs:
            stack.callback(pair.close)
        used = []
        done = 0
        for part in range(1, REPORTS + 1):
            while done < sessions * part // REPORTS:
                run_sessions(pairs)
                done += len(pairs)
            used.append(server.used())
            report(f"{done} sessions: {used[-1]} octets in use")
        return used


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2] / "tools"), str(Path(__file__).parents[1])]
    import env
    import heap64
    import mpy
    from unix_port import UnixPort

    unix = UnixPort(env.micropython())
    with tempfile.TemporaryDirectory() as scratch, heap64.search_path(unix, scratch):
        mpy.deployed(heap64.host_arch(unix), Path(scratch), PROGRAMS)
        growth(unix, 176, 4, int(sys.argv[1]) if sys.argv[1:] else SESSIONS)
