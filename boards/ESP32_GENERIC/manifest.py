"""What a custom build freezes: MicroPython's own for this port, then ours."""

include("$(PORT_DIR)/boards/manifest.py")
include("../manifest.py")
