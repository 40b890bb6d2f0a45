"""The network that the board's Wi-Fi is joined to: a TAP device in a network namespace of its own.

The peers' TCP is the kernel's, in both directions, and nothing gets out of the namespace. Needs
Linux and root. A namespace belongs to a thread: an event loop runs in one here, and with it the
board and its peers.
"""

import asyncio
import collections
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import threading

from peers import HOST
from rp2040py.external.cyw43 import nat, net

SSID = "RP2040PY-GUEST"  # the only network that rp2040py knows; it takes any password
START_TIMEOUT_S = 20
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_LARGEST_FRAME = 2048
_FRAMES_IN_A_ROW = 64

# One TCP segment seen on the wire. `flags`: a subset of "SAFR". `n`: octets of payload.
Segment = collections.namedtuple("Segment", ("from_board", "board_port", "host_port", "flags", "n"))


def why_not():
    """Why there can't be such a network here, and what to do about it; None if there can."""
    if sys.platform != "linux":
        return "needs Linux: network namespaces and TAP devices"
    if os.geteuid():
        return "needs root, for a network namespace and a TAP device in it"
    if not shutil.which("ip"):
        return "needs the command `ip` (Debian's package iproute2)"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun (modprobe tun; in a container: --device /dev/net/tun)"
    return None


class Network:
    """A thread with its own network namespace and event loop. Close it."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        self._started.wait(START_TIMEOUT_S)
        if self._error:
            raise self._error

    def run(self, coroutine, timeout_s):
        """Run a coroutine in the namespace, where it is cancelled when it takes too long."""
        bounded = asyncio.wait_for(coroutine, timeout_s)
        return asyncio.run_coroutine_threadsafe(bounded, self._loop).result()

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _main(self):
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(_CLONE_NEWNET):
                error = ctypes.get_errno()
                raise OSError(error, f"unshare: {os.strerror(error)}")
            _ip("link", "set", "lo", "up")
        except OSError as error:
            self._error = error
        finally:
            self._started.set()
        if not self._error:
            asyncio.set_event_loop(self._loop)
            self._loop.run_forever()


class Wire:
    """A cable between a TAP device and the board's Wi-Fi, with a record of all TCP segments.

    Make it in the Network's thread; a `bridge` for emulator.Board. It gives the board its address,
    peers.BOARD; the kernel answers at peers.HOST.
    """

    def __init__(self):
        self.segments = []
        self.cut = False  # while it is, every frame is lost
        self.send_to_board = None  # set by the Board
        self._dhcp = nat.DhcpServer()
        self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH14x", b"board", _IFF_TAP | _IFF_NO_PI)
        fcntl.ioctl(self._fd, _TUNSETIFF, request)
        _ip("addr", "add", f"{HOST}/24", "dev", "board")
        _ip("link", "set", "board", "up")
        asyncio.get_running_loop().add_reader(self._fd, self._from_host)

    def close(self):
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def of(self, port):
        """The segments between the board and this port of the host, in order."""
        return [segment for segment in self.segments if segment.host_port == port]

    def reset(self):
        """The board has left the Wi-Fi: nothing to forget, the connections are the kernel's."""

    def handle_outbound_ethernet_frame(self, frame):
        """A frame from the board."""
        if self.cut:
            return
        if frame[12:14] == b"\x08\x00":
            reply = self._dhcp.maybe_handle(net.parse_ethernet(frame))
            if reply is not None:
                self.send_to_board(reply)
                return
            frame = frame[: 14 + int.from_bytes(frame[16:18], "big")]  # without the bus's padding
        self._note(frame, True)
        os.write(self._fd, frame)

    def _from_host(self):
        for _ in range(_FRAMES_IN_A_ROW):
            try:
                frame = os.read(self._fd, _LARGEST_FRAME)
            except BlockingIOError:
                return
            # IPv6: the kernel's announcements of itself
            if not self.cut and frame[12:14] != b"\x86\xdd":
                self._note(frame, False)
                self.send_to_board(frame)

    def _note(self, frame, from_board):
        packet = net.parse_ipv4(frame[14:]) if frame[12:14] == b"\x08\x00" else None
        if packet is None or packet.proto != net.IP_PROTO_TCP:
            return
        tcp = net.parse_tcp(packet.payload)
        if tcp is None:
            return  # shorter than a header: it is the kernel's to drop
        bits = ((net.TCP_SYN, "S"), (net.TCP_ACK, "A"), (net.TCP_FIN, "F"), (net.TCP_RST, "R"))
        flags = "".join(letter for bit, letter in bits if tcp.flags & bit)
        ports = (tcp.src_port, tcp.dst_port) if from_board else (tcp.dst_port, tcp.src_port)
        self.segments.append(Segment(from_board, *ports, flags, len(tcp.payload)))


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
