"""A running MicroPython on a serial port, through mpremote as a program.

Its Python interface is not stable, and its command line is; each call is one connection.
"""

import os
import select
import subprocess
import sys

from faults import NoBoard, ToolError

TIMEOUT_S = 30
# What mpremote says when it never reached MicroPython's raw REPL.
UNREACHABLE = (
    "failed to access",
    "no device found",
    "could not enter raw repl",
    "could not open port",
    "No such file or directory",
    "Input/output error",
    "device disconnected",
    "read failed",
    "write failed",
)


class Silent(NoBoard):
    """Nothing came back: also from a board that was reset just then, and so has lost what it was
    sent.
    """


class RemoteError(ToolError):
    """MicroPython ran what it was given, and raised. `output`: what it printed."""

    def __init__(self, cause, output):
        super().__init__(cause, "run: make doctor")
        self.output = output


def run(port, *arguments, timeout_s=TIMEOUT_S, check=True):
    """Run mpremote's `arguments` at `port`; returns what it printed.

    NoBoard: nothing there that speaks MicroPython's raw REPL. RemoteError: it raised there.
    """
    try:
        done = subprocess.run(
            _command(port, arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise _silent(port, timeout_s) from None
    if check and done.returncode:
        raise _failed(port, done.stdout, done.stderr)
    return done.stdout


def follow(port, *arguments, on_line, silence_s=TIMEOUT_S):
    """As run(), with a call of `on_line` for each line as it comes, and no end but a silence."""
    process = subprocess.Popen(
        _command(port, arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    output = rest = b""
    try:
        while True:
            if not select.select([process.stdout], [], [], silence_s)[0]:
                raise _silent(port, silence_s)
            octets = os.read(process.stdout.fileno(), 4096)
            if not octets:
                break
            output += octets
            *lines, rest = (rest + octets).split(b"\n")
            for line in lines:
                on_line(line.decode(errors="replace").rstrip("\r"))
        status = process.wait(silence_s)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
    if status:
        raise _failed(port, output.decode(errors="replace"), "")


def _command(port, arguments):
    return [sys.executable, "-m", "mpremote", "connect", port, *map(str, arguments)]


def _silent(port, timeout_s):
    return Silent(
        f"{port} did not answer within {timeout_s} s",
        "unplug and plug in the board, close other programs that use the port, try again",
    )


def _failed(port, printed, complaints):
    output = printed + complaints
    last = (output.strip().splitlines() or ["mpremote said nothing"])[-1]
    if any(text in output for text in UNREACHABLE):
        return NoBoard(
            f"no MicroPython answers on {port}: {last}",
            "close other programs that use the port; if there is no MicroPython yet: make flash",
        )
    return RemoteError(f"{port}: {last}", output)


def execute(port, code, timeout_s=TIMEOUT_S):
    """Run Python source on the board; returns what it printed."""
    return run(port, "exec", code, timeout_s=timeout_s)
