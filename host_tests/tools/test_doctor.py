"""make doctor: what is attached, what is on it, what is wrong."""

import json
import os
import shutil
from types import SimpleNamespace

import board as boards
import cli
import diagnosis
import kept_config
import littlefs_image
import made
import pytest
import uf2_volume
from boot_loader import BootLoader
from installed import Installed
from rom_loader import Faults, RomLoader
from simulated import PICO_W

PICO = (0x2E8A, 0x0005)
GOOD = {
    "platform": "rp2", "version": [1, 28, 0], "mpy": 0, "wifi": True, "file_system": "VfsLfs2",
    "machine": "Raspberry Pi Pico W with RP2040", "block_bytes": 4096, "blocks": 212,
    "free_blocks": 150, "state": '{"slot": "a"}', "slots": {"a": "v1 0123", "b": None},
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_attached(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNALBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    monkeypatch.setattr(uf2_volume, "mount_points", list)
    monkeypatch.setattr(uf2_volume, "not_mounted", str)


@pytest.fixture
def config(tmp_path):
    return made.config(tmp_path / "config.json").read_bytes()


def port(device, ids, description="Board in FS mode"):
    return SimpleNamespace(device=device, vid=ids[0], pid=ids[1], description=description)


# What is wrong, from what was seen.


def problems(config, board="RPI_PICO_W", **changes):
    installed = Installed({**GOOD, **changes})
    return diagnosis.problems(board and boards.load(board), installed, config)


def test_nothing_is_wrong(config):
    assert problems(config) == []
    assert problems(config, board=None) == []


@pytest.mark.parametrize(
    "changes, cause, cure",
    [
        ({"version": [1, 27, 0]}, "MicroPython 1.27.0 is too old: 1.28", "make flash"),
        ({"wifi": False}, "without Wi-Fi", "make flash BOARD=RPI_PICO_W"),
        ({"file_system": "VfsFat"}, "is VfsFat, and no littlefs2", "make image"),
        ({"free_blocks": 3}, "full: 12288 octets", "delete"),
        ({"slots": {"a": None, "b": None}}, "no application", "make deploy BOARD=RPI_PICO_W"),
        ({"state": '{"slot": "a", "failed": "b"}'}, "slot b failed to start", "make deploy"),
        ({"state": '{"slot": "b"}'}, "slot b is to be started, and is not whole", "make deploy"),
        ({"state": '{"slot": "a", "starts": 2}'}, "not confirmed itself yet, in 2", "monitor"),
        (
            {"machine": "Raspberry Pi Pico 2 W with RP2350"},
            "this is no RPI_PICO_W: its chip is RP2350",
            "BOARD=RPI_PICO2_W",
        ),
    ],
)
def test_one_thing_is_wrong(changes, cause, cure, config):
    ((said, advice),) = problems(config, **changes)
    assert cause in said
    assert cure in advice


def test_a_configuration_that_is_not_there_or_wrong():
    assert problems(None) == [("there is no configuration", "make provision BOARD=RPI_PICO_W")]
    wrong = {"name": "door", "mode": "server", "wifi": [], "listen": {"token": "short"}}
    ((said, advice),) = problems(json.dumps(wrong).encode())
    assert said.startswith("/config.json: listen.token: must be 16 to 128")
    assert advice == "make provision BOARD=RPI_PICO_W"


# What is attached.


def test_no_board(capsys):
    assert cli.main(["doctor"]) == 3
    assert "no board is attached" in capsys.readouterr().err


def test_a_board_in_its_boot_loader(tmp_path, monkeypatch, capsys):
    with BootLoader(tmp_path / "volume", "RP2350", lambda: None) as volume:
        monkeypatch.setattr(uf2_volume, "mount_points", lambda: [volume.path])
        assert cli.main(["doctor"]) == 1
        said = capsys.readouterr().out
        assert f"{volume.path}: the boot loader of an RP2350: RPI_PICO2_W" in said
        assert "Next: make flash BOARD=RPI_PICO2_W" in said
        assert cli.main(["doctor", "--port", str(volume.path)]) == 1


def test_a_volume_that_is_not_mounted(monkeypatch, capsys):
    monkeypatch.setattr(uf2_volume, "not_mounted", lambda: "mount it: udisksctl …")
    assert cli.main(["doctor"]) == 1
    assert "Next: mount it: udisksctl" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["ESP32_GENERIC_S3"])  # the chips: test_flash_esp.py
def test_a_bare_esp32(name, monkeypatch, capsys):
    board = boards.load(name)
    with RomLoader(board.chip, 4 << 20) as chip:
        attached = [port(chip.port, board.usb_ids[0], "CP2102")]
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: attached)
        assert cli.main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert f"{board.chip}, 4 MB of flash, MAC 240ac4123456" in said
    assert "! no MicroPython answers" in said
    assert f"Next: make flash BOARD={name}" in said
    assert not chip.written


