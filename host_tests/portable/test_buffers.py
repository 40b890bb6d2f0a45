"""Buffers that connections share: ws/buffers.py, and how ws/output.py borrows them."""

from signalbox.ws.buffers import Buffers, Pool
from signalbox.ws.connection import Connection, Settings
from wire import ROLES, End, close_payload, frames, raises


class FullHeap(Buffers):
    """Has no buffer to lend."""

    def borrow(self):
        raise MemoryError


def test_they_are_lent_again():
    buffers = Buffers(200)
    one = buffers.borrow()
    other = buffers.borrow()
    assert one is not other
    assert type(one) is bytearray and len(one) == len(other) == 200
    buffers.give_back(one)
    assert buffers.borrow() is one
    buffers.give_back(one)
    buffers.give_back(other)
    assert {id(buffers.borrow()), id(buffers.borrow())} == {id(one), id(other)}


def test_no_more_are_kept_than_needed():
    buffers = Buffers(200)
    lent = [buffers.borrow() for _ in range(5)]
    for buf in lent:
        buffers.give_back(buf)
    again = [buffers.borrow() for _ in range(5)]
    kept = [buf for buf in again if [1 for old in lent if old is buf]]
    assert len(kept) == 2


def test_buffer_of_another_size_is_not_kept():
    buffers = Buffers(200)
    buffers.give_back(bytearray(201))
    assert len(buffers.borrow()) == 200


def test_connection_keeps_none_when_all_is_written():
    for client in ROLES:
        settings = Settings(buffer=500)
        ends = [End(client) for _ in range(3)]
        for end in ends:
            end.connection = Connection(client, settings)
        lent = set()
        for _ in range(3):
            for end in ends:
                end.connection.send_binary(bytes(300))
                lent.add(id(end.connection.output.buf))
                assert len(end.connection.output.buf) == 500
                assert end.sent() == [(0x82, bytes(300))]
                assert len(end.connection.output.buf) == 140
        assert len(lent) == 1


def test_connections_that_have_something_to_write_do_not_share():
    for client in ROLES:
        settings = Settings(buffer=500)
        ends = [End(client) for _ in range(4)]
        for i, end in enumerate(ends):
            end.connection = Connection(client, settings)
            end.connection.send_binary(bytes([i]) * 300)
            end.connection.close(1000)
        done = False
        while not done:
            done = True
            for end in ends:
                if end.write(37):
                    done = False
        for i, end in enumerate(ends):
            assert frames(end.written, client) == [
                (0x82, bytes([i]) * 300),
                (0x88, close_payload(1000)),
            ]


def test_small_messages_borrow_nothing():
    for client in ROLES:
        end = End(client)
        end.connection.output._buffers = None
        end.connection.send_text("x" * 100)
        end.receive(end.peer(0x89, b"p" * 10))
        end.write(50)
        end.connection.close(1000)
        assert end.sent()[-1] == (0x88, close_payload(1000))


def test_going_on_in_a_larger_buffer_at_every_point():
    for client in ROLES:
        for written in range(110):
            for what in ("message", "ping", "large"):
                end = End(client, buffer=300)
                end.connection.send_text("first" * 10)
                end.connection.send_text("second" * 5)
                if written:
                    end.write(written)
                if what == "message":
                    assert end.connection.send_binary(bytes(150))
                    expected = [(0x82, bytes(150))]
                elif what == "ping":
                    end.receive(end.peer(0x89, b"p" * 120))
                    expected = [(0x8A, b"p" * 120)]
                else:
                    assert end.connection.send_binary(bytes(1000))
                    expected = [(0x82, bytes(1000))]
                end.connection.close(1000)
                expected.insert(0, (0x81, b"second" * 5))
                expected.insert(0, (0x81, b"first" * 10))
                assert end.sent() == expected + [(0x88, close_payload(1000))]


