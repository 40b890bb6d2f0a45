"""flash: MicroPython, or a whole image, onto a board."""

from pathlib import Path
from types import SimpleNamespace

import board_image
import click
import release
import sizes
from cli import board_option, dry_run_option, port_option
from progress import say


@click.command()
@board_option()
@port_option()
@click.option(
    "--firmware",
    metavar="FILE",
    help="MicroPython for the board, as it is released; if not given, it is downloaded once.",
)
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What `image` made: MicroPython and the application, in a file system of its own.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --image: the configuration for the board, in the place of the one it has.",
)
@click.option("--erase-config", is_flag=True, help="With --image: the board's may be lost.")
@click.option(
    "--flash-size",
    type=sizes.SizeType(),
    metavar="SIZE",
    help="The board's flash, where esptool can't tell it: 4MB, 8MB.",
)
@click.option("--baud", default=460800, show_default=True, help="Of esptool, to begin with.")
@click.option(
    "--no-stub", "stub", flag_value=False, default=True, help="Have esptool use the ROM's loader."
)
@dry_run_option()
def command(board, firmware, image, **options):
    """Put MicroPython onto a board, or an image with the application.

    MicroPython alone leaves the board's files as they are. An image brings its own; the board's
    configuration is kept. Nothing is written unless chip and flash fit. Can be run again.
    """
    options = SimpleNamespace(**options)
    check_usage(firmware, image, options)
    family = board_image.family(board)
    if image:
        content = family.read_image(board, image)
    else:
        path = None
        if firmware or board.release:
            path = release.get(board, firmware, lambda part: family.read_firmware(board, part))
        content = family.read_firmware(board, path)
    following = family.flash(board, content, options)
    if not options.dry_run:
        port = f" PORT={options.port}" if options.port else ""
        say(f"Done: {'the application' if image else 'MicroPython'} is on the board")
        then = "" if image else f", then make deploy BOARD={board.name}{port}"
        say(f"Next: {following or f'make provision BOARD={board.name}{port}{then}'}")


def check_usage(firmware, image, options):
    """What goes with what."""
    if firmware and image:
        raise click.UsageError("an image has MicroPython in it: --firmware, or --image")
    if options.config and options.erase_config:
        raise click.UsageError("--config, or --erase-config")
    if not image and (options.config or options.erase_config):
        raise click.UsageError("MicroPython alone keeps the configuration; provision changes it")
