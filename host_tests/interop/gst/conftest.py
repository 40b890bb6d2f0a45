"""What these tests need: the real systems, a network for them, the firmware in it.

`make test` leaves this directory out; `make interop` runs it.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import gst_build
import lan as lans
from systems import Gst

FIGURES = pytest.StashKey()


def pytest_ignore_collect(config):
    return True if config.args_source is config.ArgsSource.TESTPATHS else None


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("the GStreamer WebRTC systems")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture
def figure(request):
    """A function: has a line of what was seen printed at the end of the run."""
    return request.config.stash.setdefault(FIGURES, []).append


@pytest.fixture
def row(figure):
    """A function: row(system, what happened, our outcome, TCP's end)."""

    def tell(system, what, outcome, tcp):
        figure(f"{system}; {what}: {outcome}; {tcp}")

    return tell


@pytest.fixture(scope="session")
def built(request):
    """gst_build.Systems. Without them nothing here can run."""
    try:
        return gst_build.systems()
    except (gst_build.BuildError, OSError) as error:
        pytest.exit(f"the GStreamer WebRTC systems: {error}", returncode=1)


@pytest.fixture(scope="session")
def namespaces():
    """There can be network namespaces; if not, it's a failure in CI and a skip elsewhere."""
    why = lans.why_not()
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture
def lan(namespaces):
    lan = lans.Lan("server", "one", "two", "watcher")
    yield lan
    lan.close()


@pytest.fixture
def gst(built, lan, micropython):
    """The firmware is the only server of the network; clients are started on `one` and `two`."""
    gst = Gst(built, lan, micropython)
    try:
        yield gst
    finally:
        gst.stop()
