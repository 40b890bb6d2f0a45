"""The application as a board gets it: .mpy files for its architecture, and what they read, in one
of two slots.

What a slot is, and how main.py chooses one, is described in firmware/main.py.
"""

import hashlib
import subprocess
import tempfile
from pathlib import Path

import env
import mpy
import web

MAIN = "/main.py"  # MicroPython starts this one from source only
SLOTS = ("/slot_a", "/slot_b")
VERSION = "version"  # the last file of a slot: while it is there, the slot is whole


def tree(board):
    """Path in a slot -> octets of the application, compiled for the board; without `version`.

    Equal sources give equal octets.
    """
    with tempfile.TemporaryDirectory() as scratch:
        mpy.deployed(board.native_arch, Path(scratch))
        found = {
            path.relative_to(scratch).as_posix(): path.read_bytes()
            for path in sorted(Path(scratch).rglob("*"))
            if path.is_file()
        }
    found.pop("main.mpy", None)
    found[web.NAME] = web.page()
    return found


def version(files):
    """The line that names a version: the source's, as git knows it, and a digest of the files."""
    digest = hashlib.sha256()
    for path, octets in sorted(files.items()):
        digest.update(b"%s\0%d\0%s" % (path.encode(), len(octets), octets))
    return f"{source_version()} {digest.hexdigest()[:12]}"


def source_version():
    """`git describe` of this directory; "unversioned" where it is no clone."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(command, cwd=env.ROOT, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "unversioned"
    return done.stdout.strip() or "unversioned"


def version_file(files):
    """The octets of a slot's `version`: the version's line, then SHA-256 and path of each file."""
    lines = [version(files)]
    for path, octets in sorted(files.items()):
        lines.append(f"{hashlib.sha256(octets).hexdigest()} {path}")
    return "".join(line + "\n" for line in lines).encode()


def fresh(board):
    """Path on the board -> octets of a file system that has nothing else: one slot, and main.py."""
    files = tree(board)
    slot = SLOTS[0]
    return {
        MAIN: (mpy.FIRMWARE / "main.py").read_bytes(),
        **{f"{slot}/{path}": octets for path, octets in files.items()},
        f"{slot}/{VERSION}": version_file(files),
    }
