"""Boots a board's file system as the board does: mounts it at /, and runs its main.py.

    micropython -X heapsize=16m boot_image.py FILE PROG_SIZE [ARGUMENT...]

FILE is the file system alone. It is mounted over RAM in blocks of 4096 octets; a geometry that is
not the board's fails here as there.
"""

import os
import sys

import vfs

BLOCK = 4096


class Ram:
    """A block device as MicroPython's ports have one for their flash (the extended protocol)."""

    def __init__(self, octets):
        self._octets = octets

    def readblocks(self, block, buf, offset=0):
        at = block * BLOCK + offset
        buf[:] = memoryview(self._octets)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * BLOCK + offset
        self._octets[at : at + len(buf)] = buf

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self._octets) // BLOCK
        if operation == 5:
            return BLOCK
        return 0


def main(path, prog_size, *arguments):
    octets = bytearray(os.stat(path)[6])
    with open(path, "rb") as file:
        file.readinto(octets)
    flash = Ram(octets)
    file_system = vfs.VfsLfs2(flash, progsize=int(prog_size))
    vfs.umount("/")
    vfs.mount(file_system, "/")
    os.chdir("/")
    sys.path[:] = ["", "/lib", ".frozen"]
    sys.argv[:] = ("main.py",) + arguments
    print("mounted", len(os.listdir("/")))
    with open("main.py") as file:
        program = compile(file.read(), "main.py", "exec")
    exec(program, {"__name__": "__main__"})


main(*sys.argv[1:])
