"""A child process whose output is logged, watched line by line, and that never outlives its use."""

import shlex
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

TERMINATE_TIMEOUT_S = 5
TAIL_LINES = 5


class Child:
    """Context manager: starts the command, and on leaving ends that very process."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        on_line: Callable[[str], None] = lambda line: None,
        **options,
    ):
        self.name = name
        self.log = log
        self._command = command
        self._on_line = on_line
        self._options = options

    def __enter__(self) -> "Child":
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **self._options,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exception) -> None:
        self._process.terminate()
        try:
            self._process.wait(TERMINATE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(TERMINATE_TIMEOUT_S)

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative if a signal ended it."""
        return self._process.poll()

    def last_words(self) -> str:
        """The end of its output and where the rest is; its command line if it said nothing."""
        self._reader.join(TERMINATE_TIMEOUT_S if self.exit_code is not None else 0)
        tail = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        if not tail:
            return f"It printed nothing. It was: {shlex.join(self._command)}"
        return "\n".join([f"Its last output (all of it: {self.log}):", *tail])

    def _read(self) -> None:
        with self.log.open("w") as log:
            for line in self._process.stdout:
                print(line, end="", file=log, flush=True)
                self._on_line(line.rstrip())
