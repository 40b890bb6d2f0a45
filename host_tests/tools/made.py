"""Firmware files with the right headers and nothing in them that runs: MicroPython's releases are
not to be had from a package index, and the tools look at headers, sizes and checksums only."""

import hashlib
import json
import socket
import struct

import esp_firmware
import uf2

IDS = {chip: number for number, chip in esp_firmware.CHIP_IDS.items()}
NVS_AT = 0x9000
APP_AT = 0x10000
APP_SPACE = 0x1F0000


def octets(size, seed):
    """Octets that don't compress to nothing, the same ones each time."""
    out = bytearray()
    while len(out) < size:
        out += hashlib.sha256(b"%d %d" % (seed, len(out))).digest()
    return bytes(out[:size])


def esp_image(chip, size, seed=1):
    """A boot loader or an application: one segment, checksum, SHA-256."""
    header = struct.pack("<4BI", esp_firmware.IMAGE_MAGIC, 1, 2, 0x20, 0x40080000)
    header += struct.pack("<4BH9xB", 0xEE, 0, 0, 0, IDS[chip], 1)
    data = octets(size // 4 * 4, seed)
    body = header + struct.pack("<II", 0x3F400000, len(data)) + data
    checksum = 0xEF
    for octet in data:
        checksum ^= octet
    body += bytes(15 - len(body) % 16) + bytes([checksum])
    return body + hashlib.sha256(body).digest()


def partition_table(*extra):
    """MicroPython's: NVS, calibration, application; no file system since 1.26."""
    rows = [(1, 2, NVS_AT, 0x6000, b"nvs"), (1, 1, 0xF000, 0x1000, b"phy_init")]
    rows += [(0, 0, APP_AT, APP_SPACE, b"factory"), *extra]
    table = b"".join(
        esp_firmware.ENTRY.pack(esp_firmware.ENTRY_MAGIC, kind, sub, at, size, label, 0)
        for kind, sub, at, size, label in rows
    )
    digest = hashlib.md5(table).digest()
    return (table + esp_firmware.DIGEST_MAGIC.ljust(16, b"\xff") + digest).ljust(0xC00, b"\xff")


def esp_bin(board, app_size=40000, table=None):
    """A MicroPython .bin for an ESP32 board, as its makeimg.py puts it together."""
    out = bytearray(esp_image(board.chip, 18000, 2))
    for at, content in (
        (esp_firmware.TABLE_AT, table or partition_table()),
        (APP_AT, esp_image(board.chip, app_size, 3)),
    ):
        out = out.ljust(at - board.bootloader, b"\xff") + content
    return bytes(out)


def uf2_file(board, size=60000, front=None):
    """A MicroPython .uf2 for an RP2 board; the RP2350's begins as the real one does."""
    if front is None:
        front = [absolute_block()] if board.chip == "RP2350" else []
    return uf2.write(front, [(0, octets(size, 4))], board.chip)


def absolute_block():
    """What stands in front for erratum RP2350-E10: 256 octets at the end of the address space."""
    header = uf2.HEADER.pack(
        uf2.MAGIC_0, uf2.MAGIC_1, uf2.HAS_FAMILY, 0x10FFFF00, 256, 0, 2, uf2.ABSOLUTE
    )
    return (header + b"\xef" * 256).ljust(508, b"\0") + struct.pack("<I", uf2.MAGIC_END)


def firmware(board, path):
    """Write the board's firmware file into the directory `path`; None for the unix port."""
    if board.port == "unix":
        return None
    file = path / (board.release or f"{board.name}.firmware")
    file.write_bytes(esp_bin(board) if board.port == "esp32" else uf2_file(board))
    return file


def config(path):
    """Write a configuration with which the application serves on this computer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    values = {"name": "door", "mode": "server", "wifi": [], "ntp_server": "", "watchdog": False}
    values["listen"] = {"port": port, "token": "0123456789abcdef"}
    path.write_text(json.dumps(values))
    return path
