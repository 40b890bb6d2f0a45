"""The documentation's diagram is the table's."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parent.parent / "tools/diagram.py"


def test_diagram_in_the_documentation_is_current():
    check = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
