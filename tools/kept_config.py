"""The configuration on a board, which an image must not take away.

An image brings a file system of its own. The configuration that the board has is read first, put
into that, and kept on this computer until the image is on the board: should it break off between,
nothing is lost.
"""

import os
from pathlib import Path

import env
import remote
from faults import NoBoard, Refused, WrongInput
from progress import say
from signalbox import config as configuration
from signalbox.json_text import JsonError, loads

PATH = "/config.json"
LARGEST = 1 << 16  # octets; a board's RAM would not hold more
READ = f"""
import binascii, machine
print(binascii.hexlify(machine.unique_id()).decode())
try:
    with open({PATH!r}, "rb") as file:
        print(binascii.hexlify(file.read({LARGEST})).decode())
except OSError:
    print("-")
"""


class Config:
    """`octets` of a configuration, and `name`, a word that is this board's own.

    None: it is in a file of the user's anyway.
    """

    def __init__(self, octets, name):
        self.octets = octets
        self._path = name and directory() / f"{name}.json"

    def save(self):
        """Keep it on this computer, for the owner alone."""
        if not self._path:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(self.octets)

    def forget(self):
        """It is on the board."""
        if self._path:
            self._path.unlink(missing_ok=True)


def directory():
    """Where configurations are kept while their boards are flashed."""
    return Path(env.cache_dir()) / "kept"


def hint():
    """For a message: the configurations that were kept of boards whose flashing broke off."""
    paths = sorted(directory().glob("*.json"))
    if not paths:
        return ""
    return f"; or give it one that was kept: ARGS='--config FILE', of {', '.join(map(str, paths))}"


def kept(name):
    """The Config that was kept of the board with that name; None."""
    path = directory() / f"{name}.json"
    return Config(path.read_bytes(), name) if path.is_file() else None


def choose(options, from_board):
    """The Config to put into the file system, or None.

    What `--config` names, none with `--erase-config`, else what `from_board()` finds: it returns a
    Config or None, and raises Refused if it can't know.
    """
    if options.config:
        return Config(from_file(options.config), None)
    if options.erase_config:
        return None
    config = from_board()
    say(f"{PATH}: {'kept' if config else 'there is none'}")
    return config


def from_file(path):
    """The octets of a configuration. WrongInput: the application would not take it."""
    octets = path.read_bytes()
    wrong = errors(octets)
    if wrong:
        raise WrongInput(f"{path}: " + "; ".join(wrong), "correct it as firmware/CONFIG.md says")
    return octets


def errors(octets):
    """What is wrong in a configuration, a line each, as the application itself says it."""
    try:
        configuration.check(loads(bytearray(octets)))
    except JsonError as error:
        return [str(error)]
    except configuration.ConfigError as error:
        return error.errors
    return []


def from_micropython(port):
    """The Config of a board that runs MicroPython. NoBoard: it does not answer."""
    lines = remote.execute(port, READ).split()
    try:
        name, octets = lines
        octets = None if octets == "-" else bytes.fromhex(octets)
        bytes.fromhex(name)
    except ValueError:
        raise NoBoard(f"{port} answers with something else", "run it again") from None
    if octets is None:
        return kept(name)
    if len(octets) == LARGEST:
        raise Refused(f"{PATH} on the board is too large to be kept", "ARGS=--erase-config")
    return Config(octets, name)
