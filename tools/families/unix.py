"""The unix port as a board: a directory with the interpreter and a file that is its flash."""

import os
import shlex
import shutil
from pathlib import Path

import board_image
import env
import kept_config
import littlefs_image
from faults import NoBoard, Refused, ToolError, WrongInput
from progress import say

SUFFIX = ".littlefs"
FLASH = "flash.littlefs"
BOOT = "boot.py"
START = "start"
STARTER = """\
#!/bin/sh
# Starts the board: the unix port of MicroPython on its flash.
cd {directory} && exec {micropython} -X heapsize={heap} {boot} "$@"
"""


def read_firmware(board, path):
    """The unix port is a program of this computer: nothing of it is in an image."""
    if path:
        raise WrongInput(
            f"{board.name} is the unix port of this computer, and takes no firmware",
            "leave out FIRMWARE=; MICROPYTHON=file names another build of it",
        )
    return board_image.Image([], board.vfs_offset, board.vfs_bytes)


def read_image(board, path):
    """The Image of a file that write_image() wrote."""
    files = path.read_bytes()
    if littlefs_image.size_of(files) != len(files):
        raise WrongInput(f"{path.name} is no file system", f"make image BOARD={board.name}")
    return board_image.Image([], board.vfs_offset, board.vfs_bytes, files)


def write_image(board, image, path):
    """Write the file system as it is."""
    path.write_bytes(image.files)


def flash(board, image, options):
    """Install into a directory: the interpreter's starter, and a flash unless there is one.

    Returns what to do next.
    """
    if not options.port:
        raise NoBoard(f"{board.name} is a directory", "name it: PORT=directory")
    directory = Path(os.path.expanduser(options.port)).absolute()
    if directory.exists() and not directory.is_dir():
        raise NoBoard(f"{directory} is no directory", "name another one: PORT=directory")
    flash_path = directory / FLASH
    micropython = env.micropython()
    found = sorted(directory.iterdir()) if directory.exists() and not flash_path.exists() else []
    # What a run that broke off has left is no hindrance.
    others = [path for path in found if path != kept_config.part_of(flash_path)]
    if others:
        raise Refused(
            f"{directory} holds something else: {others[0].name}",
            "name a directory that is empty or new: PORT=directory",
        )
    files = image.files
    if files is not None:
        config = kept_config.choose(options, lambda: configuration(board, flash_path))
        if config:
            files = littlefs_image.add(board, files, {kept_config.PATH: config.octets})
    elif not flash_path.exists():
        files = littlefs_image.build(board, {}, board.vfs_size())
    if options.dry_run:
        say(f"Would install MicroPython into {directory}, {len(files or b'')} octets of flash")
        return
    directory.mkdir(parents=True, exist_ok=True)
    # First: with it, the directory is known to be a board.
    if files is not None:
        kept_config.replace(flash_path, files)
    shutil.copyfile(board.folder / BOOT, directory / BOOT)
    starter = directory / START
    starter.write_text(
        STARTER.format(
            directory=shlex.quote(str(directory)),
            micropython=shlex.quote(micropython),
            heap=board.heap_bytes,
            boot=BOOT,
        )
    )
    starter.chmod(0o755)
    return shlex.quote(str(starter))


def configuration(board, path):
    """The Config in a flash, or None."""
    if not path.exists():
        return None
    try:
        octets = littlefs_image.read(board, path.read_bytes()).get(kept_config.PATH)
    except ToolError as error:
        raise Refused(
            f"{path}: {error.cause}", "if its configuration may be lost: ARGS=--erase-config"
        ) from None
    return kept_config.Config(octets, "unix") if octets else None
