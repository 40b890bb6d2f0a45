"""The 73 rows of the conformance table of closing, and how many of them have passing tests.

A test belongs to a row when its name says so: test_L1_idle_close. All tests of a row must pass.
The portable tests cover every row on both interpreters; the tests in host_tests/sockets/ cover
the rows about time, the end of a connection and TCP once more, on real sockets.
"""

import re

LENGTHS = {"L": 14, "P": 13, "B": 7, "X": 4, "I": 11, "E": 7, "T": 7, "K": 7, "O": 3}
ROWS = [f"{group}{number}" for group, n in LENGTHS.items() for number in range(1, n + 1)]
COLUMNS = {
    "cpython": ROWS,
    "unix": ROWS,
    "sockets": [row for row in ROWS if row[0] in "ETK"],
}
NODE_ID = re.compile(r"host_tests/(portable|sockets)/.*::test_([A-Z]\d+)_[^\[]*(?:\[(.*)\])?$")


class Conformance:
    """A pytest plugin: collects the outcomes, prints the count, fails a full run with a gap."""

    def __init__(self, config):
        self.outcomes = {column: {} for column in COLUMNS}  # row -> whether all passed so far
        self.unknown = set()
        self.full = config.args_source == config.ArgsSource.TESTPATHS

    def pytest_deselected(self, items):
        """By -k, -m, --deselect or --last-failed: then a missing row means nothing."""
        self.full = self.full and not items

    def pytest_runtest_logreport(self, report):
        match = NODE_ID.search(report.nodeid)
        if not match:
            return
        kind, row, interpreter = match.groups()
        column = interpreter if kind == "portable" else "sockets"
        if row not in COLUMNS[column]:
            self.unknown.add(f"{row} ({column})")
            return
        passed = self.outcomes[column].get(row, True)
        self.outcomes[column][row] = passed and report.passed

    def gaps(self):
        """Lines that say which rows failed and, in a full run, which have no test."""
        for column, rows in COLUMNS.items():
            failed = [row for row in rows if not self.outcomes[column].get(row, True)]
            if failed:
                yield f"{column} failed: {' '.join(failed)}"
            missing = [row for row in rows if row not in self.outcomes[column]]
            if missing and self.full:
                yield f"{column} without a test: {' '.join(missing)}"
        if self.unknown:
            yield f"no such row: {' '.join(sorted(self.unknown))}"

    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus == 0 and self.full and not session.config.option.collectonly:
            session.exitstatus = 1 if any(self.gaps()) else 0

    def pytest_terminal_summary(self, terminalreporter):
        if terminalreporter.config.option.collectonly or not (
            self.full or any(self.outcomes.values())
        ):
            return
        counts = ", ".join(
            f"{column} {sum(self.outcomes[column].values())}/{len(rows)}"
            for column, rows in COLUMNS.items()
        )
        part = "" if self.full else " (a part of the tests)"
        terminalreporter.section("conformance table")
        terminalreporter.line(f"conformance table: {counts}{part}")
        for line in self.gaps():
            terminalreporter.line(f"  {line}")
