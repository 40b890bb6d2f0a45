"""shared_heap.Share: what a Pico W's TCP has room for, and which connection may take it."""

from scripted import Session
from signalbox.net import shared_heap
from signalbox.net.shared_heap import Share
from wire import clock_period

LARGE = 800
SMALL = 30
LIGHT = 1400
STEPS = 4
FEW = 4
MOST = 6
SEGMENTS = 28
SPARED = 16
DROPPED = 10000


class Tcp:
    """In the place of lwIP, with `free` octets of heap and a clock; `block` ms go by in a write."""

    def __init__(self, free=1 << 20, block=0):
        self.free = free
        self.now = 0
        self.written = []
        self._block = block
        self._shares = []

    def __enter__(self):
        self._replaced = shared_heap.has_room, shared_heap.ticks_ms
        shared_heap.has_room = self._has_room
        shared_heap.ticks_ms = lambda: self.now
        return self

    def __exit__(self, kind, error, traceback):
        # The next test finds nothing on its way.
        self.free = 1 << 20
        self._block = 0
        while self._shares:
            self.close(self._shares[0])
        self.now += DROPPED
        last = Share()
        self.take(last, SMALL)
        last.closed()
        shared_heap.has_room, shared_heap.ticks_ms = self._replaced

    def _has_room(self, n, steps):
        return n + steps * LARGE <= self.free

    def write(self, buf, at, n):
        self.now += self._block
        self.written.append(n)
        self.free -= n
        return n

    def close(self, share):
        self._shares.remove(share)
        share.closed()

    def take(self, share, n):
        """What became of a write of `n` octets."""
        if share not in self._shares:
            self._shares.append(share)
        return share.write(self, bytes(n), 0, n)


def test_a_write_is_a_segment_at_most():
    with Tcp() as tcp:
        share = Share()
        assert tcp.take(share, 2000) == LARGE
        assert tcp.written == [LARGE] and not share.refused


def test_nothing_is_written_without_room():
    with Tcp(free=700) as tcp:
        share = Share()
        assert tcp.take(share, LARGE) is None
        assert tcp.written == [] and share.refused
        assert tcp.take(share, SMALL) == SMALL


def test_who_has_had_no_answer_leaves_room_to_others():
    with Tcp(free=2 * STEPS * LARGE + 2 * LARGE) as tcp:
        share = Share()
        while tcp.take(share, LARGE) is not None:
            pass
        assert tcp.free == STEPS * LARGE
        assert tcp.take(Share(), LARGE) == LARGE
        share.asked()
        share.answered()
        assert tcp.take(share, LARGE) == LARGE


