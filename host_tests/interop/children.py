"""One program of the form in ../peers/README.md, running: its commands, its events, its end."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

QUIT_TIMEOUT_S = 5
STOP_TIMEOUT_S = 2


def family(pid):
    """The process and its descendants."""
    found = [pid]
    for parent in found:  # which grows
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def is_stopped(pid):
    """Whether all threads of a process are stopped, or gone."""
    states = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                states.append((task / "stat").read_text().rpartition(")")[2].split()[0])
    return all(state in "TtZX" for state in states)


class Stuck(Exception):
    """A program did not do, in time, what it was told to."""


class Child:
    """`side`: a cable.Side, in whose namespace it runs, or None."""

    def __init__(self, name, command, environ, side=None):
        self.name = name
        self.events = []
        self.noise = []  # whatever else it printed
        self._changed = threading.Condition()
        self._reading = 2
        run = side.run if side else lambda function: function()
        self.process = run(
            lambda: subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env={**os.environ, **environ},
                start_new_session=True,
            )
        )
        for read in (self._read_events, self._read_noise):
            threading.Thread(target=read, daemon=True).start()

    def tell(self, command):
        """Give it a command. One that has ended hears nothing: its events will say so."""
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()

    def find(self, name):
        """The latest event of that name, or None."""
        with self._changed:
            return next((event for event in reversed(self.events) if event["event"] == name), None)

    def wait(self, name, timeout_s):
        """The latest event of that name, as soon as there is one; None if there is none in time."""
        return self.wait_until(lambda: self.find(name), timeout_s)

    def wait_until(self, predicate, timeout_s):
        """What predicate() returns, asked after every event, when it is true or time is over."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                answer = predicate()
                left_s = deadline - time.monotonic()
                if answer or left_s <= 0 or not self._reading:
                    return answer
                self._changed.wait(left_s)

    def need(self, name, timeout_s):
        """As wait(); Stuck if there is none in time."""
        event = self.wait(name, timeout_s)
        if event is None:
            closed = self.find("closed")
            why = f"; it said {closed}" if closed else ""
            raise Stuck(f"{self.name}: no {name!r} within {timeout_s} s{why}")
        return event

    def received(self):
        """How many messages it has told of."""
        events = (self.find("closed"), self.find("received"))
        return max([0, *(event.get("count", event.get("received")) for event in events if event)])

    def signal(self, number):
        """To it and to all that it started, and those started, whatever group they are in."""
        for pid in family(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self):
        """SIGSTOP, and wait until it has come to every thread: it is kept for them a while."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        self.signal(signal.SIGSTOP)
        while not all(is_stopped(pid) for pid in family(self.process.pid)):
            if time.monotonic() > deadline:
                raise Stuck(f"{self.name} did not stop")
            time.sleep(0.001)
            self.signal(signal.SIGSTOP)  # there may be new ones

    def end(self):
        """Tell it to quit, and see to it."""
        self.signal(signal.SIGCONT)
        self.tell("quit")
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(QUIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.noise.append("(did not quit)")
        self.signal(signal.SIGKILL)
        self.process.wait()
        with self._changed:
            self._changed.wait_for(lambda: not self._reading, QUIT_TIMEOUT_S)

    def log(self):
        """All that it said, for the report of a failure."""
        with self._changed:
            return [json.dumps(event) for event in self.events[-12:]] + self.noise[-12:]

    def _read_events(self):
        with self.process.stdout as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                    event["event"]
                except (ValueError, KeyError, TypeError):
                    self._note(line)
                    continue
                with self._changed:
                    if event["event"] == "received" and self.find("received"):
                        self.events.remove(self.find("received"))  # only the latest counts
                    self.events.append(event)
                    self._changed.notify_all()
        self._read_all()

    def _read_noise(self):
        with self.process.stderr as lines:
            for line in lines:
                self._note(line)
        self._read_all()

    def _note(self, line):
        with self._changed:
            self.noise.append(line.rstrip("\n"))

    def _read_all(self):
        with self._changed:
            self._reading -= 1
            self._changed.notify_all()
