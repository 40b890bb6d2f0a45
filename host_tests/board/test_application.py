"""The deployed application, booted out of its image: Wi-Fi, signalling, control, and the end.

The signalling server is ours on MicroPython's unix port, in the board's network.
"""

import asyncio
import contextlib
import gzip
import json
import os

import cli
import env
import pytest
from network import SSID, Wire
from peers import BOARD, HOST
from unix_port import ROOT
from websockets.asyncio.client import connect

PORT = 8443
BOOT_TIMEOUT_S = 600
IDLE_S = 2  # of the board's time, after which all that its start set off is done
STEP_TIMEOUT_S = 300
SUBPROTOCOL = "signalbox.control.v1"
FIRMWARE = ROOT / "firmware"
CONFIG = {
    "name": "ceiling",
    "mode": "client",
    "wifi": [{"ssid": SSID, "password": "password"}],
    "ntp_server": "",
    "server": {"url": f"ws://{HOST}:{PORT}/"},
    "listen": {"open": True},
    "device": {"driver": "simulated"},
}
SERVER = {
    "name": "server",
    "mode": "server",
    "wifi": [],
    "listen": {"host": HOST, "port": PORT, "open": True},
}


@pytest.fixture(scope="module")
def image(uf2, tmp_path_factory):
    """What `make image` makes."""
    directory = tmp_path_factory.mktemp("image")
    config = directory / "config.json"
    config.write_text(json.dumps(CONFIG))
    output = directory / "image.uf2"
    command = [
        "image",
        "--board",
        "RPI_PICO_W",
        "--firmware",
        uf2,
        "--config",
        config,
        "-o",
        output,
    ]
    assert cli.main([str(part) for part in command]) == 0
    return output


class Server:
    """The signalling server, a process; what it prints by lines."""

    def __init__(self, directory):
        self._config = directory / "server.json"
        self._config.write_text(json.dumps(SERVER))
        self.lines = []

    async def __aenter__(self):
        environ = dict(os.environ, MICROPYPATH=f"{FIRMWARE}:.frozen")
        self._process = await asyncio.create_subprocess_exec(
            env.micropython(),
            FIRMWARE / "main.py",
            self._config,
            "--until-eof",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environ,
        )
        await self.wait_for("listening on ")
        return self

    async def __aexit__(self, kind, error, traceback):
        self._process.stdin.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), STEP_TIMEOUT_S)
        if self._process.returncode is None:
            self._process.kill()

    async def wait_for(self, start):
        """The next line that begins so."""
        while True:
            line = await asyncio.wait_for(self._process.stdout.readline(), STEP_TIMEOUT_S)
            assert line, self.lines
            self.lines.append(line.decode().rstrip())
            if self.lines[-1].startswith(start):
                return self.lines[-1]


async def ask(ws, number, verb, **structure):
    """The reply to a control request; the state that comes in between is passed over."""
    request = {"type": "customUpstreamEvent", "structureName": verb, "structure": structure}
    await ws.send(json.dumps({"id": number, "request": request}))
    while True:
        message = json.loads(await asyncio.wait_for(ws.recv(), STEP_TIMEOUT_S))
        if message["type"] == "ControlResponseMessage":
            return message


async def get(path):
    """The body of the board's answer."""
    reader, writer = await asyncio.open_connection(BOARD, PORT)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {BOARD}\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), STEP_TIMEOUT_S)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return body


async def test_the_application_from_boot_to_close(network, image, tmp_path, figure):
    from emulator import Board

    wire = Wire()
    try:
        async with Server(tmp_path) as server, Board(image, b"", wire) as board:
            console = board.listen()
            await console.wait_for(f'Wi-Fi: joined "{SSID}" as {BOARD}\n', BOOT_TIMEOUT_S)
            joined_s = board.clock_s
            peer = await registered(board, console, server)
            figure(f"from power to the Wi-Fi's address: {joined_s:.1f} s of the board's time")
            url = f"ws://{BOARD}:{PORT}/control"
            async with connect(
                url,
                subprotocols=[SUBPROTOCOL],
                proxy=None,
                ping_interval=None,
                open_timeout=STEP_TIMEOUT_S,
                close_timeout=STEP_TIMEOUT_S,
            ) as ws:
                assert await ask(ws, 7, "move", pan=40) == {
                    "type": "ControlResponseMessage",
                    "id": 7,
                    "error": None,
                }
                reply = await ask(ws, 8, "no such verb")
                assert reply["id"] == 8 and reply["error"]
                found = json.loads(await get("/health"))
                assert found["registered"] == peer
                figure(
                    "the application, registered, one in control: "
                    f"{found['heap']['free']} octets of the heap free"
                )
                asked_s = board.clock_s
                page = await get("/")
                assert gzip.decompress(page).endswith(b"</script>\n")
                figure(f"its page, {len(page)} octets, took {board.clock_s - asked_s:.2f} s")
                await ws.close(1000)
                assert ws.close_code == 1000
            assert "clean=True" in await stop(board, server, peer)
            assert "Traceback" not in console.output, console.output
    finally:
        wire.close()


async def registered(board, console, server):
    """Wait until it is at the signalling server. Returns its id there."""
    await console.wait_for("Wi-Fi: joined", BOOT_TIMEOUT_S)
    board.pace()
    return (await server.wait_for("peer ")).split()[1]


async def stop(board, server, peer):
    """Ctrl-C when the board has nothing to do. Returns how the server saw the application's end.

    An interrupt breaks whatever task happens to run.
    """
    idle_s = board.clock_s + IDLE_S
    while board.clock_s < idle_s:
        await asyncio.sleep(0.1)
    board.interrupt()
    return await server.wait_for(f"peer {peer} closed: ")
