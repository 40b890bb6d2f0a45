"""Replays plans on the interpreter at hand, MicroPython or CPython, without an oracle.

    micropython replay.py FILE ...

A file holds a plan or a list of them, as JSON. Prints `ok <plans>`, or, for the first that fails,
`FAIL <index> <file>` and the traceback.
"""

import json
import sys

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
sys.path[:0] = [HERE + "/..", HERE + "/../../firmware"]

from fuzz import pair, parse, session  # noqa: E402

RUN = {"parse": parse.run, "session": session.run, "pair": pair.run}


def main(paths):
    count = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            plans = json.load(file)
        if isinstance(plans, dict):
            plans = [plans]
        for i, plan in enumerate(plans):
            try:
                RUN[plan["kind"]](plan)
            except Exception as error:
                print("FAIL", i, path)
                report(error)
                return 1
            count += 1
    print("ok", count)
    return 0


def report(error):
    """The traceback, as the interpreter at hand prints it."""
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
