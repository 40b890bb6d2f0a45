"""doctor: what is attached, what is on it, what is wrong and what to do."""

import json
import os
from pathlib import Path

import board as boards
import click
import deployment
import diagnosis
import esp
import installed
import kept_config
import ports
import remote
import sizes
import uf2_volume
from cli import board_option, port_option
from faults import NoBoard, ToolError
from serial.tools import list_ports

CRASH = "/crash.txt"  # where main.py and the application leave it


@click.command()
@board_option(required=False)
@port_option()
def command(board, port):
    """Say what is attached, what is on it, what is wrong, and what to do about it.

    An application that runs is stopped for it, and started again. Status 1: something is wrong.
    """
    report = Report(board)
    if port:
        report.place(port)
    else:
        for attached in list_ports.comports():
            if attached.vid is not None:
                report.attached(attached)
        for volume in uf2_volume.attached():
            report.volume(volume)
        hint = uf2_volume.not_mounted()
        if hint and not uf2_volume.attached():
            report.say("A board in its boot loader")
            report.problem("its volume is not mounted", hint)
    if not report.seen:
        raise NoBoard(
            "no board is attached",
            "connect one with a cable that carries data; a Pico that is new: hold BOOTSEL while "
            "you plug it in; a port without USB ids: name it, PORT=",
        )
    for path in sorted(kept_config.directory().glob("*.json")):
        report.problem(
            f"a configuration was kept when flashing broke off: {path}",
            "flash that board again, an ESP32 by itself, a Pico with ARGS='--config FILE'; or "
            "delete it",
        )
    if report.problems:
        click.echo(f"{report.problems} to be seen to")
        return 1
    click.echo("Nothing is wrong")
    return 0


class Report:
    """Prints what it finds. `seen`: how many boards; `problems`: how much is wrong."""

    def __init__(self, board):
        self._board = board
        self.seen = 0
        self.problems = 0

    def say(self, text):
        """A board's headline."""
        self.seen += 1
        click.echo(text)

    def problem(self, cause, cure):
        """One line of what is wrong, one of what to do."""
        self.problems += 1
        click.echo(f"  ! {cause}\n    Next: {cure}")

    def place(self, port):
        """What `--port` names: a port, a boot loader's volume, or a directory of the unix port."""
        path = Path(port)
        if not path.is_dir():
            self.say(port)
            self.serial(port, [self._board.name] if self._board else [])
        elif (path / uf2_volume.INFO).is_file():
            self.volume(uf2_volume.Volume(path))
        else:
            raise NoBoard(f"{path} is a directory, and no boot loader's volume", "name a port")

    def attached(self, port):
        """One of pySerial's ports."""
        names = diagnosis.fitting((port.vid, port.pid))
        if self._board and self._board.name not in names:
            return
        known = " or ".join(names) or "no board that is known"
        self.say(f"{port.device}: {port.vid:04X}:{port.pid:04X} {port.description}: {known}")
        if not os.access(port.device, os.R_OK | os.W_OK):
            self.problem("you may not open it", ports.PERMISSION)
        elif names:
            self.serial(port.device, names)

    def serial(self, port, names):
        """What answers on a port that may belong to the boards with these names."""
        try:
            found = installed.look(port)
        except NoBoard as error:
            self.silent(port, names, error)
            return
        except ToolError as error:
            self.problem(error.cause, error.cure)
            return
        try:
            config = read(port, kept_config.PATH)
            crash = read(port, CRASH)
        finally:
            deployment.restart(port)
        self.describe(found, config, crash)

    def silent(self, port, names, error):
        """No MicroPython answers; an ESP32's loader may."""
        families = {boards.load(name).port for name in names}
        if families != {"esp32"}:
            self.problem(error.cause, error.cure)
            return
        try:
            chip = esp.Esptool(port, esp.SAFE_BAUD).identify()
        except ToolError as fault:
            self.problem(f"{error.cause}; {fault.cause}", fault.cure)
            return
        size = sizes.text(chip.flash_bytes) if chip.flash_bytes else "an unknown size"
        click.echo(f"  {chip.name}, {size} of flash, MAC {chip.mac}")
        fits = " or ".join(name for name in boards.names() if boards.load(name).chip == chip.name)
        self.problem(
            "no MicroPython answers",
            f"make flash BOARD={fits}" if fits else "there is no board for this chip",
        )

    def volume(self, volume):
        """A chip in its boot loader."""
        fits = " or ".join(name for name in boards.names() if boards.load(name).chip == volume.chip)
        self.say(f"{volume.path}: the boot loader of an {volume.chip}: {fits or 'no known board'}")
        self.problem(
            "it is in its boot loader, and runs nothing",
            f"make flash BOARD={fits}; or plug it in without BOOTSEL, if it was flashed before",
        )

    def describe(self, found, config, crash):
        """What is on a board that runs MicroPython, and what is wrong with it."""
        click.echo(f"  {found.describe()}")
        total, free = found.blocks * found.block_bytes, found.free_bytes
        click.echo(f"  file system: {sizes.text(total)}, {sizes.text(free)} free")
        if config is not None and not kept_config.errors(config):
            values = json.loads(config)
            click.echo(f"  configuration: {values['name']!r}, mode {values['mode']}")
        for cause, cure in diagnosis.problems(self._board, found, config):
            self.problem(cause, cure)
        if crash:
            click.echo("  its last words, when it ended with an error:")
            for line in crash.decode(errors="replace").strip().splitlines():
                click.echo(f"    {line}")


def read(port, path):
    """The octets of a file on the board, or None."""
    lines = remote.run(port, "resume", "exec", installed.script("show", PATH=path)).split()
    return bytes.fromhex(lines[-1]) if lines and lines[-1] != "-" else None
