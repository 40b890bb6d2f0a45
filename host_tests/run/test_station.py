"""A board from its start on: configuration, Wi-Fi, servers that go and come, a camera that moves.

What moves is a VISCA camera on a pty: it says when it was told to stop.
"""

import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from operator_peer import Operator
from pty_camera import Camera
from signalling_client import free_port
from unix_port import ROOT, SEARCH_PATH, UnixPort

HERE = Path(__file__).parent
MAIN = ROOT / "firmware" / "main.py"
SUBPROTOCOL = "signalbox.control.v1"
DEADMAN_S = 0.75
# More than a busy machine is late, and far less than a lost connection takes to be noticed.
SLACK_S = 4
TIMEOUT_S = 60
LONG_S = 170
HOUSE = {"ssid": "house", "password": "correct horse"}

sys.path.append(str(ROOT / "host_tests" / "interop" / "gst"))

sys.path.append(str(ROOT / "host_tests" / "sockets"))

import lan  # noqa: E402
from certificates import Certificates  # noqa: E402


class Board:
    """The firmware with a configuration, in a directory of its own, with a scripted radio."""

    def __init__(self, unix_port, directory):
        self._port = UnixPort(unix_port.path)
        self._port.env["MICROPYPATH"] = f"{HERE / 'radio'}:{SEARCH_PATH}"
        self._port.env["AIR"] = str(directory / "air.json")
        self.directory = directory
        self.path = directory / "config.json"
        self.air(HOUSE)

    def air(self, *networks):
        """These networks are in reach, from now on."""
        new = self.directory / "air.new"
        new.write_text(json.dumps({each["ssid"]: each["password"] for each in networks}))
        new.replace(self.directory / "air.json")

    def configure(self, **config):
        self.path.write_text(json.dumps(config))

    def start(self, host=None):
        """A context: the Program."""
        if host is None:
            return self._port.start(MAIN, self.path)
        port = UnixPort(None)
        port.env = self._port.env
        command = host.command(self._port.path, MAIN, self.path)
        port.path, arguments = command[0], command[1:]
        return port.start(*arguments)


@pytest.fixture
def board(micropython, tmp_path):
    return Board(micropython, tmp_path)


@pytest.fixture
def camera():
    with Camera() as camera:
        yield camera


def client(camera, url, **more):
    device = {"driver": "visca_serial", "uart": camera.path}
    server = {"url": url}
    return {"name": "cam", "mode": "client", "wifi": [], "server": server, "device": device, **more}


def server_config(port, host="127.0.0.1"):
    listen = {"host": host, "port": port, "open": True, "max_peers": 8}
    return {"name": "hub", "mode": "server", "wifi": [], "listen": listen}


@pytest.fixture
def hub(micropython, tmp_path):
    """`with hub() as program`: our own signalling server, on the same port each time."""
    (tmp_path / "hub").mkdir()
    server = Board(micropython, tmp_path / "hub")
    server.port = free_port()
    server.url = f"ws://127.0.0.1:{server.port}/"
    server.configure(**server_config(server.port))

    @contextlib.contextmanager
    def run():
        with server.start() as program:
            program.wait_for_port()
            yield program

    run.url = server.url
    return run


async def see_it_stop(camera, cut, extra_s=0):
    """It is told to stop in the dead-man's time after the last request, which came before `cut`."""
    stopped = await camera.wait(False, cut)
    assert stopped - cut < DEADMAN_S + extra_s + SLACK_S, camera.log[-10:]
    assert not camera.moves()


def takes_long(test):
    """A coroutine as a test that may take LONG_S; conftest.py gives the others less."""

    @functools.wraps(test)
    def run(*arguments, **fixtures):
        asyncio.run(asyncio.wait_for(test(*arguments, **fixtures), LONG_S))

    return run


@pytest.mark.parametrize("listens", [False, True])
def test_a_radio_that_is_broken_is_told_as_that_and_the_board_starts_anew(
    board, hub, camera, listens
):
    listen = {"host": "127.0.0.1", "port": free_port(), "open": True} if listens else None
    board.configure(**client(camera, hub.url, wifi=[HOUSE], listen=listen))
    board._port.env["RADIO_FAULT"] = "Wifi Out of Memory"
    with board.start() as firmware:
        assert firmware.wait(LONG_S) == 1
        assert "it crashed too often, and starts anew: OSError('Wifi Out of" in firmware.output


# Configuration


