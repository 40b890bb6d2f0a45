"""What deploy does to the slots; begin(), check() and finish() are called by deployment.py."""

import hashlib
import json
import os

DIRECTORY = 0x4000


def begin(slot, good, wanted, blocks):
    """Make the slot one that is not whole, and rid of what is not wanted in it.

    `good`: the slot that the state has to name first, None if it does. `wanted`: the paths of the
    slot's files. Prints the free blocks if there are less than `blocks` for it.
    """
    root = "/slot_" + slot
    if good:
        set_state({"slot": good})
    remove(root + "/version")
    for leftover in ("/main.new", "/slots.new", "/version.new"):
        remove(leftover)
    clean(root, wanted, len(root) + 1)
    have = os.statvfs("/")[3] + sum(in_blocks(root))
    if have < blocks:
        print("full", have, blocks)
        raise OSError(28)  # ENOSPC
    make(root)
    for path in sorted(wanted):
        at = path.find("/")
        while at > 0:
            make(root + "/" + path[:at])
            at = path.find("/", at + 1)


def make(directory):
    try:
        os.mkdir(directory)
    except OSError:
        pass  # it is there


def clean(path, wanted, cut):
    """Remove all files below that are not wanted, and directories that are empty then."""
    try:
        entries = list(os.ilistdir(path))
    except OSError:
        return
    for name, kind, *_ in entries:
        child = path + "/" + name
        if kind == DIRECTORY:
            clean(child, wanted, cut)
            try:
                os.rmdir(child)
            except OSError:
                pass  # something is in it
        elif child[cut:] not in wanted:
            os.remove(child)


def in_blocks(path):
    """Yield how many blocks each file below takes, and each directory."""
    try:
        entries = list(os.ilistdir(path))
    except OSError:
        return
    yield 2
    for name, kind, _, size in entries:
        if kind == DIRECTORY:
            yield from in_blocks(path + "/" + name)
        else:
            yield -(-size // 4096)


def digest(path):
    found = hashlib.sha256()
    buffer = memoryview(bytearray(512))
    with open(path, "rb") as file:
        while True:
            size = file.readinto(buffer)
            if not size:
                return found.digest().hex()
            found.update(buffer[:size])


def check(root):
    """Compare the files below with the lines of /version.new; print and raise what differs."""
    with open("/version.new") as file:
        file.readline()
        for line in file:
            wanted, name = line.strip().split(" ", 1)
            try:
                same = digest(root + "/" + name) == wanted
            except OSError:
                same = False
            if not same:
                print("differs", name)
                raise ValueError(name)


def finish(slot, main):
    """The slot is whole, main.py is new, the slot is on trial: in this order. `main`: its hash."""
    check("/slot_" + slot)
    os.rename("/version.new", "/slot_" + slot + "/version")
    if digest("/main.new") != main:
        print("differs main.py")
        raise ValueError("main.py")
    os.rename("/main.new", "/main.py")
    set_state({"slot": slot, "starts": 0})


def set_state(state):
    with open("/slots.new", "w") as file:
        json.dump(state, file)
    os.rename("/slots.new", "/slots.json")


def remove(path):
    try:
        os.remove(path)
    except OSError:
        pass  # it was not there
