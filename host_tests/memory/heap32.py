"""Heap on a 32-bit MicroPython: the WebAssembly build from npm, run by node."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from heap64 import RUN_TIMEOUT_S, HeapError, result_of

WASM = Path(__file__).parent / "wasm"
MODULE = "node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"
NPM_TIMEOUT_S = 300


class NoNode(Exception):
    """There is no node, or no npm, on this machine."""


def connections(cache, compiled):
    """What wasm/connections.py measures, of the firmware in the directory `compiled`."""
    command = ["node", WASM / "run.mjs", install(cache), compiled, WASM / "connections.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    if done.returncode:
        raise HeapError(f"32-bit RAM: {done.stdout}{done.stderr}")
    result = result_of(done.stdout)
    if result["pointer"] != 4:
        raise HeapError("32-bit RAM: that MicroPython is not a 32-bit one")
    return result


def install(cache):
    """The path of the WebAssembly build; npm installs it into `cache` if it isn't there."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NoNode("needs node and npm\nNext: install them, on Debian: apt install nodejs npm")
    pins = hashlib.sha256((WASM / "package-lock.json").read_bytes()).hexdigest()[:12]
    directory = Path(cache) / "wasm" / pins
    if not (directory / MODULE).exists():
        print("Installing MicroPython for WebAssembly (once)", file=sys.stderr, flush=True)
        directory.parent.mkdir(parents=True, exist_ok=True)
        fresh = tempfile.mkdtemp(dir=directory.parent)
        try:
            npm_ci(fresh)
            os.rename(fresh, directory)
        except OSError:
            if not (directory / MODULE).exists():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return directory / MODULE


def npm_ci(directory):
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WASM / name, directory)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=NPM_TIMEOUT_S
    )
    if done.returncode:
        raise HeapError(f"npm ci:\n{done.stderr}Next: check that npm reaches its registry")
