"""What a custom build freezes: each manifest.py, run as MicroPython's manifest tool runs it."""

import os
from pathlib import Path

import board as boards
import mpy
import pytest

BOARDS = boards.BOARDS


class Options:
    """What `include(path, name=value)` gave, and the defaults of the file itself."""

    def __init__(self, given):
        self._given = given
        self._defaults = {}

    def defaults(self, **values):
        self._defaults = values

    def __getattr__(self, name):
        return {**self._defaults, **self._given}[name]


class Manifest:
    """`included`: MicroPython's own manifests; `frozen`: path of each of our modules -> opt."""

    def __init__(self, path):
        self.included = []
        self.frozen = {}
        self._run(path, {})

    def _run(self, path, given):
        before = os.getcwd()
        os.chdir(path.parent)
        try:
            names = {"include": self._include, "freeze": self._freeze, "options": Options(given)}
            exec(compile(path.read_text(), str(path), "exec"), names)
        finally:
            os.chdir(before)

    def _include(self, path, **given):
        if path.startswith("$("):
            self.included.append(path)
        else:
            self._run(Path(path).resolve(), given)

    def _freeze(self, base, script, opt=None):
        for name in (script,) if isinstance(script, str) else script:
            assert (Path(base) / name).is_file()
            assert Path(base).resolve() == mpy.FIRMWARE
            self.frozen[name] = opt


@pytest.mark.parametrize("name", boards.names())
def test_a_manifest_freezes_what_is_deployed(name):
    board = boards.load(name)
    manifest = Manifest(BOARDS / name / "manifest.py")
    shipped = mpy.shipped(mpy.imports_of_firmware(), board.native_arch)
    expected = {path_of(module) for module in shipped if module != "main"} | {"main.py"}
    assert set(manifest.frozen) == expected
    # main.py has line numbers for its tracebacks, the package has none: as in mpy.compile_for().
    assert {path for path, opt in manifest.frozen.items() if opt != 3} == {"main.py"}


def path_of(module):
    path = Path(*module.split("."))
    source = path.with_suffix(".py")
    return str(source if (mpy.FIRMWARE / source).is_file() else path / "__init__.py")


@pytest.mark.parametrize("name", boards.names())
def test_micropythons_own_come_first(name):
    """A board for which MicroPython has a manifest of its own includes that one."""
    included = {
        "esp32": "$(PORT_DIR)/boards/manifest.py",
        "rp2": f"$(PORT_DIR)/boards/{name}/manifest.py",
        "unix": "$(PORT_DIR)/variants/standard/manifest.py",
    }
    assert Manifest(BOARDS / name / "manifest.py").included == [included[boards.load(name).port]]


@pytest.mark.parametrize("name", [n for n in boards.names() if boards.load(n).port != "unix"])
def test_a_board_definition_is_micropythons_with_our_manifest(name):
    cmake = (BOARDS / name / "mpconfigboard.cmake").read_text()
    assert f"/boards/{name}/mpconfigboard.cmake)" in cmake
    assert "set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)" in cmake
    header = (BOARDS / name / "mpconfigboard.h").read_text()
    assert f'#include "boards/{name}/mpconfigboard.h"' in header
