"""A connection's share of the memory that a Pico W's TCP has for all of them; loaded on RP2 only.

lwIP keeps what is not acknowledged in one heap of 8000 octets, in 32 segments at most. For want of
either, a write blocks the whole board although the socket is non-blocking: 50 ms, again and again,
10 s at most, and then the octets are gone. So there must be room before a write, and no connection
may take what the others need: the more it has written without an answer, the more it leaves free.
So who takes nothing stops first, and the others' frames have room until a Ping can follow them.
What is acknowledged lwIP tells nobody. What has arrived does a Ping's round trip.
"""

import errno
import socket

from ..compat import const, ticks_diff, ticks_ms

# A write is no larger than a segment, which finds room sooner.
_SEGMENT = const(800)

_SMALL = const(400)  # octets; less takes much of a segment, and little of the heap
_FEW = const(4)  # small writes after which the peer is asked
_MOST = const(6)  # small writes without an answer: five connections have 32 segments together,
_SEGMENTS = const(28)  # of which larger writes have some, too
_SPARED = const(16)  # no connection tries more than _MOST while all together have so many
_DROPPED = const(10000)  # ms after which lwIP drops what a closed socket has not got through
_LIGHT = const(1400)  # octets without an answer; past it a connection leaves as much to others …
_STEPS = const(4)  # … in whole segments, up to so many
_SLACK = const(256)  # octets for headers, and for what TCP itself has to say
_PAUSE = const(500)  # ms until another small write is tried without an answer, then twice that …
_LONGEST = const(8000)  # … up to this
_GAVE_UP = const(9900)  # ms that a write took which has thrown its octets away
_ROM = const(0)  # an address with 16 KB that can be read


_small = 0  # small writes without an answer, each of which may have a segment; and those of them
_closed = 0  # whose sockets were closed with so many that they must be taken for lost,
_closed_at = ticks_ms()  # the last one then


class Share:
    """What one connection has written that its peer has not answered for."""

    # What most never need is kept here until it is set: a board counts the octets.
    doubtful = False  # the peer should be asked whether it has arrived
    refused = False  # the last write() was, by us
    _octets = 0
    _writes = 0  # small ones
    _asked_octets = 0
    _asked_writes = 0
    _pause = _PAUSE
    _last = ticks_ms()  # when the last small one was

    def write(self, stream, buf, at, n):
        """Hand over up to `n` octets: None when there is no room now. OSError."""
        n = min(n, _SEGMENT)
        if not self._may(n):
            self.refused = True
            return None
        began = ticks_ms()
        taken = stream.write(buf, at, n)
        if ticks_diff(ticks_ms(), began) >= _GAVE_UP:
            raise OSError(errno.ENOMEM)
        if taken:
            self._wrote(taken)
        return taken

    def asked(self):
        """A Ping follows what was written until now."""
        self._asked_octets = self._octets
        self._asked_writes = self._writes
        self.doubtful = False

    def answered(self):
        """Its Pong is there."""
        global _small
        self._octets -= self._asked_octets
        self._writes -= self._asked_writes
        _small -= self._asked_writes
        self._pause = _PAUSE
        self._judge()

    def closed(self):
        """The socket is. What a lost peer has not acknowledged stays with lwIP for a while."""
        global _small, _closed, _closed_at
        if self._writes >= _FEW:
            _closed += self._writes
            _closed_at = ticks_ms()
        else:
            _small -= self._writes

    def _may(self, n):
        global _small, _closed
        if n < _SMALL:
            now = ticks_ms()
            # Not in the future: the clock starts over while nobody writes.
            if _closed and not 0 <= ticks_diff(now, _closed_at) < _DROPPED:
                _small -= _closed
                _closed = 0
            again = self._writes >= _MOST
            if _small >= (_SPARED if again else _SEGMENTS) or (
                again and ticks_diff(now, self._last) < self._pause
            ):
                return False
            if again:
                self._pause = min(2 * self._pause, _LONGEST)
        over = self._octets - _LIGHT
        return has_room(n, max(0, min((over + _SEGMENT - 1) // _SEGMENT, _STEPS)))

    def _wrote(self, n):
        global _small
        self._octets += n
        if n < _SMALL:
            self._writes += 1
            _small += 1
            self._last = ticks_ms()
        self._judge()

    def _judge(self):
        self.doubtful = self._writes >= _FEW or self._octets > _LIGHT


class _Refusal:
    # Notes the number of an OSError; `except … as` would take its state from the heap.
    errno = 0

    def __enter__(self):
        self.errno = 0

    def __exit__(self, kind, error, traceback):
        if isinstance(error, OSError):
            self.errno = error.errno
            return True
        return False


class _Heap:
    # Asks lwIP for room: a datagram of IPv6 on a socket of IPv4 is put together in the heap, and
    # then sent nowhere. ENOMEM: there was no room for it. SOCK_RAW, as RP2 has few for UDP.

    def __init__(self):
        import uctypes

        self._sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)
        self._sizes = [
            uctypes.bytearray_at(_ROM, n + _SLACK + step * _SEGMENT)
            for n in (_SMALL, _SEGMENT)
            for step in range(_STEPS + 1)
        ]
        self._refusal = _Refusal()

    def has_room(self, i):
        with self._refusal:
            self._sock.sendto(self._sizes[i], ("::1", 0))
        return self._refusal.errno != errno.ENOMEM


_heap = None


def has_room(n, steps):
    """Whether lwIP's heap takes a write of `n` octets now and leaves `steps` segments to others."""
    global _heap
    if _heap is None:
        _heap = _Heap()
    return _heap.has_room((n > _SMALL) * (_STEPS + 1) + steps)
