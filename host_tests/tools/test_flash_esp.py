"""make flash for the ESP32s: the real esptool, and a double of the chip's loader."""

import board as boards
import board_image
import cli
import esp
import kept_config
import littlefs_image
import made
import pytest
from rom_loader import Faults, RomLoader

ESP = [name for name in boards.names() if boards.load(name).port == "esp32"]
STUBS = [pytest.param((), id="stub"), pytest.param(("--no-stub",), id="rom")]
FLASH = {"ESP32_GENERIC_S3": 8 << 20}
CONFIG = b'{"name": "door", "token": "0123456789abcdef"}'
NVS = b"calibration"
MAC = "240ac4123456"  # of the double


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNALBOX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path):
    """A function: the firmware, or with `image` an image of it, for a board."""

    def make(board, image=False, size=None):
        firmware = made.firmware(board, tmp_path)
        if not image:
            return firmware
        output = tmp_path / f"{board.name}.hex"
        command = ["image", "--board", board.name, "--firmware", str(firmware)]
        command += ["--flash-size", size] if size else []
        assert cli.main([*command, "--output", str(output)]) == 0
        return output

    return make


def chip_of(board, faults=None, size=None, tcp=False):
    return RomLoader(board.chip, size or FLASH.get(board.name, 4 << 20), faults, tcp)


def run(board, chip, *arguments):
    command = ["flash", "--board", board.name, "--port", chip.port, *map(str, arguments)]
    return cli.main(command)


def has(chip, parts):
    return all(chip.flash[at : at + len(octets)] == octets for at, octets in parts)


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("name", ESP)
def test_micropython_alone(name, stub, files):
    """Every part of it is in flash; NVS and the file system are as they were."""
    board = boards.load(name)
    firmware = files(board)
    with chip_of(board) as chip:
        chip.flash[made.NVS_AT : made.NVS_AT + len(NVS)] = NVS
        chip.flash[board.vfs_offset : board.vfs_offset + 4] = b"mine"
        assert run(board, chip, "--firmware", firmware, *stub) == 0
        assert has(chip, board_image.family(board).read_firmware(board, firmware).firmware)
        assert has(chip, [(made.NVS_AT, NVS), (board.vfs_offset, b"mine")])


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("name", ESP)
def test_an_image_onto_a_bare_board(name, stub, files):
    board = boards.load(name)
    image = files(board, image=True)
    with chip_of(board) as chip:
        assert run(board, chip, "--image", image, *stub) == 0
        content = board_image.family(board).read_image(board, image)
        assert has(chip, content.parts(board))
        assert littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :])) == (
            littlefs_image.read(board, content.files)
        )


def test_over_the_network(files):
    board = boards.load("ESP32_GENERIC")
    firmware = files(board)
    with chip_of(board, tcp=True) as chip:
        assert run(board, chip, "--firmware", firmware) == 0
        assert has(chip, board_image.family(board).read_firmware(board, firmware).firmware)


@pytest.mark.parametrize("name", ESP)
def test_the_configuration_survives_an_image(name, files):
    board = boards.load(name)
    image = files(board, image=True)
    with chip_of(board) as chip:
        old = littlefs_image.build(
            board,
            {f"/slot_a/{n}": made.octets(9000, n) for n in range(30)} | {"/config.json": CONFIG},
            len(chip.flash) - board.vfs_offset,
        )
        chip.flash[board.vfs_offset :] = old
        assert run(board, chip, "--image", image) == 0
        now = littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :]))
        assert now["/config.json"] == CONFIG
        assert "/slot_a/1" not in now
    assert not list(kept_config.directory().glob("*"))


def test_the_configuration_of_a_board_that_has_run_survives_an_image(files):
    """What it wrote while it ran is in its file system's first blocks, too."""
    board = boards.load("ESP32_GENERIC")
    image = files(board, image=True)
    with chip_of(board) as chip:
        assert run(board, chip, "--image", image) == 0
        old = bytes(chip.flash[board.vfs_offset :])
        for turn in range(40):
            old = littlefs_image.add(board, old, {"/slots.json": b"%d" % turn * 40})
        chip.flash[board.vfs_offset :] = littlefs_image.add(board, old, {"/config.json": CONFIG})
        assert run(board, chip, "--image", image) == 0
        now = littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :]))
        assert now["/config.json"] == CONFIG


def test_a_configuration_that_breaks_off_is_not_lost(files, capsys):
    """The file system is half written; the next run has what the first one kept."""
    board = boards.load("ESP32_GENERIC")
    image = files(board, image=True)
    with chip_of(board) as chip:
        size = len(chip.flash) - board.vfs_offset
        chip.flash[board.vfs_offset :] = littlefs_image.build(board, {"/config.json": CONFIG}, size)
        chip.faults.disconnect_at = set(range(1, 100))
        assert run(board, chip, "--image", image) != 0
        kept = list(kept_config.directory().iterdir())
        assert [path.read_bytes() for path in kept] == [CONFIG]
        assert kept[0].stat().st_mode & 0o077 == 0
        chip.flash[board.vfs_offset :] = b"\xff" * size  # as after the erasing
        chip.faults.disconnect_at = set()
        assert run(board, chip, "--image", image) == 0
        now = littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :]))
        assert now["/config.json"] == CONFIG
    assert not list(kept_config.directory().iterdir())


