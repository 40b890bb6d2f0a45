"""What a board boots."""

import sys

from signalbox.start import main

sys.exit(main(sys.argv[1:]))
