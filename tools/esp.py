"""esptool, as a program: what chip is there, and writing and reading its flash.

The chip's loader is in ROM, so that whatever breaks off can be run again. esptool checks each part
by its MD5 after it was written.
"""

import re
import subprocess
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path

import board as boards
from faults import NoBoard, ToolError
from progress import bar, say

TIMEOUT_S = 1800
SAFE_BAUD = 115200
LAST_LINES = 40
RETRY = (
    "hold the board's BOOT button while you press RESET, close other programs that use the port, "
    "and run it again"
)


class Chip:
    """`name` as esptool has it; `flash_bytes`, None if it can't tell; `mac`, twelve hex digits."""

    def __init__(self, name, flash_bytes, mac):
        self.name = name
        self.flash_bytes = flash_bytes
        self.mac = mac


class Esptool:
    """esptool at a port. `stub`: whether it may load its own, quicker loader into RAM."""

    def __init__(self, port, baud, stub=True):
        self.port = port
        self.baud = baud
        self.stub = stub

    def identify(self):
        """The Chip that is there. NoBoard: none answers."""
        text = self._run(["flash-id"])
        name = re.search(r"^Connected to (\S+) on ", text, re.MULTILINE)
        size = re.search(r"^Detected flash size: (\d+)(KB|MB)$", text, re.MULTILINE)
        mac = re.search(r"^MAC:\s+([0-9a-f:]{17})", text, re.MULTILINE)
        if not name or not mac:
            raise NoBoard(f"esptool does not know what is on {self.port}", RETRY)
        unit = {"KB": 1 << 10, "MB": 1 << 20}
        flash_bytes = int(size[1]) * unit[size[2]] if size else None
        return Chip(name[1], flash_bytes, mac[1].replace(":", ""))

    def write(self, board, parts):
        """Write (address, octets); slower, once more, if it breaks off."""
        with tempfile.TemporaryDirectory() as scratch:
            pairs = []
            for address, octets in parts:
                path = Path(scratch) / f"{address:08x}.bin"
                path.write_bytes(octets)
                pairs += [f"{address:#x}", str(path)]
            total = sum(len(octets) for _, octets in parts)
            for baud in dict.fromkeys((self.baud, SAFE_BAUD)):
                self.baud = baud
                try:
                    self._run(["write-flash", *pairs], board, parts)
                    return
                except NoBoard:
                    raise
                except ToolError as error:
                    if baud == SAFE_BAUD:
                        raise
                    say(f"{error.cause}; once more at {SAFE_BAUD} baud, {total} octets")

    def read(self, board, offset, size):
        """Octets of the flash."""
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "flash.bin"
            self._run(["read-flash", f"{offset:#x}", f"{size:#x}", str(path)], board)
            return path.read_bytes()

    def _run(self, arguments, board=None, parts=None):
        """What esptool printed. With `board`, its chip is insisted on."""
        command = [sys.executable, "-m", "esptool", "--port", self.port, "--baud", str(self.baud)]
        command += ["--chip", board.chip.lower().replace("-", "") if board else "auto"]
        command += [] if self.stub else ["--no-stub"]
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        try:
            text = follow(process.stdout, parts) if parts else process.stdout.read()
            status = process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
        if status:
            raise self._error(text)
        return text

    def _error(self, text):
        cause = re.search(r"(?:fatal|serial exception) error occurred: (.+)", text)
        lines = text.strip().splitlines() or ["esptool said nothing"]
        cause = cause[1].strip() if cause else lines[-1]
        if "Could not open" in text:
            return NoBoard(
                f"{self.port} can't be opened: it is not there, or another program has it",
                "close that program (a monitor?), or see what is attached: make doctor",
            )
        if "Failed to connect" in text or "No serial data received" in cause:
            return NoBoard(f"no ESP32 answers on {self.port}: {cause}", RETRY)
        if "This chip is" in cause:
            return NoBoard(f"{self.port}: {cause}", "name the board that it is: BOARD=")
        return ToolError(f"esptool broke off: {cause}", RETRY)


def follow(lines, parts):
    """Read esptool's lines while it writes, and show how far it is. Returns the last ones."""
    last = deque(maxlen=LAST_LINES)
    before = 0
    remaining = [len(octets) for _, octets in parts]
    with bar() as progress:
        task = progress.add_task("write", total=sum(remaining))
        for line in lines:
            last.append(line)
            percent = re.match(r"Writing at .* (\d+(?:\.\d)?)%", line)
            if percent and remaining:
                done = before + remaining[0] * float(percent[1]) / 100
                progress.update(task, completed=done)
            elif line.startswith("Hash of data verified") and remaining:
                before += remaining.pop(0)
                progress.update(task, completed=before)
    return "".join(last)


def check_chip(chip, board, port):
    """NoBoard: it is another chip than the board's."""
    if chip.name != board.chip:
        others = [name for name in boards.names() if boards.load(name).chip == chip.name]
        raise NoBoard(
            f"the chip on {port} is {chip.name}, and {board.name} has {board.chip}",
            f"name the board that it is: BOARD={' or '.join(others) or '…'}",
        )
