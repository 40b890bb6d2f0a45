"""What pins switch: the camera's power, tally lamps, an infrared light; or some of these."""

from .driver import Driver


def options():
    """A row for each key, as config.py has them."""
    from ..checks import boolean, pin

    return (
        ("power", None, pin),  # the pin of the relay for the camera's power
        ("power_active_low", False, boolean),  # true for a relay that a low level switches on
        ("power_at_start", True, boolean),  # whether the power is on when the board has started
        ("tally_program", None, pin),  # the pin of the red lamp: on air
        ("tally_preview", None, pin),  # the pin of the green lamp: on air next
        ("tally_active_low", False, boolean),  # true for lamps that a low level lights
        ("light", None, pin),  # the pin of the infrared light
        ("light_active_low", False, boolean),  # true for a light that a low level switches on
    )


def create(options, hardware):
    """The Driver."""
    return GPIO(options, hardware)


class GPIO(Driver):
    """Pins. Each is set to what its state is at the start before it becomes an output."""

    def __init__(self, options, hardware):
        self._pins = {}
        self._inverted = {}
        self._state = {}
        self._add("power", "power", options, hardware, options["power_at_start"])
        self._add("tally_program", "tally", options, hardware, False)
        self._add("tally_preview", "tally", options, hardware, False)
        self._add("light", "light", options, hardware, False)
        self.caps = tuple(self._state)

    def power(self, on):
        self._set("power", on)
        self._state["power"] = on

    def tally(self, state):
        self._set("tally_program", state == "program")
        self._set("tally_preview", state == "preview")
        self._state["tally"] = state

    def light(self, on):
        self._set("light", on)
        self._state["light"] = on

    def state(self):
        return dict(self._state)

    def _add(self, name, cap, options, hardware, on):
        if options[name] is not None:
            self._inverted[name] = inverted = options[cap + "_active_low"]
            self._pins[name] = hardware.output(options[name], int(on != inverted))
            self._state[cap] = "off" if cap == "tally" else on

    def _set(self, name, on):
        if name in self._pins:
            self._pins[name].value(int(on != self._inverted[name]))
