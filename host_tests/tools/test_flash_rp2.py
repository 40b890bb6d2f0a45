"""make flash for the RP2s: a directory as the boot loader's volume."""

import contextlib
import errno
import io
import os
import sys
import time

import board as boards
import board_image
import cli
import families.rp2
import kept_config
import littlefs_image
import made
import mpy
import pytest
import uf2_volume
from boot_loader import INFO, BootLoader
from faults import NoBoard, ToolError
from simulated import PICO_W

RP2 = [name for name in boards.names() if boards.load(name).port == "rp2"]
CONFIG = b'{"name": "door"}'
NAME = "e6614c311b4b8c2f"  # of the running board


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNALBOX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path):
    def make(board, image=False):
        firmware = made.firmware(board, tmp_path)
        if not image:
            return firmware
        output = tmp_path / f"{board.name}.image.uf2"
        command = ["image", "--board", board.name, "--firmware", str(firmware)]
        assert cli.main([*command, "--output", str(output)]) == 0
        return output

    return make


def run(board, *arguments):
    return cli.main(["flash", "--board", board.name, *map(str, arguments)])


def loader(path, board, file, **more):
    size = file.stat().st_size
    return BootLoader(path / "volume", board.chip, lambda: size, **more)


@pytest.mark.parametrize("name", RP2)
def test_micropython_alone(name, files, tmp_path):
    board = boards.load(name)
    firmware = files(board)
    with loader(tmp_path, board, firmware) as volume:
        assert run(board, "--port", volume.path, "--firmware", firmware) == 0
    assert volume.received == firmware.read_bytes()


@pytest.mark.parametrize("name", RP2)
def test_an_image_onto_a_new_board(name, files, tmp_path):
    board = boards.load(name)
    image = files(board, image=True)
    with loader(tmp_path, board, image) as volume:
        assert run(board, "--port", volume.path, "--image", image, "--erase-config") == 0
    assert volume.received == image.read_bytes()


def test_an_image_onto_a_board_that_may_have_a_configuration(files, tmp_path, capsys):
    board = boards.load("RPI_PICO_W")
    image = files(board, image=True)
    with loader(tmp_path, board, image) as volume:
        assert run(board, "--port", volume.path, "--image", image) == 4
    assert "can't be read there" in capsys.readouterr().err
    assert volume.received is None


MACHINE = {
    "RP2040": "Raspberry Pi Pico W with RP2040",
    "RP2350": "Raspberry Pi Pico 2 W with RP2350",
}
APPLICATION = {
    "/main.py": (mpy.FIRMWARE / "main.py").read_bytes(),
    "/slot_a/version": b"v7\n",
    "/slot_a/signalbox/__init__.py": b"",
    "/slot_a/signalbox/start.py": b"def main(arguments):\n    print('it runs')\n    return 0\n",
}


@pytest.fixture
def running(new_board, monkeypatch):
    """A function: a board that runs MicroPython and an application, with these files besides.

    The unix port on a terminal, and the real mpremote. `machine.bootloader()` mounts the volume.
    """

    def start(chip, volume, files):
        says = {"name": "micropython", "version": [1, 28, 0, ""], "_mpy": 2822, "platform": "rp2"}
        says["_machine"] = MACHINE[chip]
        contents = littlefs_image.build(PICO_W, {**APPLICATION, **files}, PICO_W.vfs_size())
        board = new_board(contents, implementation=says)
        monkeypatch.setattr(
            uf2_volume, "mount_points", lambda: [volume.path] if board.in_boot_loader else []
        )
        return board

    return start


def with_config(board, image, config, path):
    """Write the image with a configuration in it to a file."""
    content = board_image.family(board).read_image(board, image)
    files = littlefs_image.add(board, content.files, {"/config.json": config})
    board_image.family(board).write_image(board, content.with_files(files), path)
    return path


