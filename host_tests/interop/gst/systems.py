"""The firmware and the real clients of it, each a program on a host of the network."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from unix_port import ROOT, Program
from websockets.sync.client import connect

HERE = Path(__file__).parent
PORT = 8443
WIDTH, HEIGHT, RATE = 160, 120, 30
FRAME = WIDTH * HEIGHT * 3 // 2  # octets, in I420
TIMEOUT_S = 30
TAIL = 40  # lines of a program's output in a failure's message
CLOSED_TIMEOUT_S = 60  # more than the firmware needs to find that a peer is dead, and to close
# What webrtcsink and webrtcsrc say about their signalling; errors and warnings of everything else.
GST_DEBUG = "webrtc-signaller:5,2"
CONNECTED = re.compile(r"^peer (\S+) connected$", re.MULTILINE)
END = re.compile(r" Session \S+ ended$", re.MULTILINE)
ERROR = re.compile(r"^ERROR: from element .*\n(?:Additional debug info:\n.*\n)?.*$", re.MULTILINE)
SHUT = "Signalling error: Error: send failed because receiver is gone"


class Gst:
    """Starts the programs, and ends those that still run. The first is the firmware.

    `tls`: a Certificates, for wss. `token`: what the firmware asks for.
    """

    def __init__(self, built, lan, micropython, tls=None, token=None):
        self.built = built
        self.lan = lan
        self._stack = contextlib.ExitStack()
        self._micropython = micropython
        self._tls = tls
        self.token = token
        self.url = f"{'wss' if tls else 'ws'}://{lan.host('server').address}:{PORT}"
        try:
            self.start_firmware()
        except BaseException:
            self.stop()
            raise

    def start_firmware(self):
        """Start `firmware`, and a `watcher` of it."""
        environ = {"MICROPYPATH": f"{ROOT / 'firmware'}:.frozen"}
        command = [self._micropython.path, HERE / "programs" / "firmware.py", PORT]
        if self._tls:
            command += ["--cert", self._tls.cert_file, "--key", self._tls.key_file]
        if self.token:
            command += ["--token", self.token]
        self.firmware = self.start("server", *command, environ=environ)
        self.firmware.wait_for_port()
        sock = self.lan.host("watcher").connect(self.lan.host("server").address, PORT)
        self.watcher = Watcher(sock, self.url, self._tls, self.token)
        self._stack.callback(self.watcher.close)
        self.wait_for_peer(self.watcher.id)

    def start(self, host, *command, environ=None):
        """A Program on that host."""
        program = Program(
            subprocess.Popen(
                self.lan.host(host).command(*command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(environ or {})},
            )
        )
        self._stack.callback(end, program)
        return program

    def stop(self):
        self._stack.close()

    def stop_firmware(self):
        """As Ctrl-C does under `make run`: every peer is closed with 1001."""
        self.firmware.process.stdin.close()
        assert self.firmware.wait(TIMEOUT_S) == 0, self.firmware.output

    def pipeline(self, host, *elements):
        """gst-launch-1.0, with its options and elements."""
        environ = {
            "GST_PLUGIN_PATH": str(self.built.plugins),
            "GST_REGISTRY": str(self.built.registry),
            "GST_DEBUG": GST_DEBUG,
            "GST_DEBUG_NO_COLOR": "1",
        }
        words = []
        for element in elements:
            words += [element] if element.startswith("signaller::") else element.split()
        return self.start(host, "gst-launch-1.0", *words, environ=environ)

    def signaller(self, token=None):
        """How webrtcsink and webrtcsrc are told where the firmware is, and our token."""
        words = [f"signaller::uri={self.url}"]
        if self._tls:
            words.append(f"signaller::cafile={self._tls.ca_file}")
        token = token or self.token
        if token:
            value = f'\\"Bearer {token}\\"'  # as gst-launch unescapes it
            words.append(f'signaller::headers="headers,Authorization={value}"')
        return words

    def start_webrtcsink(self, host, name, token=None):
        """A producer, of a ball that moves."""
        return self.pipeline(
            host,
            "-e",  # at SIGINT the stream ends with EOS
            "videotestsrc is-live=true pattern=ball",
            f"! video/x-raw,width={WIDTH},height={HEIGHT},framerate={RATE}/1",
            f"! webrtcsink meta=meta,name={name}",
            "video-caps=video/x-vp8 stun-server=NULL congestion-control=disabled",
            *self.signaller(token),
        )

    def webrtcsink(self, host, name):
        """The same. Returns (program, id) when it is listed."""
        sink = self.start_webrtcsink(host, name)
        status = self.watcher.wait_for(
            lambda status: status["roles"] == ["producer"] and status["meta"] == {"name": name}
        )
        self.wait_for_peer(status["peerId"])
        return sink, status["peerId"]

    def webrtcsrc(self, host, producer, frames):
        """A consumer; it appends each decoded frame to a file. Returns (program, id).

        `producer`: its id, or None for the first that is listed.
        """
        before = len(self.peers())
        src = self.pipeline(
            host,
            "webrtcsrc stun-server=NULL",
            *self.signaller(),
            f"signaller::producer-peer-id={producer}"
            if producer
            else "connect-to-first-producer=1",
            "! videoconvert ! videoscale",
            f"! video/x-raw,format=I420,width={WIDTH},height={HEIGHT}",
            f"! filesink buffer-mode=unbuffered location={frames}",
        )
        eventually(lambda: len(self.peers()) > before, self.firmware, src)
        return src, self.peers()[before]

    def peers(self):
        """Ids of all peers that came to the firmware so far, in their order."""
        return CONNECTED.findall(self.firmware.output)

    def wait_for_peer(self, peer_id):
        """Until it is among peers(): the network may tell of it before the firmware's output."""
        self.firmware.wait_for_line(f"peer {peer_id} connected")

    def outcome(self, peer_id):
        """How the firmware says that the connection with a peer ended: a dict of words."""
        line = self.firmware.wait_for_line(f"peer {peer_id} closed: ", CLOSED_TIMEOUT_S)
        return dict(word.split("=", 1) for word in line.split(" ") if "=" in word)

    def ended(self, peer_id, host):
        """The outcome of a peer, the first of its host, and TCP's end: `server FIN, client FIN`."""
        outcome = self.outcome(peer_id)
        eventually(lambda: is_over(self.ending(host)), self.firmware)
        return outcome, ", ".join(self.ending(host))

    def ending(self, host):
        """Who ended the first connection of a host."""
        return ending(self.lan.connections(host)[0])


