"""A board that is not in boards/: one folder more, and every command knows it."""

import shutil

import board as boards
import board_image
import cli
import faults
import littlefs_image
import made
import pytest
from boot_loader import BootLoader
from rom_loader import RomLoader

NAME = "MY_CAMERA_BOARD"
CHANGES = {
    "ESP32_GENERIC_C3": {'"flash_bytes": 4194304': '"flash_bytes": 8388608'},
    "RPI_PICO_W": {
        '"vfs_offset": "0x12C000"': '"vfs_offset": "0x100000"',
        '"vfs_bytes": 868352': '"vfs_bytes": 1048576',
    },
    "UNIX": {'"flash_bytes": 4194304': '"flash_bytes": 1048576'},
}


@pytest.fixture(params=sorted(CHANGES))
def folder(request, tmp_path, monkeypatch, micropython):
    """A copy of a board's folder with another geometry, beside copies of the others."""
    monkeypatch.setenv("SIGNALBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MICROPYTHON", micropython.path)
    here = tmp_path / "boards"
    shutil.copytree(boards.BOARDS, here)
    shutil.copytree(boards.BOARDS / request.param, here / NAME)
    path = here / NAME / "board.json"
    text = path.read_text()
    for old, new in CHANGES[request.param].items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return here / NAME


@pytest.fixture(params=["by name", "by path"])
def name(request, folder, monkeypatch):
    """How it is named on the command line."""
    if request.param == "by path":
        return f"{folder}/"
    monkeypatch.setattr(boards, "BOARDS", folder.parent)
    assert NAME in boards.names()
    return NAME


def test_it_is_imaged_and_flashed(name, tmp_path):
    board = boards.load(name)
    assert board.name == NAME
    image = tmp_path / "image"
    firmware = made.firmware(board, tmp_path)
    chosen = ["--firmware", str(firmware)] if firmware else []
    assert cli.main(["image", "--board", name, *chosen, "--output", str(image)]) == 0
    command = ["flash", "--board", name, "--image", str(image)]
    if board.port == "esp32":
        with RomLoader(board.chip, board.flash_bytes) as chip:
            assert cli.main([*command, "--port", chip.port]) == 0
        files = bytes(chip.flash[board.vfs_offset :])
    elif board.port == "rp2":
        size = image.stat().st_size
        with BootLoader(tmp_path / "volume", board.chip, lambda: size) as volume:
            port = ["--port", str(volume.path), "--erase-config"]
            assert cli.main([*command, *port]) == 0
        image.write_bytes(volume.received)
        files = board_image.family(board).read_image(board, image).files
    else:
        assert cli.main([*command, "--port", str(tmp_path / "unix")]) == 0
        files = (tmp_path / "unix" / "flash.littlefs").read_bytes()
    assert len(files) == board.vfs_size()
    assert "/main.py" in littlefs_image.read(board, files)


@pytest.mark.parametrize("command", cli.cli.list_commands(None))
def test_every_command_with_a_board_takes_any(command, name):
    """All of them have the one kind of option for it, which loads a name or a path."""
    options = {each.name: each for each in cli.cli.get_command(None, command).params}
    if "board" in options:
        assert isinstance(options["board"].type, cli.BoardType)
        assert options["board"].type.convert(name, None, None).name == NAME


def test_no_name_of_a_board_stands_in_the_tools():
    """But in examples, in docstrings and messages: no code asks for one."""
    tools = boards.BOARDS.parent / "tools"
    for path in tools.rglob("*.py"):
        for name in boards.names():
            assert f'"{name}"' not in path.read_text(), path


def test_the_guide_has_the_exit_statuses():
    rows = [line for line in faults.__doc__.splitlines() if line.startswith("|")]
    guide = (boards.BOARDS / "README.md").read_text()
    assert "\n".join(rows) in guide


def test_the_guide_has_every_board_and_every_key():
    guide = (boards.BOARDS / "README.md").read_text()
    for name in boards.names():
        assert f"| `{name}` |" in guide
        assert (boards.BOARDS / name / "README.md").is_file()
    for key in boards.KEYS:
        assert f"`{key}`" in guide
