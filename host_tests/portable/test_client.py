"""connect(): the opening handshake over a transport (row L7), and coming back after an end."""

import asyncio

import scripted
from scripted import EOF, FIN, raises, run, start
from scripted_network import Network
from signalbox.net import client, reconnect
from signalbox.net.client import connect
from signalbox.net.reconnect import Backoff
from signalbox.ws.handshake_client import HandshakeRejected
from signalbox.ws.http import HandshakeError
from wire import close_payload, frame, frames

BACK = 1500  # ms: more than the first wait of a Backoff


# The opening handshake


async def test_open():
    network = Network()
    opening = start(connect("ws://example.org/some/path?query").open())
    await run()
    assert network.asked == [("example.org", 80, None)]
    line, fields = network.request()
    assert line == "GET /some/path?query HTTP/1.1"
    assert fields["Host"] == "example.org"
    network.transport.feed(network.response(key=fields["Sec-WebSocket-Key"]))
    ws = await opening
    assert ws.path == "/some/path?query"
    assert ws.subprotocol is None
    await ws.send("text")
    await run()
    assert frames(network.transport.written, True) == [(0x81, b"text")]


async def test_open_with_more_fields_and_subprotocols():
    network = Network()
    more = {"Authorization": "Basic abc", "X-Name": "x"}
    opening = start(connect("ws://example.org:8080", more, ["v2", "v1"]).open())
    await run()
    assert network.asked == [("example.org", 8080, None)]
    line, fields = network.request()
    assert line == "GET / HTTP/1.1"
    assert fields["Host"] == "example.org:8080"
    assert fields["Authorization"] == "Basic abc"
    assert fields["X-Name"] == "x"
    assert fields["Sec-WebSocket-Protocol"] == "v2, v1"
    key = fields["Sec-WebSocket-Key"]
    network.transport.feed(network.response(["Sec-WebSocket-Protocol: v1"], key))
    ws = await opening
    assert ws.subprotocol == "v1"


async def test_open_with_tls():
    network = Network()
    context = object()
    opening = start(connect("wss://example.org/", context=context).open())
    await network.accept()
    await opening
    assert network.asked == [("example.org", 443, context)]


async def test_open_octet_by_octet_and_with_messages_behind_it():
    network = Network()
    opening = start(connect("ws://example.org/").open())
    await run()
    network.transport.most_read = 1
    network.transport.feed(network.response() + frame(0x81, b"m1") + frame(0x81, b"m2")[:3])
    ws = await opening
    await run()
    network.transport.feed(frame(0x81, b"m2")[3:])
    assert await ws.recv() == "m1"
    assert await ws.recv() == "m2"
    # And all of it in one read.
    opening = start(connect("ws://example.org/").open())
    await network.accept(behind=frame(0x81, b"m1") + frame(0x81, b"m2"))
    ws = await opening
    assert await ws.recv() == "m1"
    assert await ws.recv() == "m2"


async def test_open_request_is_written_in_parts():
    network = Network()
    connecting = connect("ws://example.org/")
    original = network.open_transport

    async def narrow(host, port, context=None):
        transport = await original(host, port, context)
        transport.most = 10
        transport.room = 15
        return transport

    client.open_transport = narrow
    opening = start(connecting.open())
    await run()
    assert len(network.transport.written) == 15
    network.transport.give_room(None)
    await network.accept()
    assert (await opening).outcome is None


async def test_await_and_with():
    network = Network()
    connecting = connect("ws://example.org/")

    async def awaiting():
        return await connecting

    async def entering():
        async with connecting as ws:
            return ws

    opening = start(awaiting())
    await network.accept()
    assert (await opening).outcome is None
    opening = start(entering())
    await network.accept()
    assert frames(network.transport.written, True) == [(0x88, close_payload(1000))]
    await network.peer_closes(1000)
    assert (await opening).outcome.clean


async def test_L7_cancelled_while_connecting():
    # TCP is closed, and nothing that looks like a Close frame was sent: there is no WebSocket yet.
    for stage in ("tcp", "request", "response"):
        network = Network()
        if stage == "tcp":
            network.reachable.clear()
        opening = start(raises(asyncio.CancelledError, connect("ws://example.org/").open()))
        await run()
        if stage == "response":
            network.transport.feed(b"HTTP/1.1 101 Switching")
            await run()
        opening.cancel()
        await run()
        assert await opening
        if stage == "tcp":
            assert network.transports == []
        else:
            network.request()
            assert network.transport.written == b""
            assert network.transport.ended == FIN
        await network.clock.advance(200)


