"""What is left of ws/connection.py and ws/close.py: settings, keepalive, misuse, the table."""

from signalbox.ws import close, connection
from signalbox.ws.close import INCOMING, OUTGOING, ConnectionClosed
from signalbox.ws.connection import CLOSE, FAILED, PING, PONG, Connection, Settings
from signalbox.ws.message import CHUNK, NEED_DATA, TEXT
from wire import ROLES, End, Source, close_payload, raises


def makes(**settings):
    return lambda: Settings(**settings)


def test_settings():
    settings = Settings(max_message=5, buffer=140, ping_interval=0, stream=True)
    assert (settings.max_message, settings.buffer, settings.ping_interval) == (5, 140, 0)
    assert settings.stream is True
    assert settings.close_timeout == Settings.close_timeout == 5000
    assert Settings.max_message == 32768
    Settings(buffer=65535, finish_timeout=0, close_timeout=1)
    assert raises(TypeError, makes(bufer=200))
    for bad in (
        {"buffer": 139},
        {"buffer": 65536},
        {"max_message": -1},
        {"ping_interval": -1},
        {"close_timeout": 3000},
        {"finish_timeout": 5000},
        {"finish_timeout": 6000},
        {"close_timeout": 0, "finish_timeout": 0},
    ):
        assert raises(ValueError, makes(**bad)), bad


def test_settings_and_keys_are_shared_unless_given():
    one = Connection(True)
    other = Connection(True)
    assert one.settings is other.settings
    assert Connection(False).settings is one.settings
    before = connection._keys
    connection._keys = None
    try:
        Connection(False)
        assert connection._keys is None
        Connection(True)
        keys = connection._keys
        assert keys is not None
        Connection(True)
        assert connection._keys is keys
    finally:
        connection._keys = before


def test_states():
    for client in ROLES:
        end = End(client)
        assert end.connection.state == "OPEN"
        end.connection.close()
        assert end.connection.state == "CLOSING"
        end.write()
        end.receive(end.peer_close())
        assert end.connection.state == "CLOSING"
        end.connection.receive_eof()
        assert end.connection.state == "CLOSING"
        end.connection.write_failed()
        assert end.connection.state == "CLOSED"
        end = End(client)
        end.receive(end.peer_close())
        assert end.connection.state == "CLOSING"
        end = End(client)
        end.receive(end.peer(0xF1))
        assert end.connection.state == "CLOSING"
        end.connection.tcp_closed()
        assert end.connection.state == "CLOSED"


def rows(table):
    return [list(table[at : at + 7]) for at in range(0, len(table), 7)]


def test_table_is_whole():
    for table in (rows(OUTGOING), rows(INCOMING)):
        assert len(table) == 4
        for state, row in enumerate(table):
            assert len(row) == 7
            for following in row:
                # No direction ever goes back. Both failed and closed are left by the end only.
                assert following >= state
            assert row[6] == 3  # TCP is down
    for row in rows(OUTGOING):
        assert row[5] == 3  # the write fails: SHUT
    for row in rows(INCOMING):
        assert row[4] == 3  # EOF: ENDED
    assert rows(INCOMING)[1][3] == 1  # CLOSED, failing
    assert rows(INCOMING)[2][2] == 2  # DISCARDING, the peer's Close


def test_table_row_by_row():
    # Written down once more, as close.md's rules say it. The columns: our Close is queued, it is
    # written, the peer's came, failing, EOF, the write fails, TCP is down.
    assert rows(OUTGOING) == [
        [1, 0, 0, 1, 0, 3, 3],
        [1, 2, 1, 1, 1, 3, 3],
        [2, 2, 2, 2, 2, 3, 3],
        [3, 3, 3, 3, 3, 3, 3],
    ]
    assert rows(INCOMING) == [
        [0, 0, 1, 2, 3, 0, 3],
        [1, 1, 1, 1, 3, 1, 3],
        [2, 2, 2, 2, 3, 2, 3],
        [3, 3, 3, 3, 3, 3, 3],
    ]


def test_joint_rules():
    for outgoing in range(4):
        for incoming in range(4):
            for window in (False, True):
                accepts = close.accepts_messages(outgoing, incoming, window)
                assert bool(accepts) == (
                    outgoing == 0 and (incoming == 0 or (incoming == 1 and window))
                )
            assert close.answers_ping(outgoing, incoming) == (incoming == 0 and outgoing < 3)


def test_valid_codes():
    valid = {1000, 1001, 1002, 1003}
    for code in range(-1, 6000):
        expected = code in valid or 1007 <= code <= 1014 or 3000 <= code < 5000
        assert close.valid_code(code) == expected, code