@pytest.fixture
def valid(tmp_path):
    """A configuration that the application takes, too large for a directory's block."""
    return made.config(tmp_path / "valid.json").read_bytes() + b" " * 1000


@pytest.mark.parametrize("cut", [10, 26])
def test_an_image_that_broke_off_takes_the_kept_configuration(cut, valid, files):
    """Its first blocks are there, and not those that they point to."""
    board = boards.load("ESP32_GENERIC")
    image = files(board, image=True)
    with chip_of(board) as chip:
        size = len(chip.flash) - board.vfs_offset
        chip.flash[board.vfs_offset :] = littlefs_image.build(board, {"/config.json": valid}, size)
        chip.faults.disconnect_at = set(range(cut, cut + 300))
        assert run(board, chip, "--image", image) == 1
        chip.faults.disconnect_at = set()
        assert run(board, chip, "--image", image) == 0
        now = littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :]))
        assert now["/config.json"] == valid
    assert not list(kept_config.directory().iterdir())


def test_what_can_be_no_configuration_does_not_replace_the_kept_one(valid, files):
    board = boards.load("ESP32_GENERIC")
    image = files(board, image=True)
    kept_config.Config(valid, MAC).save()
    with chip_of(board) as chip:
        size = len(chip.flash) - board.vfs_offset
        found = {"/config.json": made.octets(len(valid), 1)}
        chip.flash[board.vfs_offset :] = littlefs_image.build(board, found, size)
        assert run(board, chip, "--image", image) == 0
        now = littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :]))
        assert now["/config.json"] == valid


def test_a_kept_configuration_and_another_one_on_the_board(valid, files, tmp_path, capsys):
    """The board was provisioned anew, or has what was there before: neither is lost."""
    board = boards.load("ESP32_GENERIC")
    image = files(board, image=True)
    other = made.config(tmp_path / "other.json").read_bytes()
    kept_config.Config(valid, MAC).save()
    [path] = kept_config.directory().iterdir()
    with chip_of(board) as chip:
        size = len(chip.flash) - board.vfs_offset
        chip.flash[board.vfs_offset :] = littlefs_image.build(board, {"/config.json": other}, size)
        assert run(board, chip, "--image", image) == 4
        assert f"ARGS='--config {path}', or delete that file" in capsys.readouterr().err
        assert not chip.written and path.read_bytes() == valid
        assert run(board, chip, "--image", image, "--config", path) == 0
        now = littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :]))
        assert now["/config.json"] == valid
    assert not path.exists()


def test_what_was_erased_does_not_come_back(valid, files):
    board = boards.load("ESP32_GENERIC")
    image = files(board, image=True)
    kept_config.Config(valid, MAC).save()
    with chip_of(board) as chip:
        assert run(board, chip, "--image", image, "--erase-config") == 0
        assert run(board, chip, "--image", image) == 0
        assert "/config.json" not in littlefs_image.read(
            board, bytes(chip.flash[board.vfs_offset :])
        )


def test_a_damaged_file_system_is_refused_unless_told(files, capsys):
    board = boards.load("ESP32_GENERIC")
    image = files(board, image=True)
    with chip_of(board) as chip:
        size = len(chip.flash) - board.vfs_offset
        old = bytearray(littlefs_image.build(board, {"/config.json": CONFIG}, size))
        for block in (0, 1):
            old[block * 4096 + 21] ^= 1  # of the version, which a checksum covers
        chip.flash[board.vfs_offset :] = old
        assert run(board, chip, "--image", image) == 4
        assert "--erase-config" in capsys.readouterr().err
        assert not chip.written
        assert run(board, chip, "--image", image, "--erase-config") == 0
        assert "/config.json" not in littlefs_image.read(board, bytes(chip.flash[-size:]))


def test_a_configuration_of_ones_own(files, tmp_path, capsys):
    board = boards.load("ESP32_GENERIC_C3")
    image = files(board, image=True)
    given = tmp_path / "given.json"
    with chip_of(board) as chip:
        given.write_text("{")
        assert run(board, chip, "--image", image, "--config", given) == 2
        assert "given.json" in capsys.readouterr().err
        made.config(given)
        assert run(board, chip, "--image", image, "--config", given) == 0
        now = littlefs_image.read(board, bytes(chip.flash[board.vfs_offset :]))
        assert now["/config.json"] == given.read_bytes()


