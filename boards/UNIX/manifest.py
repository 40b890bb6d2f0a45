"""What a custom build freezes: MicroPython's own for this variant, then ours."""

include("$(PORT_DIR)/variants/standard/manifest.py")
include("../manifest.py", host=True)
