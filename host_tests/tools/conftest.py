"""What the tests of the tools share."""

import sys
from pathlib import Path

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
