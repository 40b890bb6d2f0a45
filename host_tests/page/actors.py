"""Who takes part besides the page: the firmware, other operators, and peers."""

import json
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import run
import web
from websockets.sync.client import connect

START_TIMEOUT_S = 60
# For what a page does: a busy machine has all the time it wants.
PATIENCE_MS = 40000
TOKEN = "a-token-for-the-tests"


class Firmware:
    """The firmware as `make run` has it, on a port of its own, which it keeps."""

    def __init__(self, unix_port, directory, token=None, control=None):
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.token = token
        self._control = control or {}
        web.build(directory)
        self._config = directory / "config.json"
        self._command = [unix_port.path, run.FIRMWARE / "main.py", self._config, "--until-eof"]
        self._env = dict(unix_port.env, MICROPYPATH=f"{run.FIRMWARE}:{directory}:.frozen")
        self.process = None
        self.start()

    def start(self):
        config = run.configuration(self.port)
        config["name"] = "Hall camera"
        config["preview"]["viewers"] = 4
        config["control"] = self._control
        if self.token:
            config["listen"].update(token=self.token, open=False)
        self._config.write_text(json.dumps(config))
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._env,
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read, args=(self.process, self.lines))
        self._reader.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            assert self.process.poll() is None, "".join(self.lines)
            assert time.monotonic() < deadline, "".join(self.lines)
            time.sleep(0.1)

    def _read(self, process, lines):
        for line in process.stdout:
            lines.append(line)

    def _answers(self):
        try:
            self.health()
        except (OSError, urllib.error.URLError):
            return False
        return True

    def health(self):
        request = urllib.request.Request(self.url + "health")
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def kill(self):
        """As a power cut does it."""
        self._end(lambda: self.process.send_signal(signal.SIGKILL))

    def stop(self):
        """As Ctrl-C does it in `make run`: every peer is closed with 1001."""
        self._end(self.process.stdin.close)

    def _end(self, end):
        if self.process.poll() is None:
            end()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.process.stdin.close()

    def operator(self):
        """Another operator, at /control."""
        return Operator(self.url.replace("http", "ws") + "control", self.token)


class Operator:
    """A controller of the same camera, without a page."""

    def __init__(self, url, token):
        headers = {"Authorization": "Bearer " + token} if token else {}
        self._ws = connect(
            url, subprotocols=["signalbox.control.v1"], additional_headers=headers, proxy=None
        )
        self._id = 0
        self.lost = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._ws.close()

    def ask(self, verb, **structure):
        """The reply to a request."""
        self._id += 1
        request = {"type": "customUpstreamEvent", "structureName": verb, "structure": structure}
        self._ws.send(json.dumps({"id": self._id, "request": request}))
        while True:
            message = json.loads(self._ws.recv(timeout=30))
            if message.get("id") == self._id:
                return message
            self.lost += filter(None, [message.get("info", {}).get("controlLost")])

    def state(self):
        return self.ask("state")["state"]

    def wait_until(self, condition):
        """Until condition(state)."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
        return state


class Peer:
    """Of the signalling server."""

    def __init__(self, firmware, *roles, meta=None):
        self._ws = connect(firmware.url.replace("http", "ws"), proxy=None)
        self.id = self.wait("welcome")["peerId"]
        if roles:
            self.say(type="setPeerStatus", roles=roles, meta=meta)

    def say(self, **message):
        self._ws.send(json.dumps(message))

    def wait(self, kind):
        while True:
            message = json.loads(self._ws.recv(timeout=30))
            if message["type"] == kind:
                return message

    def close(self):
        self._ws.close()
