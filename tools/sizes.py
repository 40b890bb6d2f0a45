"""Sizes as people write them."""

import re

import click

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}


class SizeType(click.ParamType):
    """`4MB`, `4M`, `848K` or a number of octets; becomes an int."""

    name = "size"

    def convert(self, value, param, context):
        """Whole blocks of flash only."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+)([KM]?)i?B?", value.strip(), re.IGNORECASE)
        size = int(match[1]) * UNITS[match[2].upper()] if match else 0
        if not size or size % 4096:
            self.fail(f"{value} is no size of flash: 2MB, 4MB, 8MB …", param, context)
        return size


def text(octets):
    """`4 MB`, `848 KB` or `123 octets`."""
    for unit, size in (("MB", 1 << 20), ("KB", 1 << 10)):
        if octets >= size and octets % size == 0:
            return f"{octets // size} {unit}"
    return f"{octets} octets"
