"""Intel HEX files: octets at addresses, with gaps that a flashing tool leaves alone.

Records as in Intel's specification of 1988: data (0), end (1), and the upper half of 32-bit
addresses (4). A raw file would have to fill the gaps, and so overwrite what is stored there.
"""

from faults import WrongInput

LINE = 32  # octets in a record
HALF = 0x10000


def write(parts):
    """The text of a file with `parts`, (address, octets)."""
    lines = []
    upper = 0
    for address, octets in sorted(parts):
        at = 0
        while at < len(octets):
            here = address + at
            if here // HALF != upper:
                upper = here // HALF
                lines.append(_record(0, 4, upper.to_bytes(2, "big")))
            size = min(LINE, len(octets) - at, HALF - here % HALF)
            lines.append(_record(here % HALF, 0, octets[at : at + size]))
            at += size
    lines.append(_record(0, 1, b""))
    return "\n".join(lines) + "\n"


def read(text, name):
    """The parts of a file's text, what adjoins put together. WrongInput with the line."""
    parts = []
    upper = 0
    for number, line in enumerate(text.split(), 1):
        try:
            record = bytes.fromhex(line[1:])
            size, address, kind = record[0], int.from_bytes(record[1:3], "big"), record[3]
            octets = record[4:-1]
            valid = line[0] == ":" and len(octets) == size and sum(record) % 256 == 0
        except (ValueError, IndexError):
            valid = False
        if not valid or kind not in (0, 1, 4):
            raise WrongInput(f"{name}: line {number} is no whole record", "make the image again")
        if kind == 1:
            return [(address, bytes(octets)) for address, octets in parts]
        if kind == 4:
            upper = int.from_bytes(octets, "big") * HALF
        elif parts and parts[-1][0] + len(parts[-1][1]) == upper + address:
            parts[-1][1].extend(octets)
        else:
            parts.append((upper + address, bytearray(octets)))
    raise WrongInput(f"{name} has no end", "make the image again")


def _record(address, kind, octets):
    record = bytes([len(octets), *address.to_bytes(2, "big"), kind, *octets])
    return ":" + (record + bytes([-sum(record) % 256])).hex().upper()
