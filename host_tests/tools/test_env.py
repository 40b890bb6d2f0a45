"""env.py: the environment that it makes, and the pins of it."""

import importlib.metadata
import sys

import env
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet


def pins():
    """The requirements that are installed here."""
    with open(env.REQUIREMENTS) as file:
        lines = [line.split("#")[0].strip() for line in file]
    found = [Requirement(line) for line in lines if line]
    return [pin for pin in found if not pin.marker or pin.marker.evaluate()]


def test_a_step_of_which_a_full_disk_kept_no_words(tmp_path):
    log = tmp_path / "install.log"
    with pytest.raises(env.EnvError, match=f"room for it(.|\n)*{log}"):
        env.step("a package", [sys.executable, "-c", "raise SystemExit(1)"], log)


def test_each_pin_can_be_installed_with_the_oldest_python():
    oldest = "{}.{}".format(*env.OLDEST_PYTHON)
    too_new = {}
    for pin in pins():
        needed = importlib.metadata.metadata(pin.name)["Requires-Python"]
        if not SpecifierSet(needed or "").contains(oldest):
            too_new[str(pin)] = needed
    assert not too_new
