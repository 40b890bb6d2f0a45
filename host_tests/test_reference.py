"""The configuration reference is what the tables say, and its examples are right."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from signalbox import config

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "firmware/CONFIG.md"
EXAMPLES = re.findall(r"\n((?:    .*\n)+)", PAGE.read_text(encoding="utf-8"))


def test_reference_is_current():
    command = [sys.executable, ROOT / "tools/reference.py", "--check"]
    check = subprocess.run(command, capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("text", [text for text in EXAMPLES if text.lstrip().startswith("{")])
def test_examples_are_taken(text):
    config.check(json.loads(text))


def test_every_row_of_the_tables_is_in_the_reference():
    page = PAGE.read_text(encoding="utf-8")
    for table in (config.OPTIONS, config.WIFI, config.SERVER, config.LISTEN, config.STATUS_LED):
        for name, _, check in table:
            row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
            assert isinstance(check, config.Section) or "must be" not in row