@pytest.mark.parametrize("name", RP2)
def test_the_configuration_survives_an_image(name, files, tmp_path, running):
    board = boards.load(name)
    image = files(board, image=True)
    path = with_config(board, image, CONFIG, tmp_path / "expected.uf2")
    with (
        loader(tmp_path, board, path) as volume,
        running(board.chip, volume, {"/config.json": CONFIG}) as pico,
    ):
        pico.wait_for("it runs")
        assert run(board, "--port", pico.port, "--image", image) == 0
    assert volume.received == path.read_bytes()
    now = board_image.family(board).read_image(board, path)
    assert littlefs_image.read(board, now.files)["/config.json"] == CONFIG
    assert not list(kept_config.directory().iterdir())


@pytest.mark.parametrize("name", RP2)
def test_micropython_alone_onto_a_running_board(name, files, tmp_path, running):
    board = boards.load(name)
    firmware = files(board)
    with loader(tmp_path, board, firmware) as volume, running(board.chip, volume, {}) as pico:
        pico.wait_for("it runs")
        assert run(board, "--port", pico.port, "--firmware", firmware) == 0
    assert volume.received == firmware.read_bytes()


def test_another_chip_that_runs_is_left_running(files, tmp_path, running, capsys):
    mine, other = boards.load("RPI_PICO_W"), boards.load("RPI_PICO2_W")
    firmware = files(mine)
    with loader(tmp_path, mine, firmware) as volume, running(other.chip, volume, {}) as pico:
        pico.wait_for("it runs")
        before = len(pico.output)
        assert run(mine, "--port", pico.port, "--firmware", firmware) == 3
        pico.wait_for("it runs", before)
        assert not pico.in_boot_loader
    assert "is RP2350, and RPI_PICO_W has RP2040" in capsys.readouterr().err
    assert volume.received is None


def test_a_dry_run_leaves_a_board_running(files, tmp_path, running, capsys):
    board = boards.load("RPI_PICO_W")
    image = files(board, image=True)
    with (
        loader(tmp_path, board, image) as volume,
        running(board.chip, volume, {"/config.json": CONFIG}) as pico,
    ):
        pico.wait_for("it runs")
        before = len(pico.output)
        assert run(board, "--port", pico.port, "--image", image, "--dry-run") == 0
        pico.wait_for("it runs", before)
        assert not pico.in_boot_loader
    assert "Would copy" in capsys.readouterr().err
    assert volume.received is None


def test_what_was_kept_is_named_when_the_board_is_in_its_boot_loader(
    files, tmp_path, running, monkeypatch, capsys
):
    board = boards.load("RPI_PICO_W")
    image = files(board, image=True)
    with (
        loader(tmp_path, board, image, stays=True) as volume,
        running(board.chip, volume, {"/config.json": CONFIG}) as pico,
    ):
        pico.wait_for("it runs")

        def unplugged(*_):
            raise ToolError("it went away", "again")

        with monkeypatch.context() as patch:
            patch.setattr(uf2_volume.Volume, "copy", unplugged)
            assert run(board, "--port", pico.port, "--image", image) == 1
        kept = kept_config.path_of(NAME)
        assert kept.read_bytes() == CONFIG
        capsys.readouterr()
        assert run(board, "--port", volume.path, "--image", image) == 4
        assert f"--config FILE', of {kept}" in capsys.readouterr().err


@pytest.fixture
def valid(tmp_path):
    """A configuration that the application takes, too large for a directory's block."""
    return made.config(tmp_path / "valid.json").read_bytes() + b" " * 1000


@pytest.mark.parametrize("found", [
    pytest.param({"/config.json": b"\xff" * 1100}, id="garbage"),
    pytest.param({"/config.json": b""}, id="an empty file"),
    pytest.param({}, id="none"),
])  # fmt: skip
def test_an_image_that_broke_off_takes_the_kept_configuration(
    found, files, valid, tmp_path, running
):
    board = boards.load("RPI_PICO_W")
    image = files(board, image=True)
    expected = with_config(board, image, valid, tmp_path / "expected.uf2")
    kept_config.Config(valid, NAME).save()
    with loader(tmp_path, board, expected) as volume, running(board.chip, volume, found) as pico:
        pico.wait_for("it runs")
        assert run(board, "--port", pico.port, "--image", image) == 0
    assert volume.received == expected.read_bytes()
    assert not list(kept_config.directory().iterdir())


