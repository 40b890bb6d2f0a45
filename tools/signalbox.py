"""The command-line program that flashes a board, deploys to it and looks after it.

    signalbox.py COMMAND --help
    python3 tools/env.py exec python tools/signalbox.py doctor

`make flash`, `make deploy` and the others are these commands. What each exit status means is in
faults.py; how a command is added, in cli.py.
"""

import os
import sys

TOOLS = os.path.dirname(os.path.abspath(__file__))
# The firmware's own package is called signalbox, too, and some commands import from it.
sys.path[:0] = [os.path.join(os.path.dirname(TOOLS), "firmware")]

from cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
