"""What a custom build freezes: MicroPython's own for this board, then ours."""

include("$(PORT_DIR)/boards/RPI_PICO_W/manifest.py")
include("../manifest.py")
