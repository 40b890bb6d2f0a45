"""A new version on an emulated Pico W, with its own flash and resets; no network.

host_tests/tools/ has the rest of main.py and of deploy, on the unix port.
"""

import asyncio
import sys

import board_files
import cli
from emulator import Board
from serial_port import BoardOnPort

sys.path.append(str(board_files.ROOT / "host_tests" / "tools"))

from applications import GOOD, RAISES, files, install, installed_flash

BOOT_TIMEOUT_S = 600


def printed(uf2, a, b):
    """What a board prints with these versions in its slots, b on trial, until one of them runs."""
    trial = {f"/slot_b/{path}": octets for path, octets in files("b", b).items()}
    trial["/slot_b/version"] = b"of b\n"
    trial["/slots.json"] = b'{"slot": "b", "starts": 0}'

    async def boot():
        async with Board(uf2, installed_flash(files("a", a), trial)) as board:
            return await board.wait_for_output(" runs\n", BOOT_TIMEOUT_S)

    return asyncio.run(boot())


def test_a_version_that_fails_three_times_gives_way_to_the_one_before(uf2):
    text = printed(uf2, GOOD, RAISES)
    slots = [line for line in text.splitlines() if line.startswith("slots: ")]
    assert slots[:-1] == [
        "slots: b, version of b, start 1 of 3 on trial",
        "slots: b, version of b, start 2 of 3 on trial",
        "slots: b, version of b, start 3 of 3 on trial",
        "slots: b failed to start 3 times, back to the other",
    ]
    assert slots[-1].startswith("slots: a, version ") and slots[-1].endswith(", confirmed")
    assert text.count("ValueError: broken") == 3
    assert text.endswith("the application a runs\n")


def test_a_version_that_runs_is_confirmed(uf2):
    text = printed(uf2, RAISES, GOOD)
    assert "slots: b, version of b, start 1 of 3 on trial\n" in text
    assert text.endswith("slots: b is confirmed\nthe application b runs\n")


def test_deploy_of_a_new_version_and_the_way_back_from_a_broken_one(uf2, monkeypatch, capsys):
    flash = installed_flash(files("one"), {"/config.json": b"to be kept"})
    with BoardOnPort(uf2, flash) as board:
        board.wait_for("the application one runs")
        install(monkeypatch, files("two"))
        assert deploy(board) == 0, board.output
        assert "has confirmed itself" in capsys.readouterr().err
        assert "the application two runs" in board.output
        install(monkeypatch, files("three", RAISES))
        before = len(board.output)
        assert deploy(board) == 1, board.output
        said = capsys.readouterr().err
        assert "failed to start three times" in said
        assert "ValueError: broken" in said
        board.wait_for("the application two runs", before)


def deploy(board):
    return cli.main(["deploy", "--board", "RPI_PICO_W", "--port", board.port])
