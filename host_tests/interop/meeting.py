"""A cell of the matrix: the firmware meets a peer, in one role, over one scheme, in a scenario."""

import contextlib
import time
from collections import namedtuple
from pathlib import Path

import capture
from children import Child, Stuck
from scenarios import (
    END_TIMEOUT_S,
    FEW,
    LARGE,
    MANY,
    OPEN_TIMEOUT_MS,
    SCENARIOS,
    SMALL,
    STEP_TIMEOUT_S,
    UNDER_WAY,
    UPLOAD,
    stopped,
)

FIRMWARE_PEER = Path(__file__).with_name("firmware_peer.py")
HEAP = "heapsize=16m"  # for a message of 1 MiB, whole
QUIET_S = 0.05
TCP_END_TIMEOUT_S = 1  # for the peer's FIN, when the firmware has told of the end

# `role`: ours.
Cell = namedtuple("Cell", "peer role scheme scenario")


class Unsupported(Exception):
    """The peer's library can't do what the scenario asks for."""


class Meeting:
    """Run it with run(); then its attributes say what happened.

    `cable`: where it takes place, or None for the loopback; `tls`: paths of `ca`, `cert` and `key`.
    """

    def __init__(self, cell, port, cable, micropython, tls):
        self.cell = cell
        self.port = port
        self.cable = cable
        self.expected = None
        self.unsupported = None  # what the peer's library can't do
        self.stuck = None  # what did not happen in time
        self.outcome = None  # our `closed` event
        self.report = None  # the peer's
        self.conversation = None  # the record of TCP, or None without a cable
        self.next_client = None  # `stopped`: how our server got on with the next one
        self.log = []
        self._tls = tls
        self._micropython = micropython
        self._children = []
        self.ours = self.peer = None

    def run(self):
        scenario = SCENARIOS[self.cell.scenario]
        if self.cable:
            self.cable.forget()
        try:
            if scenario is stopped:
                self._open_stopped()
            else:
                self._open()
            self.expected = scenario(self)
            self._end()
        except Unsupported as error:
            self.unsupported = str(error)
        except Stuck as error:
            self.stuck = str(error)
        finally:
            if self.cable:
                self.cable.release()
                self._read_record()
            for child in self._children:
                child.end()
                self.log += [f"{child.name}: {line}" for line in child.log()]
            if self.conversation:
                self.log += capture.lines(self.conversation)

    # For the scenarios

    def exchange(self):
        """A few messages each way, so that both are at work."""
        for child in (self.ours, self.peer):
            child.tell(f"send {FEW} {SMALL}")
        for child in (self.ours, self.peer):
            if not child.wait_until(lambda child=child: child.received() >= FEW, STEP_TIMEOUT_S):
                raise Stuck(f"{child.name} did not receive {FEW} messages")

    def need_cable(self):
        """End the cell if there is no wire of ours."""
        if not self.cable:
            raise Unsupported("can't be timed without a wire of our own")

    @contextlib.contextmanager
    def holding(self):
        """The wire records and keeps what is sent meanwhile, if there is one of ours."""
        if self.cable:
            self.cable.wait_quiet(QUIET_S, STEP_TIMEOUT_S)
            self.cable.hold()
        self._mark = len(self._record())
        yield
        if self.cable:
            self.cable.release()

    @contextlib.contextmanager
    def holding_upload(self, from_ours):
        """One side uploads, and the wire is held when a part of it has gone through."""
        sender = self.ours if from_ours else self.peer
        octets = 0

        def enough(segment):
            nonlocal octets
            if segment.from_ours == from_ours:
                octets += len(segment.payload)
            return octets > UNDER_WAY

        if self.cable:
            self.cable.wait_quiet(QUIET_S, STEP_TIMEOUT_S)
            self.cable.hold_when(enough)
        sender.tell(f"send 1 {UPLOAD}")
        if not self.cable:
            time.sleep(QUIET_S)
        elif not self.cable.wait_for(lambda: self.cable.held, STEP_TIMEOUT_S):
            raise Stuck(f"{sender.name} did not upload")
        else:
            self.cable.wait_quiet(QUIET_S, STEP_TIMEOUT_S)
        self._mark = len(self._record())
        yield
        if self.cable:
            self.cable.release()

    def wait_sent(self, ours=False, theirs=False):
        """Wait until something new from these is on the wire."""
        if not self.cable:
            time.sleep(QUIET_S)
            return

        def seen():
            new = self._record()[self._mark :]
            return (not ours or any(s.from_ours and s.payload for s in new)) and (
                not theirs or any(s.payload and not s.from_ours for s in new)
            )

        self.cable.wait_for(seen, 2)

    def queue(self):
        """Many messages on both sides; the wire takes only the first of them."""
        for child in (self.ours, self.peer):
            child.tell(f"send {MANY} {LARGE}")
        self.settle()

    def settle(self):
        """Wait until nothing is sent any more."""
        if self.cable:
            self.cable.wait_quiet(QUIET_S, 1)
        else:
            time.sleep(QUIET_S)

    def begin_message(self, child):
        """Have the child send the first fragment of a message."""
        self._try(child, "fragment", "its library has no way to send a fragment", _has_payload)

    def drop(self, child):
        """Have the child end TCP."""
        self._try(child, "drop", "its library has no way to end TCP without a Close", _ends_tcp)

    def _try(self, child, command, why, shows):
        # Until it shows on the wire, or the child says that it can't.
        mark = len(self._record())
        from_ours = child is self.ours
        child.tell(command)

        def done():
            new = self._record()[mark:]
            return child.find("unsupported") or any(
                s.from_ours == from_ours and shows(s) for s in new
            )

        deadline = time.monotonic() + STEP_TIMEOUT_S
        while self.cable and not self.cable.wait_for(done, QUIET_S):
            if time.monotonic() > deadline:
                raise Stuck(f"{child.name} did not {command}")
        if not self.cable:
            child.wait("unsupported", 10 * QUIET_S)
        if child.find("unsupported"):
            raise Unsupported(why)

    # Starting and ending

    def _open(self):
        self._start_server()
        self._start_client()
        timeout_s = STEP_TIMEOUT_S + self.cell.peer.start_timeout_s
        self.ours.need("open", timeout_s)
        self.peer.need("open", timeout_s)

    def _open_stopped(self):
        if self.cell.role == "client":
            self._start_server()
            self.peer.stop()
            self._start_client()
            return
        self.need_cable()
        self._start_server()
        # Its SYN is on the wire and gets no answer: it is in the middle of connecting.
        self.cable.hold()
        self._start_client()
        if not self.cable.wait_for(self._record, STEP_TIMEOUT_S + self.cell.peer.start_timeout_s):
            raise Stuck(f"{self.peer.name} does not connect")
        self.peer.stop()
        self.cable.release()

    def _end(self):
        if self.expected.opened:
            self.outcome = self.ours.need("closed", END_TIMEOUT_S)
        elif self.cell.role == "client":
            self.outcome = self.ours.need("closed", OPEN_TIMEOUT_MS / 1000 + STEP_TIMEOUT_S)
        else:
            self._wait_tcp_end(OPEN_TIMEOUT_MS / 1000 + STEP_TIMEOUT_S, ours_only=True)
            self._read_record()
            self._take_the_next()
            return
        if self.expected.judged:
            self.report = self.peer.wait("closed", END_TIMEOUT_S)
        self._wait_tcp_end(TCP_END_TIMEOUT_S, ours_only=not self.expected.opened)

    def _take_the_next(self):
        # The place of the one that was stopped is free again.
        self.cable.forget()
        self._start_client()
        self.ours.need("open", STEP_TIMEOUT_S + self.cell.peer.start_timeout_s)
        self.peer.need("open", STEP_TIMEOUT_S)
        self.ours.tell("close 1000")
        self.next_client = self.ours.need("closed", END_TIMEOUT_S)

    def _wait_tcp_end(self, timeout_s, ours_only=False):
        def ended():
            found = capture.conversations(self._record())
            if not found:
                return False
            ours = found[0].ours
            return (ours.fin is not None or ours.rst is not None) if ours_only else found[0].ended

        if self.cable:
            self.cable.wait_for(ended, timeout_s)
            self.cable.wait_quiet(QUIET_S, 1)

    def _record(self):
        return self.cable.record(self.port) if self.cable else []

    def _read_record(self):
        if self.conversation is None:
            found = capture.conversations(self._record())
            self.conversation = found[0] if found else None

    def _start_server(self):
        arguments = ["server", str(self.port)]
        peer_is_server = self.cell.role == "client"
        if self.cable:
            side = self.cable.peer if peer_is_server else self.cable.ours
            arguments += ["--host", side.address]
        if self.cell.scheme == "wss":
            arguments += ["--cert", self._tls.cert_file, "--key", self._tls.key_file]
        if peer_is_server:
            self.peer = self._start_peer(arguments)
            self.peer.need("listening", STEP_TIMEOUT_S + self.cell.peer.start_timeout_s)
        else:
            self.ours = self._start_ours(arguments)
            self.ours.need("listening", STEP_TIMEOUT_S)

    def _start_client(self):
        peer_is_server = self.cell.role == "client"
        host = "127.0.0.1"
        if self.cable:
            host = (self.cable.peer if peer_is_server else self.cable.ours).address
        arguments = ["client", f"{self.cell.scheme}://{host}:{self.port}/"]
        if self.cell.scheme == "wss":
            arguments += ["--ca", self._tls.ca_file]
        if peer_is_server:
            self.ours = self._start_ours(arguments)
        else:
            self.peer = self._start_peer(arguments)

    def _start_ours(self, arguments):
        if self.cell.scenario == "stopped":
            arguments = [*arguments, "--open-timeout", str(OPEN_TIMEOUT_MS)]
        command = [self._micropython.path, "-X", HEAP, str(FIRMWARE_PEER), *arguments]
        return self._start("ours", command, self._micropython.env, self.cable and self.cable.ours)

    def _start_peer(self, arguments):
        peer = self.cell.peer
        command = [*peer.command, *arguments]
        return self._start(peer.name, command, peer.environ, self.cable and self.cable.peer)

    def _start(self, name, command, environ, side):
        child = Child(name, command, environ, side)
        self._children.append(child)
        return child


def _has_payload(segment):
    return bool(segment.payload)


def _ends_tcp(segment):
    return "F" in segment.flags or "R" in segment.flags
