"""The firmware as `make run` starts it, and clients for it that nobody here wrote."""

import contextlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from unix_port import ROOT, Program

# Lets the tests import the helpers of this directory; at the end, so that nothing is hidden.
sys.path.append(str(Path(__file__).parent))

from signalling_client import free_port


@pytest.fixture(scope="session")
def start(micropython):
    """`with start() as firmware`: tools/run.py on a free port, `firmware.port`.

    Other commands and ports may be given; it isn't waited for then.
    """

    @contextlib.contextmanager
    def run(*command, port=None, own_session=False):
        environ = dict(os.environ, MICROPYTHON=micropython.path, PORT=str(port or free_port()))
        firmware = Program(
            subprocess.Popen(
                command or [sys.executable, ROOT / "tools" / "run.py"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environ,
                start_new_session=own_session,
            )
        )
        try:
            if port is None:
                firmware.port = firmware.wait_for_port()
            yield firmware
        finally:
            firmware.stop()

    return run


@pytest.fixture(scope="module")
def firmware(start):
    """One that runs for all tests of a file; each of them leaves it without peers."""
    with start() as program:
        yield program


@pytest.fixture(scope="session")
def gst_signalling():
    """The module gst_signalling.py of PyPI's gst-signalling, without the package around it.

    The package imports GStreamer's bindings, which this file doesn't need.
    """
    package = importlib.util.find_spec("gst_signalling").submodule_search_locations[0]
    path = Path(package) / "gst_signalling.py"
    spec = importlib.util.spec_from_file_location("gst_signalling_alone", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
