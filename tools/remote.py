"""A running MicroPython on a serial port, through mpremote as a program.

Its Python interface is not stable, and its command line is; each call is one connection.
"""

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


class RemoteError(ToolError):
    """MicroPython ran what it was given, and raised. `output`: what it printed."""

    def __init__(self, cause, output):
        super().__init__(cause, "run: make doctor")
        self.output = output


def run(port, *arguments, timeout_s=TIMEOUT_S, check=True):
    """Run mpremote's `arguments` at `port`; returns what it printed.

    NoBoard: nothing there that speaks MicroPython's raw REPL. RemoteError: it raised there.
    """
    command = [sys.executable, "-m", "mpremote", "connect", port, *map(str, arguments)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise NoBoard(
            f"{port} did not answer within {timeout_s} s",
            "unplug and plug in the board, close other programs that use the port, try again",
        ) from None
    output = done.stdout + done.stderr
    if check and done.returncode:
        last = (output.strip().splitlines() or ["mpremote said nothing"])[-1]
        if any(text in output for text in UNREACHABLE) and "Traceback" not in done.stdout:
            raise NoBoard(
                f"no MicroPython answers on {port}: {last}",
                "close other programs that use the port; if there is no MicroPython yet: "
                "make flash",
            )
        raise RemoteError(f"{port}: {last}", output)
    return done.stdout


def execute(port, code, timeout_s=TIMEOUT_S):
    """Run Python source on the board; returns what it printed."""
    return run(port, "exec", code, timeout_s=timeout_s)
