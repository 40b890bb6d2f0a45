"""Brings a version of the application onto a running board, whatever happens on the way.

It is copied into the slot that is not needed, compared there with what was sent, and only then
started; the board goes back by itself when it doesn't confirm (firmware/main.py says how). Every
step can be the last one: the board starts a whole version, and the next run goes on from there.
"""

import hashlib
import tempfile
import time
from pathlib import Path

import application
import installed
import mpy
import remote
from faults import Refused, ToolError
from lines import Lines
from progress import bar, say

CRASH_LINES = 40
SETTLE_S = 8  # longer than it takes to fail, and to be started again by main.py
# For the state, main.py's successor and the directories' growth.
SPARE_BLOCKS = 4


class Deployment:
    """The application for a Board, and the board at a port that is to get it."""

    def __init__(self, board, port, found):
        """`found`: the Installed. NoBoard, Refused: the application can't go there."""
        installed.check(board, found)
        self.board = board
        self.port = port
        self.found = found
        self.files = application.tree(board)
        self.version = application.version(self.files)
        self.slot, self.keep = choose(found)

    def is_there(self):
        """Whether the slot that is started holds this version already."""
        state = self.found.state
        return bool(state) and self.found.slots[state["slot"]] == self.version

    def blocks(self):
        """Blocks of the file system that the slot and main.py take at most."""
        directories = {Path(path).parent for path in self.files}
        sizes = [*map(len, self.files.values()), 4096, 4096 * 2]
        return sum(-(-size // 4096) for size in sizes) + 2 * len(directories) + 2 + SPARE_BLOCKS

    def copy(self):
        """Copy, compare, and switch over. Whatever is raised, the board still starts what it did.

        Refused: there is no room. RemoteError: the copy is not what was sent.
        """
        with tempfile.TemporaryDirectory(prefix="signalbox-") as scratch:
            staging = Path(scratch)
            version = application.version_file(self.files)
            main = (mpy.FIRMWARE / "main.py").read_bytes()
            stage(staging, self.files)
            stage(staging, {"version.new": version, "main.new": main})
            steps = [
                ["exec", installed.script("hold", HOLD_S=installed.HOLD_S)],
                ["exec", installed.script("slot") + self._call("begin")],
                *self._copies(staging),
                ["fs", "cp", staging / "version.new", staging / "main.new", ":/"],
                ["exec", f"finish({self.slot!r}, {hashlib.sha256(main).hexdigest()!r})"],
            ]
            self._follow([word for step in steps for word in (*step, "+")][:-1])

    def _call(self, function):
        names = tuple(sorted(self.files))
        return f"\n{function}({self.slot!r}, {self.keep!r}, {names!r}, {self.blocks()})"

    def _copies(self, staging):
        """One `fs cp` for each directory: it names each file, and skips what is there already."""
        by_directory = {}
        for path in sorted(self.files):
            by_directory.setdefault(Path(path).parent.as_posix(), []).append(staging / path)
        for directory, paths in sorted(by_directory.items()):
            target = f":/slot_{self.slot}/" + ("" if directory == "." else directory + "/")
            yield ["fs", "cp", *paths, target]

    def _follow(self, arguments):
        sizes = {path: len(octets) for path, octets in self.files.items()}
        complaint = ("", "")
        with bar() as progress:
            task = progress.add_task(f"slot {self.slot}", total=sum(sizes.values()))

            def on_line(line):
                nonlocal complaint
                word, _, rest = line.partition(" ")
                if word in ("full", "differs"):
                    complaint = (word, rest)
                elif word == "cp":  # it has begun with that file
                    source = Path(rest.rpartition(" :")[0])
                    for path in sizes:
                        if source.parts[-len(Path(path).parts) :] == Path(path).parts:
                            progress.update(task, advance=sizes[path])

            try:
                remote.follow(self.port, *arguments, on_line=on_line)
            except remote.RemoteError as error:
                raise explained(error, *complaint) from None


def explained(error, word, rest):
    """The RemoteError of a copy as what it means to a person; `word rest`: what the board said."""
    if word == "full":
        have, wanted = map(int, rest.split())
        return Refused(
            f"the board's flash is full: the application needs {wanted * 4} KiB, and "
            f"{have * 4} KiB are free; the version that ran goes on running",
            "remove what isn't needed from the board: mpremote fs ls, mpremote fs rm",
        )
    if any(text in error.output for text in ("ENOSPC", "No space", "OSError: 28")):
        return ToolError(
            "the board's flash is full; the version that ran goes on running",
            "remove what isn't needed from the board: mpremote fs ls, mpremote fs rm",
        )
    if word == "differs":
        return ToolError(
            f"what is on the board is not what was sent: {rest}; the version that ran goes on",
            "run it again; if it happens again, the flash is worn out: take another board",
        )
    return error


def stage(directory, files):
    """Write files, path -> octets, below a directory."""
    for path, octets in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(octets)


def choose(found):
    """(slot to write, slot that the state has to name first or None) for what is on a board.

    The slot that is written is never the one that is known to be good.
    """
    whole = found.whole
    if not whole:
        return "a", None
    state = found.state
    if not state or state["slot"] not in whole:
        state = {"slot": whole[0], "starts": 0}  # as main.py does
    running = state["slot"]
    other = "a" if running == "b" else "b"
    if "starts" in state and other in whole:
        return running, other
    return other, None


class Watch:
    """What a restarted board says of its slot, from its start to the confirmation."""

    def __init__(self, slot):
        self.slot = slot
        self.outcome = None
        self.started = 0
        self.last_words = []

    def is_up(self):
        """Whether it was started, and goes on for all that was seen."""
        return self.started == 1 and not self.has_traceback()

    def has_traceback(self):
        """Whether its last words have one."""
        return any(line.startswith("Traceback") for line in self.last_words)

    def see(self, line):
        """Take a line that the board printed."""
        if line.startswith(f"slots: {self.slot} is confirmed"):
            self.outcome = "confirmed"
        elif line.startswith(f"slots: {self.slot}, version ") and line.endswith(", confirmed"):
            self.outcome = "confirmed"  # what it said before was missed
        elif line.startswith(f"slots: {self.slot} failed to start"):
            self.outcome = "back"
        elif line.startswith(f"slots: {self.slot}, version "):
            self.started += 1
        if not self.outcome:
            self.last_words = [*self.last_words, line][-CRASH_LINES:]


def crash_report(port):
    """The lines of the board's report of its last crash; the board is stopped for that."""
    output = remote.run(port, "exec", installed.script("show", PATH="/crash.txt"))
    text = (output.split() or ["-"])[-1]
    return [] if text == "-" else bytes.fromhex(text).decode("utf-8", "replace").splitlines()


def restart(port):
    """Have the board start what it starts, if it is there at all. Returns whether it was."""
    try:
        remote.run(port, "resume", "reset")
    except ToolError:
        return False
    return True


def start(port, slot, wait_s, configured=True):
    """Restart the board, and watch it for `wait_s` seconds at most. Returns the Watch.

    One that is not configured has nothing to confirm: it is enough that it stays up for a while.
    """
    watch = Watch(slot)
    with Lines(port) as lines:
        if not restart(port):
            raise ToolError(
                "the board is gone; the new version is on it, and starts when it has power",
                "connect it again, and run: make deploy",
            )
        deadline = time.monotonic() + wait_s
        while not watch.outcome and (left_s := deadline - time.monotonic()) > 0:
            line = lines.read(left_s)
            if line is not None:
                say(f"  {line}")
                watch.see(line)
                if watch.started and not configured:
                    deadline = min(deadline, time.monotonic() + SETTLE_S)
    if not watch.outcome and not configured and watch.is_up():
        watch.outcome = "started"
    return watch
