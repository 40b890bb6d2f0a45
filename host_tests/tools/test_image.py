"""make image: a file for each board that boots straight into the application."""

import errno
import http.server
import os
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import board as boards
import board_image
import cli
import env
import hexfile
import littlefs_image
import made
import pytest
import release
from faults import Refused, ToolError, Unavailable, WrongInput

# A flash of 6 MB in RAM, and the application beside it.
BOOT = ("-X", "heapsize=16m", Path(__file__).parent / "programs" / "boot_image.py")
SILICON = [name for name in boards.names() if boards.load(name).port != "unix"]
ESP = [name for name in SILICON if boards.load(name).port == "esp32"]
RP2 = [name for name in SILICON if boards.load(name).port == "rp2"]


@pytest.fixture
def image(tmp_path, monkeypatch):
    """A function: runs `image` for a board without network. Returns the path of the file."""

    def no_network(*_):
        raise AssertionError("it wanted the network")

    monkeypatch.setattr(release, "download", no_network)

    def make(board, *arguments, status=0):
        output = tmp_path / f"image{board_image.family(board).SUFFIX}"
        firmware = made.firmware(board, tmp_path)
        chosen = ["--firmware", firmware] if firmware else []
        command = ["image", "--board", board.folder, *chosen, "--output", output, *arguments]
        assert cli.main([str(part) for part in command]) == status
        return output

    return make


def load(name):
    return boards.load(name)


def read(board, path):
    return board_image.family(board).read_image(board, path)


@pytest.mark.parametrize("name", boards.names())
def test_an_image_boots_into_the_application(name, image, micropython, tmp_path):
    """In the board's geometry, with the kernels of this computer in the place of the board's."""
    here = tmp_path / name
    shutil.copytree(load(name).folder, here)
    settings = here / "board.json"
    native = f'"native_arch": "{load(name).native_arch}"'
    assert native in settings.read_text()
    settings.write_text(settings.read_text().replace(native, '"native_arch": "host"'))
    board = load(f"{here}/")
    config = made.config(tmp_path / "config.json")
    files = read(board, image(board, "--config", config)).files
    if board.vfs_bytes is not None:
        assert len(files) == board.vfs_bytes
    (tmp_path / "files").write_bytes(files)
    with micropython.start(*BOOT, tmp_path / "files", board.vfs_prog_bytes) as running:
        running.wait_for_line("mounted ")
        assert running.wait_for_line("slots: a, version ").endswith("start 1 of 3 on trial")
        running.wait_for_line("listening on ")


@pytest.mark.parametrize("name", boards.names())
def test_an_image_is_read_back_as_it_was_made(name, image, tmp_path):
    board = load(name)
    back = read(board, image(board))
    if board.port != "unix":
        released = board_image.family(board).read_firmware(board, tmp_path / board.release)
        assert back.firmware == released.firmware
        assert back.vfs_offset == released.vfs_offset == board.vfs_offset
    files = littlefs_image.read(board, back.files)
    assert files["/main.py"] == (Path(env.ROOT) / "firmware" / "main.py").read_bytes()
    assert len(back.files) == board.vfs_size()


@pytest.mark.parametrize("name", boards.names())
def test_another_geometry_is_not_mounted(name, image, micropython, tmp_path):
    """What the test above would not see if the unix port took any."""
    board = load(name)
    files = read(board, image(board)).files
    (tmp_path / "files").write_bytes(files[:-4096])
    status, output = micropython.run(*BOOT, tmp_path / "files", board.vfs_prog_bytes, timeout_s=60)
    assert status == 1
    assert "EINVAL" in output