async def test_L7_open_timeout():
    for stage in ("tcp", "response"):
        network = Network()
        if stage == "tcp":
            network.reachable.clear()
        connecting = connect("ws://example.org/", open_timeout=3000)
        opening = start(raises(asyncio.TimeoutError, connecting.open()))
        # Octets that drip in gain the server no time.
        for _ in range(28):
            await network.clock.advance(100)
            assert not opening.done()
            if stage == "response":
                network.transport.feed(b"x")
        await network.clock.advance(300)
        assert await opening
        if stage == "response":
            network.request()
            assert network.transport.ended == FIN


async def test_L7_server_that_cannot_be_reached():
    network = Network()
    network.refuse = OSError(111, "scripted")
    assert await raises(OSError, connect("ws://example.org/").open())


async def test_L7_server_that_breaks_off():
    for end in (EOF, scripted.broken(scripted.ECONNRESET)):
        network = Network()
        kind = HandshakeError if end is EOF else OSError
        opening = start(raises(kind, connect("ws://example.org/").open()))
        await run()
        network.transport.feed(b"HTTP/1.1 101 Switching", end)
        assert await opening
        network.request()
        assert network.transport.ended == FIN
        await network.clock.advance(200)


async def test_certificate_that_is_refused():
    # TLS says so by a ValueError; to whoever connects again it is a failure like any other.
    network = Network()
    original = network.open_transport

    async def untrusted(*arguments):
        transport = await original(*arguments)
        transport.fail_writes(ValueError("scripted"))
        return transport

    client.open_transport = untrusted
    reasons = []

    async def opening():
        try:
            await connect("wss://example.org/", context=object())
        except OSError as error:
            reasons.append(str(error))

    await opening()
    assert "certificate" in reasons[0] and "scripted" in reasons[0]
    assert network.transport.ended == FIN


async def test_other_answers_are_the_callers():
    for status, field, value in (
        (302, "Location", "ws://elsewhere.example/"),
        (401, "WWW-Authenticate", 'Basic realm="x"'),
        (403, "X-Reason", "no"),
        (503, "Retry-After", "5"),
    ):
        network = Network()
        rejections = []

        async def opening(rejections=rejections):
            try:
                await connect("ws://example.org/")
            except HandshakeRejected as error:
                rejections.append(error)

        task = start(opening())
        await run()
        answer = f"HTTP/1.1 {status} Because\r\n{field}: {value}\r\n\r\nbody"
        network.transport.feed(answer.encode())
        await task
        assert rejections[0].status == status
        assert rejections[0].headers == {field.lower(): value}
        assert str(status) in str(rejections[0])
        assert network.transport.ended == FIN
        await network.clock.advance(200)


async def test_answers_that_are_none_of_a_websocket():
    for answer in (
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 x\r\n" + b"x" * 5000,
    ):
        network = Network()
        opening = start(raises(HandshakeError, connect("ws://example.org/").open()))
        await run()
        network.transport.feed(answer)
        assert await opening
        assert network.transport.ended
        await network.clock.advance(200)


def test_mistakes_are_found_before_the_first_attempt():
    for arguments in (
        ("http://example.org/",),
        ("ws://example.org/", {"X": "a\r\nb"}),
        ("ws://example.org/", None, ["not a token"]),
        ("wss://example.org/",),  # without an authority to trust
    ):
        try:
            connect(*arguments)
            raise AssertionError(arguments)
        except ValueError:
            pass


# Coming back


def test_backoff_grows_with_jitter():
    for octets, ranges in (
        (b"\x00\x00", [0, 1000, 2000, 4000, 4000, 4000]),
        (b"\xff\xff", [999, 1999, 3999, 7999, 7999, 7999]),
        (b"\x80\x00", [500, 1500, 3000, 6000, 6000, 6000]),
    ):
        backoff = Backoff(1000, 8000, lambda n, octets=octets: octets[:n])
        assert [backoff.next() for _ in range(6)] == ranges
        backoff.reset()
        assert backoff.next() == ranges[0]


def test_backoff_is_random():
    waits = [Backoff().next() for _ in range(20)]
    assert all(0 <= wait < 1000 for wait in waits)
    assert len(set(waits)) > 1


async def come_back(network, connecting, body):
    async for ws in connecting:
        await body(ws)