def test_check_close():
    for code, reason in ((None, ""), (1000, ""), (1000, "why"), (4999, "why")):
        assert close.check_close(code, reason) is None
    for code, reason in ((None, "why"), (1005, ""), (1006, "why"), (0, "")):
        assert raises(ValueError, close.check_close, code, reason)


def test_connection_closed_says_the_state():
    end = End()
    end.connection.close()
    try:
        end.connection.send_text("late")
        raise AssertionError("was accepted")
    except ConnectionClosed as error:
        assert error.args == ("CLOSING",)
    end.connection.tcp_closed()
    try:
        end.connection.send_text("late")
        raise AssertionError("was accepted")
    except ConnectionClosed as error:
        assert error.args == ("CLOSED",)


def test_fragments_and_what_may_not_stand_between():
    for client in ROLES:
        end = End(client)
        connection = end.connection
        assert connection.send_fragment(b"one", False, True)
        assert raises(RuntimeError, connection.send_text, "between")
        assert raises(RuntimeError, connection.send_text, "dazwischen, für immer")
        assert raises(RuntimeError, connection.send_binary, b"between")
        assert raises(RuntimeError, connection.send_source, Source(b"between", 7))
        assert connection.ping(b"may")
        assert connection.send_fragment(b"two", False)
        assert connection.send_fragment(b"three", True)
        assert connection.send_text("whole")
        assert connection.send_fragment(b"alone", True)
        assert end.sent() == [
            (0x01, b"one"),
            (0x89, b"may"),
            (0x00, b"two"),
            (0x80, b"three"),
            (0x81, b"whole"),
            (0x82, b"alone"),
        ]


def test_fragment_that_has_no_room():
    end = End(buffer=140)
    assert end.connection.send_fragment(b"one", False)
    while end.connection.ping(bytes(20)):
        pass
    assert not end.connection.send_fragment(bytes(30), True)
    assert raises(RuntimeError, end.connection.send_text, "still open")
    end.write()
    assert end.connection.send_fragment(b"two", True)
    assert end.connection.send_text("done")
    assert [f for f in end.sent() if f[0] != 0x89] == [
        (0x02, b"one"),
        (0x80, b"two"),
        (0x81, b"done"),
    ]


def test_ping():
    for client in ROLES:
        end = End(client)
        assert end.connection.ping()
        assert end.connection.ping(b"p" * 125)
        assert raises(ValueError, end.connection.ping, b"p" * 126)
        assert end.sent() == [(0x89, b"signalbox"), (0x89, b"p" * 125)]
        assert end.receive(end.peer(0x8A, b"p" * 125)) == [(PONG, b"p" * 125)]
        assert end.receive(end.peer(0x8A, b"unasked for")) == [(PONG, b"unasked for")]
        assert end.sent() == []


def test_pull_and_handle():
    # An event that is pulled has no effect yet; next_event() is handle(pull()).
    for client in ROLES:
        end = End(client)
        wire = bytearray(end.peer(0x81, b"m") + end.peer(0x89, b"p") + end.peer_close(4001, b"why"))
        end.connection.receive_data(wire, 0, len(wire))
        assert end.connection.pull() == TEXT
        assert end.connection.reader.message == "m"
        event = end.connection.pull()
        assert event == PING
        assert end.sent() == []
        assert end.connection.handle(event) == PING
        assert end.sent() == [(0x8A, b"p")]
        event = end.connection.pull()
        assert event == CLOSE
        assert end.connection.state == "OPEN"
        assert end.connection.rcvd_code is None
        assert end.connection.send_text("an answer")
        assert end.connection.handle(event) == CLOSE
        assert end.connection.pull() == NEED_DATA
        assert end.sent() == [(0x81, b"an answer"), (0x88, close_payload(4001))]
        end.outcome(
            code=4001, reason="why", clean=True, initiator="peer", sent_code=4001, rcvd_code=4001
        )


def test_pull_of_a_violation():
    end = End()
    wire = bytearray(end.peer(0xF1))
    end.connection.receive_data(wire, 0, len(wire))
    event = end.connection.pull()
    assert event == -1002
    assert end.connection.send_text("an answer")
    end.write()
    assert end.connection.handle(event) == FAILED
    assert end.sent() == [(0x81, b"an answer"), (0x88, close_payload(1002))]


def test_received_violation():
    end = End()
    assert end.receive(end.peer(0x81, b"\xff" * 200)[:8]) == []
    reader = end.connection.reader
    n = end.connection.direct()
    assert n == 200
    reader.body[0:5] = b"\xff" * 5
    event = end.connection.received(5)
    assert event == -1007
    assert end.connection.handle(event) == FAILED
    assert end.sent() == [(0x88, close_payload(1007))]
    end.outcome(initiator="local", sent_code=1007, failed_with=1007, truncated=True)


