"""RP2040 and RP2350: UF2 files, and a boot loader in ROM that shows itself as a volume."""

import os
import time
from pathlib import Path

import board_image
import deployment
import installed
import kept_config
import littlefs_image
import ports
import remote
import uf2
import uf2_volume
from faults import NoBoard, Refused, ToolError, WrongInput
from progress import say

SUFFIX = ".uf2"
APPEAR_S = 30  # from the command until the computer has mounted the volume


def read_firmware(board, path):
    """The Image of a MicroPython as it is released: a .uf2 file."""
    front, parts = uf2.read(path.read_bytes(), board.chip, path.name)
    image = board_image.Image(parts, board.vfs_offset, board.vfs_bytes, front=front)
    return image.check(path.name)


def read_image(board, path):
    """The Image of a .uf2 file with a file system."""
    front, parts = uf2.read(path.read_bytes(), board.chip, path.name)
    firmware, pieces = [], []
    for address, octets in parts:
        # MicroPython may end where the file system begins, and then they are one part.
        below = octets[: max(0, board.vfs_offset - address)]
        above = octets[len(below) :]
        if below:
            firmware.append((address, below))
        if above:
            pieces.append((address + len(below), above))
    end = board.vfs_offset + board.vfs_bytes
    if not pieces or not firmware:
        missing = "file system" if firmware else "MicroPython"
        raise WrongInput(f"{path.name} has no {missing} in it", f"make image BOARD={board.name}")
    if any(address + len(octets) > end for address, octets in pieces):
        raise Refused(
            f"{path.name} reaches beyond the flash of {board.name}",
            f"make image BOARD={board.name}",
        )
    files = littlefs_image.whole(pieces, board.vfs_offset, board.vfs_bytes)
    return board_image.Image(firmware, board.vfs_offset, board.vfs_bytes, files, front)


def write_image(board, image, path):
    """Write a .uf2 file."""
    path.write_bytes(uf2.write(image.front, image.parts(board), board.chip))


def flash(board, image, options):
    """Put the image onto the board: into its boot loader, and the file onto the volume."""
    volume, port = find(board, options.port)
    if volume:
        volume.check(board.chip)
        copy(board, image, options, volume, None)
        return
    stopped = True
    try:
        check_running(board, port)
        stopped = copy(board, image, options, None, port)
    finally:
        if stopped:
            deployment.restart(port)  # what ran is as it was


def copy(board, image, options, volume, port):
    """Copy onto `volume`, or onto the one that `port` becomes. True: a board was left as it was."""
    config = name = None
    if image.files is not None:
        name = kept_config.name_of(port) if port else None
        config = kept_config.choose(options, lambda: configuration(port))
        if config:
            image = image.with_files(
                littlefs_image.add(board, image.files, {kept_config.PATH: config.octets})
            )
    octets = uf2.write(image.front, image.parts(board), board.chip)
    if options.dry_run:
        where = volume.path if volume else f"the volume that {port} becomes"
        say(f"Would copy {len(octets)} octets onto {where}")
        return True
    if config:
        config.save()
    if not volume:
        others = [each.path for each in uf2_volume.attached()]
        say(f"{port}: into the boot loader")
        remote.run(port, "resume", "bootloader")
        volume = wait_for_volume(others)
        volume.check(board.chip)
    volume.copy(octets, f"{board.name}{SUFFIX}")
    if config:
        name = name or config.name
    if name:
        kept_config.forget(name)
    elif image.files is not None and kept_config.all_kept():
        # A boot loader does not say which board it is.
        say(f"Delete it if it was this board's: {kept_config.all_kept()}")
    return False


def check_running(board, port):
    """NoBoard: what runs on the port is another chip, or no MicroPython."""
    try:
        found = installed.look(port)
    except NoBoard as error:
        raise NoBoard(error.cause, "hold BOOTSEL while you plug the board in") from None
    if installed.same(found.chip) != installed.same(board.chip):
        raise NoBoard(
            f"the chip on {port} is {found.chip}, and {board.name} has {board.chip}",
            "name the board that it is: BOARD=",
        )


def find(board, chosen):
    """(volume, None) of a board in its boot loader; (None, port) of one with MicroPython."""
    if chosen and os.path.isdir(chosen):
        return uf2_volume.Volume(Path(chosen)), None
    if not chosen:
        volumes = uf2_volume.attached()
        if len(volumes) > 1:
            raise NoBoard(
                f"{len(volumes)} boards are in their boot loader: "
                f"{', '.join(str(volume.path) for volume in volumes)}",
                f"choose one: PORT={volumes[0].path}",
            )
        if volumes:
            return volumes[0], None
    try:
        return None, ports.find(board, chosen)
    except NoBoard as error:
        hint = uf2_volume.not_mounted()
        raise NoBoard(
            f"{error.cause}, and no boot loader's volume is mounted",
            hint or "hold BOOTSEL while you plug the board in",
        ) from None


def configuration(port):
    """What the board has: see kept_config.choose()."""
    if port is None:
        paths = kept_config.all_kept()
        hint = f"; or give it one that was kept: ARGS='--config FILE', of {paths}" if paths else ""
        raise Refused(
            "the board is in its boot loader, and what is in its file system can't be read there",
            "if it is a new board, or its configuration may be lost: ARGS=--erase-config; to keep "
            f"it: unplug it, plug it in without BOOTSEL, and try again{hint}",
        )
    return kept_config.from_micropython(port)


def wait_for_volume(others):
    """The volume that comes when MicroPython has gone into the boot loader; none of `others`.

    Those are the paths of boards that were in theirs before.
    """
    deadline = time.monotonic() + APPEAR_S
    while time.monotonic() < deadline:
        volumes = [each for each in uf2_volume.attached() if each.path not in others]
        if volumes:
            return volumes[0]
        time.sleep(0.2)
    raise ToolError(
        f"the boot loader's volume has not been mounted within {APPEAR_S} s",
        uf2_volume.not_mounted() or "mount it, and try again with PORT=<where it is mounted>",
    )
