"""Makes records of the wire, for the tests of what reads them."""

import struct
from itertools import count

from cable import Segment

PORTS = (40000, 20000)
KEY = b"\x11\x22\x33\x44"


def frame(first, payload=b"", masked=False):
    n = len(payload)
    head = bytes([first])
    mask = 0x80 if masked else 0
    head += bytes([mask | n]) if n < 126 else struct.pack("!BH", mask | 126, n)
    if not masked:
        return head + payload
    return head + KEY + bytes(octet ^ KEY[i & 3] for i, octet in enumerate(payload))


def close(code, masked=False):
    return frame(0x88, b"" if code is None else struct.pack("!H", code), masked)


class Record:
    """Segments in the order of sending; each with the numbers that TCP would give it."""

    def __init__(self, start=1000):
        self.segments = []
        self._clock = count()
        self._next = {True: start, False: start + 5_000_000}

    def add(self, from_ours, payload=b"", flags="A", seq=None, after_s=0.001):
        if seq is None:
            seq = self._next[from_ours]
            step = len(payload) + ("S" in flags) + ("F" in flags)
            self._next[from_ours] = (seq + step) & 0xFFFFFFFF
        at_s = (self.segments[-1].at_s if self.segments else 0) + after_s
        self.segments.append(Segment(at_s, from_ours, PORTS, flags, seq, payload))
        return self

    def ours(self, payload=b"", flags="A", **more):
        return self.add(True, payload, flags, **more)

    def peer(self, payload=b"", flags="A", **more):
        return self.add(False, payload, flags, **more)

    def handshake(self, we_serve=False):
        """TCP's and WebSocket's."""
        self.add(not we_serve, flags="S").add(we_serve, flags="SA")
        self.add(not we_serve, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
        return self.add(we_serve, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
