"""The unix port as a board: a directory with the interpreter and a file that is its flash."""

import flash_image
import littlefs_image
from faults import WrongInput

SUFFIX = ".littlefs"


def read_firmware(board, path):
    """The unix port is a program of this computer: nothing of it is in an image."""
    return flash_image.Image([], 0)


def read_image(board, path):
    """The Image of a file that write_image() wrote."""
    files = path.read_bytes()
    if littlefs_image.size_of(files) != len(files):
        raise WrongInput(f"{path.name} is no file system", f"make image BOARD={board.name}")
    return flash_image.Image([], 0, files)


def write_image(board, image, path):
    """Write the file system as it is."""
    path.write_bytes(image.files)