def test_what_is_left_to_others_grows_with_what_has_had_no_answer():
    with Tcp() as tcp:
        share = Share()
        written = 0
        for steps in (0, 0, 1, 2, 3, 4, 4, 4):
            assert steps == max(0, min(-(-(written - LIGHT) // LARGE), STEPS))
            tcp.free = LARGE + steps * LARGE - 1
            assert tcp.take(share, LARGE) is None
            tcp.free += 1
            assert tcp.take(share, LARGE) == LARGE
            written += LARGE


def test_a_frame_and_the_ping_behind_it_have_room_beside_one_who_takes_nothing():
    with Tcp(free=8000) as tcp:
        stalled = Share()
        while tcp.take(stalled, LARGE) is not None:
            pass
        other = Share()
        for n in (LARGE, LARGE, LARGE, 234, SMALL):
            assert tcp.take(other, n) == n
            tcp.free += n  # it is acknowledged, of which nobody is told


def test_small_writes_are_counted():
    with Tcp() as tcp:
        share = Share()
        for i in range(6):
            assert share.doubtful == (i >= 4)
            assert tcp.take(share, SMALL) == SMALL
        assert tcp.take(share, SMALL) is None
        assert tcp.take(share, LARGE) == LARGE
        share.asked()
        assert not share.doubtful
        assert tcp.take(share, SMALL) is None
        share.answered()
        assert tcp.take(share, SMALL) == SMALL


def test_small_writes_without_an_answer_become_rare():
    with Tcp() as tcp:
        share = Share()
        for _ in range(6):
            assert tcp.take(share, SMALL) == SMALL
        pauses = []
        for _ in range(7):
            began = tcp.now
            while tcp.take(share, SMALL) is None:
                tcp.now += 100
            pauses.append(tcp.now - began)
        assert pauses == [500, 1000, 2000, 4000, 8000, 8000, 8000]
        share.asked()
        share.answered()
        assert tcp.take(share, SMALL) == SMALL


def test_what_follows_the_ping_is_not_answered_by_its_pong():
    with Tcp() as tcp:
        share = Share()
        for i in range(6):
            if i == 4:
                share.asked()
            assert tcp.take(share, SMALL) == SMALL
        share.answered()
        for _ in range(4):
            assert tcp.take(share, SMALL) == SMALL
        assert tcp.take(share, SMALL) is None


def test_a_write_that_took_10_s_has_failed():
    with Tcp(block=10000) as tcp:
        try:
            tcp.take(Share(), SMALL)
        except OSError:
            return
    raise AssertionError("its octets are gone")


async def test_the_endpoint_asks_and_hears_the_answer():
    with Tcp() as tcp:
        for client in (False, True):
            session = Session(client)
            session.transport.share = share = Share()
            for _ in range(4):
                tcp.take(share, SMALL)
            await session.ws.send("hello")
            assert session.sent() == [(0x81, b"hello"), (0x89, b"signalbox")]
            await session.ws.send("hello")
            assert session.sent() == [(0x81, b"hello")]
            await session.feed(session.peer(0x8A, b"signalbox"))
            for _ in range(6):
                assert tcp.take(share, SMALL) == SMALL
            await session.drop()


def small_writes(tcp, share):
    """How many there is room for now."""
    n = 0
    while tcp.take(share, SMALL) is not None:
        n += 1
    return n


def test_all_connections_together_have_fewer_small_writes_than_lwip_has_segments():
    with Tcp() as tcp:
        shares = [Share() for _ in range(5)]
        assert [small_writes(tcp, share) for share in shares] == [MOST] * 4 + [SEGMENTS - 4 * MOST]
        # Nobody tries more while there are so many.
        tcp.now += 60000
        assert [small_writes(tcp, share) for share in shares] == [0] * 5
        for share in shares[:2]:
            share.asked()
            share.answered()
        assert small_writes(tcp, shares[4]) == MOST - (SEGMENTS - 4 * MOST)
        assert small_writes(tcp, shares[2]) == 0
        for share in shares[3:]:
            share.asked()
            share.answered()
        assert small_writes(tcp, shares[2]) == 1


def test_what_a_lost_connection_had_on_its_way_counts_until_lwip_drops_it():
    with Tcp() as tcp:
        lost = [Share() for _ in range(4)]
        for share in lost:
            assert small_writes(tcp, share) == MOST
        for share in lost:
            tcp.close(share)
        share = Share()
        assert small_writes(tcp, share) == SEGMENTS - 4 * MOST
        tcp.now += DROPPED - 1
        assert small_writes(tcp, share) == 0
        tcp.now += 1
        assert small_writes(tcp, share) == MOST - (SEGMENTS - 4 * MOST)


def test_what_a_connection_that_ended_well_had_on_its_way_does_not_count():
    with Tcp() as tcp:
        for _ in range(20):
            share = Share()
            for _ in range(FEW - 1):
                assert tcp.take(share, SMALL) == SMALL
            tcp.close(share)
        assert small_writes(tcp, Share()) == MOST


def test_what_was_lost_is_forgotten_when_the_clock_has_come_round():
    with Tcp() as tcp:
        lost = [Share() for _ in range(5)]
        for share in lost:
            small_writes(tcp, share)
        for share in lost:
            tcp.close(share)
        assert small_writes(tcp, Share()) == 0
        tcp.now += clock_period() // 4 * 3
        assert small_writes(tcp, Share()) == MOST
