"""What became of every connection, as a table: printed, and as the page MATRIX.md."""

from collections import namedtuple
from pathlib import Path

PAGE = Path(__file__).resolve().with_name("MATRIX.md")

# `scheme`: ws or wss; `outcome`: of the firmware, in words; `tcp`: who ended it, in order.
Row = namedtuple("Row", "system scheme happens outcome tcp note")

HEAD = """\
# The matrix of the GStreamer systems

Made by the tests of this directory when all of them pass; don't edit. What the firmware, on
MicroPython's unix port, made of the end of each connection, and what was read on the wire. No row
has a lost message, a lost Close or an RST of ours: the tests would have failed. "We" is the
firmware, which is the server of the clients and the client of the servers.
"""
TITLES = ("system", "over", "what happens", "our outcome", "TCP", "what the system does")
# Said of clients that drop TCP without reading on: it is a race with what we send.
EITHER = "FINs, or its RST"

NO_ECHO = "answers a Close with a bare FIN: “Sending after closing is not allowed” in its log"


def words(outcome):
    """An outcome, or what was raised instead, as short as can be."""
    if isinstance(outcome, str):
        return outcome
    clean = str(outcome["clean"]) == "True"
    found = [str(outcome["code"]), "clean" if clean else "unclean"]
    for name in ("timed_out", "truncated", "tcp_reset", "peer_no_echo"):
        if str(outcome.get(name)) == "True":
            found.append(f"`{name}`")
    return ", ".join(found)


def without_reset(outcome):
    """An outcome, where it is a race whether the client's reset came before we were done."""
    return {name: value for name, value in outcome.items() if name != "tcp_reset"}


class Rows:
    """All of a run, each once."""

    def __init__(self):
        self.rows = []

    def add(self, system, scheme, happens, outcome, tcp, note=""):
        row = Row(system, scheme, happens, words(outcome), tcp, note)
        if row not in self.rows:
            self.rows.append(row)

    def merged(self):
        """Those that differ in their scheme alone are one."""
        found = {}
        for row in self.rows:
            found.setdefault(row._replace(scheme=""), []).append(row.scheme)
        return [row._replace(scheme=", ".join(sorted(found[row]))) for row in found]

    def lines(self):
        """The table, as lines of Markdown."""
        yield "| " + " | ".join(TITLES) + " |"
        yield "|" + " --- |" * len(TITLES)
        for row in self.merged():
            yield "| " + " | ".join(row) + " |"

    def write(self):
        PAGE.write_text("\n".join([HEAD, *self.lines()]) + "\n")
