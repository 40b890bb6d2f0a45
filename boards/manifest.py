"""What a custom build freezes besides MicroPython's own: the application, and its main.py.

Each board's manifest.py includes this one behind its port's. MicroPython's manifest tool runs it.
"""

import os

options.defaults(host=False)  # whether it is for a computer

FIRMWARE = os.path.abspath("../firmware")


def package():
    """The paths of its modules. Of twins a board has the native one; CPython's are for tests."""
    twins = ("_portable.py", "_cpython.py", *(() if options.host else ("_host.py",)))
    for directory, _, names in sorted(os.walk(os.path.join(FIRMWARE, "signalbox"))):
        for name in sorted(names):
            if name.endswith(".py") and not name.endswith(twins):
                yield os.path.relpath(os.path.join(directory, name), FIRMWARE)


# A frozen main.py goes before the file system's.
freeze(FIRMWARE, "main.py")
# Without line numbers, as it is deployed: they are a twelfth of it.
freeze(FIRMWARE, tuple(package()), opt=3)
