"""tools/run.py: it starts the firmware, says what to do next, and ends it with all peers closed."""

import json
import os
import shutil
import signal
import socket
import sys

import pytest
from signalling_client import Client, free_port
from unix_port import ROOT

END_TIMEOUT_S = 15
CLOSED = ": code=1001 clean=True initiator=local sent_code=1001"


async def see_it_end(firmware, end):
    """Connect peers with a session, call end(), and see each of them closed properly."""
    async with Client(firmware.port) as producer, Client(firmware.port) as consumer:
        await producer.take_roles("producer")
        await consumer.start_session(producer)
        end()
        for peer in (producer, consumer):
            await peer.ws.wait_closed()
            assert peer.ws.close_code == 1001
    for peer in (producer, consumer):
        assert firmware.wait_for_line(f"peer {peer.id} closed") == CLOSED


def is_free(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_closes_every_peer_with_1001(start, number):
    with start() as firmware:
        await see_it_end(firmware, lambda: os.kill(firmware.pid, number))
        assert firmware.wait(END_TIMEOUT_S) == 0
        assert is_free(firmware.port)
        assert "Traceback" not in firmware.output


async def test_ctrl_c_at_the_firmware_itself_closes_every_peer_with_1001(micropython, tmp_path):
    port = free_port()
    config = tmp_path / "config.json"
    listen = {"host": "127.0.0.1", "port": port, "open": True}
    config.write_text(json.dumps({"name": "x", "mode": "server", "wifi": [], "listen": listen}))
    with micropython.start(ROOT / "firmware" / "main.py", config) as firmware:
        firmware.port = firmware.wait_for_port()
        assert firmware.port == port
        await see_it_end(firmware, lambda: os.kill(firmware.pid, signal.SIGINT))
        assert firmware.wait(END_TIMEOUT_S) == 0
        assert "Traceback" not in firmware.output


def test_a_computer_has_no_radio_and_the_safe_mode_says_so(micropython, tmp_path):
    config = tmp_path / "config.json"
    wifi = [{"ssid": "house", "password": "12345678"}]
    listen = {"host": "127.0.0.1", "port": free_port(), "open": True}
    config.write_text(json.dumps({"name": "x", "mode": "server", "wifi": wifi, "listen": listen}))
    with micropython.start(ROOT / "firmware" / "main.py", config) as firmware:
        firmware.wait_for_line("SAFE MODE")
        firmware.wait_for_line(f"  {config}: what it names can't be used: wifi: must be []")


@pytest.mark.parametrize("argument, status", [("--help", 0), ("8444", 2)])
def test_it_takes_no_arguments_and_says_so(start, argument, status):
    with start(sys.executable, ROOT / "tools" / "run.py", argument, port=free_port()) as run:
        assert run.wait(END_TIMEOUT_S) == status
        assert "PORT=8444 run.py" in run.output


async def test_the_firmware_does_not_outlive_run_py(start):
    with start() as firmware:
        async with Client(firmware.port) as peer:
            os.kill(firmware.pid, signal.SIGKILL)
            await peer.ws.wait_closed()
            assert peer.ws.close_code == 1001
        assert is_free(firmware.port)


async def test_ctrl_c_at_make_run_reaches_the_firmware_once(start):
    make = shutil.which("make")
    assert make, "this test needs make"
    # A terminal sends the signal to make, its shell and all that they started.
    with start(make, "-C", ROOT, "run", port=None, own_session=True) as firmware:
        await see_it_end(firmware, lambda: os.killpg(firmware.pid, signal.SIGINT))
        firmware.wait(END_TIMEOUT_S)
        assert is_free(firmware.port)
        assert "Traceback" not in firmware.output


def test_it_says_where_it_listens_and_how_to_talk_to_it(start):
    with start() as firmware:
        firmware.wait_for_line("and type")
        assert f"ws://127.0.0.1:{firmware.port}/" in firmware.output
        assert "websockets" in firmware.output


def test_a_port_that_is_taken_is_said_with_the_way_out(start):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with start(port=port) as firmware:
            assert firmware.wait(END_TIMEOUT_S) == 1
            assert f"can't listen on 127.0.0.1:{port}" in firmware.output
            assert "Next: " in firmware.output and "make run PORT=" in firmware.output
            assert "Traceback" not in firmware.output


@pytest.mark.parametrize("port", ["abc", "0x10", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(start, port):
    with start(port=port) as firmware:
        assert firmware.wait(END_TIMEOUT_S) == 2
        assert f"PORT={port}" in firmware.output and "Next: " in firmware.output
