"""Has a board start anew what a tool has stopped."""

import contextlib

import remote
from faults import ToolError


def restart(port):
    """Have the board start what it starts. If it is not there, it does so when it is plugged in."""
    with contextlib.suppress(ToolError):
        remote.run(port, "resume", "reset")
