"""RP2040 and RP2350: UF2 files, and a boot loader in ROM that shows itself as a volume."""

import flash_image
import littlefs_image
import uf2
from faults import Refused, WrongInput

SUFFIX = ".uf2"


def read_firmware(board, path):
    """The Image of a MicroPython as it is released: a .uf2 file."""
    front, parts = uf2.read(path.read_bytes(), board.chip, path.name)
    return flash_image.Image(parts, board.vfs_offset, front=front).check(path.name)


def read_image(board, path):
    """The Image of a .uf2 file with a file system."""
    front, parts = uf2.read(path.read_bytes(), board.chip, path.name)
    firmware, pieces = [], []
    for address, octets in parts:
        # MicroPython may end where the file system begins, and then they are one part.
        below = octets[: max(0, board.vfs_offset - address)]
        above = octets[len(below) :]
        if below:
            firmware.append((address, below))
        if above:
            pieces.append((address + len(below), above))
    end = board.vfs_offset + board.vfs_size()
    if not pieces or not firmware:
        missing = "file system" if firmware else "MicroPython"
        raise WrongInput(f"{path.name} has no {missing} in it", f"make image BOARD={board.name}")
    if any(address + len(octets) > end for address, octets in pieces):
        raise Refused(
            f"{path.name} reaches beyond the flash of a {board.name}",
            f"make image BOARD={board.name}",
        )
    files = littlefs_image.whole(pieces, board.vfs_offset, board.vfs_size())
    return flash_image.Image(firmware, board.vfs_offset, files, front)


def write_image(board, image, path):
    """Write a .uf2 file."""
    path.write_bytes(uf2.write(image.front, image.parts(board), board.chip))
