"""Applications for a simulated board: small, and each with a way of its own to start."""

import application
import board as boards
import littlefs_image
import mpy

# Whose geometry the flash has.
PICO_W = boards.load("RPI_PICO_W")

SLOTS = mpy.FIRMWARE / "signalbox" / "slots.py"
GOOD = "slots.confirm()"
RAISES = "raise ValueError('broken')"
UNCONFIRMED = "pass"
EXITS = "return 1"
# It runs on, as an application does; a Ctrl-C ends it. (programs/replay.py knows how it sleeps.)
START = """\
import time
from signalbox import slots
def main(arguments):
    print("the application {name} starts")
    {what}
    print("the application {name} runs")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        return 0
"""


def files(name, what=GOOD, more=None):
    """Path in a slot -> octets of an application that prints its name, and does `what`."""
    return {
        "signalbox/__init__.py": b"",
        "signalbox/slots.py": SLOTS.read_bytes(),
        "signalbox/start.py": START.format(name=name, what=what).encode(),
        **(more or {}),
    }


def install(monkeypatch, found):
    """Have deploy bring these files in the place of the application's. Returns their version."""
    monkeypatch.setattr(application, "tree", lambda board: dict(found))
    monkeypatch.setattr(application, "source_version", lambda: "v1")
    return application.version(found)


def installed_flash(found, more=None):
    """The contents of a board's flash with main.py, and these files as a confirmed version.

    `more`: {path: octets} of other files.
    """
    octets = {
        "/main.py": (mpy.FIRMWARE / "main.py").read_bytes(),
        **{f"/slot_a/{path}": content for path, content in found.items()},
        "/slot_a/version": application.version_file(found),
        "/slots.json": b'{"slot": "a"}',
        **(more or {}),
    }
    return littlefs_image.build(PICO_W, octets, PICO_W.vfs_size())
