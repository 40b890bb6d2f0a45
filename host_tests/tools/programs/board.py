"""A board on a terminal: boots main.py from a flash, then shows MicroPython's prompt.

    micropython -X heapsize=8m -i board.py SETTINGS

SETTINGS is a file with JSON: `flash` (a file with the contents), `blocks`, `prog`, `journal` (a
file for every change of the flash, or null), `control` (a descriptor that hears of resets and of
the watchdog), `main` (false: straight to the prompt) and `implementation` (what sys.implementation
says instead, or null). What resets the board ends this process: whoever holds the other end starts
the next one.
"""

import json
import os
import sys

from flash import Flash

with open(sys.argv[1]) as file:
    settings = json.load(file)
control = open("/dev/fd/%d" % settings["control"], "wb")  # noqa: SIM115 for ever


def tell(text):
    """Say something on the control pipe."""
    control.write(text.encode() + b"\n")


def wait_for_the_end():
    while True:
        pass


class BoardFlash(Flash):
    """Writes each change to the file of its contents, and to the journal."""

    def keep(self, contents, journal):
        self.contents = contents
        self.journal = journal

    def changed(self, kind, at, size):
        if self.journal:
            self.journal.write("%s %d %d\n" % (kind, at, size))
            self.journal.write(memoryview(self.memory)[at : at + size])
        self.contents.seek(at)
        self.contents.write(memoryview(self.memory)[at : at + size])


class Watchdog:
    """machine.WDT: whoever holds the other end of the control pipe does the waiting."""

    def __init__(self, id=0, timeout=5000):
        self.timeout = timeout
        self.feed()

    def feed(self):
        tell("feed %d" % self.timeout)


class Machine:
    """The parts of the module that a tool or main.py uses; the rest is the unix port's."""

    WDT = Watchdog

    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        return getattr(self.module, name)

    def reset(self):
        tell("hard")
        wait_for_the_end()

    def soft_reset(self):
        tell("soft")
        wait_for_the_end()

    def bootloader(self, timeout=0):
        tell("boot_loader")
        wait_for_the_end()

    def unique_id(self):
        return b"\xe6aL1\x1bK\x8c/"


class Implementation:
    """sys.implementation of another board."""

    def __init__(self, values):
        for name, value in values.items():
            setattr(self, name, tuple(value) if isinstance(value, list) else value)


class System:
    """sys, but for what it says of the board."""

    def __init__(self, values):
        self.implementation = Implementation(values)
        self.platform = values.get("platform", sys.platform)

    def __getattr__(self, name):
        return getattr(sys, name)


def boot():
    try:
        os.stat("/main.py")
    except OSError:
        return
    with open("/main.py") as file:
        source = file.read()
    try:
        exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})
    except SystemExit:
        sys.modules["machine"].soft_reset()
    except BaseException as error:
        sys.print_exception(error)


contents = open(settings["flash"], "r+b")  # noqa: SIM115
journal = open(settings["journal"], "ab") if settings["journal"] else None  # noqa: SIM115
board_flash = BoardFlash(settings["blocks"], settings["prog"], bytearray(contents.read()))
board_flash.keep(contents, journal)
import machine  # noqa: E402

sys.modules["machine"] = Machine(machine)
if settings["implementation"]:
    sys.modules["sys"] = System(settings["implementation"])
board_flash.mount()
os.chdir("/")
sys.path[:] = ["", ".frozen", "/lib"]
sys.argv[:] = []
if settings["main"]:
    boot()
