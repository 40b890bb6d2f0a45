"""ESP32, ESP32-S3, ESP32-C3: esptool as a program, and Intel HEX as the file of an image."""

import esp_firmware
import flash_image
import hexfile
import littlefs_image
from faults import WrongInput

SUFFIX = ".hex"


def read_firmware(board, path):
    """The Image of a MicroPython as it is released: a .bin file."""
    parts, vfs_offset = esp_firmware.split(path.read_bytes(), board, path.name)
    return flash_image.Image(parts, vfs_offset).check(path.name)


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
    vfs_offset = esp_firmware.file_system_at(partitions)
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
    return flash_image.Image(firmware, vfs_offset, files).check(path.name)


def write_image(board, image, path):
    """Write a .hex file: NVS, between the parts, is not in it and keeps what it has."""
    path.write_text(hexfile.write(image.parts(board)), encoding="ascii")
