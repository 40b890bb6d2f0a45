"""Runs modules of host_tests/portable/ on an emulated Pico W, each on a freshly booted one.

    python run_portable.py UF2 MODULE[:TEST,TEST...] ...

Without the tests behind the colon. Prints what runner.py prints, and the board's time at the end.
"""

import asyncio
import sys

import board_files
from emulator import Board, BoardTimeoutError

MODULE_TIMEOUT_S = 3600


async def run(uf2, image, module, without):
    """Run one module. Returns whether the board got to its end."""
    source = "import runner\n"
    if without:
        source += f"import {module}\n" + "".join(f"del {module}.{test}\n" for test in without)
    source += f"runner.main([{module!r}])\n"
    async with Board(uf2, image) as board:
        try:
            _, traceback = await board.run(source, MODULE_TIMEOUT_S, show)
        except BoardTimeoutError:
            show(f"\nstopped after {MODULE_TIMEOUT_S} s\n")
            return False
        show(f"{traceback}board time {board.clock_s:.1f} s\n")
        return not traceback


def show(text):
    sys.stdout.write(text.replace("\r", ""))
    sys.stdout.flush()


def main(arguments):
    uf2, *modules = arguments
    files = {
        **board_files.compile_tree(board_files.FIRMWARE),
        **board_files.compile_tree(board_files.PORTABLE),
    }
    image = board_files.build(files)
    ended = True
    for argument in modules:
        module, _, without = argument.partition(":")
        tests = without.split(",") if without else []
        ended = asyncio.run(run(uf2, image, module, tests)) and ended
    return 0 if ended else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
