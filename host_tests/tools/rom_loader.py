"""A double of the loader in an ESP chip's ROM, and of esptool's stub, for the real esptool.

    with RomLoader("ESP32-C3", 4 << 20) as chip:
        ... esptool --port <chip.port> ...
        chip.flash

The protocol: esptool, docs/en/advanced-topics/serial-protocol.rst. What it knows: SYNC, registers
(with the SPI controller's, behind which a flash answers 9F and 5A), RAM downloads, flash downloads
plain and compressed, MD5, reading, erasing. Its flash is NOR: erasing sets bits, writing clears
them. It looks at every length, number and checksum, and answers as the chips do.

The chip is on a pseudo-terminal (`port` is a link to it that stays the same), or on a TCP port. It
is reset whenever the port is opened. `Faults` makes it fail.
"""

import contextlib
import errno
import hashlib
import os
import pty
import select
import socket
import struct
import tempfile
import threading
import tty
import zlib
from pathlib import Path

SECTOR = 4096
SPI_CMD, SPI_ADDR, SPI_USR = 0x00, 0x04, 1 << 18
SFDP = int.from_bytes(b"SFDP", "little")
BAD_MESSAGE, FAILED, BAD_CHECKSUM, BAD_LENGTH = 0x05, 0x06, 0x07, 0x0A
NAMES = {
    0x02: "flash_begin", 0x03: "flash_data", 0x04: "flash_end", 0x05: "mem_begin",
    0x06: "mem_end", 0x07: "mem_data", 0x08: "sync", 0x09: "write_reg", 0x0A: "read_reg",
    0x0B: "spi_set_params", 0x0D: "spi_attach", 0x0E: "read_flash_slow", 0x0F: "change_baudrate",
    0x10: "defl_begin", 0x11: "defl_data", 0x12: "defl_end", 0x13: "spi_flash_md5",
    0x14: "get_security_info", 0xD0: "erase_flash", 0xD1: "erase_region", 0xD2: "read_flash",
}  # fmt: skip
STUB_ONLY = ("erase_flash", "erase_region", "read_flash")


class Kind:
    """What differs from chip to chip: registers, and whether the ROM says what it is."""

    def __init__(self, image_id, spi, usr2, w0, mac, magic=None):
        self.image_id = image_id
        self.spi = spi
        self.usr2 = spi + usr2
        self.w0 = spi + w0
        self.mac = mac  # registers of the factory's MAC address
        self.magic = magic


KINDS = {
    "ESP32": Kind(0, 0x3FF42000, 0x24, 0x80, (0x3FF5A004, 0x3FF5A008), 0x00F01D83),
    "ESP32-C3": Kind(5, 0x60002000, 0x20, 0x58, (0x60008844, 0x60008848)),
    "ESP32-S3": Kind(9, 0x60002000, 0x20, 0x58, (0x60007044, 0x60007048)),
}
MAGIC_REGISTER = 0x40001000
UART_DIVIDER = 0x3FF40014  # of the ESP32; esptool tells the crystal by it


class Faults:
    """What goes wrong, and how often. Octets and blocks are counted over all connections."""

    def __init__(self, silent=False, drop_at=(), refuse=0, disconnect_at=(), wrong_bits=0):
        self.silent = silent  # no answer to anything
        self.drop_at = set(drop_at)  # the n-th data block loses an octet on the way
        self.refuse = refuse  # so many data blocks are answered with a checksum error
        self.disconnect_at = set(disconnect_at)  # the n-th data block ends the connection
        self.wrong_bits = wrong_bits  # so many data blocks come into flash with a wrong bit


class Reset(Exception):
    """The port was closed: the chip begins anew."""


