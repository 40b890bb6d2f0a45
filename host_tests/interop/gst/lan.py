"""Hosts in network namespaces of their own, on one switch, and the TCP of one of them.

Media needs this: GStreamer's ICE takes no loopback addresses. Nothing gets out of the namespaces.
Needs Linux and root.
"""

import collections
import contextlib
import ctypes
import itertools
import os
import select
import socket
import struct
import subprocess
import sys
import threading

_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 0x0003
_IPV4 = b"\x08\x00"
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_FLAGS = (("S", _SYN), ("A", _ACK), ("F", _FIN), ("R", _RST))
_numbers = itertools.count(1)

# One TCP segment. `client`: (address, port); `flags`: a subset of "SAFR"; `n`: octets of payload.
Segment = collections.namedtuple("Segment", "from_server client flags n")


def why_not():
    """Why there can't be such a network here, and what to do about it; None if there can."""
    if sys.platform != "linux":
        return "needs Linux: network namespaces"
    if os.geteuid():
        return "needs root, for network namespaces (sudo make interop)"
    return None


class Lan:
    """A switch and its hosts: `lan.host(name)`. The first one's TCP is recorded. Close it."""

    def __init__(self, *names):
        self._stack = contextlib.ExitStack()
        prefix = f"signalbox-{os.getpid()}-{next(_numbers)}"
        try:
            switch = self._namespace(f"{prefix}-switch")
            _ip("-n", switch, "link", "add", "lan", "type", "bridge")
            _ip("-n", switch, "link", "set", "lan", "up")
            self._hosts = {}
            for number, name in enumerate(names, 1):
                namespace = self._namespace(f"{prefix}-{name}")
                plug = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
                _ip("-n", switch, "link", "add", f"port{number}", *plug)
                _ip("-n", switch, "link", "set", f"port{number}", "master", "lan", "up")
                _ip("-n", namespace, "addr", "add", f"{address(number)}/24", "dev", "eth0")
                _ip("-n", namespace, "link", "set", "eth0", "up")
                self._hosts[name] = Host(namespace, address(number))
            self._recorder = Recorder(switch, "port1")
            self._stack.callback(self._recorder.close)
        except BaseException:
            self._stack.close()
            raise

    def host(self, name):
        return self._hosts[name]

    def close(self):
        self._stack.close()

    def connections(self, name):
        """Lists of Segments: a list for each connection that this host opened to the first one."""
        address = self._hosts[name].address
        found = {}
        for segment in self._recorder.segments():
            if segment.client[0] == address:
                found.setdefault(segment.client, []).append(segment)
        return list(found.values())

    def _namespace(self, name):
        _ip("netns", "add", name)
        self._stack.callback(_ip, "netns", "del", name)
        _ip("-n", name, "link", "set", "lo", "up")
        return name


def address(number):
    """Of a Lan's first host, and so on."""
    return f"10.77.1.{number}"


class Host:
    """One host: its `address`, and how a program is run there."""

    def __init__(self, namespace, address):
        self.namespace = namespace
        self.address = address

    def command(self, *command):
        """What to start for `command` to run here."""
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def connect(self, address, port, timeout_s=10):
        """A TCP socket that is connected from here."""
        made = []

        def run():
            enter(self.namespace)
            made.append(socket.create_connection((address, port), timeout_s))
            made[0].settimeout(None)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if not made:
            raise OSError(f"can't connect from {self.namespace} to {address}:{port}")
        return made[0]


class Recorder:
    """A thread that keeps the head of every TCP segment at one port of the switch."""

    def __init__(self, switch, port):
        self._segments = []
        self._lock = threading.Lock()
        self._woken, self._wake = os.pipe()
        opened = threading.Event()
        self._sock = None
        self._thread = threading.Thread(target=self._main, args=(switch, port, opened), daemon=True)
        self._thread.start()
        if not opened.wait(10) or self._sock is None:
            raise OSError(f"can't record at {port} of {switch}")

    def segments(self):
        with self._lock:
            return list(self._segments)

    def close(self):
        os.write(self._wake, b"x")
        self._thread.join()
        self._sock.close()
        os.close(self._wake)
        os.close(self._woken)

    def _main(self, switch, port, opened):
        try:
            enter(switch)
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            sock.bind((port, 0))
            sock.setblocking(False)
            self._sock = sock
        finally:
            opened.set()
        while True:
            ready, _, _ = select.select([sock, self._woken], [], [])
            if self._woken in ready:
                return
            frame, (_, _, direction, _, _) = sock.recvfrom(96)
            # What the switch sends out at this port comes from a client.
            segment = parse(frame, direction != socket.PACKET_OUTGOING)
            if segment:
                with self._lock:
                    self._segments.append(segment)


def enter(namespace):
    """Move this thread into a namespace, for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            error = ctypes.get_errno()
            raise OSError(error, f"setns: {os.strerror(error)}")


def parse(frame, from_server):
    """The Segment in an Ethernet frame, of which the payload may be cut off; None if none is."""
    if frame[12:14] != _IPV4 or frame[23] != socket.IPPROTO_TCP:
        return None
    header = (frame[14] & 0x0F) * 4
    (total,) = struct.unpack_from("!H", frame, 16)
    source, target, _, _, offset, flags = struct.unpack_from("!HHIIBB", frame, 14 + header)
    address = frame[30:34] if from_server else frame[26:30]
    return Segment(
        from_server,
        (socket.inet_ntoa(address), target if from_server else source),
        "".join(letter for letter, bit in _FLAGS if flags & bit),
        total - header - (offset >> 4) * 4,
    )


def _ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
