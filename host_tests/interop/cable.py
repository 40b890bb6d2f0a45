"""Two network namespaces and the cable between them, which records and can hold every segment.

Each side is a namespace with a TAP device; the cable passes their frames on, a millisecond later.
The TCP on both sides is the kernel's, and nothing gets out. Needs Linux and root.
"""

import collections
import contextlib
import ctypes
import fcntl
import os
import queue
import select
import struct
import subprocess
import sys
import threading
import time

OURS, PEER = "10.77.0.1", "10.77.0.2"
# What is read at once on one side comes to the other in the same order, but never at once: so who
# sent a FIN because of the other's, and who did not, can be told by the order.
LATENCY_S = 0.001
START_TIMEOUT_S = 20
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_LARGEST_FRAME = 2048
_IPV4 = b"\x08\x00"
_ARP = b"\x08\x06"
_IPV6 = b"\x86\xdd"
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10

# One TCP segment as it was sent; `ports`: ours, then the peer's; `flags`: a subset of "SAFR".
Segment = collections.namedtuple("Segment", "at_s from_ours ports flags seq payload")


def why_not():
    """Why there can't be such a cable here, and what to do about it; None if there can."""
    if sys.platform != "linux":
        return "needs Linux: network namespaces and TAP devices"
    if os.geteuid():
        return "needs root, for network namespaces and TAP devices in them (sudo make interop)"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun (modprobe tun; in a container: --device /dev/net/tun)"
    return None


class Side:
    """A thread in a network namespace of its own, with a TAP device, `fd`."""

    def __init__(self, address):
        self.address = address
        self._jobs = queue.Queue()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        self.fd = self.run(self._set_up)

    def run(self, function, *arguments):
        """Call it in the namespace. Processes that it starts live there."""
        answer = queue.Queue()
        self._jobs.put((function, arguments, answer))
        error, result = answer.get(timeout=START_TIMEOUT_S)
        if error:
            raise error
        return result

    def close(self):
        self._jobs.put(None)
        self._thread.join()
        os.close(self.fd)

    def _main(self):
        while True:
            job = self._jobs.get()
            if job is None:
                return
            function, arguments, answer = job
            try:
                answer.put((None, function(*arguments)))
            except Exception as error:
                answer.put((error, None))

    def _set_up(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET):
            error = ctypes.get_errno()
            raise OSError(error, f"unshare: {os.strerror(error)}")
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH14x", b"cable", _IFF_TAP | _IFF_NO_PI))
        _ip("link", "set", "lo", "up")
        _ip("addr", "add", f"{self.address}/24", "dev", "cable")
        _ip("link", "set", "cable", "up")
        return fd


class Cable:
    """`ours` and `peer` are its Sides. Close it."""

    def __init__(self):
        self.ours = Side(OURS)
        self.peer = Side(PEER)
        self._changed = threading.Condition()
        self._segments = []
        self._held = False
        self._hold_when = None
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def close(self):
        self._stopping = True
        self._nudge()
        self._thread.join()
        self.ours.close()
        self.peer.close()
        os.close(self._wake)
        os.close(self._woken)

    def record(self, port):
        """All segments so far of connections to the server at `port`, in the order of sending."""
        with self._changed:
            return [segment for segment in self._segments if port in segment.ports]

    def forget(self):
        """Start a new record."""
        with self._changed:
            self._segments = []

    def hold(self):
        """From now on frames are recorded, and kept."""
        with self._changed:
            self._held = True

    def hold_when(self, predicate):
        """Hold as soon as predicate(segment) is true, in front of that segment."""
        with self._changed:
            self._hold_when = predicate

    def release(self):
        """Pass on what was kept, and what comes."""
        with self._changed:
            self._held = False
            self._hold_when = None
        self._nudge()

    @property
    def held(self):
        return self._held

    def wait_for(self, predicate, timeout_s):
        """Wait until predicate() is true; it is asked after every segment. Returns it."""
        with self._changed:
            return self._changed.wait_for(predicate, timeout_s)

    def wait_quiet(self, quiet_s, timeout_s):
        """Wait until nothing is sent for a while."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            n = -1
            while n != len(self._segments) and time.monotonic() < deadline:
                n = len(self._segments)
                self._changed.wait_for(lambda seen=n: len(self._segments) != seen, quiet_s)

    def _nudge(self):
        with contextlib.suppress(BlockingIOError):
            os.write(self._woken, b"\0")

    def _main(self):
        ours, peer = self.ours.fd, self.peer.fd
        waiting = collections.deque()  # (when to pass it on, to which side, frame)
        while not self._stopping:
            timeout_s = None
            if waiting and not self._held:
                timeout_s = max(0, waiting[0][0] - time.monotonic())
            readable, _, _ = select.select([ours, peer, self._wake], [], [], timeout_s)
            if self._wake in readable:
                os.read(self._wake, 64)
            for fd, other in ((ours, peer), (peer, ours)):
                if fd in readable:
                    try:
                        frame = os.read(fd, _LARGEST_FRAME)
                    except BlockingIOError:
                        continue
                    if frame[12:14] == _IPV6:
                        continue  # the kernel's announcements of itself
                    if frame[12:14] == _ARP:
                        os.write(other, frame)  # never held
                        continue
                    self._note(frame, fd == ours)
                    waiting.append((time.monotonic() + LATENCY_S, other, frame))
            while waiting and not self._held and waiting[0][0] <= time.monotonic():
                _, fd, frame = waiting.popleft()
                with contextlib.suppress(BlockingIOError):  # TCP sends it again
                    os.write(fd, frame)

    def _note(self, frame, from_ours):
        if frame[12:14] != _IPV4 or frame[23] != 6:
            return
        head = 14 + (frame[14] & 15) * 4
        end = 14 + int.from_bytes(frame[16:18], "big")
        source, destination, seq, _, offset, bits = struct.unpack_from("!HHIIBB", frame, head)
        letters = ((_SYN, "S"), (_ACK, "A"), (_FIN, "F"), (_RST, "R"))
        segment = Segment(
            time.monotonic(),
            from_ours,
            (source, destination) if from_ours else (destination, source),
            "".join(letter for bit, letter in letters if bits & bit),
            seq,
            frame[head + (offset >> 4) * 4 : end],
        )
        with self._changed:
            if self._hold_when and self._hold_when(segment):
                self._held = True
                self._hold_when = None
            self._segments.append(segment)
            self._changed.notify_all()


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
