"""Heap on MicroPython's unix port, 64-bit: of connections, of a session, of importing modules."""

import contextlib
import json
import select
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
sys.path.append(str(Path(__file__).parents[1] / "bench"))

import light  # noqa: E402
from contenders import free_port  # noqa: E402

CONNECTIONS = 20
MESSAGE = b"sixteen octets.."
SESSION = (b"x" * 1024,) * 10 + (b"v=0\r\n" * 3277,)  # the last as large as an SDP of 16 KB
SESSION_TIMEOUT_S = 5
LARGEST_KB = 512
RUN_TIMEOUT_S = 60
# By the number in sys.implementation._mpy, from bit 10 on.
MPY_ARCHES = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp",
    "xtensa", "xtensawin", "rv32imc", "rv64imc",
)  # fmt: skip


class HeapError(Exception):
    """What could not be measured."""


def host_arch(unix):
    """The unix port's architecture, or None if it can't load native code."""
    code = "import sys; print(sys.implementation._mpy >> 10)"
    status, output = unix.run("-c", code, timeout_s=RUN_TIMEOUT_S)
    if status:
        raise HeapError(output)
    return MPY_ARCHES[int(output) & 0xF]


@contextlib.contextmanager
def search_path(unix, library):
    """Have the unix port import the firmware from somewhere else."""
    before = unix.env["MICROPYPATH"]
    unix.env["MICROPYPATH"] = f"{library}:.frozen"
    try:
        yield
    finally:
        unix.env["MICROPYPATH"] = before


def result_of(output):
    for line in output.splitlines():
        if line.startswith("result "):
            return json.loads(line[len("result ") :])
    raise HeapError(f"no result in: {output}")


def importing(unix, names):
    """{module: [octets, µs]} of importing each after those before it."""
    _, output = unix.run(PROGRAMS / "imports.py", *names, timeout_s=RUN_TIMEOUT_S)
    return result_of(output)


def ask(sock, masked, text):
    sock.sendall(light.frame(light.TEXT, text, masked))
    return light.receive_frame(sock)


def per_connection(empty, first, last):
    """(octets of each but the first, what the first takes in addition)."""
    each = -(-(last - first) // CONNECTIONS)
    return each, first - empty - each


def server_heap(unix):
    port = free_port()
    exchange = light.Exchange(light.BINARY, MESSAGE, True)
    with (
        unix.start(PROGRAMS / "idle_server.py", port, CONNECTIONS + 1) as program,
        contextlib.ExitStack() as stack,
    ):
        empty = int(program.wait_for_line("empty "))
        program.wait_for_port()
        probe = stack.enter_context(light.connect(port))
        light.echo_once(probe, exchange)
        first = int(ask(probe, True, b"measure"))
        for _ in range(CONNECTIONS):
            light.echo_once(stack.enter_context(light.connect(port)), exchange)
        last = int(ask(probe, True, b"measure"))
    return per_connection(empty, first, last)


def client_heap(unix):
    exchange = light.Exchange(light.BINARY, MESSAGE, False)
    with (
        contextlib.closing(light.Listener()) as listener,
        unix.start(PROGRAMS / "idle_client.py", listener.port) as program,
        contextlib.ExitStack() as stack,
    ):
        empty = int(program.wait_for_line("empty "))
        probe = stack.enter_context(listener.accept())
        light.echo_once(probe, exchange)
        first = int(ask(probe, False, b"measure"))
        for _ in range(CONNECTIONS):
            ask(probe, False, b"open")
            light.echo_once(stack.enter_context(listener.accept()), exchange)
        last = int(ask(probe, False, b"measure"))
    return per_connection(empty, first, last)


def session_fits(unix, heap_kb, program=PROGRAMS / "echo_session.py"):
    """Run one session. False whatever goes wrong: a small heap has many ways to fail."""
    with (
        contextlib.closing(light.Listener()) as listener,
        unix.start("-X", f"heapsize={heap_kb}k", program, listener.port) as run,
    ):
        deadline = time.monotonic() + SESSION_TIMEOUT_S
        while not select.select([listener], [], [], 0.05)[0]:
            if run.process.poll() is not None or time.monotonic() > deadline:
                return False
        try:
            sock = listener.accept()
            try:
                for text in SESSION:
                    light.echo_once(sock, light.Exchange(light.TEXT, text, False))
            finally:
                light.close(sock, False)
            return run.wait(SESSION_TIMEOUT_S) == 0
        except (OSError, light.PeerError, subprocess.TimeoutExpired):
            return False
