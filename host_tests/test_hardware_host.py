"""hardware_host.py: a serial device is a pty here, on both interpreters."""

import contextlib
import os
import pty
import select
import subprocess
import sys
import termios
import time

import pytest
from unix_port import ROOT, Program

TIMEOUT_S = 15

# Answers each line that comes with it, reversed; the first octet of a line may be alone.
PROGRAM = """
import sys, time
from signalbox.hardware_host import uart
port = uart(sys.argv[1], int(sys.argv[2]))
buf = bytearray(64)
assert port.readinto(buf) is None and port.any() == 0
port.write(b"ready\\n")
line = b""
while line != b"end\\n":
    while not port.any():
        time.sleep(0.01)
    n = port.readinto(buf, 3)
    line += bytes(buf[:n])
    if line[-1:] == b"\\n" and line != b"end\\n":
        port.write(bytes([line[i] for i in range(len(line) - 2, -1, -1)]) + b"\\n")
        line = b""
port.deinit()
print("done")
"""


@pytest.fixture
def line():
    """(the other end's file, the device's path)."""
    leader, follower = pty.openpty()
    with os.fdopen(leader, "r+b", buffering=0) as file:
        yield file, os.ttyname(follower)
        os.close(follower)


def read_line(file):
    octets = b""
    while not octets.endswith(b"\n"):
        assert select.select([file], [], [], TIMEOUT_S)[0], octets
        octets += file.read(1)
    return octets


@pytest.fixture(params=["cpython", "unix"])
def start(request, micropython, tmp_path):
    """`with start(path, baudrate) as program`."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)

    @contextlib.contextmanager
    def run(*arguments):
        python = request.param == "cpython"
        command = [sys.executable if python else micropython.path, script, *map(str, arguments)]
        environ = dict(micropython.env, PYTHONPATH=str(ROOT / "firmware"))
        program = Program(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ
            )
        )
        try:
            yield program
        finally:
            program.stop()

    return run


def test_octets_pass_as_they_are(start, line):
    file, path = line
    with start(path, 9600) as program:
        assert read_line(file) == b"ready\n"
        for octets in (bytes(range(0x0B, 0x100)), b"\x81\x01\x04\x07\x02\xff", b"\x03\x04\x11\x13"):
            file.write(octets + b"\n")
            assert read_line(file) == octets[::-1] + b"\n"
        assert termios.tcgetattr(file.fileno())[5] == termios.B9600
        file.write(b"end\n")
        assert program.wait(TIMEOUT_S) == 0, program.output


def test_a_baud_rate_that_is_none(start, line):
    with start(line[1], 12345) as program:
        assert program.wait(TIMEOUT_S) == 1
        assert "ValueError: no such baud rate on a computer: 12345" in program.output


def test_a_device_that_was_unplugged_is_opened_again(start, tmp_path):
    path = tmp_path / "ttyUSB0"
    leaders = []

    def plug_in():
        leader, follower = pty.openpty()
        leaders.append(leader)
        path.symlink_to(os.ttyname(follower))
        return follower

    follower = plug_in()
    with start(path, 9600) as program:
        with os.fdopen(leaders[0], "r+b", buffering=0) as file:
            assert read_line(file) == b"ready\n"
            os.close(follower)
            path.unlink()
        time.sleep(0.2)
        follower = plug_in()
        with os.fdopen(leaders[1], "r+b", buffering=0) as file:
            deadline = time.monotonic() + TIMEOUT_S
            while termios.tcgetattr(follower)[3] & termios.ECHO:
                assert time.monotonic() < deadline, program.output
                time.sleep(0.01)
            file.write(b"again\n")
            assert read_line(file) == b"niaga\n"
            file.write(b"end\n")
            assert program.wait(TIMEOUT_S) == 0, program.output
        os.close(follower)
