"""A board as its folder describes it: boards/<BOARD>/board.json, checked when it is read.

What each key means is in boards/README.md. A new board is a new folder, and nothing else: no name
of a board stands in the code.
"""

import difflib
import json
from pathlib import Path

import env
from faults import WrongInput

BOARDS = Path(env.ROOT) / "boards"
BLOCK = 4096  # octets: of littlefs on every port, and a sector of flash
PORTS = ("esp32", "rp2", "unix")
ARCHES = ("armv6m", "armv7m", "armv7em", "rv32imc", "xtensawin", "host")


class Board:
    """One board. Sizes and offsets are ints, in octets.

    `name`, `folder`, and as attributes every key of board.json. `vfs_bytes` and `flash_bytes` are
    None where they depend on the flash that was soldered on: see vfs_size().
    """

    def __init__(self, folder, values):
        self.name = folder.name
        self.folder = folder
        self.__dict__.update(values)

    def vfs_size(self, flash_bytes=None):
        """Octets of the file system on a board with so much flash; None: with its usual flash."""
        if self.vfs_bytes is not None:
            return self.vfs_bytes
        return (flash_bytes or self.flash_bytes) - self.vfs_offset

    def __repr__(self):
        return f"<Board {self.name}>"


def names():
    """Those in boards/, by the alphabet."""
    return sorted(path.parent.name for path in BOARDS.glob("*/board.json"))


def load(name):
    """The board of that name, or of the folder with that path. WrongInput says what is wrong."""
    folder = Path(name) if "/" in str(name) else BOARDS / name
    path = folder / "board.json"
    if not path.is_file():
        near = difflib.get_close_matches(str(name).upper(), names(), 1, 0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise WrongInput(f"there is no board {name}", f"{hint}the boards: {', '.join(names())}")
    try:
        return Board(folder.resolve(), check(json.loads(path.read_text())))
    except ValueError as error:
        raise WrongInput(f"{path}: {error}", "correct it as boards/README.md says") from None


def check(values):
    """board.json's values with offsets as ints. ValueError names the key and what is allowed."""
    if not isinstance(values, dict):
        raise ValueError("must be an object")
    unknown = sorted(set(values) - set(KEYS))
    if unknown:
        raise ValueError(f"{unknown[0]}: there is no such key")
    missing = sorted(set(KEYS) - set(values))
    if missing:
        raise ValueError(f"{missing[0]}: is missing")
    checked = {}
    for key, (allowed, convert) in KEYS.items():
        try:
            checked[key] = convert(values[key])
        except (ValueError, TypeError, AttributeError, KeyError):
            raise ValueError(f"{key}: {values[key]!r} must be {allowed}") from None
    return checked


def _text(value):
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _one_of(*choices):
    def convert(value):
        if value not in choices:
            raise ValueError
        return value

    return "one of " + ", ".join(map(str, choices)), convert


def _size(value):
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _or_null(convert):
    return lambda value: None if value is None else convert(value)


def _blocks(value):
    if _size(value) % BLOCK:
        raise ValueError
    return value


def _offset(value):
    return _blocks(int(_text(value), 16))


def _bootloader(value):
    return value if value in ("uf2", "directory") else _offset(value)


def _usb_ids(value):
    """["2E8A:0005", …] as a tuple of (vendor, product)."""
    pairs = []
    for text in value:
        vendor, product = text.split(":")
        pairs.append((int(vendor, 16), int(product, 16)))
    return tuple(pairs)


def _boolean(value):
    if not isinstance(value, bool):
        raise ValueError
    return value


def _pins(value):
    for name, pin in value.items():
        if not isinstance(name, str) or isinstance(pin, bool) or not isinstance(pin, (int, str)):
            raise ValueError
    return dict(value)


KEYS = {
    "port": _one_of(*PORTS),
    "chip": ("the chip's name", _text),
    "native_arch": _one_of(*ARCHES),
    "heap_bytes": ("a number of octets", _size),
    "heap_grows": ("true or false", _boolean),
    "bootloader": ('an offset such as "0x1000", "uf2" or "directory"', _bootloader),
    "flash_bytes": ("a multiple of 4096 octets", _blocks),
    "vfs_offset": ('an offset such as "0x200000"', _offset),
    "vfs_bytes": ("a multiple of 4096 octets, or null", _or_null(_blocks)),
    "vfs_prog_bytes": ("a number of octets", _size),
    "usb_ids": ('a list of "VID:PID" in hexadecimal', _usb_ids),
    "release": ("the file name of a MicroPython release, or null", _or_null(_text)),
    "pins": ("an object of numbers and names of pins", _pins),
}