class HungError(Exception):
    """A program didn't end at Ctrl-C; its last output."""


class Watcher:
    """A listener, on PyPI's websockets: it is told who becomes a producer, and who ceases to be."""

    def __init__(self, sock, url, tls=None, token=None):
        self._ws = connect(
            url,
            sock=sock,
            ping_interval=None,
            ssl=tls.client_context() if tls else None,
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
        )
        self.id = json.loads(self._ws.recv(TIMEOUT_S))["peerId"]
        self._ws.send('{"type":"setPeerStatus","roles":["listener"]}')
        self.statuses = []
        self.wait_for(lambda status: status["peerId"] == self.id)

    def wait_for(self, is_it):
        """The first status, of all that came and come, that is it."""
        deadline = time.monotonic() + TIMEOUT_S
        for status in self.statuses:
            if is_it(status):
                return status
        while True:
            try:
                message = json.loads(self._ws.recv(max(0, deadline - time.monotonic())))
            except TimeoutError:
                raise AssertionError(f"no such status among {self.statuses}") from None
            if message["type"] == "peerStatusChanged":
                self.statuses.append(message)
                if is_it(message):
                    return message

    def producers(self):
        """Ids and metas of all producers, now."""
        self._ws.send('{"type":"list"}')
        while True:
            message = json.loads(self._ws.recv(TIMEOUT_S))
            if message["type"] == "list":
                return {one["id"]: one["meta"] for one in message["producers"]}
            self.statuses.append(message)

    def close(self):
        self._ws.close()


def interrupt(program):
    """Ctrl-C: gst-launch stops its pipeline in order. AssertionError if it finds a fault in that.

    One fault is its own: the channel to the WebSocket may be shut before the task that is to put
    the last endSession into it has run. HungError: it doesn't end.
    """
    program.process.send_signal(signal.SIGINT)
    try:
        status = program.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise HungError("".join(program.lines[-TAIL:])) from None
    error = error_of(program) or ""
    assert status == 0 or error.endswith(SHUT), program.output


def end(program):
    """End a program that may run still."""
    program.stop()
    with contextlib.suppress(OSError):
        program.process.stdin.close()


def ending(segments):
    """Who ended a connection, in order, each named once: ["server FIN", "client FIN"]."""
    seen = []
    for segment in segments:
        who = "server" if segment.from_server else "client"
        for letter, what in (("F", "FIN"), ("R", "RST")):
            if letter in segment.flags and f"{who} {what}" not in seen:
                seen.append(f"{who} {what}")
    return seen


def is_over(ending):
    """Whether nothing can follow on a TCP connection (a reset may, to a FIN)."""
    return (
        "client RST" in ending
        or "server RST" in ending
        or {"client FIN", "server FIN"} <= set(ending)
    )


def eventually(is_so, *programs, timeout_s=TIMEOUT_S):
    """Wait until `is_so()`. AssertionError with what the programs printed if it takes too long."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            outputs = "\n\n".join("".join(program.lines[-TAIL:]) for program in programs)
            raise AssertionError(f"it took longer than {timeout_s} s:\n{outputs}")
        time.sleep(0.05)


def wait_for_frames(path, n, *programs):
    """Wait until so many frames were decoded into the file. Returns (how many, how many differ)."""
    eventually(lambda: path.exists() and path.stat().st_size >= n * FRAME, *programs)
    octets = path.read_bytes()
    frames = [octets[at : at + FRAME] for at in range(0, len(octets) - FRAME + 1, FRAME)]
    return len(frames), len(set(frames))


def session_ended(program):
    """Whether webrtcsink or webrtcsrc says, before long, that it was told so."""
    eventually(lambda: END.search(program.output), program)
    return True


def error_of(program):
    """What gst-launch gave as the cause of its error, in one line; None if there was no error."""
    found = ERROR.findall(program.output)
    return found[-1].rpartition("\n")[2].strip() if found else None
