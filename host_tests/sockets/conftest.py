"""The firmware on the unix port, on real sockets of the loopback, against scripted peers."""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import peer as peers
from certificates import Certificates
from wire import FIELDS

FIRMWARE = Path(__file__).parent / "firmware"
# Short, so that no test takes long; and so far apart that it shows which of them it was.
QUICK = {
    "close_timeout": 600,
    "finish_timeout": 300,
    "tcp_timeout": 300,
    "quiet": 100,
}


class Firmware:
    """A program of firmware/ that runs, and its reports."""

    def __init__(self, program, port=None):
        self.program = program
        self.port = port

    def report(self, word):
        """The value of the first report of `word`, as soon as it is there."""
        return json.loads(self.program.wait_for_line(word + " "))

    def reports(self, word):
        """The values of all of them so far."""
        lines = self.program.output.splitlines()
        return [json.loads(line[len(word) :]) for line in lines if line.startswith(word + " ")]

    def outcome(self, **expected):
        """Check every field of the outcome: those not named with an unclean nothing."""
        outcome = self.report("outcome")
        assert outcome == {**FIELDS, **expected}
        return outcome

    def waited(self):
        """Milliseconds from the end of what there was to do to the end of the connection."""
        return self.report("waited")


class Link:
    """Starts the firmware and opens one WebSocket with it; `role` is the firmware's."""

    def __init__(self, port_of_unix, stack, role):
        self.role = role
        self._unix_port = port_of_unix
        self._stack = stack

    def __call__(self, do, settings=None, tls=None, receive_buffer=None, **plan):
        """Returns (peer, firmware). `tls`: a Certificates."""
        plan = {"do": do, "settings": {**QUICK, **(settings or {})}, **plan}
        if self.role == "server":
            firmware = self.start_server(tls=tls, **plan)
            context = tls.client_context() if tls else None
            peer = peers.open_as_client(firmware.port, context, receive_buffer=receive_buffer)
        else:
            listener = self.listen(receive_buffer)
            firmware = self.start_client(listener.port, tls=tls, **plan)
            peer = listener.open(tls.server_context() if tls else None)
        self._stack.callback(peer.sock.close)
        firmware.report("opened")
        return peer, firmware

    def listen(self, receive_buffer=None, port=0):
        listener = peers.Listener(receive_buffer, port)
        self._stack.callback(listener.close)
        return listener

    def start_server(self, tls=None, port=None, **plan):
        plan["port"] = port or peers.free_port()
        if tls:
            plan.update(cert=tls.cert_file, key=tls.key_file)
        firmware = self._start("server.py", plan)
        assert firmware.report("listening on") == plan["port"]
        firmware.port = plan["port"]
        return firmware

    def start_client(self, port, tls=None, **plan):
        if tls:
            plan.setdefault("ca", tls.ca_file)
        scheme, host = ("wss", "localhost") if tls else ("ws", "127.0.0.1")
        plan.setdefault("url", f"{scheme}://{host}:{port}/path")
        return self._start("client.py", plan)

    def _start(self, script, plan):
        # In a file, as the unix port crashes over an argument of more than 255 octets.
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(plan, file)
        self._stack.callback(os.unlink, file.name)
        program = self._unix_port.start(FIRMWARE / script, file.name)
        return Firmware(self._stack.enter_context(program))

    def connect(self, *arguments, **options):
        """A raw connection to a server, closed behind the test."""
        sock = peers.connect(*arguments, **options)
        self._stack.callback(sock.close)
        return sock

    def open_as_client(self, *arguments, **options):
        """One more WebSocket to a server."""
        peer = peers.open_as_client(*arguments, **options)
        self._stack.callback(peer.sock.close)
        return peer


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def as_server(micropython, stack):
    """The firmware is the server."""
    return Link(micropython, stack, "server")


@pytest.fixture
def as_client(micropython, stack):
    """The firmware is the client."""
    return Link(micropython, stack, "client")


@pytest.fixture(params=["server", "client"])
def link(request, micropython, stack):
    """In turn the one and the other."""
    return Link(micropython, stack, request.param)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Of an authority that the firmware is told to trust, for localhost."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
