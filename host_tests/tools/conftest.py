"""What the tests of the tools share."""

import functools
import sys
from pathlib import Path
from types import SimpleNamespace

import application
import pytest
from unix_port import SEARCH_PATH, UnixPort

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"

sys.path.append(str(HERE))  # the helper modules

import applications  # noqa: E402
import simulated  # noqa: E402


@pytest.fixture(scope="session")
def flash_port(micropython):
    """The unix port with this directory's programs on its search path."""
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{PROGRAMS}:{SEARCH_PATH}"
    return port


@pytest.fixture(scope="session", autouse=True)
def compiled_once():
    """The application is compiled once for each architecture, not for each image."""
    compiled = functools.cache(
        lambda arch, tree=application.tree: tree(SimpleNamespace(native_arch=arch))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "tree", lambda board: dict(compiled(board.native_arch)))
        yield


@pytest.fixture
def new_board(flash_port, tmp_path):
    """A function: a SimulatedBoard with these contents, an empty flash if none; see there."""

    def make(contents=None, **settings):
        return simulated.SimulatedBoard(flash_port, tmp_path, contents, **settings)

    return make


@pytest.fixture
def next_application(monkeypatch):
    """A function: deploy brings these files, see applications.py. Returns their version."""
    return functools.partial(applications.install, monkeypatch)