def test_a_port_where_nothing_answers(monkeypatch, capsys):
    with RomLoader("ESP32", 4 << 20, Faults(silent=True)) as chip:
        attached = [port(chip.port, PICO)]
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: attached)
        assert cli.main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert f"{chip.port}: 2E8A:0005 Board in FS mode: RPI_PICO2_W or RPI_PICO_W" in said
    assert "! no MicroPython answers" in said or "did not answer" in said


def test_a_port_that_may_not_be_opened(tmp_path, monkeypatch, capsys):
    device = tmp_path / "ttyACM0"
    device.write_text("")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port(str(device), PICO)])
    assert cli.main(["doctor"]) == 1
    assert "usermod -a -G dialout" in capsys.readouterr().out


def test_a_board_that_is_not_meant_is_left_alone(monkeypatch, capsys):
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port("/dev/none", PICO)])
    assert cli.main(["doctor", "--board", "ESP32_GENERIC"]) == 3


def test_a_configuration_that_was_kept(tmp_path, monkeypatch, capsys):
    kept_config.Config(b"{}", "240ac4123456").save()
    with BootLoader(tmp_path / "volume", "RP2040", lambda: None) as volume:
        assert cli.main(["doctor", "--port", str(volume.path)]) == 1
    assert "240ac4123456.json" in capsys.readouterr().out


def flash_with(files):
    return littlefs_image.build(PICO_W, files, PICO_W.vfs_size())


# A board that runs MicroPython: the unix port on a terminal, and the real mpremote.


def test_a_running_board(new_board, config, capsys):
    with new_board() as board:
        assert cli.main(["doctor", "--port", board.port]) == 1
    said = capsys.readouterr().out
    assert "no application" in said
    assert "Next: make deploy BOARD=UNIX" in said
    assert "! there is no configuration" in said
    assert "file system: 848 KB, " in said


def test_a_running_board_with_a_configuration(new_board, config, tmp_path, capsys):
    contents = flash_with(
        {
            "/config.json": config,
            "/crash.txt": b"Traceback (most recent call last):\nValueError: broken\n",
            "/slots.json": b'{"slot": "b", "failed": "a"}',
            "/slot_b/version": b"v7 fedc\n",
            "/slot_b/signalbox/__init__.py": b"",
            "/slot_b/signalbox/start.py": b"def main(arguments): return 0\n",
        }
    )
    with new_board(contents) as board:
        starts = board.starts
        assert cli.main(["doctor", "--port", board.port, "--board", "UNIX"]) == 1
        assert board.starts > starts  # the application runs again
    said = capsys.readouterr().out
    assert "slot b: v7 fedc" in said
    assert "configuration: 'door', mode server" in said
    assert "! the version in slot a failed to start three times, and slot b runs instead" in said
    assert "ValueError: broken" in said
    assert "0123456789abcdef" not in said  # the token
    assert "1 to be seen to" in said


def test_a_good_board(new_board, config, capsys):
    contents = flash_with(
        {
            "/config.json": config,
            "/slots.json": b'{"slot": "a"}',
            "/slot_a/version": b"v7 fedc\n",
            "/slot_a/signalbox/__init__.py": b"",
            "/slot_a/signalbox/start.py": b"def main(arguments): return 0\n",
        }
    )
    with new_board(contents) as board:
        assert cli.main(["doctor", "--port", board.port]) == 0
    assert capsys.readouterr().out.endswith("Nothing is wrong\n")


def test_a_directory(tmp_path, capsys):
    assert cli.main(["doctor", "--port", str(tmp_path)]) == 3
    shutil.rmtree(tmp_path)
    assert "no boot loader's volume" in capsys.readouterr().err
