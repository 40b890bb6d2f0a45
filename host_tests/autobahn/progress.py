"""Progress of one role's run: which case is on, how many are done, how long nothing has moved."""

import re
import sys
import time

LINE_INTERVAL_S = 10
CASE_STARTED = re.compile(r"Running test case ID ([\d.]+) ")


class Progress:
    """Follows wstest's output. On a terminal it updates one line, else it prints one at times."""

    def __init__(self, role: str, total: int):
        self.role = role
        self.total = total
        self.case_id = ""
        self.started = 0
        self._begin_s = self._moved_s = time.monotonic()
        self._printed_s = 0.0
        self._printed_text = ""

    def on_line(self, line: str) -> None:
        """Take in a line of wstest's output."""
        found = CASE_STARTED.match(line)
        if found:
            self.case_id = found[1]
            self.started += 1
            self._moved_s = time.monotonic()

    def idle_s(self) -> float:
        """Seconds since a case started, or since the beginning."""
        return time.monotonic() - self._moved_s

    def elapsed_s(self) -> float:
        return time.monotonic() - self._begin_s

    def show(self) -> None:
        """Call often: it decides itself whether it is time to print."""
        if sys.stdout.isatty():
            print(f"\r{self._text()}\x1b[K", end="", flush=True)
        elif time.monotonic() - self._printed_s >= LINE_INTERVAL_S:
            self._print_line()

    def finish(self) -> None:
        """Leave the last state on a line of its own."""
        if sys.stdout.isatty():
            self.show()
            print()
        elif self._text() != self._printed_text:
            self._print_line()

    def _print_line(self) -> None:
        self._printed_s = time.monotonic()
        self._printed_text = self._text()
        print(self._printed_text, flush=True)

    def position(self) -> str:
        at = f" ({self.case_id})" if self.case_id else ""
        return f"case {self.started}/{self.total}{at}"

    def _text(self) -> str:
        return f"{self.role}: {self.position()}, {self.elapsed_s():.0f} s"
