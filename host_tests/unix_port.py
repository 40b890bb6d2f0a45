"""MicroPython's unix port as the tests use it: run a program, or start one and talk to it."""

import contextlib
import os
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEARCH_PATH = f"{ROOT / 'firmware'}:{ROOT / 'host_tests' / 'portable'}:.frozen"
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 5


class UnixPort:
    """One build of the unix port, with firmware/ and host_tests/portable/ on its search path."""

    def __init__(self, path):
        self.path = path
        self.env = {name: v for name, v in os.environ.items() if not name.startswith("MICROPY")}
        self.env["MICROPYPATH"] = SEARCH_PATH

    def run(self, *arguments, timeout_s):
        """Run to its end. Returns (status, output); a program over its time is killed: None."""
        process = self._popen(arguments)
        try:
            output, _ = process.communicate(timeout=timeout_s)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            return None, output

    @contextlib.contextmanager
    def start(self, *arguments):
        """Run while the `with` block lasts: yields a Program, and ends it by SIGTERM after."""
        program = Program(self._popen(arguments))
        try:
            yield program
        finally:
            program.stop()

    def _popen(self, arguments):
        return subprocess.Popen(
            [self.path, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self.env,
        )


class Program:
    """A running program. Its output is read all the time, so that it never waits for us."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid
        self.lines = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self):
        """Everything printed so far, for a failure's message."""
        with self._changed:
            return "".join(self.lines)

    def wait_for_line(self, start, timeout_s=START_TIMEOUT_S):
        """The first line that begins with `start`, without it, stripped. AssertionError if none."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for line in self.lines:
                    if line.startswith(start):
                        return line[len(start) :].strip()
                left_s = deadline - time.monotonic()
                if self._ended or left_s <= 0:
                    why = "ended" if self._ended else f"took longer than {timeout_s} s"
                    raise AssertionError(
                        f"the program {why} before {start!r}:\n{''.join(self.lines)}"
                    )
                self._changed.wait(left_s)

    def wait_for_port(self):
        """The port of the line `listening on <port>`."""
        return int(self.wait_for_line("listening on "))

    def wait(self, timeout_s):
        """Wait for the program to end by itself. Returns its exit status."""
        status = self.process.wait(timeout_s)
        self._reader.join(STOP_TIMEOUT_S)
        return status

    def stop(self):
        """End it if it still runs: by SIGTERM, and by SIGKILL if that doesn't do. Idempotent."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(STOP_TIMEOUT_S)
        self.process.stdout.close()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
