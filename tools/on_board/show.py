"""Prints the file PATH in hexadecimal, or `-` if there is none."""

import binascii

try:
    with open(PATH, "rb") as file:  # noqa: F821  set in front of this
        print(binascii.hexlify(file.read(65536)).decode())
except OSError:
    print("-")
