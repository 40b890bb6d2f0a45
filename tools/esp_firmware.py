"""MicroPython's .bin file for an ESP32: boot loader, partition table and application, checked.

The file holds them as they lie in flash, from the boot loader on, and 0xFF between them. Written as
one piece that would overwrite what lies between: the NVS partition, where ESP-IDF keeps the
radio's calibration. So it is taken apart.

Formats: ESP-IDF, "App Image Format" and "Partition Tables".
"""

import hashlib
import struct

from faults import Refused, WrongInput

CHIP_IDS = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6"}
IMAGE_MAGIC = 0xE9
HEADER = 24
TABLE_AT = 0x8000
TABLE_BYTES = 0xC00
TABLE_SPACE = 0x1000  # a sector
ENTRY = struct.Struct("<2sBBII16sI")
ENTRY_MAGIC, DIGEST_MAGIC = b"\xaa\x50", b"\xeb\xeb"
APP, DATA = 0, 1
FILE_SYSTEM_LABELS = ("vfs", "ffat")


def split(octets, board, name):
    """(parts, file system) of a .bin file: [(address, octets)] in order, and (offset, size).

    The size is None if MicroPython takes all that it finds behind the offset.

    WrongInput: it is no such file, or not whole. Refused: it is for another chip.
    """
    start = board.bootloader
    table_at = TABLE_AT - start
    if len(octets) < table_at + TABLE_BYTES:
        raise _broken(name, f"it ends after {len(octets)} octets")
    bootloader = octets[: image_length(octets[:table_at], name, "boot loader", board.chip)]
    partitions = read_table(octets[table_at : table_at + TABLE_BYTES], name)
    apps = [each for each in partitions if each[0] == APP]
    if not apps:
        raise _broken(name, "its partition table has no application")
    _, label, app_at, app_space = apps[0]
    app = octets[app_at - start :]
    app = app[: image_length(app, name, "application", board.chip)]
    if len(app) > app_space:
        raise _broken(name, f"its application is larger than the partition {label}")
    table = octets[table_at : table_at + TABLE_BYTES]
    return [(start, bootloader), (TABLE_AT, table), (app_at, app)], file_system_at(partitions)


def file_system_at(partitions):
    """(offset, size) of the file system: of its partition, or behind the last one.

    MicroPython from 1.26 makes a partition from there to the end of the flash that it finds; then
    the size is None.
    """
    for _, label, offset, size in partitions:
        if label in FILE_SYSTEM_LABELS:
            return offset, size
    return max(offset + size for _, _, offset, size in partitions), None


def read_table(octets, name):
    """[(type, label, offset, size)] of a partition table. WrongInput if it is none."""
    partitions = []
    for at in range(0, TABLE_BYTES, ENTRY.size):
        entry = octets[at : at + ENTRY.size]
        if entry[:2] == DIGEST_MAGIC:
            if hashlib.md5(octets[:at]).digest() != entry[16:]:
                raise _broken(name, "its partition table has another digest")
            break
        if entry == b"\xff" * ENTRY.size:
            break
        magic, kind, _, offset, size, label, _ = ENTRY.unpack(entry)
        if magic != ENTRY_MAGIC:
            raise _broken(name, f"there is no partition table at {TABLE_AT:#x}")
        partitions.append((kind, label.rstrip(b"\0").decode(errors="replace"), offset, size))
    if not partitions:
        raise _broken(name, f"there is no partition table at {TABLE_AT:#x}")
    return partitions


def image_length(octets, name, what, chip):
    """Octets of the boot loader or application that `octets` begin with, its checksums checked."""
    if len(octets) < HEADER or octets[0] != IMAGE_MAGIC:
        raise _broken(name, f"there is no {what} where one should be")
    found = int.from_bytes(octets[12:14], "little")
    if CHIP_IDS.get(found) != chip:
        raise Refused(
            f"{name} is for {CHIP_IDS.get(found, f'chip {found}')}, and this board's is {chip}",
            "take the file for this board, or name the board that it is for: BOARD=",
        )
    at = HEADER
    checksum = 0xEF
    for _ in range(octets[1]):
        size = int.from_bytes(octets[at + 4 : at + 8], "little")
        for octet in octets[at + 8 : at + 8 + size]:
            checksum ^= octet
        at += 8 + size
    at += 16 - at % 16  # up to one octet, the last of 16
    if at > len(octets) or octets[at - 1] != checksum:
        raise _broken(name, f"its {what} has another checksum")
    if octets[23]:
        digest = octets[at : at + 32]
        if hashlib.sha256(octets[:at]).digest() != digest:
            raise _broken(name, f"its {what} has another digest")
        at += 32
    return at


def _broken(name, why):
    return WrongInput(f"{name} is no MicroPython for an ESP32: {why}", "download it again")
