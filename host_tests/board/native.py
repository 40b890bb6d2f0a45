"""rp2040py with its own C sources compiled for this Python: an emulated board is 3 times as fast.

Its wheel holds one build for every Python, which has to look up each attribute by name. The copy
lies in the environment's directory, and is made when it isn't there.
"""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

TIMEOUT_S = 900
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def directory():
    """What to put in front of sys.path, or None where there is no C compiler or no Python.h."""
    copy = Path(sys.prefix) / "board"
    wheel = Path(importlib.util.find_spec("rp2040py").submodule_search_locations[0])
    headers = Path(sysconfig.get_path("include"))
    if not shutil.which("cc") or not (headers / "Python.h").exists():
        return None
    with open(copy.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            print("compiling the emulator, once …", file=sys.stderr, flush=True)
            scratch = Path(tempfile.mkdtemp(dir=copy.parent))
            try:
                compile_all(wheel, scratch / wheel.name, headers)
                scratch.rename(copy)
            except (OSError, subprocess.SubprocessError) as error:
                shutil.rmtree(scratch)
                print(f"it stays as it is: {error}", file=sys.stderr, flush=True)
                return None
    return copy


def compile_all(wheel, copy, headers):
    """A copy of the package at `wheel` with modules for this Python alone."""
    shutil.copytree(wheel, copy, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    sources = sorted((copy / "native").glob("_*.c"))
    compilers = []
    for source in sources:
        output = source.with_suffix(SUFFIX)
        options = ["-O3", "-DNDEBUG", "-w", "-fPIC", "-shared", f"-I{headers}"]
        compilers.append(subprocess.Popen(["cc", *options, source, "-o", output]))
    for compiler in compilers:
        if compiler.wait(TIMEOUT_S):
            raise subprocess.CalledProcessError(compiler.returncode, "cc")


def use():
    """Have this process and those that it starts import the copy."""
    copy = directory()
    if copy and str(copy) not in sys.path:
        sys.path.insert(0, str(copy))
        paths = [str(copy), os.environ.get("PYTHONPATH")]
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