@pytest.mark.parametrize(
    "text, said",
    [
        (None, "it can't be read: [Errno 2] ENOENT"),
        ("{\n  'name'", "line 2, column 3: a key stands in double quotes"),
        ('{"name": "cam", "mode": "both", "wifi": []}', 'server: is missing; mode "both"'),
        ('{"name": "cam", "wifi": []}', 'mode: is missing; must be "client", "server" or "both"'),
        (
            '{"name": "cam", "mode": "server", "wifi": [], "listen": {"open": true}, "device": '
            '{"driver": "visca_serial", "uart": "/no/such/device"}}',
            "what it names can't be used: [Errno 2] ENOENT",
        ),
        (
            '{"name": "cam", "mode": "server", "wifi": [], "listen": {"open": true}, "device": '
            '{"driver": "preview_pattern"}}',
            "what it names can't be used: 'Pattern' object has no attribute 'media'",
        ),
    ],
)
def test_a_bad_configuration_starts_the_safe_mode(board, text, said):
    if text is not None:
        board.path.write_text(text)
    with board.start() as program:
        program.wait_for_line("SAFE MODE: no network, no device.")
        program.wait_for_line(f"  {board.path}: {said}")
        program.wait_for_line("Next: mend it, and start again.")
        program.wait_for_line("  make provision")
        # Whoever comes by the serial line, gets in.
        os.kill(program.pid, signal.SIGINT)
        assert program.wait(TIMEOUT_S) == 0
        assert "radio" not in program.output and "listening" not in program.output


@pytest.mark.parametrize("error", ["TypeError", "RuntimeError"])
def test_what_a_port_can_not_give_starts_the_safe_mode(board, error):
    device = {"driver": "pelco_d", "uart": "/dev/ttyUSB0"}
    board.configure(**server_config(free_port()), device=device)
    program = HERE / "programs" / "unusable.py"
    with board._port.start(program, board.path, error) as firmware:
        firmware.wait_for_line(f"  {board.path}: what it names can't be used: no UART")


def test_the_safe_mode_says_so_again(board):
    with board.start() as program:
        deadline = time.monotonic() + TIMEOUT_S
        while program.output.count("SAFE MODE") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_crash_report_is_told_at_the_next_start(board):
    (board.directory / "crash.txt").write_text("device, 5 s after the start\nTraceback\n")
    with board.start() as program:
        program.wait_for_line("The last crash, from crash.txt:")
        program.wait_for_line("device, 5 s after the start")


# Wi-Fi


@takes_long
async def test_it_joins_sets_the_clock_and_registers(board, camera, hub):
    board.air()
    with hub():
        board.configure(**client(camera, hub.url, wifi=[HOUSE], country="CH", hostname="cam-7"))
        with board.start() as program:
            program.wait_for_line('Wi-Fi: "house": no such network in reach')
            assert "signalling server" not in program.output
            board.air(dict(HOUSE, password="another password"))
            program.wait_for_line('Wi-Fi: "house": the password is wrong')
            board.air(HOUSE)
            program.wait_for_line('Wi-Fi: joined "house" as 192.0.2.7')
            program.wait_for_line("registered as")
            program.wait_for_line("clock: no answer from pool.ntp.org")
            program.wait_for_line("clock: set to 20")
            for line in ("radio: country CH", "radio: hostname cam-7", "radio: active True"):
                assert line in program.output
            async with Operator(hub.url) as operator:
                device = await operator.find("cam")
                assert await operator.ask(device, "move", pan=50) is None
                await camera.wait(True, 0)


@takes_long
async def test_wifi_drops_while_it_moves(board, camera, hub):
    port = free_port()
    barn = {"ssid": "barn", "password": ""}
    listen = {"host": "127.0.0.1", "port": port, "open": True}
    config = client(camera, hub.url, wifi=[HOUSE, barn], listen=listen)
    with hub():
        board.configure(**config)
        with board.start() as program:
            program.wait_for_line("registered as")
            async with Operator(f"ws://127.0.0.1:{port}/control", [SUBPROTOCOL]) as operator:
                await operator.move(None)
                await camera.wait(True, 0)
                cut = time.monotonic()
                board.air()
                await operator.rest()  # nothing gets through now
                await see_it_stop(camera, cut)
                program.wait_for_line('Wi-Fi: lost "house"')
                board.air(barn)
                program.wait_for_line('Wi-Fi: joined "barn"')
                assert await operator.ask(None, "move", pan=-50) is None
                await camera.wait(True, time.monotonic() - DEADMAN_S)


# TLS


def test_certificates_in_the_configuration(board, camera, micropython, tmp_path):
    port = free_port()
    url = f"wss://localhost:{port}/"
    ours, others = tmp_path / "ours", tmp_path / "others"
    hub = Board(micropython, tmp_path)
    for directory in (ours, others):
        directory.mkdir()
    issued = Certificates(ours)
    config = server_config(port)
    config["listen"].update(cert=text_of(issued.cert_file), key=text_of(issued.key_file))
    hub.configure(**config)
    with hub.start() as server:
        server.wait_for_port()
        for ca, line in (
            (issued.ca_file, "registered as"),
            (
                Certificates(others).ca_file,
                "signalling server: [Errno 13] EACCES: certificate refused: The certificate is not",
            ),
        ):
            config = client(camera, url)
            config["server"]["ca"] = text_of(ca)
            board.configure(**config)
            with board.start() as program:
                program.wait_for_line(line)


def text_of(path):
    return Path(path).read_text()


# Servers


