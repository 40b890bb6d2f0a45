"""Starts the unix port as a board: its file system at /, in a file that is its flash.

The computer's devices stay at /dev. Runs in the directory that `make flash BOARD=UNIX` made.
"""

import os
import sys

import vfs

FLASH = "flash.littlefs"
BLOCK = 4096
PROG = 32


class FlashFile:
    """A file as a block device. What is written is there when write() returns."""

    def __init__(self, path):
        self._blocks = os.stat(path)[6] // BLOCK
        self._file = open(path, "r+b")

    def readblocks(self, block, buf, offset=0):
        """Read into `buf`."""
        self._file.seek(block * BLOCK + offset)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        """Write `buf`."""
        self._file.seek(block * BLOCK + offset)
        self._file.write(buf)

    def ioctl(self, operation, argument):
        """MicroPython's block protocol: 4 is the number of blocks, 5 their size."""
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK
        return 0


def run(path):
    """Run a program from the file system, if it is there."""
    try:
        with open(path) as file:
            program = compile(file.read(), path, "exec")
    except OSError:
        return
    exec(program, {"__name__": "__main__"})


files = vfs.VfsLfs2(FlashFile(FLASH), progsize=PROG)
vfs.umount("/")
vfs.mount(files, "/")
vfs.mount(vfs.VfsPosix("/dev"), "/dev")
os.chdir("/")
sys.path[:] = ["", "/lib", ".frozen"]
sys.argv[0] = "main.py"
run("main.py")