# What is refused before anything is written.


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("name", ESP)
def test_another_chip(name, stub, files, capsys):
    board = boards.load(name)
    other = boards.load(next(each for each in ESP if each != name))
    firmware = files(board)
    with chip_of(other) as chip:
        assert run(board, chip, "--firmware", firmware, *stub) == 3
        said = capsys.readouterr().err
        assert f"the chip on {chip.port} is {other.chip}, and {name} has {board.chip}" in said
        assert f"BOARD={other.name}" in said
        assert not chip.written


@pytest.mark.parametrize("name", ESP)
def test_too_little_flash(name, files, capsys):
    board = boards.load(name)
    firmware = files(board)
    with chip_of(board, size=2 << 20) as chip:
        assert run(board, chip, "--firmware", firmware) == 4
        assert "the board has 2 MB" in capsys.readouterr().err
        assert not chip.written


def test_an_image_for_another_size_of_flash(files, capsys):
    board = boards.load("ESP32_GENERIC")
    for image, size, mine in (("8MB", 4 << 20, "4 MB"), ("4MB", 8 << 20, "8 MB")):
        path = files(board, image=True, size=image)
        with chip_of(board, size=size) as chip:
            assert run(board, chip, "--image", path) == 4
            said = capsys.readouterr().err
            assert f"the board has {mine}" in said
            assert f"--flash-size {mine.replace(' ', '')}" in said
            assert not chip.written


def test_a_dry_run(files, capsys):
    board = boards.load("ESP32_GENERIC")
    firmware = files(board)
    with chip_of(board) as chip:
        assert run(board, chip, "--firmware", firmware, "--dry-run") == 0
        assert "Would write 3072 octets at 0x8000" in capsys.readouterr().err
        assert not chip.written


def test_a_port_that_is_not_there(files, capsys):
    board = boards.load("ESP32_GENERIC")
    command = ["flash", "--board", board.name, "--port", "/dev/ttyNONE"]
    assert cli.main([*command, "--firmware", str(files(board))]) == 3
    assert "can't be opened" in capsys.readouterr().err


def test_a_chip_that_is_not_in_its_loader(files, capsys):
    board = boards.load("ESP32_GENERIC")
    firmware = files(board)
    with chip_of(board, Faults(silent=True), tcp=True) as chip:
        assert run(board, chip, "--firmware", firmware) == 3
        assert "hold the board's BOOT button" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--firmware", "a", "--image", __file__), "an image has MicroPython in it"),
        (("--erase-config",), "MicroPython alone keeps the configuration"),
        (("--image", __file__, "--config", __file__, "--erase-config"), "--config, or --erase"),
        (("--flash-size", "4 MiBs"), "is no size of flash"),
        (("--image", "/none"), "does not exist"),
    ],
)
def test_a_wrong_command_line(arguments, said, capsys):
    assert cli.main(["flash", "--board", "ESP32_GENERIC", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


# What goes wrong on the way.


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("name", ESP)
@pytest.mark.parametrize(
    "faults",
    [
        pytest.param({"refuse": 2}, id="checksum errors"),
        pytest.param({"drop_at": (2,)}, id="a dropped octet"),
        pytest.param({"disconnect_at": (2,)}, id="a disconnect"),
        pytest.param({"wrong_bits": 1}, id="a wrong bit in flash"),
    ],
)
def test_a_fault_is_overcome(name, stub, faults, files):
    board = boards.load(name)
    firmware = files(board)
    with chip_of(board, Faults(**faults)) as chip:
        assert run(board, chip, "--firmware", firmware, *stub) == 0
        assert has(chip, board_image.family(board).read_firmware(board, firmware).firmware)


def test_ctrl_c_and_the_next_run(files, monkeypatch, capsys):
    board = boards.load("ESP32_GENERIC_C3")
    firmware = files(board)
    with chip_of(board) as chip:
        with monkeypatch.context() as patch:

            def follow(lines, parts):
                for line in lines:
                    if line.startswith("Writing at"):
                        raise KeyboardInterrupt

            patch.setattr(esp, "follow", follow)
            assert run(board, chip, "--firmware", firmware) == 130
        assert "run it again" in capsys.readouterr().err
        assert run(board, chip, "--firmware", firmware) == 0
        assert has(chip, board_image.family(board).read_firmware(board, firmware).firmware)


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize(
    "faults, said",
    [
        pytest.param({"refuse": 999}, "broke off", id="checksum errors"),
        pytest.param({"wrong_bits": 999}, "MD5", id="wrong bits"),
        pytest.param({"disconnect_at": range(1, 999)}, "broke off", id="disconnects"),
    ],
)
def test_a_fault_that_stays_is_told_and_the_next_run_is_whole(faults, said, stub, files, capsys):
    board = boards.load("ESP32_GENERIC_S3")
    firmware = files(board)
    with chip_of(board, Faults(**faults)) as chip:
        assert run(board, chip, "--firmware", firmware, *stub) == 1
        told = capsys.readouterr().err
        assert said in told and "run it again" in told
        chip.faults = Faults()
        assert run(board, chip, "--firmware", firmware, *stub) == 0
        assert has(chip, board_image.family(board).read_firmware(board, firmware).firmware)
