"""What a board boots: chooses the slot that holds the application, and starts that.

There is room for two versions, in /slot_a and /slot_b. A slot is whole while its file `version` is
there: the last one to be written, the first one to be removed. /slots.json says which slot runs:

    {"slot": "a"}                   confirmed: signalbox.slots.confirm() was called in it
    {"slot": "b", "starts": 2}      on trial: started twice, not confirmed yet
    {"slot": "a", "failed": "b"}    back at the other one, after MAX_STARTS starts of b

Any version of this file starts any version of the application. Without slots (frozen firmware, an
installation by mip, the unix port in the source tree) the application is on sys.path already.
"""

import io
import json
import os
import sys
import time

import machine

STATE = "/slots.json"
NEW_STATE = "/slots.new"
CRASH = "/crash.txt"
MAX_STARTS = 3
PAUSE_S = 3  # before the next start: time for a Ctrl-C


def is_whole(slot):
    """Whether a slot can be started."""
    try:
        os.stat("/slot_%s/version" % slot)
        return True
    except OSError:
        return False


def read_state(slots):
    """The state; if the file is missing or damaged, a trial of the first of the whole slots."""
    try:
        with open(STATE) as file:
            state = json.load(file)
        if state["slot"] in slots and state.get("starts", 0) >= 0:
            return state
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return {"slot": slots[0], "starts": 0}


def write_state(state):
    """Replace the state: a rename is atomic, so the old one or the new one is there."""
    try:
        with open(NEW_STATE, "w") as file:
            json.dump(state, file)
        os.rename(NEW_STATE, STATE)
    except OSError as error:
        print("slots: can't write %s: %s" % (STATE, error))  # start all the same


def choose(slots):
    """The state of this start, which counts if it is a trial."""
    state = read_state(slots)
    starts = state.get("starts", MAX_STARTS)
    if starts < MAX_STARTS:
        state["starts"] = starts + 1
        write_state(state)
    elif "starts" in state and len(slots) == 2:
        failed = state["slot"]
        state = {"slot": "a" if failed == "b" else "b", "failed": failed}
        write_state(state)
        print("slots: %s failed to start %d times, back to the other" % (failed, MAX_STARTS))
    return state


def run(state):
    """Start the slot's application; returns when it has been ended, by Ctrl-C.

    An exception or another exit status resets the board, and takes a confirmation back: three
    such starts, and it is the other slot's turn.
    """
    root = "/slot_" + state["slot"]
    sys.path.insert(0, root)
    try:
        with open(root + "/version") as file:
            version = file.readline().strip()
        print("slots: %s, version %s, %s" % (state["slot"], version, standing(state)))
        status = application()
        if not status:
            return
        print("slots: ended with status %s" % status)
    except Exception as error:
        report(error)
    try:
        if "starts" not in state:
            write_state({"slot": state["slot"], "starts": 1})
    except MemoryError:
        pass  # the next start has it again
    time.sleep(PAUSE_S)
    machine.reset()


def standing(state):
    """For the line that is printed at the start."""
    if "starts" in state:
        return "start %d of %d on trial" % (state["starts"], MAX_STARTS)
    return "confirmed"


def report(error):
    """Print an exception, and leave it in the file system for who comes to look."""
    sys.print_exception(error)
    try:
        text = io.StringIO()
        sys.print_exception(error, text)
        text = text.getvalue()
        if text != last_report():  # a board that fails at each start must not wear out its flash
            with open(CRASH, "w") as file:
                file.write(text)
    except Exception:  # to name two of them takes memory
        pass  # no room: it has been printed


def last_report():
    """The one that is in the file system, if there is one."""
    try:
        with open(CRASH) as file:
            return file.read()
    except (OSError, ValueError):
        return None


def application():
    """Run what is on sys.path. Returns its exit status."""
    from signalbox.start import main

    return main(sys.argv[1:])


whole = [slot for slot in "ab" if is_whole(slot)]
if whole:
    run(choose(whole))
else:
    status = 0
    try:
        status = application()
    except Exception as error:
        if not hasattr(machine, "reset"):
            raise  # a computer, where somebody reads it
        report(error)
        time.sleep(PAUSE_S)
        machine.reset()
    if status:  # none after Ctrl-C: on a board that leads to the prompt, and exit() to a new start
        sys.exit(status)
