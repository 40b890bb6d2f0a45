"""UF2 files: blocks of 512 octets, each with 256 octets for flash and where they go.

The format: https://github.com/microsoft/uf2. A block is 32 octets of header (two magic numbers,
flags, address, octets of payload, its number, how many there are, the family of chips), 476 octets
that begin with the payload, and a last magic number; all numbers are little-endian.

The RP2350's own files begin with one block of another family, with its own numbering: it works
around erratum RP2350-E10, and is kept where it is.
"""

import struct

from faults import Refused, WrongInput

BLOCK = 512
PAYLOAD = 256
PAGES_PER_SECTOR = 4096 // PAYLOAD
MAGIC_0, MAGIC_1, MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
NOT_FOR_FLASH, HAS_FAMILY = 0x00000001, 0x00002000
HEADER = struct.Struct("<8I")
XIP_BASE = 0x10000000  # where the RP2's processors see the flash
FAMILIES = {"RP2040": 0xE48BFF56, "RP2350": 0xE48BFF59}
RP2350_RISCV = 0xE48BFF5A
ABSOLUTE = 0xE48BFF57  # goes to an address whatever the partitions are: the workaround's block
CHIPS = {
    **{family: chip for chip, family in FAMILIES.items()},
    RP2350_RISCV: "RP2350 as RISC-V",
    0xE48BFF58: "data for RP2350",
}


def read(octets, chip, name):
    """(raw blocks of other families that stand in front, [(offset in flash, octets)]) of a UF2.

    Checks every block. WrongInput: it is no UF2, or not whole. Refused: it is for another chip.
    """
    if not octets or len(octets) % BLOCK:
        raise _broken(name, f"{len(octets)} octets are no number of blocks of {BLOCK}")
    front, pages, families = [], {}, set()
    total = None
    for start in range(0, len(octets), BLOCK):
        block = octets[start : start + BLOCK]
        number = start // BLOCK
        magic_0, magic_1, flags, address, size, index, count, family = HEADER.unpack_from(block)
        magic_end = struct.unpack_from("<I", block, BLOCK - 4)[0]
        if (magic_0, magic_1, magic_end) != (MAGIC_0, MAGIC_1, MAGIC_END):
            raise _broken(name, f"block {number} has not the marks of one")
        if flags & NOT_FOR_FLASH:
            continue
        if not flags & HAS_FAMILY:
            raise _broken(name, f"block {number} does not say which chips it is for")
        if family == ABSOLUTE:
            front.append(block)
            continue
        families.add(family)
        if family != FAMILIES[chip]:
            continue
        if size != PAYLOAD or address % PAYLOAD or address < XIP_BASE:
            raise _broken(name, f"block {number} has {size} octets for {address:#x}")
        if index != len(pages) or total not in (None, count):
            raise _broken(name, f"block {number} says it is {index} of {count}: one is missing")
        if address in pages:
            raise _broken(name, f"block {number} is for {address:#x}, as another one is")
        total = count
        pages[address] = block[HEADER.size : HEADER.size + PAYLOAD]
    if families != {FAMILIES[chip]}:
        other = ", ".join(CHIPS.get(family, hex(family)) for family in sorted(families))
        raise Refused(
            f"{name} is for {other or 'no chip'}, and this board's is {chip}",
            "take the file for this board, or name the board that it is for: BOARD=",
        )
    if len(pages) != total:
        raise _broken(name, f"it has {len(pages)} of {total} blocks")
    return front, join({address - XIP_BASE: octets for address, octets in pages.items()})


def join(pages):
    """{address: octets} as a list of (address, octets), what adjoins put together."""
    parts = []
    for address in sorted(pages):
        if parts and parts[-1][0] + len(parts[-1][1]) == address:
            parts[-1][1].extend(pages[address])
        else:
            parts.append((address, bytearray(pages[address])))
    return [(address, bytes(octets)) for address, octets in parts]


def write(front, parts, chip):
    """The octets of a UF2: `front` as it is, then `parts`, (offset in flash, octets), in order.

    Each part is filled up to whole sectors of 4096 octets, for the boot loader erases a sector when
    its first block comes, and what a file writes of a sector must come together.
    """
    pages = {}
    for offset, octets in parts:
        for start in range(0, len(octets), PAYLOAD):
            page = octets[start : start + PAYLOAD]
            pages[offset + start] = page.ljust(PAYLOAD, b"\xff")
    sectors = {page // 4096 for page in pages}
    for sector in sectors:
        for page in range(PAGES_PER_SECTOR):
            pages.setdefault(sector * 4096 + page * PAYLOAD, b"\xff" * PAYLOAD)
    blocks = bytearray().join(front)
    for index, page in enumerate(sorted(pages)):
        blocks += HEADER.pack(
            MAGIC_0, MAGIC_1, HAS_FAMILY, XIP_BASE + page, PAYLOAD, index, len(pages),
            FAMILIES[chip],
        )  # fmt: skip
        blocks += pages[page].ljust(BLOCK - HEADER.size - 4, b"\0") + struct.pack("<I", MAGIC_END)
    return bytes(blocks)


def _broken(name, why):
    return WrongInput(f"{name} is no whole UF2 file: {why}", "download or build it again")
