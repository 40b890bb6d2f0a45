"""The 73 rows of the conformance table of closing, and how many of them have passing tests.

A test belongs to a row when its name says so: test_L1_idle_close. All tests of a row must pass.
The portable tests cover every row on both interpreters; the tests in host_tests/sockets/ cover
the rows about time, the end of a connection and TCP once more, on real sockets. Those in
host_tests/board/ are a run of their own, and cover every row on an emulated board.
"""

import re
from pathlib import Path

LENGTHS = {"L": 14, "P": 13, "B": 7, "X": 4, "I": 11, "E": 7, "T": 7, "K": 7, "O": 3}
ROWS = [f"{group}{number}" for group, n in LENGTHS.items() for number in range(1, n + 1)]
COLUMNS = {
    "cpython": ROWS,
    "unix": ROWS,
    "sockets": [row for row in ROWS if row[0] in "ETK"],
}
BOARD = "pico-w"
BOARD_TESTS = Path(__file__).parent / "board"
NODE_ID = re.compile(r"host_tests/(portable|sockets)/.*::test_([A-Z]\d+)_[^\[]*(?:\[(.*)\])?$")
# test_server.py::test_K1_...[...], test_portable.py::test_portable[test_tcp.test_K1_...]
BOARD_NODE_ID = re.compile(r"host_tests/board/.*\btest_([A-Z]\d+)_[^\[\]]*(?:\[[^\[\]]*)?\]?$")


class Conformance:
    """A pytest plugin: collects the outcomes, prints the count, fails a full run with a gap."""

    def __init__(self, config):
        on_board = [(config.rootpath / path).resolve() for path in config.args] == [BOARD_TESTS]
        self.columns = {BOARD: ROWS} if on_board else COLUMNS
        # row -> whether all passed so far
        self.outcomes = {column: {} for column in self.columns}
        self.unknown = set()
        self.full = on_board or config.args_source == config.ArgsSource.TESTPATHS

    def pytest_deselected(self, items):
        """By -k, -m, --deselect or --last-failed: then a missing row means nothing."""
        self.full = self.full and not items

    def pytest_runtest_logreport(self, report):
        if BOARD in self.columns:
            # What doesn't fit on a board is skipped there; another test may have the row.
            match = BOARD_NODE_ID.search(report.nodeid)
            if not match or report.skipped or (report.when != "call" and report.passed):
                return
            row, column = match[1], BOARD
        else:
            match = NODE_ID.search(report.nodeid)
            if not match:
                return
            kind, row, interpreter = match.groups()
            column = interpreter if kind == "portable" else "sockets"
        if row not in self.columns[column]:
            self.unknown.add(f"{row} ({column})")
            return
        passed = self.outcomes[column].get(row, True)
        self.outcomes[column][row] = passed and report.passed

    def gaps(self):
        """Lines that say which rows failed and, in a full run, which have no test."""
        if BOARD in self.columns and not self.outcomes[BOARD]:
            return  # there was no board
        for column, rows in self.columns.items():
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
            any(self.outcomes.values()) or (self.full and BOARD not in self.columns)
        ):
            return
        counts = ", ".join(
            f"{column} {sum(self.outcomes[column].values())}/{len(rows)}"
            for column, rows in self.columns.items()
        )
        part = "" if self.full else " (a part of the tests)"
        terminalreporter.section("conformance table")
        terminalreporter.line(f"conformance table: {counts}{part}")
        for line in self.gaps():
            terminalreporter.line(f"  {line}")
