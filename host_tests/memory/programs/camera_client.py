"""The whole firmware, as main.py starts it, and then what it had loaded: `… CONFIG`."""

import sys

from signalbox.start import main

status = main(sys.argv[1:])
print("loaded", *sys.modules)
sys.exit(status)