def test_what_was_erased_does_not_come_back(files, valid, tmp_path, running):
    board = boards.load("RPI_PICO_W")
    image = files(board, image=True)
    kept_config.Config(valid, NAME).save()
    with loader(tmp_path, board, image) as volume, running(board.chip, volume, {}) as pico:
        pico.wait_for("it runs")
        assert run(board, "--port", pico.port, "--image", image, "--erase-config") == 0
    assert volume.received == image.read_bytes()
    assert not list(kept_config.directory().iterdir())


def test_a_boot_loader_gets_what_was_kept(files, valid, tmp_path):
    """Named by hand, as a boot loader doesn't say which board it is; then it is not kept longer."""
    board = boards.load("RPI_PICO_W")
    image = files(board, image=True)
    expected = with_config(board, image, valid, tmp_path / "expected.uf2")
    kept_config.Config(valid, NAME).save()
    [path] = kept_config.directory().iterdir()
    with loader(tmp_path, board, expected) as volume:
        assert run(board, "--port", volume.path, "--image", image, "--config", path) == 0
    assert volume.received == expected.read_bytes()
    assert not path.exists()


def test_what_is_kept_still_is_told_when_a_boot_loader_is_erased(files, valid, tmp_path, capsys):
    board = boards.load("RPI_PICO_W")
    image = files(board, image=True)
    kept_config.Config(valid, NAME).save()
    [path] = kept_config.directory().iterdir()
    with loader(tmp_path, board, image) as volume:
        assert run(board, "--port", volume.path, "--image", image, "--erase-config") == 0
    assert f"Delete it if it was this board's: {path}" in capsys.readouterr().err


def test_another_board_in_its_boot_loader_is_left_alone(files, tmp_path, running, monkeypatch):
    """PORT= names one that runs."""
    board = boards.load("RPI_PICO_W")
    firmware = files(board)
    with (
        BootLoader(tmp_path / "other", board.chip, firmware.stat().st_size.__int__) as other,
        loader(tmp_path, board, firmware) as volume,
        running(board.chip, volume, {}) as pico,
    ):
        monkeypatch.setattr(
            uf2_volume,
            "mount_points",
            lambda: [other.path, *([volume.path] if pico.in_boot_loader else [])],
        )
        pico.wait_for("it runs")
        assert run(board, "--port", pico.port, "--firmware", firmware) == 0
    assert other.received is None
    assert volume.received == firmware.read_bytes()


def test_a_port_without_micropython(files, capsys):
    board = boards.load("RPI_PICO_W")
    assert run(board, "--port", "/dev/ttyNONE", "--firmware", files(board)) == 3
    said = capsys.readouterr().err
    assert "/dev/ttyNONE" in said and "hold BOOTSEL" in said


def test_another_chip(files, tmp_path, capsys):
    mine, other = boards.load("RPI_PICO_W"), boards.load("RPI_PICO2_W")
    firmware = files(mine)
    with loader(tmp_path, other, firmware) as volume:
        assert run(mine, "--port", volume.path, "--firmware", firmware) == 3
    assert "is RP2350, and the board's should be RP2040" in capsys.readouterr().err
    assert volume.received is None


def test_a_directory_that_is_no_volume(files, tmp_path, capsys):
    board = boards.load("RPI_PICO_W")
    assert run(board, "--port", tmp_path, "--firmware", files(board)) == 3
    assert "it has no INFO_UF2.TXT" in capsys.readouterr().err


def test_two_boards_in_their_boot_loaders(tmp_path, monkeypatch):
    with (
        BootLoader(tmp_path / "a", "RP2040", lambda: None) as first,
        BootLoader(tmp_path / "b", "RP2350", lambda: None) as second,
    ):
        monkeypatch.setattr(uf2_volume, "mount_points", lambda: [first.path, second.path, tmp_path])
        with pytest.raises(NoBoard, match="2 boards are in their boot loader"):
            families.rp2.find(boards.load("RPI_PICO_W"), None)


