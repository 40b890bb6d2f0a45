"""The programs that are measured, and how each is started."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import cpu
import light
import microdot
from unix_port import ROOT, Program

PROGRAMS = Path(__file__).parent / "programs"
OURS = "signalbox"
RAW = "raw TCP"
WEBSOCKETS = "websockets"
MICRODOT = "microdot"
C_MODULE = "C module"
C_MODULE_LARGEST = 65535
LONG_NAMES = {
    RAW: "raw TCP, no WebSocket",
    WEBSOCKETS: "websockets on CPython",
    C_MODULE: "MicroPython's C module",
}

SERVERS = {
    OURS: "signalbox_server.py",
    RAW: "raw_server.py",
    WEBSOCKETS: "websockets_server.py",
    MICRODOT: "microdot_server.py",
    C_MODULE: "c_module_server.py",
}
CLIENTS = {
    OURS: "signalbox_client.py",
    RAW: "raw_client.py",
    WEBSOCKETS: "websockets_client.py",
}


def command(micropython, script):
    """CPython runs what is `websockets`, MicroPython everything else, with its usual heap.

    With the collector off, what is metered needs more.
    """
    if script.startswith("websockets_"):
        return [sys.executable, str(PROGRAMS / script)]
    heap = ["-X", "heapsize=16m"] if script.endswith("_allocation.py") else []
    return [micropython, *heap, str(PROGRAMS / script)]


def environ():
    """Frozen modules first: site-packages, where microdot is, has namesakes of some."""
    packages = Path(microdot.__file__).parent.parent
    path = [".frozen", str(ROOT / "firmware"), str(PROGRAMS), str(packages)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MICROPY")}
    return kept | {"MICROPYPATH": ":".join(path)}


@contextlib.contextmanager
def start(micropython, script, *arguments):
    """A Program with a pipe to its stdin; it is ended when the `with` block is left."""
    process = subprocess.Popen(
        [*command(micropython, script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environ(),
    )
    program = Program(process)
    try:
        yield program
    finally:
        program.stop()
        process.stdin.close()


def free_port():
    """A port of this machine that nobody uses at this moment; MicroPython can't choose one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Server:
    """A running echo server that light clients connect to."""

    masked = True  # the light side's frames

    def __init__(self, stack, micropython, name):
        self.name = name
        self.websocket = name != RAW
        self._port = free_port()
        self.program = stack.enter_context(start(micropython, SERVERS[name], self._port))
        self.program.wait_for_line("listening on ")
        self.cpu_ns = cpu.clock_of(self.program.pid)

    def open(self, opcode, size):
        path = f"/{size}/{opcode}" if self.name == C_MODULE else "/"
        return light.connect(self._port, self.websocket, path)


class Client:
    """A running echo client, which connects to a light server when it is told to."""

    masked = False

    def __init__(self, stack, micropython, name):
        self.name = name
        self.websocket = name != RAW
        self.program = stack.enter_context(start(micropython, CLIENTS[name]))
        self.cpu_ns = cpu.clock_of(self.program.pid)
        self._listener = light.Listener()
        stack.callback(self._listener.close)

    def open(self, opcode, size):
        self.program.process.stdin.write(f"{self._listener.port}\n")
        self.program.process.stdin.flush()
        return self._listener.accept(self.websocket)


def can(name, opcode, size):
    """Whether a contender can echo such messages; the raw echo knows no types."""
    if name == RAW:
        return opcode == light.BINARY
    return name != C_MODULE or size <= C_MODULE_LARGEST
