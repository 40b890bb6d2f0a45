"""The upstream signalling servers, and Signalbox's own peer at them."""

import ast
import contextlib
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import gst_build
from systems import PORT, TIMEOUT_S, end, ending, eventually, is_over
from unix_port import ROOT, Program

HERE = Path(__file__).parent
OURS = "firmware"
OUTCOME = re.compile(r"(\w+)=('[^']*'|\w+)[,)]")
RETRY = re.compile(r"^signalling server: (.*) - again in (\d+) ms$", re.MULTILINE)
START_TIMEOUT_S = 10


class Servers:
    """One signalling server on the first host of the network, and Signalbox's peers on others.

    `version`: of gst-webrtc-signalling-server, or OURS: the firmware in the same place. `tls`: a
    Certificates, for wss.
    """

    def __init__(self, built, lan, micropython, version, tls=None):
        self.lan = lan
        self.version = version
        self.address = lan.host("server").address
        self.name = "the firmware" if version == OURS else f"{gst_build.SERVER} {version}"
        self.scheme = "wss" if tls else "ws"
        self.url = f"{self.scheme}://{self.address}:{PORT}/"
        self._tls = tls
        self._built = built
        self._micropython = micropython
        self._stack = contextlib.ExitStack()
        try:
            self.start_server()
        except BaseException:
            self.stop()
            raise

    def start_server(self):
        """Start `server`; it takes connections when this returns."""
        tls = self._tls
        if self.version == OURS:
            command = [self._micropython.path, HERE / "programs" / "firmware.py", PORT]
            if tls:
                command += ["--cert", tls.cert_file, "--key", tls.key_file]
        else:
            program = self._built.servers[self.version]
            command = [program, "--host", self.address, "--port", PORT]
            if tls and self.version.startswith("0.13."):
                command += ["--cert", tls.pkcs12_file]
            elif tls:
                command += ["--cert", tls.cert_file, "--key", tls.key_file]
        self.server = self._start("server", *command)
        eventually(self._listens, self.server, timeout_s=START_TIMEOUT_S)

    def _listens(self):
        # Asked of the kernel: a connection would be in the record.
        command = self.lan.host("server").command("cat", "/proc/net/tcp")
        table = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
        return f":{PORT:04X} 00000000:0000 0A" in table

    def kill_server(self, number=signal.SIGKILL):
        self.server.process.send_signal(number)
        self.server.wait(TIMEOUT_S)

    def tcp(self, host):
        """How the first connection of a host ended, when it has: `server FIN, client FIN`."""
        eventually(lambda: is_over(self._ending(host)), self.server)
        return ", ".join(self._ending(host))

    def wait_for_ending(self, host, what):
        """As tcp(), when this much of it has come."""
        eventually(lambda: what in self._ending(host), self.server)
        return ", ".join(self._ending(host))

    def _ending(self, host):
        return ending(self.lan.connections(host)[0])

    def payload(self, host):
        """Octets that a host has sent on its first connection."""
        segments = self.lan.connections(host)[0]
        return sum(segment.n for segment in segments if not segment.from_server)

    def stop_server(self):
        """SIGSTOP; it does nothing more when this returns."""
        self.server.process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.server.pid}/task")

        def stopped():
            states = [(thread / "stat").read_text() for thread in threads.iterdir()]
            return all(state.rpartition(") ")[2].startswith("T") for state in states)

        eventually(stopped, self.server)

    def peer(self, host, roles, name):
        """Signalbox's peer on a host."""
        program = HERE / "programs" / "peer.py"
        command = [self._micropython.path, program, self.url, roles, name]
        if self._tls:
            command.append(self._tls.ca_file)
        return Peer(self._start(host, *command), name)

    def stop(self):
        self._stack.close()

    def _start(self, host, *command):
        program = Program(
            subprocess.Popen(
                self.lan.host(host).command(*command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={
                    **os.environ,
                    "MICROPYPATH": f"{ROOT / 'firmware'}:.frozen",
                    "WEBRTCSINK_SIGNALLING_SERVER_LOG": "warn",
                    "NO_COLOR": "1",
                },
            )
        )
        self._stack.callback(end, program)
        return program


class Peer:
    """programs/peer.py, running."""

    def __init__(self, program, name):
        self.program = program
        self.name = name

    def do(self, *words):
        self.program.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.program.process.stdin.flush()

    def events(self, name, **values):
        """All of a name and with these values so far."""
        found = []
        for line in self.program.output.splitlines():
            if line.startswith("{"):
                event = json.loads(line)
                if event["event"] == name and values.items() <= event.items():
                    found.append(event)
        return found

    def wait_for(self, name, n=1, **values):
        """The `n`th of them."""
        eventually(lambda: len(self.events(name, **values)) >= n, self.program)
        return self.events(name, **values)[n - 1]

    def retries(self):
        """Why it connected again, each time: an outcome, or text."""
        return [fields(why) for why, _ in RETRY.findall(self.program.output)]

    def first_retry(self):
        """Why it connected again the first time, when it does."""
        eventually(self.retries, self.program)
        return self.retries()[0]

    def stop(self):
        """Close the connection. Returns the outcome."""
        self.do("stop")
        return self.outcome()

    def outcome(self):
        self.program.wait(TIMEOUT_S)
        (outcome,) = self.events("outcome")
        del outcome["event"]
        return outcome


def fields(text):
    """A printed CloseOutcome as a dict; any other text as it is."""
    if not text.startswith("CloseOutcome("):
        return text
    return {name: ast.literal_eval(value) for name, value in OUTCOME.findall(text)}
