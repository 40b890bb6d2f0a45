"""image: one file that boots straight into the application."""

import errno
import os
import shlex
from pathlib import Path

import application
import board_image
import click
import env
import kept_config
import release
import sizes
from cli import board_option, dry_run_option
from faults import WrongInput
from progress import say


@click.command()
@board_option()
@click.option(
    "--firmware",
    metavar="FILE",
    help="MicroPython for the board, as it is released; if not given, it is downloaded once.",
)
@click.option(
    "--flash-size",
    type=sizes.SizeType(),
    metavar="SIZE",
    help="The flash of the boards that it is for, on an ESP32: 4MB, 8MB; else the usual one.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A configuration to put into it. It holds secrets: then so does the image.",
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path))
@dry_run_option()
def command(board, firmware, flash_size, config, output, dry_run):
    """Make one file that holds MicroPython and the application, for `flash --image`."""
    family = board_image.family(board)
    if flash_size and board.vfs_bytes is not None and flash_size != board.flash_bytes:
        raise WrongInput(
            f"MicroPython for {board.name} is built for {sizes.text(board.flash_bytes)} of flash",
            "leave out --flash-size",
        )
    path = None
    if firmware or board.release:
        path = release.get(board, firmware, lambda part: family.read_firmware(board, part))
    image = family.read_firmware(board, path)
    files = application.fresh(board)
    if config:
        files[kept_config.PATH] = kept_config.from_file(config)
    image = board_image.fill(board, image, files, flash_size)
    if output is None:
        size = f"-{sizes.text(image.end()).replace(' ', '')}" if board.vfs_bytes is None else ""
        output = Path(env.ROOT) / "build" / f"{board.name}{size}{family.SUFFIX}"
    if dry_run:
        say(f"Would write {output}: {describe(image, files)}")
        return
    part = output.with_name(output.name + ".part")
    try:
        if output.exists() and not output.is_file():
            raise FileExistsError(errno.EEXIST, "it is no file")  # a device would be replaced
        output.parent.mkdir(parents=True, exist_ok=True)
        # It may hold a token and a password.
        part.touch(mode=0o600 if config else 0o666)
        try:
            family.write_image(board, image, part)
            os.replace(part, output)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise WrongInput(
            f"{output} can't be written: {error.strerror}", "name another file: ARGS='-o FILE'"
        ) from None
    say(f"{describe(image, files)}")
    say(f"Next: make flash BOARD={board.name} IMAGE={shlex.quote(str(output))}")
    click.echo(output)


def describe(image, files):
    """One line of what is in it."""
    python = sum(len(octets) for _, octets in image.firmware)
    return (
        f"{python} octets of MicroPython, {len(files)} files of {sum(map(len, files.values()))} "
        f"octets in a file system of {sizes.text(len(image.files))}, for a flash of at least "
        f"{sizes.text(image.end())}"
    )
