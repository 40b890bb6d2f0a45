"""What these tests need: the real systems, a network for them, the firmware in it.

`make test` leaves this directory out; `make interop` runs it.
"""

import contextlib
import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[2] / "sockets"))

import gst_build
import gst_matrix
import lan as lans
from certificates import Certificates
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_pem_x509_certificate
from systems import Gst

HERE = Path(__file__).parent
FIGURES = pytest.StashKey()
ROWS = pytest.StashKey()


def pytest_ignore_collect(config):
    return True if config.args_source is config.ArgsSource.TESTPATHS else None


def pytest_configure(config):
    config.stash[FIGURES] = []
    config.stash[ROWS] = gst_matrix.Rows()


def pytest_collection_modifyitems(items):
    """gst-launch was seen to hang at Ctrl-C, once: who hangs is met again, and has to end then."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun="HungError"))


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    lines = [*config.stash[FIGURES], "", *config.stash[ROWS].lines()]
    for report in terminalreporter.getreports("rerun"):
        lines.append(f"{report.nodeid}, met twice: only once {report.longrepr}")
    if config.stash[FIGURES]:
        terminalreporter.section("the GStreamer WebRTC systems")
        for line in lines:
            terminalreporter.line(line)
    if exitstatus == 0 and is_whole(terminalreporter, config):
        config.stash[ROWS].write()
        terminalreporter.line(f"written: {gst_matrix.PAGE.name}")


def is_whole(terminalreporter, config):
    """Whether every test of this directory was run, and none skipped."""
    asked = [Path(argument).resolve() for argument in config.args]
    left_out = [*terminalreporter.getreports("deselected"), *terminalreporter.getreports("skipped")]
    return asked == [Path(__file__).resolve().parent] and not left_out


@pytest.fixture
def figure(request):
    """A function: has a line of what was seen printed at the end of the run."""
    return request.config.stash[FIGURES].append


@pytest.fixture
def row(request):
    """A function: row(system, scheme, what happens, our outcome, how TCP ended, note)."""
    return request.config.stash[ROWS].add


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
    if why:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


@pytest.fixture
def lan(namespaces):
    lan = lans.Lan("server", "one", "two", "watcher")
    yield lan
    lan.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Of a private authority, for the first host of a Lan; `pkcs12_file` has it all, too."""
    directory = tmp_path_factory.mktemp("certificates")
    made = Certificates(directory, (lans.address(1),))
    blob = pkcs12.serialize_key_and_certificates(
        b"server",
        serialization.load_pem_private_key(Path(made.key_file).read_bytes(), None),
        load_pem_x509_certificate(Path(made.cert_file).read_bytes()),
        None,
        serialization.NoEncryption(),
    )
    made.pkcs12_file = str(directory / "server.p12")
    Path(made.pkcs12_file).write_bytes(blob)
    return made


@pytest.fixture
def start_gst(built, lan, micropython):
    """A function: Gst with these options. The firmware is the only server of the network."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            gst = Gst(built, lan, micropython, **options)
            stack.callback(gst.stop)
            return gst

        yield start


@pytest.fixture
def gst(start_gst):
    """Over ws, without a token; clients are started on `one` and `two`."""
    return start_gst()
