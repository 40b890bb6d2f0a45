"""What a board's file system holds: main.py, and the firmware as .mpy for its architecture."""

import tempfile
from pathlib import Path

import mpy


def files(board):
    """Path on the board -> octets."""
    with tempfile.TemporaryDirectory() as scratch:
        mpy.compile_for(board.native_arch, Path(scratch))
        names = mpy.shipped(mpy.imports_of_firmware(), board.native_arch)
        found = {"/main.py": (mpy.FIRMWARE / "main.py").read_bytes()}
        for name in names:
            source = Path(*name.split("."))
            if name == "main":
                continue
            path = source.with_suffix(".mpy")
            if not (Path(scratch) / path).is_file():
                path = source / "__init__.mpy"
            found[f"/{path}"] = (Path(scratch) / path).read_bytes()
    return found
