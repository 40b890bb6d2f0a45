"""Runs modules of host_tests/portable/ on an emulated Pico W, each on a freshly booted one.

    python run_portable.py UF2 MODULE[:TEST,TEST...] ...

Without the tests behind the colon. Prints what runner.py prints, and the board's time at the end.
"""

import asyncio
import re
import sys

import native

native.use()  # before the first import of rp2040py

import board_files  # noqa: E402
from emulator import Board, BoardTimeoutError  # noqa: E402
from unfit import program  # noqa: E402

MODULE_TIMEOUT_S = 3600


async def run(uf2, image, module, without):
    """Run one module. Returns whether the board got to its end."""
    async with Board(uf2, image) as board:
        try:
            _, traceback = await board.run(program(module, without), MODULE_TIMEOUT_S, show)
        except BoardTimeoutError:
            show(f"\nstopped after {MODULE_TIMEOUT_S} s\n")
            return False
        show(f"{traceback}board time {board.clock_s:.1f} s\n")
        return not traceback


def needed(module):
    """`module` and the tests' modules that it imports."""
    text = (board_files.PORTABLE / f"{module}.py").read_text()
    imported = re.findall(r"^(?:from|import) (test_\w+)", text, re.M)
    return {module}.union(*map(needed, imported))


def show(text):
    sys.stdout.write(text.replace("\r", ""))
    sys.stdout.flush()


def main(arguments):
    uf2, *modules = arguments
    firmware = board_files.compile_tree(board_files.FIRMWARE)
    tests = {path.stem for path in board_files.PORTABLE.glob("test_*.py")}
    ended = True
    for argument in modules:
        module, _, without = argument.partition(":")
        # All tests are more than the file system holds.
        files = board_files.compile_tree(board_files.PORTABLE, tests - needed(module))
        image = board_files.build({**firmware, **files})
        unwanted = without.split(",") if without else []
        ended = asyncio.run(run(uf2, image, module, unwanted)) and ended
    return 0 if ended else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
