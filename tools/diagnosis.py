"""What is wrong with a board, from what was seen of it: no port, no clock, no output.

`installed` is an installed.Installed; `config` the octets of /config.json, or None.
"""

import board as boards
import env
import kept_config
from installed import UNIX, same

FEW_BLOCKS = 8  # of the file system: room for the state, a crash, and a configuration


def fitting(ids):
    """The names of the boards whose ports have these USB ids, (vendor, product)."""
    return [name for name in boards.names() if ids in boards.load(name).usb_ids]


def matching(installed):
    """The names of the boards that this MicroPython may run on, by its chip."""
    chip = same(installed.chip)
    if installed.platform in UNIX:
        return [name for name in boards.names() if boards.load(name).port == "unix"]
    return [name for name in boards.names() if same(boards.load(name).chip) == chip]


def problems(board, installed, config):
    """[(what is wrong, what to do about it)]; `board` is a board.Board, or None: any."""
    name = board.name if board else (matching(installed) or ["…"])[0]
    return [
        *_micropython(board, installed, name),
        *_application(installed, name),
        *_configuration(config, name),
    ]


def _micropython(board, installed, name):
    version = ".".join(map(str, installed.version))
    if board and board.name not in matching(installed):
        others = " or ".join(matching(installed)) or "none of boards/"
        yield f"this is no {board.name}: its chip is {installed.chip}", f"BOARD={others}"
    if tuple(installed.version[:2]) < env.OLDEST_MICROPYTHON:
        oldest = "{}.{}".format(*env.OLDEST_MICROPYTHON)
        yield f"MicroPython {version} is too old: {oldest} is needed", f"make flash BOARD={name}"
    if installed.platform not in UNIX and not installed.wifi:
        yield "this MicroPython was built for a board without Wi-Fi", f"make flash BOARD={name}"
    if installed.file_system != "VfsLfs2":
        yield (
            f"the file system is {installed.file_system}, and no littlefs2",
            f"make image BOARD={name}, then make flash IMAGE=, which replaces it",
        )
    elif installed.free_blocks < FEW_BLOCKS:
        yield (
            f"the file system is full: {installed.free_bytes} octets are free",
            "mpremote fs ls shows what is there; delete what you put there",
        )


def _application(installed, name):
    state = installed.state
    if not installed.whole:
        yield "there is no application on it", f"make deploy BOARD={name}"
    elif state and "failed" in state:
        yield (
            f"the version in slot {state['failed']} failed to start three times, and slot "
            f"{state['slot']} runs instead",
            f"see its last words below, correct it, and make deploy BOARD={name}",
        )
    elif state and state["slot"] not in installed.whole:
        yield (
            f"slot {state['slot']} is to be started, and is not whole",
            f"make deploy BOARD={name}",
        )
    elif installed.on_trial:
        yield (
            f"the version in slot {state['slot']} has not confirmed itself yet, in "
            f"{state['starts']} starts",
            f"make monitor BOARD={name} shows what it waits for",
        )


def _configuration(octets, name):
    if octets is None:
        yield "there is no configuration", f"make provision BOARD={name}"
        return
    for error in kept_config.errors(octets):
        yield f"/config.json: {error}", f"make provision BOARD={name}"
