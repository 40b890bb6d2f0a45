"""The interface of the drivers: what a device can be told, whatever it is wired to.

A driver never waits: a call checks, queues a little at most, and returns; the rest happens in
tick(). What goes wrong later, as with a camera that doesn't answer, stands in state().
"""

# What a driver may have in its `caps`.
CAPS = ("ptz", "zoom", "focus", "preset", "power", "tally", "light", "position")

TALLY = ("off", "preview", "program")  # dark; to be on air next, green; on air, red


class Refused(Exception):
    """The device doesn't do that now. The text is for whoever asked: why, and what to do."""


class Unsupported(Refused):
    """The device can't do that at all."""


class Driver:
    """Derive from it, name what the device can do in `caps`, and define the calls for that.

    Every call may raise Refused. Arguments have been checked: they are within what is said here.
    """

    caps: tuple = ()
    presets = 0  # how many there are; they are counted from 0
    media: object = None  # takes part in sessions, if the device has media: see encoder.py
    in_timer = False  # tick() comes from a timer, as the event loop stands: nothing may block then

    def move(self, pan, tilt, zoom):
        """Go on moving at these speeds, until the next call. Caps "ptz" and "zoom".

        Whole numbers from -100 to 100, per cent of the fastest: right, up and in are positive.
        What isn't in `caps` is 0. It is called again with the same speeds, as long as they last.
        """
        raise Unsupported

    def stop(self):
        """Stop all motion: of move(), position(), preset_recall() and focus(). Never refused."""
        raise Unsupported

    def position(self, pan, tilt, zoom):
        """Go there, and stop. `pan`, `tilt`: degrees right and up of the middle. `zoom`: 0, the
        widest, to 100. None: leave this one. Cap "position".
        """
        raise Unsupported

    def preset_store(self, n):
        """Remember this position as preset `n`. Cap "preset"."""
        raise Unsupported

    def preset_recall(self, n):
        """Go to preset `n`, and stop. Cap "preset"."""
        raise Unsupported

    def focus(self, speed):
        """`speed`: -100, near, to 100, far, until the next call; or "auto". Cap "focus"."""
        raise Unsupported

    def power(self, on):
        """Cap "power"."""
        raise Unsupported

    def tally(self, state):
        """Show one of TALLY. Cap "tally"."""
        raise Unsupported

    def light(self, on):
        """Cap "light"."""
        raise Unsupported

    def tick(self, now):
        """Called about every 20 ms with the clock's milliseconds (compat.ticks_ms())."""

    def state(self):
        """A new dict of what is known: `pan`, `tilt`, `zoom` (as position() takes them), `moving`,
        `focus` ("auto" or "manual"), `power`, `tally`, `light`, `fault` (str, if there is one).
        """
        return {}

    def close(self):
        """Let go of pins and ports. Motion was stopped before."""
