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
NAME = """
import binascii, machine
print(binascii.hexlify(machine.unique_id()).decode())
"""
READ = f"""{NAME}
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
        self.name = name

    def save(self):
        """Keep it on this computer, for the owner alone."""
        if self.name:
            directory().mkdir(parents=True, exist_ok=True, mode=0o700)
            replace(path_of(self.name), self.octets)


def directory():
    """Where configurations are kept while their boards are flashed."""
    return Path(env.cache_dir()) / "kept"


def path_of(name):
    """Where that of the board with that name is kept."""
    return directory() / f"{name}.json"


def forget(name):
    """An image is on the board with that name: what was kept of it must not come back."""
    path_of(name).unlink(missing_ok=True)


def replace(path, octets):
    """Have a file with these octets, for the owner alone, whole or not at all."""
    part = part_of(path)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(descriptor)
    os.replace(part, path)


def part_of(path):
    """What replace() writes first, and may leave behind."""
    return path.with_name(path.name + ".part")


def all_kept():
    """For a message: where those are kept whose boards' flashing broke off; "" if there is none."""
    return ", ".join(map(str, sorted(directory().glob("*.json"))))


def kept(name):
    """The Config that was kept of the board with that name; None."""
    path = path_of(name)
    if not path.is_file():
        return None
    say(f"{PATH}: the one that {path} has, as flashing the board broke off")
    return Config(path.read_bytes(), name)


def of_board(octets, name):
    """The Config of the board with that name, on which `octets` were found, or None.

    A flashing that broke off may have left anything there: what was kept then goes before what
    can't be right. Refused: both can be.
    """
    path = path_of(name)
    if not octets or (path.is_file() and errors(octets)):
        return kept(name)
    if path.is_file() and path.read_bytes() != octets:
        raise Refused(
            f"the configuration on the board is another one than {path}, which was kept when "
            "flashing it broke off",
            f"choose: ARGS='--config {path}', or delete that file to have the board's",
        )
    return Config(octets, name)


def choose(options, from_board):
    """The Config to put into the file system, or None.

    What `--config` names, none with `--erase-config`, else what `from_board()` finds: it returns a
    Config or None, and raises Refused if it can't know.
    """
    if options.config:
        path = Path(options.config).resolve()
        is_kept = path.parent == directory().resolve()
        return Config(from_file(path), path.stem if is_kept else None)
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
    """The Config of a board that runs MicroPython. NoBoard: it does not answer. Refused: which?"""
    try:
        name, octets = remote.execute(port, READ).splitlines()
        bytes.fromhex(name)
        octets = None if octets == "-" else bytes.fromhex(octets)
    except ValueError:
        raise NoBoard(f"{port} answers with something else", "run it again") from None
    config = of_board(octets, name)
    if config and len(config.octets) == LARGEST:
        raise Refused(f"{PATH} on the board is too large to be kept", "ARGS=--erase-config")
    return config


def name_of(port):
    """The name of a board that runs MicroPython. NoBoard: it does not answer."""
    return remote.execute(port, NAME).strip()
