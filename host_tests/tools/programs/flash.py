"""A board's flash in memory, under littlefs as the ports mount it; its power can be cut."""

import vfs

BLOCK = 4096
EIO = 5


class PowerCut(BaseException):
    """The power failed in the middle of an erase or a write."""


class Flash:
    """A block device. `cut_at`: the change (the first is 0) that is not finished; None: never.

    A change that is not finished leaves a block that is half erased, or half of what was to be
    written. `changes` counts them.
    """

    def __init__(self, blocks, prog, memory=None):
        self.blocks = blocks
        self.prog = prog
        self.memory = memory or bytearray(blocks * BLOCK)
        self.changes = 0
        self.cut_at = None
        self.off = False
        if memory is None:
            self.erase(0, len(self.memory))
            vfs.VfsLfs2.mkfs(self, progsize=prog)

    def copy(self):
        """Another flash with the same contents, whose power is on.

        This one stays as it is: files that were open when its power failed are closed at some
        time, and whatever littlefs writes then must not be seen.
        """
        return Flash(self.blocks, self.prog, bytearray(self.memory))

    def mount(self):
        """Mount it as the root, in the place of what is mounted there."""
        vfs.umount("/")
        vfs.mount(vfs.VfsLfs2(self, progsize=self.prog), "/")

    def erase(self, start, end):
        """In pieces, as a whole flash of the erased state would be a second one in the heap."""
        for at in range(start, end, BLOCK):
            stop = min(at + BLOCK, end)
            self.memory[at:stop] = ERASED[: stop - at]

    def readblocks(self, block, buffer, offset=0):
        if self.off:
            return -EIO
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.memory)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        if self.off:
            return -EIO
        at = block * BLOCK + offset
        size = self.finished(len(buffer))
        self.memory[at : at + size] = memoryview(buffer)[:size]
        self.changed("write", at, size)
        self.count(size, len(buffer))

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            if self.off:
                return -EIO
            at = argument * BLOCK
            size = self.finished(BLOCK)
            self.erase(at, at + size)
            self.changed("erase", at, size)
            self.count(size, BLOCK)
        return 0

    def finished(self, size):
        """How much of the next change is done."""
        return size // 2 if self.changes == self.cut_at else size

    def changed(self, kind, at, size):
        """Called after each change, for a flash that keeps them."""

    def count(self, done, wanted):
        self.changes += 1
        if done < wanted:
            self.off = True
            raise PowerCut


ERASED = b"\xff" * BLOCK
