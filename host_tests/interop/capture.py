"""What a recorded TCP connection says: the octets, the frames in them, and how TCP ended.

Independent of the firmware: nothing of Signalbox is used to read the record.
"""

import itertools
import struct
from collections import namedtuple

CLOSE = 8
_ALERT = 21

# A frame on the wire. `index`: of the segment in the record that completed it. `missing`: octets
# of the payload that were never sent.
Frame = namedtuple("Frame", "index opcode final payload missing")


class Direction:
    """What one side sent. `fin`, `rst`: the index in the record of the first one, or None."""

    def __init__(self):
        self.octets = bytearray()
        self.fin = None
        self.rst = None
        self.began = []  # (offset in octets, index): what the stream was longer by, and when
        self._start = None
        self._early = {}

    def add(self, index, segment):
        if "R" in segment.flags:
            self.rst = index if self.rst is None else self.rst
            return
        if "F" in segment.flags and self.fin is None:
            self.fin = index
        if "S" in segment.flags:
            self._start = segment.seq + 1
        elif self._start is not None and segment.payload:
            at = (segment.seq - self._start) & 0xFFFFFFFF
            self._early[at] = max(self._early.get(at, b""), segment.payload, key=len)
            self._join(index)

    def _join(self, index):
        # Segments come again, and what was lost comes late.
        for at in sorted(self._early):
            have = len(self.octets)
            if at > have:
                break
            payload = self._early.pop(at)
            if at + len(payload) > have:
                self.began.append((have, index))
                self.octets += payload[have - at :]

    def index_of(self, end):
        """The index of the segment with which the stream got to be `end` octets long."""
        found = 0
        for offset, index in self.began:
            if offset >= end:
                break
            found = index
        return found

    def alert(self):
        """The index of the first TLS alert: the close_notify, where all went well. None if none.

        Up to TLS 1.2, which is what MicroPython speaks, a record's type can be seen from outside.
        """
        at = 0
        while at + 5 <= len(self.octets):
            if self.octets[at] == _ALERT:
                return self.index_of(at + 5)
            at += 5 + int.from_bytes(self.octets[at + 3 : at + 5], "big")
        return None

    def end(self, tls):
        """The index at which it said that nothing more comes: FIN, or its alert. None if never."""
        return min(filter(None, (self.fin, self.alert() if tls else None)), default=None)


class Conversation:
    """One TCP connection: `ours` and `peer` are its Directions."""

    def __init__(self, ports):
        self.ports = ports
        self.ours = Direction()
        self.peer = Direction()
        self.segments = []

    def add(self, segment):
        direction = self.ours if segment.from_ours else self.peer
        direction.add(len(self.segments), segment)
        self.segments.append(segment)

    def at_s(self, index):
        """When that segment was sent."""
        return self.segments[index].at_s

    @property
    def ended(self):
        """Whether TCP has ended in both directions."""
        ours, peer = self.ours, self.peer
        return (
            ours.rst is not None
            or peer.rst is not None
            or (ours.fin is not None and peer.fin is not None)
        )


def conversations(record):
    """The TCP connections in a record, in the order of their first segments."""
    found = {}
    for segment in record:
        found.setdefault(segment.ports, Conversation(segment.ports)).add(segment)
    return list(found.values())


def lines(conversation):
    """Every segment as a line, for reading."""
    start_s = conversation.at_s(0)
    return [
        f"{i:4} {(s.at_s - start_s) * 1000:7.1f} ms {'ours' if s.from_ours else 'peer'} "
        f"{s.flags:3} {len(s.payload):5} {s.payload[:16].hex(' ')}"
        for i, s in enumerate(conversation.segments)
    ]


def frames(direction):
    """The WebSocket frames that a Direction carried behind the opening handshake, not over TLS."""
    octets = bytes(direction.octets)
    at = octets.find(b"\r\n\r\n") + 4
    found = []
    while at > 3 and at + 2 <= len(octets):
        first, second = octets[at], octets[at + 1]
        head = 2
        n = second & 0x7F
        if n > 125:
            form = "!H" if n == 126 else "!Q"
            head += struct.calcsize(form)
            if at + head > len(octets):
                break
            (n,) = struct.unpack_from(form, octets, at + 2)
        key = b""
        if second & 0x80:
            key = octets[at + head : at + head + 4]
            head += 4
        payload = octets[at + head : at + head + n]
        if key:
            payload = bytes(a ^ b for a, b in zip(payload, itertools.cycle(key), strict=False))
        at += head + n
        index = direction.index_of(min(at, len(octets)))
        found.append(Frame(index, first & 15, bool(first & 0x80), payload, n - len(payload)))
    return found


class Story:
    """What one side said, in short: `messages` before its first Close, `closes`, `late` data."""

    def __init__(self, direction):
        self.frames = frames(direction)
        whole = [frame for frame in self.frames if not frame.missing]
        self.closes = [code_of(frame) for frame in whole if frame.opcode == CLOSE]
        self.messages = 0
        self.late = 0  # data frames behind the Close, which must not be (5.5.1)
        self.cut = any(frame.missing for frame in self.frames)  # a frame was never finished
        self.open = False  # a message was not, at the first Close or at the end
        self.close_index = None
        for frame in whole:
            if frame.opcode == CLOSE and self.close_index is None:
                self.close_index = frame.index
            elif frame.opcode < CLOSE:
                if self.close_index is not None:
                    self.late += 1
                else:
                    self.messages += frame.final
                    self.open = not frame.final


def code_of(frame):
    """The code of a Close frame; 1005 if it has none."""
    return int.from_bytes(frame.payload[:2], "big") if len(frame.payload) >= 2 else 1005
