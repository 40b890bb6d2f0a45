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
