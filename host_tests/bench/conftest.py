"""Lets the tests import the scripts of this directory, whose names are short and not unique.

At the end of the path, so that nothing elsewhere is hidden by them.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
