"""make flash for the unix port as a board: a directory, which then starts."""

import errno
import os
import shutil
import subprocess
import time
from pathlib import Path

import board as boards
import cli
import littlefs_image
import made
import pytest

BOARD = boards.load("UNIX")
CONFIG = b'{"name": "door"}'
START_TIMEOUT_S = 60


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, micropython):
    monkeypatch.setenv("MICROPYTHON", micropython.path)
    monkeypatch.setenv("SIGNALBOX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def image(tmp_path):
    output = tmp_path / "UNIX.littlefs"
    assert cli.main(["image", "--board", "UNIX", "--output", str(output)]) == 0
    return output


def run(directory, *arguments):
    return cli.main(["flash", "--board", "UNIX", "--port", *map(str, (directory, *arguments))])


def first_line(directory, start):
    """The board is started until it prints a line that begins so."""
    process = subprocess.Popen(
        [directory / "start"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = ""
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        for line in process.stdout:
            printed += line
            if line.startswith(start) or time.monotonic() > deadline:
                break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert line.startswith(start), printed
    return line


def test_an_image_starts_the_application(image, tmp_path):
    board = tmp_path / "board with a name"
    config = made.config(tmp_path / "config.json")
    assert run(board, "--image", image, "--config", config) == 0
    first_line(board, "listening on ")
    # What the first start wrote is there at the second: its count, or that it has confirmed.
    assert "start 1 of 3" not in first_line(board, "slots: a, version ")


def test_micropython_alone_has_an_empty_file_system_and_keeps_what_is_there(image, tmp_path):
    board = tmp_path / "board"
    assert run(board) == 0
    flash = board / "flash.littlefs"
    assert littlefs_image.read(BOARD, flash.read_bytes()) == {}
    assert subprocess.run([board / "start"], stdin=subprocess.DEVNULL).returncode == 0
    assert run(board, "--image", image) == 0
    before = flash.read_bytes()
    assert run(board) == 0
    assert flash.read_bytes() == before


def test_the_configuration_survives_an_image(image, tmp_path):
    board = tmp_path / "board"
    assert run(board) == 0
    flash = board / "flash.littlefs"
    flash.write_bytes(
        littlefs_image.add(BOARD, flash.read_bytes(), {"/config.json": CONFIG, "/old": b"x"})
    )
    assert run(board, "--image", image) == 0
    now = littlefs_image.read(BOARD, flash.read_bytes())
    assert now["/config.json"] == CONFIG
    assert "/old" not in now
    assert flash.stat().st_mode & 0o077 == 0
    assert run(board, "--image", image, "--erase-config") == 0
    assert "/config.json" not in littlefs_image.read(BOARD, flash.read_bytes())


def test_a_directory_that_holds_something_else(tmp_path, capsys):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("x")
    assert run(tmp_path / "letters") == 4
    assert "holds something else: dear.txt" in capsys.readouterr().err
    assert run(tmp_path / "letters" / "dear.txt") == 3
    assert cli.main(["flash", "--board", "UNIX"]) == 3
    assert "PORT=directory" in capsys.readouterr().err


def test_it_broke_off_and_is_run_again(tmp_path, monkeypatch, capsys):
    board = tmp_path / "board"

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for module, name in ((os, "replace"), (shutil, "copyfile"), (Path, "chmod")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            assert run(board) == 1
        assert "No space left on device\nNext: make room" in capsys.readouterr().err
        assert list(board.iterdir())
        assert run(board) == 0
        assert subprocess.run([board / "start"], stdin=subprocess.DEVNULL).returncode == 0
        shutil.rmtree(board)


def test_without_micropython_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MICROPYTHON", "/none")
    assert run(tmp_path / "board") == 5
    assert not (tmp_path / "board").exists()


def test_a_directory_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run("~/board") == 0
    assert (tmp_path / "board" / "flash.littlefs").is_file()
    assert run("~nobody-of-that-name/board") == 0  # as a shell has it
    assert (tmp_path / "~nobody-of-that-name" / "board").is_dir()


def test_a_damaged_flash_is_refused_unless_told(image, tmp_path, capsys):
    board = tmp_path / "board"
    assert run(board) == 0
    (board / "flash.littlefs").write_bytes(bytes(4 << 20))
    assert run(board, "--image", image) == 4
    assert "--erase-config" in capsys.readouterr().err
    assert run(board, "--image", image, "--erase-config") == 0


def test_an_image_that_is_none(tmp_path, capsys):
    (tmp_path / "image").write_bytes(b"x" * 8192)
    assert run(tmp_path / "board", "--image", tmp_path / "image") == 2
    assert "is no file system" in capsys.readouterr().err


def test_a_firmware_is_refused(image, tmp_path, capsys):
    for command in (["image"], ["flash", "--port", str(tmp_path / "board")]):
        assert cli.main([*command, "--board", "UNIX", "--firmware", str(image)]) == 2
        assert "leave out FIRMWARE=" in capsys.readouterr().err


def test_a_dry_run(image, tmp_path, capsys):
    assert run(tmp_path / "board", "--image", image, "--dry-run") == 0
    assert "Would install" in capsys.readouterr().err
    assert not (tmp_path / "board").exists()