def test_the_names_of_mounted_volumes(tmp_path, monkeypatch):
    """As Linux writes them: octets, but for what would end a word."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 /media/zoë/RPI\\040RP2 vfat rw 0 0\n"
        "/dev/sdb1 /media/b\\134x msdos rw 0 0\n"
        "/dev/sdc1 / ext4 rw 0 0\n",
        "utf-8",
    )
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(uf2_volume, "MOUNTS", mounts)
    assert [str(path) for path in uf2_volume.mount_points()] == [
        "/media/zoë/RPI RP2",
        "/media/b\\x",
    ]


def test_no_board_at_all(monkeypatch):
    monkeypatch.setattr(uf2_volume, "mount_points", list)
    monkeypatch.setattr("ports.list_ports.comports", list)
    with pytest.raises(NoBoard, match="no boot loader's volume is mounted") as caught:
        families.rp2.find(boards.load("RPI_PICO_W"), None)
    assert "BOOTSEL" in caught.value.cure


def test_a_dry_run(files, tmp_path, capsys):
    board = boards.load("RPI_PICO_W")
    firmware = files(board)
    with loader(tmp_path, board, firmware) as volume:
        assert run(board, "--port", volume.path, "--firmware", firmware, "--dry-run") == 0
    assert "Would copy" in capsys.readouterr().err
    assert volume.received is None


# What goes wrong while it is copied.


class Broken:
    """The file on a volume that fails after `room` octets."""

    def __init__(self, file, room, error, path=None):
        self._file, self._room, self._error, self._path = file, room, error, path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def fileno(self):
        return self._file.fileno()

    def write(self, octets):
        if self._file.tell() + len(octets) > self._room:
            if self._path:
                with contextlib.suppress(OSError):
                    (self._path / "INFO_UF2.TXT").unlink()
            raise OSError(self._error, os.strerror(self._error))
        return self._file.write(octets)


@pytest.mark.parametrize(
    "error, removed, said",
    [
        (errno.ENOSPC, False, "is full after"),
        (errno.EIO, True, "went away after"),
        (errno.EIO, False, "Input/output error after"),
    ],
)
def test_copying_breaks_off_and_is_run_again(
    error, removed, said, files, tmp_path, monkeypatch, capsys
):
    board = boards.load("RPI_PICO_W")
    firmware = files(board)
    with loader(tmp_path, board, firmware) as volume:
        with monkeypatch.context() as patch:
            patch.setattr(
                uf2_volume,
                "open",
                lambda path, *_, **__: Broken(
                    io.FileIO(path, "w"), 60000, error, volume.path if removed else None
                ),
                raising=False,
            )
            assert run(board, "--port", volume.path, "--firmware", firmware) == 1
        told = capsys.readouterr().err
        assert said in told and "BOOTSEL" in told
        (volume.path / "INFO_UF2.TXT").write_text(INFO[board.chip])
        assert run(board, "--port", volume.path, "--firmware", firmware) == 0
    assert volume.received == firmware.read_bytes()


def test_the_volume_vanishes_with_the_last_octets(files, tmp_path, monkeypatch):
    """The chip starts at once: what the computer still wants to write fails, and all is well."""
    board = boards.load("RPI_PICO_W")
    firmware = files(board)
    size = firmware.stat().st_size
    real = os.fsync

    def fsync(descriptor):
        real(descriptor)
        if os.fstat(descriptor).st_size == size:
            deadline = time.monotonic() + 20
            while (tmp_path / "volume" / "INFO_UF2.TXT").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(os, "fsync", fsync)
    with loader(tmp_path, board, firmware) as volume:
        assert run(board, "--port", volume.path, "--firmware", firmware) == 0


def test_a_volume_that_does_not_vanish(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(uf2_volume, "VANISH_S", 0.2)
    board = boards.load("RPI_PICO_W")
    firmware = files(board)
    with loader(tmp_path, board, firmware, stays=True) as volume:
        assert run(board, "--port", volume.path, "--firmware", firmware) == 1
    assert "has not started it" in capsys.readouterr().err


def test_a_volume_without_room(files, tmp_path, monkeypatch, capsys):
    board = boards.load("RPI_PICO_W")
    firmware = files(board)
    full = os.statvfs_result((4096, 4096, 100, 1, 1, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    with loader(tmp_path, board, firmware) as volume:
        assert run(board, "--port", volume.path, "--firmware", firmware) == 4
    assert "has 4 KB free" in capsys.readouterr().err
    assert volume.received is None
