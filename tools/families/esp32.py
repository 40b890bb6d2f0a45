"""ESP32, ESP32-S3, ESP32-C3: esptool as a program, and Intel HEX as the file of an image."""

import board as boards
import board_image
import esp
import esp_firmware
import hexfile
import kept_config
import littlefs_image
import ports
import sizes
from faults import Refused, ToolError, WrongInput
from progress import say

SUFFIX = ".hex"


def read_firmware(board, path):
    """The Image of a MicroPython as it is released: a .bin file."""
    parts, (vfs_offset, vfs_bytes) = esp_firmware.split(path.read_bytes(), board, path.name)
    return board_image.Image(parts, vfs_offset, vfs_bytes).check(path.name)


def read_image(board, path):
    """The Image of a .hex file that write_image() wrote."""
    try:
        parts = hexfile.read(path.read_text(encoding="ascii"), path.name)
    except UnicodeDecodeError:
        raise WrongInput(f"{path.name} is no image", f"make image BOARD={board.name}") from None
    tables = [octets for address, octets in parts if address == esp_firmware.TABLE_AT]
    if not tables:
        raise WrongInput(
            f"{path.name} has no partition table in it", f"make image BOARD={board.name}"
        )
    partitions = esp_firmware.read_table(tables[0], path.name)
    vfs_offset, vfs_bytes = esp_firmware.file_system_at(partitions)
    firmware = [(address, octets) for address, octets in parts if address < vfs_offset]
    for address, octets in firmware:
        if address != esp_firmware.TABLE_AT:
            esp_firmware.image_length(octets, path.name, f"part at {address:#x}", board.chip)
    pieces = [(address, octets) for address, octets in parts if address >= vfs_offset]
    first = pieces[0][1] if pieces and pieces[0][0] == vfs_offset else b""
    size = littlefs_image.size_of(first)
    if size is None:
        raise WrongInput(f"{path.name} has no file system in it", f"make image BOARD={board.name}")
    files = littlefs_image.whole(pieces, vfs_offset, size)
    return board_image.Image(firmware, vfs_offset, vfs_bytes, files).check(path.name)


def write_image(board, image, path):
    """Write a .hex file: NVS, between the parts, is not in it and keeps what it has."""
    path.write_text(hexfile.write(image.parts(board)), encoding="ascii")


def flash(board, image, options):
    """Put the image onto the board, after a look at its chip and its flash."""
    port = ports.find(board, options.port)
    esptool = esp.Esptool(port, options.baud, options.stub)
    chip = esptool.identify()
    esp.check_chip(chip, board, port)
    flash_bytes = options.flash_size or chip.flash_bytes
    if flash_bytes is None:
        raise Refused(
            f"esptool can't tell how large the flash of {port} is",
            "say it, if you know: ARGS='--flash-size 4MB'",
        )
    say(f"{port}: {chip.name}, {sizes.text(flash_bytes)} of flash, MAC {chip.mac}")
    check_size(board, image, flash_bytes)
    config = None
    if image.files is not None:
        at = image.vfs_offset
        config = kept_config.choose(
            options, lambda: configuration(board, esptool, chip, at, flash_bytes - at)
        )
        if config:
            image = image.with_files(
                littlefs_image.add(board, image.files, {kept_config.PATH: config.octets})
            )
    parts = image.parts(board)
    if options.dry_run:
        for address, octets in parts:
            say(f"Would write {len(octets)} octets at {address:#x}")
        return
    if config:
        config.save()
    esptool.write(board, parts)
    if image.files is not None:
        kept_config.forget(chip.mac)


def check_size(board, image, flash_bytes):
    """Refused: the flash is too small, or not what the image's file system was made for."""
    if image.vfs_offset + 2 * boards.BLOCK > flash_bytes or image.end() > flash_bytes:
        raise Refused(
            f"it needs {sizes.text(image.end())} of flash and room for files behind that, and the "
            f"board has {sizes.text(flash_bytes)}",
            "take a board with more flash"
            if image.files is None
            else f"make image BOARD={board.name} ARGS='--flash-size "
            f"{sizes.text(flash_bytes).replace(' ', '')}'",
        )
    # With another number of blocks MicroPython would not mount it, and start in a loop.
    expected = flash_bytes - image.vfs_offset
    if image.files is not None and image.vfs_bytes is None and len(image.files) != expected:
        size = sizes.text(flash_bytes).replace(" ", "")
        raise Refused(
            f"the image is for {sizes.text(image.end())} of flash, and the board has "
            f"{sizes.text(flash_bytes)}",
            f"make image BOARD={board.name} ARGS='--flash-size {size}'",
        )


def configuration(board, esptool, chip, vfs_offset, limit):
    """The Config in the board's flash, whether or not MicroPython runs; what was kept; or None.

    `limit`: octets of flash from `vfs_offset` on. Refused: it can't be known.
    """
    try:
        octets = littlefs_image.read_file(
            board,
            kept_config.PATH,
            limit,
            lambda offset, length: esptool.read(board, vfs_offset + offset, length),
        )
    except ToolError as error:
        is_damaged = isinstance(error, littlefs_image.DamagedError)
        config = kept_config.kept(chip.mac) if is_damaged else None
        if not config:
            raise Refused(
                f"the configuration on the board can't be read: {error.cause}",
                f"{error.cure}; or, if it may be lost: ARGS=--erase-config",
            ) from None
        return config
    return kept_config.of_board(octets, chip.mac)
