"""The volume as which a chip's boot loader in ROM shows itself, known by its INFO_UF2.TXT.

That file tells the RP2040 from the RP2350, but neither the size of the flash nor whether there is
Wi-Fi. The volume vanishes when the chip has the whole file and starts it.
"""

import contextlib
import errno
import os
import re
import sys
import time
from pathlib import Path

import sizes
from faults import NoBoard, Refused, ToolError
from progress import bar

MOUNTS = Path("/proc/self/mounts")
INFO = "INFO_UF2.TXT"
BOARD_IDS = {"RPI-RP2": "RP2040", "RP2350": "RP2350"}
VANISH_S = 30
CHUNK = 1 << 15


class Volume:
    """One that is mounted at `path`. `info`: the file's values by their names."""

    def __init__(self, path):
        self.path = path
        try:
            text = (path / INFO).read_text(errors="replace")
        except OSError:
            raise NoBoard(
                f"{path} is no boot loader's volume: it has no {INFO}",
                "hold BOOTSEL while you plug the board in, and name the volume that appears",
            ) from None
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
        self.info = {name.strip(): value.strip() for name, value in pairs}

    @property
    def chip(self):
        """As board.json has it; or what the boot loader says, if it is none that is known."""
        board_id = self.info.get("Board-ID", "")
        return BOARD_IDS.get(board_id, board_id or "unknown")

    def check(self, chip):
        """NoBoard: the boot loader is another chip's."""
        if self.chip != chip:
            raise NoBoard(
                f"the chip at {self.path} is {self.chip}, and the board's should be {chip}",
                "name the board that it is, or attach the right one",
            )

    def copy(self, octets, name):
        """Write a file, have it on the chip, and wait until the chip has started it."""
        self._check_room(len(octets))
        done = 0
        try:
            with bar() as progress, open(self.path / name, "wb", buffering=0) as file:
                task = progress.add_task("copy", total=len(octets))
                while done < len(octets):
                    piece = octets[done : done + CHUNK]
                    done += file.write(piece)
                    os.fsync(file.fileno())
                    progress.update(task, completed=done)
        except OSError as error:
            # The chip starts with the last block: what is left of the file then fails, or not.
            if done < len(octets) or not self._gone():
                raise self._failed(error, done, len(octets)) from None
        self._wait()

    def _check_room(self, size):
        try:
            room = os.statvfs(self.path)
        except (OSError, AttributeError):
            return  # copying will show it
        free = room.f_bavail * room.f_frsize
        if free < size:
            raise Refused(
                f"{self.path} has {sizes.text(free)} free, and the file has {size} octets",
                "delete what was copied there by hand, or plug the board in anew with BOOTSEL",
            )

    def _failed(self, error, done, size):
        again = "hold BOOTSEL while you plug the board in, and run it again"
        if error.errno == errno.ENOSPC:
            return ToolError(f"{self.path} is full after {done} of {size} octets", again)
        if self._gone():
            return ToolError(f"{self.path} went away after {done} of {size} octets", again)
        return ToolError(f"{self.path}: {error.strerror} after {done} of {size} octets", again)

    def _gone(self):
        return not (self.path / INFO).is_file()

    def _wait(self):
        deadline = time.monotonic() + VANISH_S
        while not self._gone():
            if time.monotonic() > deadline:
                raise ToolError(
                    f"the boot loader has the file, and has not started it within {VANISH_S} s",
                    "is it for this board? hold BOOTSEL while you plug it in, and run it again",
                )
            time.sleep(0.05)


def attached():
    """All Volumes that are mounted."""
    volumes = []
    for path in mount_points():
        with contextlib.suppress(NoBoard):
            volumes.append(Volume(path))
    return volumes


def mount_points():
    """Where volumes are: on Linux those with a FAT, on macOS all of them."""
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").iterdir())
    try:
        lines = MOUNTS.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, where, kind = line.split(b" ")[:3]
        if kind in (b"vfat", b"msdos"):
            where = re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), where)
            found.append(Path(os.fsdecode(where)))  # \040 is a space
    return found


def not_mounted():
    """What to do about a boot loader that is attached, but not mounted; "" if there is none."""
    for label in BOARD_IDS:
        device = Path("/dev/disk/by-label") / label
        if device.exists():
            return f"mount it: udisksctl mount -b {device}"
    return ""
