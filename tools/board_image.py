"""What goes into a board's flash: MicroPython, and a file system if it brings one.

families/ knows how each port's files hold it, and how it gets onto a board: one module per port,
named as in board.json, with

    SUFFIX                            of an image file
    read_firmware(board, path)        the Image of MicroPython as it is released
    read_image(board, path)           the Image that write_image() wrote
    write_image(board, image, path)
    flash(board, image, options)      put it onto the board: options as flash.py has them; returns
                                      what to do next, if that is not the usual
"""

import importlib

import littlefs_image
import sizes
from board import BLOCK
from faults import Refused


class Image:
    """`firmware`: (address in flash, octets) of each part of MicroPython, in order.

    `vfs_offset`: where the file system begins. `vfs_bytes`: how large MicroPython has it; None: up
    to the end of the flash. `files`: its octets, all of them, or None. `front`: blocks of a UF2
    file that stand in front of all others.
    """

    def __init__(self, firmware, vfs_offset, vfs_bytes, files=None, front=()):
        self.firmware = firmware
        self.vfs_offset = vfs_offset
        self.vfs_bytes = vfs_bytes
        self.files = files
        self.front = front

    def with_files(self, files):
        """The same with a file system, all of its octets."""
        return Image(self.firmware, self.vfs_offset, self.vfs_bytes, files, self.front)

    def parts(self, board):
        """(address, octets) of all that has to be written."""
        if self.files is None:
            return list(self.firmware)
        return [*self.firmware, *littlefs_image.parts(board, self.files, self.vfs_offset)]

    def end(self):
        """Octets of flash that a board has to have for it."""
        last = max((address + len(octets) for address, octets in self.firmware), default=0)
        return max(last, self.vfs_offset + len(self.files or b""))

    def check(self, name):
        """Refused: MicroPython is so large that it reaches into the file system."""
        for address, octets in self.firmware:
            if address + len(octets) > self.vfs_offset:
                raise Refused(
                    f"{name} ends at {address + len(octets):#x}, and the file system begins at "
                    f"{self.vfs_offset:#x}",
                    "take a MicroPython for this board",
                )
        return self


def family(board):
    """The module of families/ that knows boards of this port."""
    return importlib.import_module(f"families.{board.port}")


def fill(board, image, files, flash_bytes=None):
    """The image with a file system of `files`, path -> octets, for a board with so much flash.

    Refused: the flash is too small for MicroPython, or the file system for the files.
    """
    size = image.vfs_bytes
    if size is None:
        size = (flash_bytes or board.flash_bytes) - image.vfs_offset
    if size < 2 * BLOCK:
        raise Refused(
            f"{sizes.text(flash_bytes)} of flash leave no room for a file system behind "
            f"MicroPython, which ends at {image.vfs_offset:#x}",
            "take a board with more flash",
        )
    return image.with_files(littlefs_image.build(board, files, size))