@pytest.mark.parametrize("name", RP2)
def test_every_block_of_a_uf2(name, image):
    """Read here by another reader than the tool's own."""
    board = load(name)
    octets = image(board).read_bytes()
    assert len(octets) % 512 == 0
    blocks = [octets[at : at + 512] for at in range(0, len(octets), 512)]
    if board.chip == "RP2350":
        assert blocks.pop(0) == made.absolute_block()
    family = {"RP2040": 0xE48BFF56, "RP2350": 0xE48BFF59}[board.chip]
    addresses = []
    for number, block in enumerate(blocks):
        words = [int.from_bytes(block[at : at + 4], "little") for at in range(0, 32, 4)]
        assert words[:3] == [0x0A324655, 0x9E5D5157, 0x00002000]
        assert words[4:] == [256, number, len(blocks), family]
        assert block[288:508] == bytes(220)
        assert block[508:] == bytes.fromhex("306fb10a")
        addresses.append(words[3])
    assert addresses == sorted(set(addresses))
    assert addresses[0] == 0x10000000
    assert addresses[-1] < 0x10000000 + board.flash_bytes
    # The boot loader erases a sector with its first block: whole sectors, or none.
    sectors = {address // 4096 for address in addresses}
    assert len(addresses) == 16 * len(sectors)
    # Both superblocks: an old one would win over a new one.
    assert {(0x10000000 + board.vfs_offset) // 4096 + n for n in (0, 1)} <= sectors


@pytest.mark.parametrize("name", ESP)
def test_an_esp_image_is_what_esptool_reads_and_leaves_nvs_alone(name, image, tmp_path):
    board = load(name)
    path = image(board)
    parts = hexfile.read(path.read_text(), "image")
    nvs = range(made.NVS_AT, made.APP_AT)
    assert not [
        address for address, octets in parts if address in nvs or address + len(octets) - 1 in nvs
    ]
    for address, octets in parts[:3]:
        if address != 0x8000:
            (tmp_path / "part.bin").write_bytes(octets)
            said = esptool(
                "--chip", board.chip.lower().replace("-", ""), "image-info", tmp_path / "part.bin"
            )
            assert "Checksum: " in said and "(valid)" in said
            assert "invalid" not in said
    # esptool's own HEX of the same parts holds the same octets.
    pairs = []
    for number, (address, octets) in enumerate(parts):
        (tmp_path / f"{number}.bin").write_bytes(octets)
        pairs += [hex(address), tmp_path / f"{number}.bin"]
    esptool(
        "--chip",
        board.chip.lower().replace("-", ""),
        "merge-bin",
        "-f",
        "hex",
        "-o",
        tmp_path / "theirs.hex",
        *pairs,
    )
    assert hexfile.read((tmp_path / "theirs.hex").read_text(), "theirs") == parts


def esptool(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "esptool", *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("size", ["2MB", "1MB"])
def test_flash_without_room_for_a_file_system_is_refused(image, capsys, size):
    image(load("ESP32_GENERIC"), "--flash-size", size, status=4)
    assert "leave no room for a file system" in capsys.readouterr().err


def test_the_file_system_fills_the_flash_that_is_named(image):
    board = load("ESP32_GENERIC")
    back = read(board, image(board, "--flash-size", "16MB"))
    assert len(back.files) == 14 << 20
    assert back.end() == 16 << 20


def test_an_rp2_has_the_flash_that_its_micropython_was_built_for(image, capsys):
    image(load("RPI_PICO_W"), "--flash-size", "16MB", status=2)
    assert "is built for 2 MB" in capsys.readouterr().err


def test_firmware_for_another_chip_is_refused(tmp_path, capsys):
    for mine, other in (("RPI_PICO_W", "RPI_PICO2_W"), ("ESP32_GENERIC_C3", "ESP32_GENERIC_S3")):
        firmware = made.firmware(load(other), tmp_path)
        output = tmp_path / "image"
        command = ["image", "--board", mine, "--firmware", firmware, "--output", output]
        assert cli.main([str(part) for part in command]) == 4
        assert f"and this board's is {load(mine).chip}" in capsys.readouterr().err
        assert not output.exists()


def test_a_dry_run_writes_nothing(image, capsys):
    assert not image(load("RPI_PICO_W"), "--dry-run").exists()
    assert "Would write" in capsys.readouterr().err


def test_a_configuration_makes_the_image_a_secret(image, tmp_path):
    config = made.config(tmp_path / "config.json")
    board = load("RPI_PICO_W")
    path = image(board, "--config", config)
    assert (
        littlefs_image.read(board, read(board, path).files)["/config.json"] == config.read_bytes()
    )
    assert path.stat().st_mode & 0o077 == 0


def test_a_configuration_that_the_application_would_not_take(image, tmp_path, capsys):
    config = tmp_path / "config.json"
    config.write_text('{"name": "door", "mode": "sever"}')
    assert not image(load("RPI_PICO_W"), "--config", config, status=2).exists()
    said = capsys.readouterr().err
    assert 'mode: must be "client", "server" or "both"' in said
    assert "wifi: is missing" in said


def test_a_place_where_no_file_can_be_made(image, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    output = tmp_path / "file" / "image.uf2"
    image(load("RPI_PICO_W"), "--output", output, status=2)
    said = capsys.readouterr().err
    assert f"{output} can't be written" in said and "name another file" in said


def test_what_is_no_file_stays_what_it_is(image, tmp_path, capsys):
    output = tmp_path / "device"
    os.mkfifo(output)
    image(load("RPI_PICO_W"), "--output", output, status=2)
    assert f"{output} can't be written: it is no file" in capsys.readouterr().err
    assert output.is_fifo()


def test_a_disk_that_is_full(image, monkeypatch, capsys):
    board = load("RPI_PICO_W")

    def full(board, image, path):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(board_image.family(board), "write_image", full)
    path = image(board, status=2)
    assert f"{path} can't be written: No space left on device" in capsys.readouterr().err
    assert not path.exists() and not list(path.parent.glob("*.part"))


def test_the_next_command_is_one_for_a_shell(image, tmp_path, capsys):
    output = tmp_path / "my images" / "image.uf2"
    image(load("RPI_PICO_W"), "--output", output)
    assert output.is_file()
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Next: ")]
    assert shlex.split(line)[1:] == ["make", "flash", "BOARD=RPI_PICO_W", f"IMAGE={output}"]


def test_an_interrupted_image_leaves_the_old_one(image, monkeypatch):
    board = load("RPI_PICO_W")
    path = image(board)
    old = path.read_bytes()

    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(board_image.family(board), "write_image", broken)
    image(board, status=130)
    assert path.read_bytes() == old
    assert [each.suffix for each in path.parent.glob("image*")] == [".uf2"]


# What is wrong with a firmware file.


def test_a_uf2_with_a_block_missing(tmp_path):
    board = load("RPI_PICO_W")
    whole = made.uf2_file(board)
    for broken, said in (
        (whole[:-512], "it has 239 of 240 blocks"),
        (whole[:1024] + whole[1536:], "one is missing"),
        (whole[:700], "are no number of blocks"),
        (b"", "are no number of blocks"),
        (whole[:512] + b"X" + whole[513:], "block 1 has not the marks of one"),
        (whole[:512] + whole[:512] + whole[1024:], "one is missing"),
        (b"<!DOCTYPE html>".ljust(512), "block 0 has not the marks"),
    ):
        (tmp_path / "f.uf2").write_bytes(broken)
        with pytest.raises(WrongInput, match=said):
            board_image.family(board).read_firmware(board, tmp_path / "f.uf2")


def test_a_uf2_that_reaches_into_the_file_system_is_refused(tmp_path):
    board = load("RPI_PICO_W")
    (tmp_path / "f.uf2").write_bytes(made.uf2_file(board, size=board.vfs_offset + 1))
    with pytest.raises(Refused, match="and the file system begins at 0x12c000"):
        board_image.family(board).read_firmware(board, tmp_path / "f.uf2")


def flipped(octets, at):
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


@pytest.mark.parametrize("name", ESP)
def test_a_bin_that_is_not_whole(name, tmp_path):
    board = load(name)
    whole = made.esp_bin(board)
    table = 0x8000 - board.bootloader
    for broken, said in (
        (whole[:-1], "its application has another digest"),
        (whole[:-100], "its application has another"),
        (whole[: table + 8], "it ends after"),
        (flipped(whole, 0), "there is no boot loader"),
        (flipped(whole, 100), "its boot loader has another checksum"),
        (flipped(whole, table), "there is no partition table"),
        (flipped(whole, table + 5), "its partition table has another digest"),
        (flipped(whole, 0x10000 - board.bootloader), "there is no application"),
    ):
        (tmp_path / "f.bin").write_bytes(broken)
        with pytest.raises(WrongInput, match=said):
            board_image.family(board).read_firmware(board, tmp_path / "f.bin")


def test_a_partition_of_its_own_for_the_file_system(tmp_path):
    """MicroPython before 1.26, and boards with two applications."""
    board = load("ESP32_GENERIC")
    table = made.partition_table((1, 0x81, 0x300000, 0x100000, b"vfs"))
    (tmp_path / "f.bin").write_bytes(made.esp_bin(board, table=table))
    image = board_image.family(board).read_firmware(board, tmp_path / "f.bin")
    assert image.vfs_offset == 0x300000


@pytest.mark.parametrize("line", [":0000", ":00000002FE", "00000001FF", ":00000001FE", ""])
def test_a_hex_file_that_is_not_whole(line):
    with pytest.raises(WrongInput):
        hexfile.read(line, "image.hex")


def test_hex_across_64_kib():
    parts = [(0xFFF0, made.octets(70000, 1)), (0x200000, b"x")]
    assert hexfile.read(hexfile.write(parts), "x") == parts


# The file system.


def test_old_metadata_on_the_board_does_not_come_back():
    """Where the image has an empty half of a pair, the board may have a later revision of it."""
    board = load("RPI_PICO_W")
    new = {f"/dir{n}/file": made.octets(3000, n) for n in range(8)}
    image = littlefs_image.build(board, new, board.vfs_size())
    flash = image
    for turn in range(40):
        flash = littlefs_image.add(board, flash, {f"/dir{n}/old": b"%d" % turn for n in range(8)})
    assert len(littlefs_image.read(board, flash)) == 16
    flash = bytearray(flash)
    for address, octets in littlefs_image.parts(board, image, 0):
        flash[address : address + len(octets)] = octets
    assert littlefs_image.read(board, bytes(flash)) == new


def test_a_file_system_that_a_board_has_written_to_still_says_its_size():
    """The record of it moves when littlefs puts a block's entries together."""
    board = load("ESP32_GENERIC")
    files = littlefs_image.build(board, {"/main.py": made.octets(3000, 1)}, board.vfs_size())
    for turn in range(60):
        assert littlefs_image.size_of(files[: 2 * boards.BLOCK]) == board.vfs_size()
        files = littlefs_image.add(board, files, {"/slots.json": b"%d" % turn * 40})


def test_only_blocks_that_matter_are_written():
    board = load("RPI_PICO_W")
    image = littlefs_image.build(board, {"/file": made.octets(9000, 1)}, board.vfs_size())
    assert len(littlefs_image.blocks_in_use(board, image)) == 5  # a pair, and 3 for the file


def test_too_much_for_the_file_system_is_refused():
    board = load("RPI_PICO_W")
    with pytest.raises(Refused, match="don't fit into the file system of 868352 octets"):
        littlefs_image.build(board, {"/large": bytes(900000)}, board.vfs_size())


def test_something_that_is_no_file_system():
    with pytest.raises(ToolError, match="can't be mounted"):
        littlefs_image.read(load("RPI_PICO_W"), bytes(868352))


# Downloads.


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A web server with `files` in its root; `.url`."""
    monkeypatch.setenv("SIGNALBOX_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "site"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(root))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/"
    server.root = root
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_is_kept_and_recorded(site):
    board = load("RPI_PICO_W")
    (site.root / board.release).write_bytes(made.uf2_file(board))
    path = release.get(board, site=site.url)
    assert path.read_bytes() == made.uf2_file(board)
    record = path.with_name(path.name + ".sha256")
    assert record.read_text() == f"{release.digest(path)}  {board.release}\n"
    (site.root / board.release).unlink()
    assert release.get(board, site=site.url) == path


def test_a_download_that_changed_in_the_cache_is_refused(site):
    board = load("RPI_PICO_W")
    (site.root / board.release).write_bytes(made.uf2_file(board))
    path = release.get(board, site=site.url)
    path.write_bytes(b"x")
    with pytest.raises(Refused, match="has changed since it was downloaded"):
        release.get(board, site=site.url)


def test_a_record_that_was_not_written_to_its_end(site):
    board = load("RPI_PICO_W")
    (site.root / board.release).write_bytes(made.uf2_file(board))
    path = release.get(board, site=site.url)
    record = path.with_name(path.name + ".sha256")
    record.write_text("")
    assert release.get(board, site=site.url) == path
    assert record.read_text().startswith(release.digest(path))


def test_another_file_at_the_same_place_is_refused(site):
    board = load("RPI_PICO_W")
    (site.root / board.release).write_bytes(made.uf2_file(board))
    path = release.get(board, site=site.url)
    path.unlink()
    (site.root / board.release).write_bytes(made.uf2_file(board, size=70000))
    with pytest.raises(Refused, match="is not what was downloaded before"):
        release.get(board, site=site.url)
    assert not path.exists()


def test_a_page_in_the_place_of_a_firmware_is_not_kept(site):
    board = load("RPI_PICO_W")
    (site.root / board.release).write_text("<html>".ljust(1024))
    family = board_image.family(board)
    with pytest.raises(WrongInput):
        release.get(board, check=lambda path: family.read_firmware(board, path), site=site.url)
    assert not list((site.root.parent / "cache" / "firmware").iterdir())


def test_no_such_release_and_no_network(site):
    board = load("RPI_PICO_W")
    with pytest.raises(Unavailable, match="File not found"):
        release.get(board, site=site.url)
    with pytest.raises(Unavailable, match="can't be downloaded") as caught:
        release.get(board, site="http://127.0.0.1:9/")
    assert "FIRMWARE=file" in caught.value.cure


def test_a_firmware_that_is_no_file():
    with pytest.raises(WrongInput, match="FIRMWARE=/none is no file"):
        release.get(load("RPI_PICO_W"), "/none")
