"""A board for tools to talk to: the unix port on a pseudo-terminal, with a flash that outlives it.

What is at `.port` behaves as a board on a serial port does: it boots main.py from its littlefs, a
Ctrl-C ends that, the raw REPL's soft reset comes back to the raw REPL, machine.reset() and the
watchdog boot it again, and pull() is the cable. programs/board.py is its inside.
"""

import contextlib
import fcntl
import json
import os
import pty
import select
import subprocess
import termios
import threading
import time
from pathlib import Path

import board as boards
import littlefs_image

PROGRAMS = Path(__file__).parent / "programs"
# Whose geometry the flash has.
PICO_W = boards.load("RPI_PICO_W")
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
PROMPT = b">>> "
LEAVE_RAW = b"\r\x02"  # as mpremote does it
START_TIMEOUT_S = 30
UNREAD_S = 2
KEEP_S = 5


class SimulatedBoard:
    """A running board. `contents`: of its flash, which is empty if there is none.

    `implementation`: what it says that it is, see board.py.

    With `journal`, each change of the flash is appended to the file of that name.

    `.output` is everything that it has printed, over all of its starts; `.starts` counts them.
    """

    def __init__(self, unix_port, scratch, contents=None, implementation=None, journal=False):
        self.unix_port = unix_port
        self.flash = scratch / "flash.bin"
        self.journal = scratch / "journal.bin"
        size = PICO_W.vfs_size()
        self.flash.write_bytes(contents or littlefs_image.build(PICO_W, {}, size))
        self.settings = {"flash": str(self.flash), "prog": PICO_W.vfs_prog_bytes}
        self.settings["blocks"] = size // boards.BLOCK
        self.settings["implementation"] = implementation
        self.settings["journal"] = str(self.journal) if journal else None
        self.environ = {**unix_port.env, "MICROPYPATH": f"{PROGRAMS}:.frozen"}
        self.output = b""
        self.starts = 0
        self.raw = False
        self.fed_until = None
        self.pull_after = None  # octets that the board is still sent before the cable is pulled
        self.watchdog_pace = 1  # how much quicker than real time the watchdog is
        self.in_boot_loader = False  # machine.bootloader() was called; it starts all the same
        self._reset = None
        self._kept = b""
        self._keep_until = None
        self._changed = threading.Condition()
        self._cable = threading.RLock()
        self._process = None

    def __enter__(self):
        self.plug()
        self._wake, self._waker = os.pipe()
        self._stopping = False
        self._start(main=True)
        self._pump = threading.Thread(target=self._run, daemon=True)
        self._pump.start()
        return self

    def __exit__(self, *_):
        self._stopping = True
        os.write(self._waker, b"x")
        self._pump.join()
        self._end()
        self.pull()
        os.close(self._wake)
        os.close(self._waker)

    def read(self, path):
        """The octets of a file, straight from the flash. KeyError if it isn't there."""
        return littlefs_image.read(PICO_W, self.flash.read_bytes())[path]

    def changes(self):
        """What the journal has: [(offset, octets)]."""
        octets = self.journal.read_bytes()
        found = []
        at = 0
        while at < len(octets):
            end = octets.index(b"\n", at)
            _, offset, size = octets[at:end].split()
            at = end + 1 + int(size)
            found.append((int(offset), octets[end + 1 : at]))
        return found

    def plug(self):
        """Connect the cable: `port` is the path of the serial port. It is another one each time."""
        tools, self._port = pty.openpty()  # kept open: the other end stays when a tool closes it
        quiet(self._port)
        self.port = os.ttyname(self._port)
        self.pull_after = None
        self._unread = False
        os.set_blocking(tools, False)
        self._tools = tools

    def pull(self):
        """Pull the cable. The board goes on."""
        with self._cable:
            tools, self._tools = self._tools, None
            if tools is not None:
                os.close(tools)
                os.close(self._port)

    def power_cycle(self):
        """Take the power away, and give it back."""
        self._reset = "hard"
        os.write(self._waker, b"x")

    def wait_for(self, text, since=0, timeout_s=START_TIMEOUT_S):
        """Wait until `text` has been printed behind the first `since` octets of the output."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while text.encode() not in self.output[since:]:
                left_s = deadline - time.monotonic()
                assert left_s > 0, (
                    f"no {text!r} in:\n{self.output[since:].decode(errors='replace')}"
                )
                self._changed.wait(left_s)

    def _start(self, main):
        self.starts += 1
        self.raw = False
        self._prompted = False  # since it was started
        self._kept = b""
        self._keep_until = None
        self.fed_until = None
        self._board, inside = pty.openpty()
        quiet(inside)
        self._control, told = os.pipe()
        settings = self.flash.with_name("settings.json")  # the unix port's arguments are short
        settings.write_text(json.dumps({**self.settings, "control": told, "main": main}))

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is an interrupt

        self._process = subprocess.Popen(
            [self.unix_port.path, "-X", "heapsize=8m", "-i", PROGRAMS / "board.py", settings],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            pass_fds=[told],
            env=self.environ,
            cwd=self.flash.parent,
            preexec_fn=own_terminal,
        )
        os.close(inside)
        os.close(told)

    def _end(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._board)
        os.close(self._control)

    def _run(self):
        while not self._stopping:
            watched = [self._board, self._control, self._wake]
            tools = self._tools
            if tools is not None:
                watched.append(tools)
            try:
                readable, _, _ = select.select(watched, [], [], 0.2)
            except OSError:
                continue  # the cable was pulled just now
            with self._cable:
                self._turn(readable, tools)

    def _turn(self, readable, tools):
        if self._wake in readable:
            os.read(self._wake, 100)
        if self._board in readable:
            self._from_board()
        if self._control in readable:
            self._from_control()
        if tools in readable and tools == self._tools and not self._reset:
            self._from_tools()
        if self._keep_until and time.monotonic() > self._keep_until:
            self._keep_until = None
            self._pass_on()
        if self.fed_until and time.monotonic() > self.fed_until:
            self._reset = "hard"
        if self._process.poll() is not None and not self._reset:
            self._reset = "soft"  # Ctrl-D at the prompt
        if self._reset:
            self._restart()

    def _from_board(self):
        try:
            octets = os.read(self._board, 4096)
        except OSError:  # it has ended
            return
        self._to_tools(octets)
        self._show(octets)
        if self.output.endswith(RAW_PROMPT):
            self.raw = True
        if self.output.endswith(PROMPT):
            self._prompted = True
            self._keep_until = None
            self._pass_on()

    def _show(self, octets):
        with self._changed:
            self.output += octets
            self._changed.notify_all()

    def _from_control(self):
        for line in os.read(self._control, 4096).decode().splitlines():
            word, _, value = line.partition(" ")
            if word == "feed":
                self.fed_until = time.monotonic() + int(value) / 1000 / self.watchdog_pace
            else:
                self.in_boot_loader = word == "boot_loader"
                self._reset = "soft" if word == "soft" else "hard"

    def _from_tools(self):
        try:
            octets = os.read(self._tools, 4096)
        except OSError:  # nobody has it open, or another cable is there
            return
        if self.pull_after is not None:
            octets = octets[: self.pull_after]
            self.pull_after -= len(octets)
        self._kept += octets
        self._pass_on()
        if self.pull_after == 0:
            self.pull()

    def _pass_on(self):
        """Send what the tools sent, as far as it can go.

        The unix port forgets what it was sent when it comes from a program or a line to its prompt;
        a board doesn't. So what is behind the end of those waits for the prompt.
        """
        while self._kept and not self._keep_until:
            octets = self._kept
            if self.raw and octets != LEAVE_RAW:
                ends = ()
            elif self.raw:
                self.raw = False
                ends = LEAVE_RAW[-1:]
            else:
                ends = b"\r\x03" if self._prompted else b"\x03"
            found = [octets.index(end) + 1 for end in ends if end in octets]
            if found:
                self._keep_until = time.monotonic() + KEEP_S
            size = min(found, default=len(octets))
            self._kept = octets[size:]
            os.write(self._board, octets[:size])

    def _to_tools(self, octets):
        """What nobody reads is lost, as it is on a serial line."""
        tools = self._tools
        if tools is None:
            return
        while octets:
            patience_s = 0 if self._unread else UNREAD_S
            self._unread = not select.select([], [tools], [], patience_s)[1]
            if self._unread:
                return
            with contextlib.suppress(BlockingIOError):
                octets = octets[os.write(tools, octets) :]

    def _restart(self):
        while select.select([self._board], [], [], 0)[0]:
            try:
                octets = os.read(self._board, 4096)
            except OSError:
                break
            self._to_tools(octets)
            self._show(octets)
        kind, raw = self._reset, self.raw
        watchdog = self.fed_until
        self._reset = None
        self._end()
        self._start(main=kind == "hard" or not raw)
        if kind == "soft":
            self.fed_until = watchdog  # goes on
            self._to_tools(b"MPY: soft reboot\r\n")
            if raw:
                self._enter_raw()

    def _enter_raw(self):
        """Ctrl-A, and none of what the prompt says before."""
        seen = b""
        while not seen.endswith(b">>> "):
            seen += os.read(self._board, 4096)
        os.write(self._board, b"\x01")
        seen = b""
        while not seen.endswith(RAW_PROMPT):
            seen += os.read(self._board, 4096)
        self.raw = self._prompted = True
        self._to_tools(RAW_PROMPT)


def quiet(terminal):
    """No echo, no line editing, octets as they are; only Ctrl-C is still an interrupt."""
    settings = termios.tcgetattr(terminal)
    settings[0] = settings[1] = 0
    settings[3] = termios.ISIG
    settings[6][termios.VQUIT] = settings[6][termios.VSUSP] = b"\0"
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
