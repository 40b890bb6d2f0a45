"""firmware/typings/ against the source: stubtest, and mypy on a program of a user."""

import os
import subprocess
import sys

import pytest
from unix_port import ROOT

TYPINGS = ROOT / "firmware" / "typings"
STUBS = [path.relative_to(TYPINGS).with_suffix("") for path in sorted(TYPINGS.rglob("*.pyi"))]
MODULES = [".".join(path.parts) for path in STUBS if path.name != "__init__"]
# The transport is MicroPython's own: host_transport stands in for it.
CHECK = """\
import sys
import host_transport
for name in ("transport", "dialer", "listener"):
    sys.modules["signalbox.net." + name] = host_transport
from mypy import stubtest
sys.exit(stubtest.test_stubs(stubtest.parse_options(sys.argv[1:])))
"""
GOOD = """\
import asyncio

from signalbox.net.client import connect

async def main() -> None:
    async with connect("ws://10.0.0.5:8443/") as ws:
        await ws.send("hello")
        message = await ws.recv()
        reveal_type(message)
    outcome = await ws.wait_closed()
    reveal_type(outcome.code)

asyncio.run(main())
"""
BAD = """\
from signalbox.net.client import connect

connect("ws://host/", open_timeout="10 s")
connect("ws://host/", time_out=10)
"""


def run(*arguments, **environ):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **{name: str(value) for name, value in environ.items()}},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def mypy(tmp_path):
    """A function: what mypy says of a program, with the stubs on its path as an editor has them."""

    def check(source):
        path = tmp_path / "program.py"
        path.write_text(source)
        return run("-m", "mypy", "--config-file", "", "--strict", path, MYPYPATH=TYPINGS)[1]

    return check


def test_the_stubs_are_what_the_source_is(tmp_path):
    path = os.pathsep.join([str(ROOT / "firmware"), str(ROOT / "host_tests" / "portable")])
    status, output = run(
        "-c", CHECK, "--ignore-missing-stub", *MODULES, MYPYPATH=TYPINGS, PYTHONPATH=path
    )
    assert status == 0, output
    assert f"no issues found in {len(MODULES)} modules" in output


def test_an_editor_knows_the_types(mypy):
    said = mypy(GOOD)
    assert 'Revealed type is "str | bytearray"' in said.replace("builtins.", "")
    assert 'Revealed type is "int"' in said.replace("builtins.", "")
    assert "error" not in said


def test_an_editor_sees_mistakes(mypy):
    said = mypy(BAD)
    assert 'program.py:3: error: Argument "open_timeout"' in said
    assert "program.py:4: error: Unexpected keyword argument" in said
