"""Pictures for viewers: when they are made, in which buffer, and for whom."""

from signalbox.device.preview import STALL, Preview, Source
from wire import clock_period, raises


class Numbers(Source):
    """Pictures that hold their number."""

    size = 4

    def __init__(self):
        self.made = 0
        self.closed = 0
        self.error = None

    def capture(self, buf, now):
        if self.error:
            buf[:] = b"torn"
            raise self.error
        self.made += 1
        buf[:] = self.made.to_bytes(4, "big")
        return memoryview(buf)[:4]

    def close(self):
        self.closed += 1


def number(picture):
    return picture and int.from_bytes(bytes(picture), "big")


def test_nothing_is_made_and_no_memory_taken_while_nobody_watches():
    source = Numbers()
    preview = Preview(source, 10, 2)
    assert preview._frames == []
    viewer = preview.join()
    preview.tick(0)
    assert source.made == 1
    preview.leave(viewer)
    assert preview._frames == [] and preview._newest is None
    assert source.closed == 1


def test_pictures_come_at_their_time():
    source = Numbers()
    preview = Preview(source, 4, 1)
    preview.join()
    assert preview.tick(1000) == 250
    assert preview.tick(1100) == 150
    assert source.made == 1
    assert preview.tick(1250) == 250
    assert source.made == 2
    # Late ones are not made up for.
    assert preview.tick(9000) == 250
    assert preview.tick(9001) == 249
    assert source.made == 3


def test_they_go_on_when_the_clock_starts_over():
    preview = Preview(Numbers(), 10, 1)
    preview.join()
    assert preview.tick(clock_period() - 50) == 100
    assert preview.tick(20) == 30
    assert preview.tick(50) == 100
    assert preview.pictures == 2


def test_slow_pace():
    preview = Preview(Numbers(), 0.1, 1)
    preview.join()
    assert preview.tick(0) == 10000


def test_each_picture_is_made_once_and_lent_to_every_viewer():
    source = Numbers()
    preview = Preview(source, 10, 3)
    viewers = [preview.join() for _ in range(3)]
    preview.tick(0)
    pictures = [viewer.take(0) for viewer in viewers]
    assert source.made == 1
    assert [number(picture) for picture in pictures] == [1, 1, 1]
    source_buffer = preview._newest.buf
    source_buffer[3] = 9  # all of them are views of the one buffer
    assert [number(picture) for picture in pictures] == [9, 9, 9]


def test_no_viewer_gets_a_picture_twice():
    preview = Preview(Numbers(), 10, 1)
    viewer = preview.join()
    assert viewer.take(0) is None
    preview.tick(0)
    assert number(viewer.take(0)) == 1
    viewer.done()
    assert viewer.take(1) is None
    preview.tick(100)
    assert number(viewer.take(100)) == 2


def test_a_picture_that_is_sent_does_not_change_and_the_slow_miss_some():
    preview = Preview(Numbers(), 10, 2)
    slow = preview.join()
    fast = preview.join()
    preview.tick(0)
    held = slow.take(0)
    seen = []
    for now in range(100, 1100, 100):
        preview.tick(now)
        seen.append(number(fast.take(now)))
        fast.done()
        assert number(held) == 1
    assert seen == list(range(2, 12))
    slow.done()
    assert number(slow.take(1100)) == 11


def test_two_slow_viewers_hold_both_buffers():
    source = Numbers()
    preview = Preview(source, 10, 3)
    first = preview.join()
    second = preview.join()
    third = preview.join()
    preview.tick(0)
    one = first.take(0)
    preview.tick(100)
    two = second.take(100)
    assert preview.tick(200) == 100
    assert source.made == 2
    assert (number(one), number(two)) == (1, 2)
    assert number(third.take(200)) == 2
    third.done()
    first.done()
    preview.tick(300)
    assert number(third.take(300)) == 3
    assert number(two) == 2


def test_stalls():
    preview = Preview(Numbers(), 10, 1)
    viewer = preview.join()
    preview.tick(5)
    assert not viewer.stalls(5 + STALL)
    viewer.take(5)
    assert viewer.holds
    assert not viewer.stalls(4 + STALL)
    assert viewer.stalls(5 + STALL)
    viewer.done()
    assert not viewer.holds and not viewer.stalls(5 + STALL)


def test_cap():
    preview = Preview(Numbers(), 10, 2)
    first = preview.join()
    assert not preview.full
    preview.join()
    assert preview.full
    preview.leave(first)
    assert not preview.full


def test_a_viewer_that_leaves_lets_go_of_its_picture():
    preview = Preview(Numbers(), 10, 2)
    preview.join()
    viewer = preview.join()
    preview.tick(0)
    viewer.take(0)
    preview.leave(viewer)
    assert [frame.users for frame in preview._frames] == [0, 0]


def test_a_source_that_fails_is_asked_again_and_what_it_left_is_not_shown():
    for error, words in (
        (OSError("no sensor"), "no sensor"),
        (ValueError("no JPEG"), "no JPEG"),
        (MemoryError(), "out of memory"),
    ):
        source = Numbers()
        preview = Preview(source, 10, 1)
        viewer = preview.join()
        preview.tick(0)
        source.error = error
        assert preview.tick(100) == 1000
        assert preview.fault == words
        assert viewer.take(100) is None
        assert preview.tick(500) == 600
        source.error = None
        preview.tick(1100)
        assert preview.fault is None
        assert number(viewer.take(1100)) == 2


def test_what_else_a_source_raises_is_not_hidden():
    source = Numbers()
    preview = Preview(source, 10, 1)
    preview.join()
    source.error = TypeError()
    raises(TypeError, preview.tick, 0)


def test_a_source_with_memory_of_its_own():
    class Own(Numbers):
        size = 0

        def capture(self, buf, now):
            assert len(buf) == 0
            self.made += 1
            return b"\xff\xd8" + bytes([self.made])

    preview = Preview(Own(), 10, 1)
    viewer = preview.join()
    preview.tick(0)
    held = viewer.take(0)
    preview.tick(100)
    assert held == b"\xff\xd8\x01"
    viewer.done()
    assert viewer.take(100) == b"\xff\xd8\x02"
