"""The portable tests of host_tests on a connected board: each module on its own, over a mount.

Nothing is written to the board: what it imports, the firmware and the tests as .mpy files for it,
is in a directory of this computer.
"""

import ast
import sys
import tempfile
import time
from pathlib import Path

import env
import installed
import mpy
import remote

HOST_TESTS = Path(env.ROOT) / "host_tests"
PORTABLE = HOST_TESTS / "portable"
SILENCE_S = 600  # a test that takes its time prints nothing
sys.path += [str(HOST_TESTS / "board"), str(HOST_TESTS), str(PORTABLE)]

from portable_items import parse  # noqa: E402
from unfit import program, why_unfit  # noqa: E402


class Result:
    """Of one module. `failures`: {test: text}; `unfit`: {test: why}; `passed`: a number."""

    def __init__(self, module):
        self.module = module
        self.passed = 0
        self.failures = {}
        self.unfit = {}
        self.seconds = 0


def modules():
    """The names of all portable test modules."""
    return sorted(path.stem for path in PORTABLE.glob("test_*.py"))


def tests_of(module):
    """The names of a module's tests, in the order in which runner.py runs them."""
    nodes = ast.parse((PORTABLE / f"{module}.py").read_bytes()).body
    functions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return sorted(function.name for function in functions if function.name.startswith("test_"))


def compile_all(board, directory):
    """Everything that a test imports, for the Board, into a directory."""
    mpy.compile_for(board.native_arch, directory)
    (directory / "main.mpy").unlink(missing_ok=True)
    for path in sorted(PORTABLE.glob("*.py")):
        target = directory / f"{path.stem}.mpy"
        try:
            mpy.cross_compile(path, target, Path(path.name), [f"-march={board.native_arch}"])
        except mpy.MpyError:
            # The board says what is wrong with it when it is wanted.
            (directory / path.name).write_bytes(path.read_bytes())


class Runner:
    """Runs modules on the Board at a port. `with` makes and removes what is mounted."""

    def __init__(self, board, port):
        self._board = board
        self._port = port

    def __enter__(self):
        self._scratch = tempfile.TemporaryDirectory(prefix="signalbox-")
        self._directory = Path(self._scratch.name)
        compile_all(self._board, self._directory)
        return self

    def __exit__(self, *_):
        self._scratch.cleanup()

    def run(self, module, on_line):
        """The Result of a module. NoBoard: the board is gone."""
        result = Result(module)
        tests = tests_of(module)
        result.unfit = {test: why for test in tests if (why := why_unfit(module, test))}
        fit = [test for test in tests if test not in result.unfit]
        if not fit:
            return result
        lines = []

        def take(line):
            lines.append(line)
            on_line(line)

        began = time.monotonic()
        end = "ended"
        try:
            remote.follow(
                self._port, "exec", installed.script("hold", HOLD_S=SILENCE_S),
                "mount", self._directory, "exec", program(module, list(result.unfit)),
                on_line=take, silence_s=SILENCE_S,
            )  # fmt: skip
        except remote.RemoteError as error:
            end = f"ended: {error.cause}"
        result.seconds = time.monotonic() - began
        found, last_words = parse("".join(line + "\n" for line in lines))
        broken = found.pop(f"{module}.import", None)
        for test in fit:
            failure = found.get(f"{module}.{test}", missing(broken, end, last_words))
            if failure is None:
                result.passed += 1
            else:
                result.failures[test] = failure
        return result


def missing(broken, end, last_words):
    """Why a test has no result."""
    if broken is not None:
        return f"its module can't be imported:\n{broken}"
    return f"no result: the board {end}\n{last_words}"
