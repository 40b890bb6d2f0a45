"""Puts the file NEW in the place of PATH, if all SIZE octets of it are there.

A version on trial has its three starts again: those before had another configuration.
"""

import json
import os

if os.stat(NEW)[6] != SIZE:  # noqa: F821  set in front of this
    raise OSError("incomplete")
os.rename(NEW, PATH)  # noqa: F821
try:
    with open("/slots.json") as file:
        state = json.load(file)
    if state.get("starts"):
        state["starts"] = 0
        with open("/slots.new", "w") as file:
            json.dump(state, file)
        os.rename("/slots.new", "/slots.json")
except (OSError, ValueError, AttributeError):
    pass  # no slots, or a state that main.py will not take