async def again(camera, url):
    """After what has happened an operator can move the camera, without a hand on the board."""
    async with Operator(url) as operator:
        device = await operator.find("cam")
        before = time.monotonic()
        deadline = before + TIMEOUT_S
        while (error := await operator.ask(device, "move", pan=50)) is not None:
            assert time.monotonic() < deadline, error
            await asyncio.sleep(0.2)
        await camera.wait(True, before)


@takes_long
async def test_the_server_is_killed_while_it_moves(board, camera, hub):
    board.configure(**client(camera, hub.url))
    with board.start() as program:
        with hub() as server:
            async with Operator(hub.url) as operator:
                await operator.move(await operator.find("cam"))
                await camera.wait(True, 0)
                cut = time.monotonic()
                server.process.kill()
                await see_it_stop(camera, cut)
        program.wait_for_line("signalling server closed: code=1006")
        with hub():
            await again(camera, hub.url)


@takes_long
async def test_the_server_stands_still_while_it_moves(board, camera, hub):
    board.configure(**client(camera, hub.url))
    with board.start(), hub() as server:
        async with Operator(hub.url) as operator:
            await operator.move(await operator.find("cam"))
            await camera.wait(True, 0)
            cut = time.monotonic()
            os.kill(server.pid, signal.SIGSTOP)
            try:
                await see_it_stop(camera, cut)
            finally:
                os.kill(server.pid, signal.SIGCONT)
        await again(camera, hub.url)


@takes_long
async def test_the_server_ends_in_order_while_it_moves(board, camera, hub):
    board.configure(**client(camera, hub.url))
    with board.start() as program:
        with hub() as server:
            async with Operator(hub.url) as operator:
                await operator.move(await operator.find("cam"))
                await camera.wait(True, 0)
                cut = time.monotonic()
                os.kill(server.pid, signal.SIGINT)
                await see_it_stop(camera, cut)
                assert server.wait(TIMEOUT_S) == 0
        program.wait_for_line("signalling server closed: code=1001 clean=True")
        with hub():
            await again(camera, hub.url)


@takes_long
async def test_the_operator_vanishes_and_the_board_itself_is_the_server(board, camera):
    port = free_port()
    config = server_config(port)
    config.update(name="cam", mode="server", device=client(camera, "")["device"])
    board.configure(**config)
    url = f"ws://127.0.0.1:{port}/"
    with board.start() as program:
        program.wait_for_port()
        for control, subprotocols in ((url, None), (url + "control", [SUBPROTOCOL])):
            async with Operator(control, subprotocols) as operator:
                device = None if subprotocols else await operator.find("cam")
                before = time.monotonic()
                await operator.move(device)
                await camera.wait(True, before)
                await operator.rest()
                cut = time.monotonic()
            await see_it_stop(camera, cut)
        await again(camera, url)
        # The firmware itself is told to end while it moves.
        async with Operator(url) as operator:
            await operator.move(await operator.find("cam"))
            cut = time.monotonic()
            os.kill(program.pid, signal.SIGINT)
            await see_it_stop(camera, cut, 7)
            assert program.wait(TIMEOUT_S) == 0


@pytest.mark.skipif(
    lan.why_not() is not None and not os.environ.get("CI"), reason=str(lan.why_not())
)
@takes_long
async def test_the_link_is_down_while_it_moves(board, camera, micropython, tmp_path):
    (tmp_path / "hub").mkdir()
    server = Board(micropython, tmp_path / "hub")
    server.configure(**server_config(8443, "0.0.0.0"))
    with contextlib.closing(lan.Lan("hub", "board", "operator")) as network:
        url = f"ws://{network.host('hub').address}:8443/"
        listen = {"port": 8444, "open": True}
        board.configure(**client(camera, url, listen=listen))
        with (
            server.start(network.host("hub")) as hub,
            board.start(network.host("board")) as program,
        ):
            hub.wait_for_port()
            program.wait_for_line("registered as")
            control = f"ws://{network.host('board').address}:8444/control"
            with moving(network.host("operator"), control):
                await camera.wait(True, 0)
                cut = time.monotonic()
                link(network.host("board"), "down")
                await see_it_stop(camera, cut)
            # The board notices by itself that the server doesn't answer.
            program.wait_for_line("signalling server closed: code=1006", 90)
            link(network.host("board"), "up")
            deadline = time.monotonic() + 120
            while program.output.count("registered as") < 2:
                assert time.monotonic() < deadline, program.output
                await asyncio.sleep(0.2)
            with moving(network.host("operator"), control):
                await camera.wait(True, time.monotonic() - 0.1)


def link(host, state):
    command = ("ip", "-n", host.namespace, "link", "set", "eth0", state)
    assert os.spawnvp(os.P_WAIT, command[0], command) == 0


@contextlib.contextmanager
def moving(host, url):
    """An operator in a namespace of its own keeps the camera moving."""
    port = UnixPort(None)
    port.path, *arguments = host.command(sys.executable, HERE / "operator_peer.py", url)
    port.env = dict(os.environ)
    with port.start(*arguments) as program:
        yield program
