"""A board's file system as octets: littlefs in the board's geometry, as its MicroPython mounts it.

The number of blocks has to be the board's own: with another one the RP2 port formats its file
system anew without a word, and the ESP32 port refuses to go on.
"""

import re

from board import BLOCK
from faults import Refused, ToolError, Unavailable

DISK_VERSION = 0x00020000  # every MicroPython with littlefs2 mounts it
NEWEST_DISK_VERSION = 0x00020001  # what a board's own becomes with its first write
READ = 32  # octets; MicroPython's own
LOOKAHEAD = 32  # octets; MicroPython's own
NAME = b"littlefs"  # in both superblocks
# Major version, size of a block, number of blocks, limits of names, files and attributes
# (littlefs SPEC.md). Once a board has written to it, this need not stand right behind the name.
SUPERBLOCK = re.compile(
    rb"\x02\x00\x00\x10\x00\x00(.{4})\xff\x00\x00\x00\xff\xff\xff\x7f\xfe\x03\x00\x00", re.DOTALL
)
CHUNK = 16 * BLOCK


class DamagedError(ToolError):
    """There is a file system, and what is wanted of it can't be read."""


def build(board, files, size):
    """The octets of a file system of `size` octets with `files`, path -> octets. Refused: no room.

    The files are written in order: the first ones are at the front.
    """
    littlefs = _littlefs()
    context = littlefs.UserContext(size)
    file_system = _file_system(board, context, size, DISK_VERSION)
    file_system.format()
    file_system.mount()
    try:
        for path, octets in files.items():
            _write(file_system, path, octets)
    except littlefs.LittleFSError as error:
        if error.code != littlefs.LittleFSError.Error.LFS_ERR_NOSPC:
            raise
        raise Refused(
            f"{sum(map(len, files.values()))} octets of files don't fit into the file system of "
            f"{size} octets",
            "leave something out, or take a board with more flash",
        ) from None
    file_system.unmount()
    return bytes(context.buffer)


def add(board, octets, files):
    """The octets of the file system with `files`, path -> octets, added or replaced."""
    context = _littlefs().UserContext(buffer=bytearray(octets))
    file_system = _mounted(board, context, len(octets))
    for path, content in files.items():
        _write(file_system, path, content)
    file_system.unmount()
    return bytes(context.buffer)


def read(board, octets):
    """Path -> octets of all files in a file system. ToolError: it can't be mounted."""
    context = _littlefs().UserContext(buffer=bytearray(octets))
    return _read_all(_mounted(board, context, len(octets)))


def read_file(board, path, limit, fetch):
    """One file's octets from the file system on a board, of which little is read.

    `fetch(offset, length)` returns octets of the `limit` octets there are; whole CHUNKs are asked
    for, each once. None: there is no file system, or not this file in it. DamagedError.
    """
    first = fetch(0, min(CHUNK, limit))
    size = size_of(first)
    if size is None:
        return None
    context = _partial_context(min(size, limit))
    context.put(0, first)
    while True:
        context.missing = None
        try:
            found = _read_all(_mounted(board, context, size), path).get(path)
        except (ToolError, _littlefs().LittleFSError) as error:
            if context.missing is None:
                raise DamagedError(f"the file system is damaged: {error}", "run it again") from None
        if context.missing is None:
            return found
        start = context.missing
        context.put(start, fetch(start, min(CHUNK, limit - start)))


def blocks_in_use(board, octets):
    """The numbers of the blocks that matter, in order.

    They are those that hold something, and those that are read when everything is: of a pair of
    metadata blocks one may be empty, but must not hold what a board had there before.
    """
    context = _recording_context(bytearray(octets))
    _read_all(_mounted(board, context, len(octets)))
    erased = b"\xff" * BLOCK
    for number in range(len(octets) // BLOCK):
        if octets[number * BLOCK : (number + 1) * BLOCK] != erased:
            context.seen.add(number)
    return sorted(context.seen)


def parts(board, octets, offset):
    """What of a file system has to be written: [(address, octets)], `offset` being where it is."""
    runs = []
    for number in blocks_in_use(board, octets):
        content = octets[number * BLOCK : (number + 1) * BLOCK]
        if runs and runs[-1][0] + len(runs[-1][1]) == offset + number * BLOCK:
            runs[-1][1].extend(content)
        else:
            runs.append((offset + number * BLOCK, bytearray(content)))
    return [(address, bytes(content)) for address, content in runs]


def whole(pieces, offset, size):
    """The file system of `size` octets from the parts of a file: what is missing is erased."""
    octets = bytearray(b"\xff" * size)
    for address, content in pieces:
        octets[address - offset : address - offset + len(content)] = content
    return bytes(octets)


def size_of(octets):
    """Octets that the superblock says the file system has; None if it does not say it."""
    for start in (0, BLOCK):
        if octets.find(NAME, start, start + 64) >= 0:
            found = SUPERBLOCK.search(octets, start, start + BLOCK)
            if found:
                return BLOCK * int.from_bytes(found[1], "little")
    return None


def _littlefs():
    try:
        import littlefs
    except ImportError:
        raise Unavailable(
            "there is no littlefs-python for this computer's Python",
            "flash MicroPython alone (make flash), then make deploy",
        ) from None
    return littlefs


def _recording_context(buffer):
    class Recording(_littlefs().UserContext):
        """Remembers which blocks were read."""

        def __init__(self, buffer):
            super().__init__(buffer=buffer)
            self.seen = set()

        def read(self, cfg, block, off, size):
            self.seen.add(block)
            return super().read(cfg, block, off, size)

    return Recording(buffer)


def _partial_context(size):
    class Partial(_littlefs().UserContext):
        """Knows which chunks it has; the first one that is missed is remembered."""

        def __init__(self, size):
            super().__init__(size)
            self._present = set()
            self.missing = None

        def put(self, start, octets):
            self.buffer[start : start + len(octets)] = octets
            self._present.add(start)

        def read(self, cfg, block, off, size):
            start = block * BLOCK // CHUNK * CHUNK
            if start not in self._present and self.missing is None:
                self.missing = start
            return super().read(cfg, block, off, size)

    return Partial(size)


def _file_system(board, context, size, version=NEWEST_DISK_VERSION):
    return _littlefs().LittleFS(
        context=context,
        mount=False,
        block_size=BLOCK,
        block_count=size // BLOCK,
        prog_size=board.vfs_prog_bytes,
        read_size=READ,
        lookahead_size=LOOKAHEAD,
        # As MicroPython has it. Files up to this size can be in their directory's blocks.
        cache_size=4 * max(READ, board.vfs_prog_bytes),
        disk_version=version,
    )


def _mounted(board, context, size):
    file_system = _file_system(board, context, size)
    try:
        file_system.mount()
    except _littlefs().LittleFSError as error:
        raise ToolError(
            f"the file system can't be mounted: {error}", "make the image again"
        ) from None
    return file_system


def _write(file_system, path, octets):
    path = path.lstrip("/")
    directory = path.rpartition("/")[0]
    if directory:
        file_system.makedirs(directory, exist_ok=True)
    with file_system.open(path, "wb") as file:
        file.write(octets)


def _read_all(file_system, only=None):
    files = {}
    for directory, _, names in file_system.walk("/"):
        for name in names:
            path = f"{directory.rstrip('/')}/{name}"
            if only not in (None, path):
                continue
            with file_system.open(path, "rb") as file:
                files[path] = file.read()
    return files