def test_no_buffer_grows():
    # On CPython a copy past the end makes a bytearray longer; on a board it is somebody's memory.
    for client in ROLES:
        for size in range(90, 300, 3):
            end = End(client, buffer=300)
            for _ in range(3):
                accepted = []
                for n in (size, 100, 30, 3, 1, 0, 150, 20, 0, 0):
                    if end.connection.send_binary(bytes(n)):
                        accepted.append((0x82, bytes(n)))
                    assert len(end.connection.output.buf) in (140, 300), (size, n)
                assert end.sent() == accepted
                assert len(end.connection.output.buf) == 140


def test_what_tls_holds_stays_the_same_in_a_larger_buffer():
    for client in ROLES:
        end = End(client, buffer=300)
        end.connection.send_text("first" * 10)
        n = end.connection.ready()
        output = end.connection.output
        offered = bytes(output.buf[output.offset : output.offset + n])
        end.connection.hold(n)
        end.connection.send_binary(bytes(150))
        assert end.connection.ready() > n
        assert bytes(output.buf[output.offset : output.offset + n]) == offered
        end.connection.fail(1011)
        assert end.sent() == [(0x81, b"first" * 10), (0x88, close_payload(1011))]


def test_full_heap():
    # The small buffer must do: a message that fits in no buffer is written from itself.
    for client in ROLES:
        end = End(client, buffer=1000)
        end.connection.output._buffers = FullHeap(1000)
        data = bytes(range(256)) * 2
        assert end.connection.send_text("before")
        assert end.connection.send_binary(data)
        assert not end.connection.output.whole
        end.receive(end.peer(0x89, b"p" * 125))
        wire = end.write(100)
        end.receive(end.peer(0x89, b"q" * 125))
        end.connection.close(1000)
        wire += end.write()
        assert frames(wire, client) == [
            (0x81, b"before"),
            (0x82, data),
            (0x8A, b"q" * 125),
            (0x88, close_payload(1000)),
        ]


def test_failing_gives_the_buffer_back():
    for client in ROLES:
        end = End(client, buffer=500)
        end.connection.send_binary(bytes(300))
        borrowed = end.connection.output.buf
        end.connection.fail(1011)
        assert end.sent() == [(0x88, close_payload(1011))]
        assert end.connection.settings.buffers.borrow() is borrowed


class Flag:
    """An Event as far as a Pool knows it."""

    count = 0

    def set(self):
        self.count += 1


def test_pool_lends_what_it_has():
    pool = Pool(2, 1000)
    one = pool.borrow(1000)
    other = pool.borrow(10)
    assert (len(one), len(other)) == (1000, 10)
    assert pool.borrow(1) is None
    pool.give_back(one)
    assert pool.borrow(3) is one
    assert len(one) == 3
    pool.give_back(one)
    for n in range(1, 1001, 37):
        again = pool.borrow(n)
        assert again is one and len(again) == n
        pool.give_back(again)


def test_pool_takes_back_only_what_it_lent():
    pool = Pool(1, 100)
    pool.give_back(bytearray(100))
    one = pool.borrow(100)
    assert pool.borrow(100) is None
    pool.give_back(bytearray(100))  # equal, but another
    assert pool.borrow(100) is None
    pool.give_back(one)
    pool.give_back(one)
    assert pool.borrow(100) is one
    assert pool.borrow(100) is None


def test_pool_tells_who_waits():
    pool = Pool(1, 100)
    flag, other = Flag(), Flag()
    assert not pool.wait(flag)
    buf = pool.borrow(1)
    assert pool.wait(flag) and pool.wait(flag) and pool.wait(other)
    assert flag.count == 0 and pool.wanted
    pool.give_back(buf)
    assert (flag.count, other.count) == (1, 1) and not pool.wanted
    pool.give_back(pool.borrow(1))
    assert (flag.count, other.count) == (1, 1)


def test_settings_of_a_pool():
    assert raises(ValueError, lambda: Settings(pool=Pool(1, 100), max_message=101))
    assert raises(ValueError, lambda: Settings(pool=Pool(1, 100), max_message=100, stream=True))
    assert Settings(pool=Pool(1, 100), max_message=100).max_message == 100
