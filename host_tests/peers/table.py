"""Which peer programs there are, and how each is made and run."""

import importlib.metadata
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent


class BuildError(Exception):
    """What is missing and what to do about it, for the person who ran the command."""


@dataclass(frozen=True)
class Peer:
    """One program of the form in README.md."""

    name: str  # unique, lower-case, as in --peers
    version: str  # of the library that it is around
    command: tuple  # the program and what goes before `client URL` or `server PORT`
    roles: tuple = ("client", "server")  # the peer's
    schemes: tuple = ("ws", "wss")
    scenarios: tuple = ()  # the only ones that are of interest; all of them if empty
    # Makes the program if it isn't there, with a line of progress on standard error. BuildError.
    build: object = None
    environ: dict = field(default_factory=dict)  # variables that it needs besides ours
    start_timeout_s: float = 10  # until `listening`, or until the connection is asked for


def peers():
    """All of them, in the order of the matrix. Nothing is built yet."""
    found = python_peers()
    if (HERE / "build.py").exists():
        sys.path.append(str(HERE))
        import build

        found += build.peers()
    return found


def python_peers():
    """Those that run in the environment of tools/env.py, which has their libraries already."""
    return [
        python("websockets", importlib.metadata.version("websockets")),
        python("wsproto", importlib.metadata.version("wsproto")),
        python("aiohttp", importlib.metadata.version("aiohttp")),
        # A model: there is no Objective-C here.
        python("socketrocket", "0.7.1", "socketrocket_peer.py", "0.7.1", roles=("client",)),
        python(
            "socketrocket-0.3",
            "0.3.1",
            "socketrocket_peer.py",
            "0.3.1",
            roles=("client",),
            scenarios=("default",),
        ),
    ]


def python(name, version, program=None, *words, **more):
    """A program in python/, NAME_peer.py by default."""
    path = HERE / "python" / (program or f"{name}_peer.py")
    return Peer(name, version, (sys.executable, str(path), *words), **more)