class Refusal(Exception):
    """A command's answer is an error; `code` says which."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class RomLoader:
    """One chip with its flash. `commands`: the names of all that it was sent, in order."""

    def __init__(self, chip, flash_bytes, faults=None, tcp=False):
        self.kind = KINDS[chip]
        self.flash = bytearray(b"\xff" * flash_bytes)
        self.faults = faults or Faults()
        self.commands = []
        self.blocks = 0  # data blocks for flash
        self._line = _TcpLine() if tcp else _PtyLine()
        self.port = self._line.port
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._line.stop()
        self._thread.join()
        self._line.close()

    @property
    def written(self):
        """Whether anything was asked to be written to flash."""
        return any(name.endswith("_data") and name != "mem_data" for name in self.commands)

    def _run(self):
        while self._line.wait():
            with contextlib.suppress(Reset):
                _Session(self, self._line).run()


class _Session:
    """From one reset to the next."""

    def __init__(self, chip, line):
        self.chip = chip
        self.kind = chip.kind
        self.flash = chip.flash
        self.line = line
        self.stub = False
        mac = bytes.fromhex("240ac4123456")
        low, high = int.from_bytes(mac[2:], "big"), int.from_bytes(mac[:2], "big")
        self.registers = {self.kind.mac[0]: low, self.kind.mac[1]: high}
        if self.kind.magic:
            self.registers[MAGIC_REGISTER] = self.kind.magic
            self.registers[UART_DIVIDER] = 347  # 40 MHz at 115200 baud
        self.download = None
        self.ram = None
        self.received = self.packets()

    def run(self):
        for packet in self.received:
            if self.chip.faults.silent or len(packet) < 8:
                continue
            direction, code, size, checksum = struct.unpack_from("<BBHI", packet)
            data = packet[8:]
            name = NAMES.get(code)
            if direction != 0:
                continue
            self.chip.commands.append(name or hex(code))
            try:
                if size != len(data):
                    raise Refusal(BAD_LENGTH)
                if name is None or (name in STUB_ONLY and not self.stub):
                    raise Refusal(BAD_MESSAGE)
                value, answer = getattr(self, name)(data, checksum) or (0, b"")
                if name != "sync":
                    self.answer(code, value, answer)
            except Refusal as refusal:
                self.answer(code, 0, b"", refusal.code)
                continue
            if name == "mem_end":
                self.stub = True
                self.send(b"OHAI")
            if name == "read_flash":
                self.send_flash(data)

    def answer(self, code, value, data, error=0):
        status = bytes([1 if error else 0, error])
        if not self.stub:
            status += bytes(2)  # the ROM's two reserved octets
        body = data + status
        self.send(struct.pack("<BBHI", 1, code, len(body), value) + body)

    def send(self, packet):
        escaped = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        self.line.write(b"\xc0" + escaped + b"\xc0")

    def packets(self):
        """The packets between two 0xC0, unescaped. What is outside of them is noise."""
        packet = None
        while True:
            for octet in self.line.read():
                if octet == 0xC0:
                    if packet:
                        yield (
                            bytes(packet)
                            .replace(b"\xdb\xdc", b"\xc0")
                            .replace(b"\xdb\xdd", b"\xdb")
                        )
                        packet = None
                    else:
                        packet = bytearray()
                elif packet is not None:
                    packet.append(octet)

    # Registers.

    def sync(self, data, checksum):
        if data != b"\x07\x07\x12\x20" + b"\x55" * 32:
            raise Refusal(BAD_MESSAGE)
        for _ in range(8):
            self.answer(0x08, 0 if self.stub else 0x20120707, b"")

    def read_reg(self, data, checksum):
        return self.registers.get(struct.unpack("<I", data)[0], 0), b""

    def write_reg(self, data, checksum):
        for at in range(0, len(data), 16):
            address, value, mask, _ = struct.unpack_from("<IIII", data, at)
            self.registers[address] = self.registers.get(address, 0) & ~mask | value & mask
            if address == self.kind.spi + SPI_CMD and value & SPI_USR:
                self.spi_command(self.registers[self.kind.usr2] & 0xFF)
                self.registers[address] = 0

    def spi_command(self, command):
        answers = {
            0x9F: 0x0040EF | (len(self.flash).bit_length() - 1) << 16,  # Winbond's, size as 2^n
            0x5A: SFDP if not self.registers.get(self.kind.spi + SPI_ADDR) else 0xFFFFFFFF,
        }
        self.registers[self.kind.w0] = answers.get(command, 0)

    def get_security_info(self, data, checksum):
        if self.kind.magic:
            raise Refusal(BAD_MESSAGE)  # the ESP32 does not have it
        return 0, struct.pack("<IB7xII", 0, 0, self.kind.image_id, 0)

    def change_baudrate(self, data, checksum):
        pass

    # RAM: the stub.

    def mem_begin(self, data, checksum):
        size, blocks, block_size, _ = struct.unpack("<IIII", data)
        if blocks != -(-size // block_size):
            raise Refusal(FAILED)
        self.ram = [0, blocks]

    def mem_data(self, data, checksum):
        number, _ = self.block(data, checksum)
        if self.ram is None or number != self.ram[0]:
            raise Refusal(FAILED)
        self.ram[0] += 1

    def mem_end(self, data, checksum):
        stay, entry = struct.unpack("<II", data)
        if stay or not entry or self.ram is None or self.ram[0] != self.ram[1]:
            raise Refusal(FAILED)

    # Flash.

    def spi_attach(self, data, checksum):
        if len(data) != (4 if self.stub else 8):
            raise Refusal(BAD_LENGTH)

    def spi_set_params(self, data, checksum):
        if len(data) != 24:
            raise Refusal(BAD_LENGTH)

    def begin(self, data, stream):
        # The ROM of the ESP32 has no fifth word.
        extended = self.stub or not self.kind.magic
        if len(data) != (20 if extended else 16):
            raise Refusal(BAD_LENGTH)
        size, blocks, block_size, offset = struct.unpack_from("<IIII", data)
        if offset + size > len(self.flash):
            raise Refusal(FAILED)
        if not self.stub:
            if offset % SECTOR:
                raise Refusal(FAILED)
            self.erase(offset, size)
        self.download = {
            "next": 0, "blocks": blocks, "block_size": block_size, "at": offset,
            "end": offset + size, "stream": stream, "erased": offset,
        }  # fmt: skip

    def flash_begin(self, data, checksum):
        self.begin(data, None)

    def defl_begin(self, data, checksum):
        self.begin(data, zlib.decompressobj())

    def block(self, data, checksum):
        """(number, octets) of a data block, checked."""
        size, number, _, _ = struct.unpack_from("<IIII", data)
        octets = data[16:]
        if size != len(octets):
            raise Refusal(BAD_LENGTH)
        found = 0xEF
        for octet in octets:
            found ^= octet
        if found != checksum & 0xFF:
            raise Refusal(BAD_CHECKSUM)
        return number, octets

    def write_block(self, data, checksum):
        faults = self.chip.faults
        self.chip.blocks += 1
        if self.chip.blocks in faults.disconnect_at:
            faults.disconnect_at.discard(self.chip.blocks)
            self.line.disconnect()
            raise Reset
        if self.chip.blocks in faults.drop_at:
            faults.drop_at.discard(self.chip.blocks)
            data = data[:-1]
        if faults.refuse:
            faults.refuse -= 1
            raise Refusal(BAD_CHECKSUM)
        number, octets = self.block(data, checksum)
        download = self.download
        if download is None or number != download["next"] or number >= download["blocks"]:
            raise Refusal(FAILED)
        if download["stream"]:
            octets = download["stream"].decompress(octets)
        octets = octets[: download["end"] - download["at"]]
        if faults.wrong_bits and any(octets):
            faults.wrong_bits -= 1
            octets = octets.replace(bytes([max(octets)]), b"\0", 1)
        self.program(download, octets)
        download["next"] += 1

    flash_data = defl_data = write_block

    def program(self, download, octets):
        at = download["at"]
        while self.stub and download["erased"] < at + len(octets):
            start = download["erased"] // SECTOR * SECTOR
            self.erase(start, SECTOR)
            download["erased"] = start + SECTOR
        for index, octet in enumerate(octets):
            self.flash[at + index] &= octet
        download["at"] += len(octets)

    def erase(self, offset, size):
        start = offset // SECTOR * SECTOR
        end = -(-(offset + size) // SECTOR) * SECTOR
        self.flash[start:end] = b"\xff" * (end - start)

    def flash_end(self, data, checksum):
        pass

    def defl_end(self, data, checksum):
        stream = self.download and self.download["stream"]
        if stream and not stream.eof:
            raise Refusal(FAILED)

    def spi_flash_md5(self, data, checksum):
        address, size, _, _ = struct.unpack("<IIII", data)
        digest = hashlib.md5(self.flash[address : address + size])
        return 0, digest.digest() if self.stub else digest.hexdigest().encode()

    def read_flash_slow(self, data, checksum):
        address, size = struct.unpack("<II", data)
        return 0, bytes(self.flash[address : address + size]).ljust(64, b"\0")

    def erase_flash(self, data, checksum):
        self.erase(0, len(self.flash))

    def erase_region(self, data, checksum):
        self.erase(*struct.unpack("<II", data))

    def read_flash(self, data, checksum):
        pass

    def send_flash(self, data):
        """Blocks, each of which the host acknowledges with how much it has; then the MD5."""
        address, size, block_size, _ = struct.unpack("<IIII", data)
        octets = bytes(self.flash[address : address + size])
        for at in range(0, size, block_size):
            self.send(octets[at : at + block_size])
            next(self.received)
        self.send(hashlib.md5(octets).digest())


class _PtyLine:
    """A pseudo-terminal behind a link whose name stays, as a serial port's does."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory()
        self.port = str(Path(self._directory.name) / "ttyUSB0")
        self._stopped = threading.Event()
        self._master = None
        self._plug_in()

    def _plug_in(self):
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)
        os.close(slave)
        link = self.port + ".new"
        os.symlink(name, link)
        os.replace(link, self.port)

    def wait(self):
        """Until somebody opens the port: True; or until the end: False."""
        poll = select.poll()
        while not self._stopped.is_set():
            poll.register(self._master, select.POLLIN)
            if not any(event & select.POLLHUP for _, event in poll.poll(0)):
                return True
            self._stopped.wait(0.01)
        return False

    def read(self):
        while not self._stopped.is_set():
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    return os.read(self._master, 65536)
                except OSError as error:
                    assert error.errno == errno.EIO
                    break
        raise Reset

    def write(self, octets):
        while octets:
            octets = octets[os.write(self._master, octets) :]

    def disconnect(self):
        os.close(self._master)
        self._plug_in()

    def stop(self):
        self._stopped.set()

    def close(self):
        os.close(self._master)
        self._directory.cleanup()


class _TcpLine:
    """A serial port on the network, as esptool and pySerial take one: socket://."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._stopped = threading.Event()
        self._connection = None

    def wait(self):
        self._hang_up()
        while not self._stopped.is_set():
            if select.select([self._listener], [], [], 0.1)[0]:
                self._connection, _ = self._listener.accept()
                return True
        return False

    def read(self):
        while not self._stopped.is_set():
            if select.select([self._connection], [], [], 0.1)[0]:
                try:
                    octets = self._connection.recv(65536)
                except ConnectionError:
                    break
                if not octets:
                    break
                return octets
        raise Reset

    def write(self, octets):
        try:
            self._connection.sendall(octets)
        except ConnectionError:
            raise Reset from None

    def disconnect(self):
        self._hang_up()

    def _hang_up(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def stop(self):
        self._stopped.set()

    def close(self):
        self._hang_up()
        self._listener.close()