def no_memory(*arguments):
    raise MemoryError


def test_message_that_finds_no_memory():
    # The connection is failed, not the program.
    for direct in (False, True):
        end = End()
        wire = end.peer(0x82, b"x" * 50)
        if direct:
            end.receive(wire[:10])
            end.connection.reader.received = no_memory
            assert end.connection.direct() == 46
            event = end.connection.received(46)
        else:
            buf = bytearray(wire)
            end.connection.receive_data(buf, 0, len(buf))
            end.connection.reader.next = no_memory
            event = end.connection.pull()
            del end.connection.reader.next
        assert event == -1009
        assert end.connection.handle(event) == FAILED
        assert end.sent() == [(0x88, close_payload(1009))]


def replaced(module, name, value):
    """Calls of `name` in `module` go to `value`; returns what puts it back."""
    there = hasattr(module, name)
    before = getattr(module, name, None)
    setattr(module, name, value)

    def restore():
        if there:
            setattr(module, name, before)
        else:
            delattr(module, name)

    return restore


def test_reason_that_finds_no_memory():
    # The peer's: the code matters more.
    restore = replaced(connection, "memoryview", no_memory)
    try:
        end = End()
        assert end.receive(end.peer_close(4001, b"why")) == [(CLOSE, 4001, "")]
    finally:
        restore()
    assert end.sent() == [(0x88, close_payload(4001))]
    # Ours, too.
    restore = replaced(connection, "validate", no_memory)
    try:
        end = End()
        end.connection.close(4001, "grün")
    finally:
        restore()
    assert end.sent() == [(0x88, close_payload(4001))]


def test_keepalive():
    for client in ROLES:
        end = End(client, ping_interval=300, pong_timeout=200)
        assert end.connection.tick(5) == 300
        assert end.connection.tick(304) == 1
        assert end.connection.tick(305) == 200
        assert end.sent() == [(0x89, b"signalbox")]
        assert end.connection.tick(405) == 100
        assert end.sent() == []
        end.receive(end.peer(0x8A))
        assert end.connection.tick(504) == 300
        assert end.connection.tick(804) == 200
        assert end.sent() == [(0x89, b"signalbox")]
        # Sending is no sign of the peer's life.
        end.connection.send_text("x")
        end.write()
        assert end.connection.tick(1003) == 1
        assert end.connection.tick(1004) == 5000
        assert end.connection.state == "CLOSING"


def test_keepalive_switched_off():
    end = End(ping_interval=0)
    for now in (0, 100000, 1000000000):
        assert end.connection.tick(now) == -1
    assert end.sent() == []


def test_no_keepalive_while_closing():
    end = End(close_timeout=100000)
    end.connection.tick(0)
    end.connection.close(1000)
    end.write()
    end.written = b""
    assert end.connection.tick(10) == 100000
    assert end.connection.tick(90000) == 10010
    assert end.sent() == []


def test_keepalive_without_room_or_memory():
    end = End(buffer=140)
    end.connection.send_binary(bytes(300))
    end.connection.tick(0)
    assert end.connection.tick(20000) == 10000
    # A link that takes octets isn't stalled, although there was no room for the Ping.
    assert end.sent() == [(0x82, bytes(300))]
    assert end.connection.tick(29900) == 20000
    assert end.connection.tick(49900) == 10000
    assert end.sent() == [(0x89, b"signalbox")]
    assert end.connection.tick(59900) == 5000
    end = End(buffer=140)
    end.connection.send_binary(bytes(300))
    end.connection.tick(0)
    assert end.connection.tick(20000) == 10000
    assert end.connection.tick(30000) == 5000
    assert end.connection.state == "CLOSING"
    end = End()
    end.connection.tick(0)
    end.connection.ping = no_memory
    assert end.connection.tick(20000) == 10000
    assert end.connection.tick(30000) == 5000
    assert end.connection.state == "CLOSING"


def test_stream():
    for client in ROLES:
        end = End(client, stream=True, max_message=5)
        assert end.receive(end.peer(0x01, b"abc"), end.peer(0x80, bytes(100))) == [
            (CHUNK, 1, b"abc", False),
            (CHUNK, 1, bytes(100), True),
        ]
        assert end.receive(end.peer(0x81, b"\xff")) == [(FAILED, 1007)]


def test_write_after_the_end():
    end = End()
    end.connection.send_text("x")
    end.connection.write_failed()
    assert end.connection.ready() == 0
    end.connection.write_failed(True)
    end.outcome(undelivered=1, tcp_reset=True)
