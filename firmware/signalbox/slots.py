"""Tells main.py that the version which runs is a good one. The files are described in main.py.

Knows nothing of what `good` is: that is for the application to say.
"""

import json
import os

_STATE = "/slots.json"
_NEW_STATE = "/slots.new"


def on_trial():
    """Whether the version that runs is still to be confirmed.

    As long as it is, a reset counts as a failed start, and the third one brings back the version
    before it.
    """
    return "starts" in _state()


def can_go_back():
    """Whether failed starts lead to another version."""
    state = _state()
    if "starts" not in state:
        return False
    try:
        os.stat("/slot_%s/version" % ("a" if state.get("slot") == "b" else "b"))
        return True
    except OSError:
        return False


def confirm():
    """End the trial: from now on every start starts this version. Costs nothing when there is none.

    OSError if the state can't be written; the trial goes on then.
    """
    state = _state()
    if "starts" in state:
        with open(_NEW_STATE, "w") as file:
            json.dump({"slot": state["slot"]}, file)
        os.rename(_NEW_STATE, _STATE)
        print("slots: %s is confirmed" % state["slot"])  # deploy waits for this


def _state():
    try:
        with open(_STATE) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}  # no slots, or main.py could not write it
