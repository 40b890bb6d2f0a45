"""What is on a running board, and whether an application for a given board may go there."""

import json
import re
from pathlib import Path

import env
import remote
from faults import NoBoard, Refused

FIRST_TRY_S = 15
ON_BOARD = Path(env.ROOT) / "tools" / "on_board"
# sys.implementation._mpy: bits 10 to 13 (py/persistentcode.h).
ARCHES = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa",
    "xtensawin", "rv32imc", "rv64imc",
)  # fmt: skip
THUMB = ARCHES[4:9]  # each of them runs what is compiled for those before it
UNIX = ("linux", "darwin")
# The application's watchdog has its way again after so long: see on_board/hold.py.
HOLD_S = 180


class Installed:
    """What tools/on_board/look.py saw: its keys, as attributes. `state`: of the slots, or None."""

    def __init__(self, values):
        self.__dict__.update(values)
        self.state = read_state(self.state)
        self.mpy_arch = ARCHES[self.mpy >> 10 & 0xF] if self.mpy >> 10 & 0xF < len(ARCHES) else None
        self.chip = chip_of(self.machine) or self.platform

    @property
    def whole(self):
        """The slots that can be started."""
        return [slot for slot in "ab" if self.slots[slot]]

    @property
    def on_trial(self):
        """Whether the slot that the state names is still to be confirmed."""
        return bool(self.state) and "starts" in self.state

    @property
    def free_bytes(self):
        """Free octets of the file system."""
        return self.free_blocks * self.block_bytes

    def describe(self):
        """One line: the board, MicroPython, the versions in the slots."""
        version = ".".join(map(str, self.version))
        slots = ", ".join(f"slot {slot}: {self.slots[slot]}" for slot in self.whole)
        return f"{self.machine}, MicroPython {version}, {slots or 'no application'}"


def read_state(text):
    """The state of the slots as main.py understands it; None if main.py would not take it."""
    try:
        state = json.loads(text)
        if state["slot"] in ("a", "b") and state.get("starts", 0) >= 0:
            return state
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    return None


def chip_of(machine):
    """`RP2040` of "Raspberry Pi Pico W with RP2040"; None if it doesn't end so."""
    found = re.search(r" with (\S+)$", machine)
    return found and found[1]


def script(name, **names):
    """The source of a script of on_board/, with these names set in front of it."""
    lines = [f"{key} = {value!r}\n" for key, value in names.items()]
    return "".join(lines) + (ON_BOARD / f"{name}.py").read_text()


def look(port):
    """The Installed of the board at a port. NoBoard: no MicroPython answers there."""
    command = ("exec", script("hold", HOLD_S=HOLD_S), "exec", script("look"))
    try:
        output = remote.run(port, *command, timeout_s=FIRST_TRY_S)
    except remote.Silent:
        # A board that is just being reset, as at the end of `provision`, hears nothing.
        output = remote.run(port, *command)
    for line in output.splitlines():
        if line.startswith("{"):
            return Installed(json.loads(line))
    raise NoBoard(f"{port} answers, but not as a board: {output[-200:]!r}", "try again")


def check(board, installed):
    """NoBoard or Refused if an application for the Board can't run on what is installed."""
    if (installed.platform in UNIX) != (board.port == "unix") or (
        board.port != "unix" and same(board.chip) != same(installed.chip)
    ):
        raise NoBoard(
            f"{board.name} has a {board.chip}, and this is a {installed.chip} "
            f"({installed.machine}); nothing was written",
            "name the board that is connected, BOARD=, or connect the other one, PORT=",
        )
    if tuple(installed.version[:2]) < env.OLDEST_MICROPYTHON:
        oldest = ".".join(map(str, env.OLDEST_MICROPYTHON))
        raise Refused(
            f"MicroPython {'.'.join(map(str, installed.version))} is on the board, and {oldest} or "
            "newer is needed; nothing was written",
            f"make flash BOARD={board.name}",
        )
    if board.port != "unix" and not runs(installed.mpy_arch, board.native_arch):
        raise Refused(
            f"this MicroPython runs native code for {installed.mpy_arch}, and the application is "
            f"for {board.native_arch}; nothing was written",
            f"make flash BOARD={board.name}",
        )
    if board.port != "unix" and not installed.wifi:
        raise Refused(
            "this MicroPython was built for a board without Wi-Fi; nothing was written",
            f"make flash BOARD={board.name}",
        )
    if installed.file_system != "VfsLfs2":
        raise Refused(
            f"the board's file system is {installed.file_system}: only littlefs2 survives a power "
            "cut at any time; nothing was written",
            f"make image BOARD={board.name}, then make flash IMAGE=, which replaces it",
        )


def same(chip):
    """The chip's name without what its writers don't agree on."""
    return chip.replace("-", "").upper()


def runs(here, wanted):
    """Whether native code for `wanted` runs where MicroPython says `here`."""
    if here in THUMB and wanted in THUMB:
        return THUMB.index(wanted) <= THUMB.index(here)
    return here == wanted