async def test_connects_again_after_whatever_the_application_did_not_ask_for():
    network = Network()
    retries = []
    seen = []
    connecting = connect("ws://example.org/", on_retry=lambda *what: retries.append(what))

    async def body(ws):
        seen.append(ws)
        async for _ in ws:
            pass

    task = start(come_back(network, connecting, body))
    # A clean 1001, a bare FIN, a reset, a refused attempt, a rejected one.
    await network.accept()
    await network.peer_closes(1001)
    assert seen[0].outcome.clean
    await network.attempt(2)
    await network.accept()
    network.transport.feed(EOF)
    await network.attempt(3)
    await network.accept()
    network.refuse = OSError(113, "scripted")
    network.transport.feed(scripted.broken(scripted.ECONNRESET))
    await network.attempt(5)
    network.transport.feed(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    await network.attempt(6)
    await network.accept()
    assert [why.code for why, _ in retries[:3]] == [1001, 1006, 1006]
    assert all(retries[i][0] is seen[i].outcome for i in range(3))
    assert retries[3][0].errno == 113
    assert retries[4][0].status == 503
    waits = [wait for _, wait in retries]
    assert 0 <= waits[0] < 1000
    for i in range(1, 5):
        assert 1000 << (i - 1) <= waits[i] < 1000 << i, waits
    assert len(seen) == 4
    task.cancel()
    await run()


async def test_a_lasting_connection_resets_the_backoff():
    network = Network()
    retries = []
    connecting = connect("ws://example.org/", on_retry=lambda *what: retries.append(what))

    async def body(ws):
        await ws.wait_closed()

    task = start(come_back(network, connecting, body))
    for lasting in (9000, 9000, 11000, 9000):
        await network.accept()
        await network.clock.advance(lasting)
        await network.peer_closes(1012)
        await network.clock.advance(4000)
    waits = [wait for _, wait in retries]
    assert 1000 <= waits[1] < 2000
    assert waits[2] < 1000
    assert 1000 <= waits[3] < 2000
    task.cancel()
    await run()


async def test_a_connection_of_many_days_resets_the_backoff():
    # A board's ticks start over after 12 days; its ticks_diff() takes 7 days for less than nothing.
    network = Network()
    days = [0]

    def ticks_ms():
        return (network.clock.now + days[0] * 86400000) & 0x3FFFFFFF

    def ticks_diff(later, earlier):
        return ((later - earlier + 0x20000000) & 0x3FFFFFFF) - 0x20000000

    reconnect.ticks_ms = ticks_ms
    reconnect.ticks_diff = ticks_diff
    retries = []
    connecting = connect("ws://example.org/", on_retry=lambda *what: retries.append(what))

    async def body(ws):
        await ws.wait_closed()

    task = start(come_back(network, connecting, body))
    for lasting in (0, 0, 7, 0, 13, 0):
        await network.accept()
        days[0] += lasting
        await network.peer_closes(1012)
        await network.clock.advance(4000)
    waits = [wait for _, wait in retries]
    for i in (2, 4):
        assert 1000 <= waits[i - 1] < 2000
        assert waits[i] < 1000
    task.cancel()
    await run()


async def test_a_server_that_never_echoes_is_no_reason_to_wait_longer():
    # GStreamer's since 0.14: our own Close is answered by a bare FIN.
    network = Network()
    retries = []
    connecting = connect("ws://example.org/", on_retry=lambda *what: retries.append(what))

    async def body(ws):
        pass  # leaves it open, and so it is closed before the next

    task = start(come_back(network, connecting, body))
    for _ in range(4):
        await network.accept()
        assert frames(network.transport.written, True) == [(0x88, close_payload(1000))]
        network.transport.feed(EOF)
        await network.clock.advance(BACK)
    assert all(why.peer_no_echo and wait < 1000 for why, wait in retries)
    assert len(retries) == 4
    task.cancel()
    await run()


async def test_ends_when_the_application_closed():
    network = Network()

    async def body(ws):
        await ws.send("last words")
        ws.close(4000)

    task = start(come_back(network, connect("ws://example.org/"), body))
    await network.accept()
    # Not before the Close has gone out and was answered: a program may end behind the loop.
    assert not task.done()
    assert frames(network.transport.written, True) == [
        (0x81, b"last words"),
        (0x88, close_payload(4000)),
    ]
    await network.peer_closes(4000)
    await task
    await network.clock.advance(100000)
    assert len(network.asked) == 1


async def test_break_leaves_the_connection_to_the_application():
    network = Network()

    async def first():
        async for ws in connect("ws://example.org/"):
            return ws

    task = start(first())
    await network.accept()
    ws = await task
    assert ws.connection.state == "OPEN"
