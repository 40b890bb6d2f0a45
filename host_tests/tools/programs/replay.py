"""Cuts the power at every change of a flash that a journal has, and boots the board after each.

    micropython -X heapsize=16m replay.py CONTENTS JOURNAL BLOCKS PROG

CONTENTS is the flash before the first change. After each cut (before a change, and in the middle of
it) main.py is run, and the application that it starts must be a whole one: all of its files are
what its `version` says. Prints `cut <number> <what ran>` when that changes, last `cuts <number>`.
"""

import hashlib
import sys

import boots
from flash import Flash


class Running(BaseException):
    """An application has come to its main loop."""


class Time:
    """Ends an application that sleeps in its main loop, and remembers where it came from."""

    def sleep(self, seconds):
        if seconds == 1:  # main.py sleeps longer
            self.root = sys.path[0]
            raise Running


def changes(path):
    """Yield (offset, octets) for each change in the journal."""
    with open(path, "rb") as file:
        while True:
            header = file.readline()
            if not header:
                return
            _, at, size = header.split()
            yield int(at), file.read(int(size))


def whole(root):
    """The version's line, after its files have been compared with it."""
    with open(root + "/version") as file:
        line = file.readline().strip()
        for entry in file:
            wanted, name = entry.strip().split(" ", 1)
            with open(root + "/" + name, "rb") as content:
                assert hashlib.sha256(content.read()).digest().hex() == wanted, name
    return line


def boot(memory, blocks, prog):
    """Boot a board with this flash. Returns the version that runs."""
    time = Time()
    try:
        end = boots.boot(Flash(blocks, prog, bytearray(memory)), time, from_flash=True)
    except Running:
        return whole(time.root)
    raise AssertionError("nothing runs: %r" % end)


def main(contents, journal, blocks, prog):
    with open(contents, "rb") as file:
        memory = bytearray(file.read())
    cuts = 0
    before = None
    for at, octets in list(changes(journal)):
        half = len(octets) // 2
        for part in (0, half):
            memory[at : at + part] = octets[:part]
            ran = boot(memory, int(blocks), int(prog))
            if ran != before:
                print("cut", cuts, ran)
                before = ran
            cuts += 1
        memory[at : at + len(octets)] = octets
    assert boot(memory, int(blocks), int(prog)) == before  # the last change has been made
    print("cuts", cuts)


main(*sys.argv[1:])
