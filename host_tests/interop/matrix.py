"""The matrix: what every cell came to, in the end and as a page."""

from explained import EXPLAINED
from scenarios import SCENARIOS

FINE, FAILED, NOT_APPLICABLE, NOT_RUN = "✓", "✗", "—", "·"

HEAD = """\
# The matrix

Made by `make interop`; don't edit. The firmware, on MicroPython's unix port, against every peer, in
both roles, over `ws` and `wss`, in every scenario of `scenarios.py`.
The GStreamer systems, which speak nothing but signalling, are in [gst/MATRIX.md](gst/MATRIX.md).
{how}

| symbol | means |
| --- | --- |
| ✓ | no accepted message, no Close lost, right codes, true outcome, FINs in order, no RST of ours |
| ✓ with a number | the same on our side; the note says what the peer does |
| ✗ | a fault of ours, or one that nobody has explained yet |
| — | the library can't do it |
| · | not run |

Where `ws` and `wss` differ, the cell has both, in this order. "We" and "ours" is the firmware.
"""
WIRED = """\
Between the two is a wire that records every TCP segment: what is said here about Closes (over
`ws`), FIN and RST was read there. [README.md](README.md) says how.\
"""
UNWIRED = "On the loopback, without a record of the wire (no root)."


class Result:
    """Of one cell: a Verdict, in which traits that nobody has explained are faults."""

    def __init__(self, cell, verdict, log, seconds, watched):
        self.cell = cell
        self.na = verdict.na
        self.traits = verdict.traits
        self.log = log
        self.seconds = seconds
        self.watched = watched  # with a record of the wire
        self.once = []  # what the peer did when the cell was met before, and then no more
        self.ours_failed = bool(verdict.faults)
        self.faults = list(verdict.faults)
        known = {trait for e in EXPLAINED if e.covers(cell) for trait in e.traits}
        self.faults += [f"{cell.peer.name}: {t}" for t in verdict.traits if t not in known]

    @property
    def failed(self):
        return bool(self.faults)

    @property
    def may_be_a_race(self):
        """Whether nothing of ours is wrong, and only the peer did what nobody has explained."""
        return self.failed and not self.ours_failed

    def symbol(self, numbers):
        if self.na:
            return NOT_APPLICABLE
        if self.failed:
            return FAILED
        marks = ",".join(str(numbers[entry]) for entry in notes_for(self.cell))
        return f"{FINE}<sup>{marks}</sup>" if marks else FINE


def notes_for(cell):
    """What is known of a cell, whether or not a race showed it this time: the page is the same."""
    known = [entry for entry in EXPLAINED if entry.covers(cell)]
    always = {trait for entry in known if not entry.sometimes for trait in entry.traits}
    return [entry for entry in known if not entry.sometimes or not always.issuperset(entry.traits)]


def stale(results):
    """Sentences about entries of EXPLAINED that are not true any more, of what was run."""
    told = []
    for entry, trait, _, missing in _checked(results):
        if missing and not entry.sometimes:
            cells = ", ".join(title(result.cell) for result in missing[:6])
            told.append(f"explained.py: “{trait}” did not occur in {cells}")
    return told


def unseen(results):
    """Sentences about entries of EXPLAINED that nothing in a whole run speaks for."""
    return [
        f"explained.py: “{trait}” did not occur at all: “{entry.text}”"
        for entry, trait, covered, missing in _checked(results)
        if len(missing) == len(covered)
    ]


def _checked(results):
    seen = [result for result in results if result.watched and not result.na]
    for entry in EXPLAINED:
        covered = [result for result in seen if entry.covers(result.cell)]
        for trait in entry.traits:
            yield entry, trait, covered, [r for r in covered if trait not in r.traits]


def title(cell):
    return f"{cell.peer.name} · {cell.role} · {cell.scheme} · {cell.scenario}"


class Matrix:
    """The table of Results. `peers`: in the order of the rows."""

    def __init__(self, peers, results):
        self.peers = peers
        self.results = {(r.cell.peer.name, *r.cell[1:]): r for r in results}
        fine = [result.cell for result in results if not result.failed and not result.na]
        used = {entry for cell in fine for entry in notes_for(cell)}
        in_order = [entry for entry in EXPLAINED if entry in used]
        self.numbers = {entry: n for n, entry in enumerate(in_order, 1)}

    def cell(self, name, role, scenario):
        """ws and wss in one."""
        texts = []
        for scheme in ("ws", "wss"):
            result = self.results.get((name, role, scheme, scenario))
            texts.append(result.symbol(self.numbers) if result else NOT_RUN)
        return texts[0] if texts[0] == texts[1] else " / ".join(texts)

    def rows(self):
        for peer in self.peers:
            for role in ("client", "server"):
                other = "server" if role == "client" else "client"
                if other in peer.roles:
                    cells = [self.cell(peer.name, role, scenario) for scenario in SCENARIOS]
                    yield [f"{peer.name} {peer.version}", other, *cells]

    def table(self):
        """As lines of Markdown."""
        yield "| " + " | ".join(["peer", "as", *SCENARIOS]) + " |"
        yield "|" + " --- |" * (2 + len(SCENARIOS))
        for row in self.rows():
            yield "| " + " | ".join(row) + " |"

    def notes(self):
        for entry, n in self.numbers.items():
            yield f"{n}. {entry.text}" + (" Not in every run." if entry.sometimes else "")

    def page(self):
        """All of MATRIX.md."""
        wired = all(result.watched for result in self.results.values())
        lines = [HEAD.format(how=WIRED if wired else UNWIRED), *self.table(), ""]
        lines += ["| scenario | what is done |", "| --- | --- |"]
        lines += [f"| {name} | {SCENARIOS[name].__doc__} |" for name in SCENARIOS]
        lines += ["", "## What the numbers say", "", *self.notes()]
        failed = [result for result in self.results.values() if result.failed]
        if failed:
            lines += ["", "## What is wrong", ""]
            lines += [f"- {title(r.cell)}: {'; '.join(r.faults)}" for r in failed]
        return "\n".join(lines) + "\n"

    def text(self):
        """For the terminal."""
        rows = [["peer", "as", *SCENARIOS], *self.rows()]
        rows = [[cell.replace("<sup>", "").replace("</sup>", "") for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ""
        yield from self.notes()
