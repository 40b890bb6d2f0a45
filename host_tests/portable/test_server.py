"""serve(): accepting, refusing and closing clients, over transports of a script."""

import asyncio

from scripted import EOF, FIN, Clock, ScriptedTransport, messages, run, start
from scripted_listener import ACCEPTED, REQUEST, Listener
from signalbox.net import endpoint, listener, server
from signalbox.net.listener import Listener as SocketListener
from signalbox.net.server import Response, serve
from signalbox.ws.connection import Connection, Settings
from wire import KEY, Source, close_payload, frame, frames, raises


class Site:
    """A server, its listener and its clock."""

    def __init__(self, handler, **arguments):
        self.clock = Clock()
        self.clock.install(server)
        self.reported = []
        server.print_exception = self.reported.append
        self.listener = Listener()
        server.Listener = self.listener
        self.server = serve(handler, "192.0.2.1", 8080, **arguments)

    async def connect(self, *items):
        transport = self.listener.connect(*items)
        await run()
        return transport

    async def open(self):
        """A client that is connected."""
        transport = await self.connect(REQUEST)
        assert transport.written == ACCEPTED
        transport.written = b""
        return transport

    async def close(self, *clients):
        """Close the server; its clients agree."""
        self.server.close()
        await run()
        for client in clients:
            client.feed(frame(0x88, close_payload(1001), KEY))
        await self.clock.advance(6000)
        await self.server.wait_closed()


class File(Source):
    """What a page may be read from."""

    def __init__(self, data):
        super().__init__(data, 100)
        self.closed = 0

    def close(self):
        self.closed += 1


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def status(transport):
    """Of the response; its fields, as a dict with lower-case names; its body."""
    head, _, body = transport.written.partition(b"\r\n\r\n")
    line, *fields = str(head, "utf-8").split("\r\n")
    fields = [field.split(": ", 1) for field in fields]
    return int(line.split(" ")[1]), {name.lower(): value for name, value in fields}, body


async def test_session():
    paths = []

    async def handler(ws):
        paths.append(ws.path)
        await echo(ws)

    site = Site(handler)
    assert site.listener.arguments == ("192.0.2.1", 8080, 5, None)
    client = await site.open()
    client.feed(frame(0x81, b"text", KEY))
    await run()
    assert frames(client.written, False) == [(0x81, b"text")]
    client.written = b""
    client.feed(frame(0x88, close_payload(4000), KEY))
    await run()
    assert frames(client.written, False) == [(0x88, close_payload(4000))]
    assert client.record[-1] == FIN
    assert paths == ["/path?query"]
    assert site.server.websockets == []
    await site.close()


async def test_request_octet_by_octet_and_messages_behind_it():
    for most_read in (1, 1000):
        site = Site(echo)
        client = ScriptedTransport(most_read=most_read)
        client.feed(REQUEST + frame(0x81, b"behind", KEY))
        site.listener.waiting.append(client)
        site.listener._arrived.set()
        # The reader yields now and then.
        await site.clock.advance(100)
        head = client.written[: len(ACCEPTED)]
        assert head == ACCEPTED
        assert frames(client.written[len(head) :], False) == [(0x81, b"behind")]
        await site.close(client)


async def test_handler_that_returns_and_one_that_raises():
    class Fault(Exception):
        pass

    for fault, code in ((None, 1000), (Fault("scripted"), 1011)):
        outcomes = []

        async def handler(ws, fault=fault, outcomes=outcomes):
            ws.on_close = outcomes.append
            await ws.send("one")
            if fault:
                raise fault

        site = Site(handler)
        client = await site.connect(REQUEST)
        sent = frames(client.written[len(ACCEPTED) :], False)
        assert sent == [(0x81, b"one"), (0x88, close_payload(code))]
        # Its place is taken until TCP is down.
        assert len(site.server.websockets) == 1
        client.feed(frame(0x88, close_payload(code), KEY))
        await run()
        assert site.server.websockets == []
        assert outcomes[0].clean and outcomes[0].sent_code == code
        assert site.reported == ([fault] if fault else [])
        await site.close()


async def test_handler_that_meets_the_end_is_no_fault():
    async def handler(ws):
        while True:
            await ws.recv()

    site = Site(handler)
    client = await site.open()
    client.feed(frame(0x81, b"text", KEY), frame(0x88, close_payload(1000), KEY))
    await site.clock.advance(400)
    assert frames(client.written, False) == [(0x88, close_payload(1000))]
    assert site.reported == []
    assert site.server.websockets == []
    await site.close()


async def test_past_the_limit_clients_are_told_503():
    def page(request):
        return None if request.upgrade else Response(200)

    site = Site(echo, max_connections=2, process_request=page)
    clients = [await site.open(), await site.open()]
    refused = await site.connect(REQUEST)
    code, fields, _ = status(refused)
    assert code == 503
    assert fields["retry-after"] == "5"
    # Readable: everything that the client sent was read, so it ends with a FIN.
    assert refused.ended == FIN and refused.faults == []
    # A place that becomes free is there for the next.
    clients[0].feed(frame(0x88, close_payload(1000), KEY))
    await run()
    clients[0] = await site.open()
    assert status(await site.connect(REQUEST))[0] == 503
    # A page is no connection: whoever looks why there is no room can.
    asked = await site.connect(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(asked)[0] == 200
    await site.close(*clients)


async def test_the_last_place_goes_to_one_client_even_if_its_answer_has_to_wait():
    site = Site(echo, max_connections=2)
    first = await site.open()
    for gone in (True, False):
        waiting = ScriptedTransport(room=0)
        waiting.feed(REQUEST)
        site.listener.waiting.append(waiting)
        refused = await site.connect(REQUEST)
        assert waiting.written == b""
        assert status(refused)[0] == 503
        if gone:  # and with it what it took
            waiting.fail_writes(OSError(104, "scripted"))
        else:
            waiting.give_room(None)
        await run()
        assert waiting.written == (b"" if gone else ACCEPTED)
    assert len(site.server.websockets) == 2
    await site.close(first, waiting)


async def test_silent_clients_take_no_place_from_others():
    site = Site(echo, max_connections=2, handshake_timeout=3000)
    silent = await site.connect()
    client = await site.open()
    # One more than the limit is listened to, and it is the one who speaks that gets the place.
    other = await site.open()
    waiting = site.listener.connect(REQUEST)
    await run()
    assert waiting.written == b""
    await site.clock.advance(3200)
    assert silent.ended == FIN and silent.written == b""
    assert status(waiting)[0] == 503
    await site.close(client, other)


async def test_slow_request_ends_at_the_same_instant():
    site = Site(echo, handshake_timeout=3000)
    client = await site.connect()
    passed = 0
    while client.ended is None:
        client.feed(REQUEST[passed // 100 : passed // 100 + 1])
        await site.clock.advance(100)
        passed += 100
        assert passed <= 3300
    assert passed >= 2900
    assert client.written == b""
    await site.close()


async def test_client_that_goes_before_its_request():
    for items in ((EOF,), (REQUEST[:20], EOF), (REQUEST[:20], OSError(104, "scripted"))):
        site = Site(echo)
        client = await site.connect(*items)
        assert client.ended == FIN and client.written == b""
        assert len(site.listener.waiting) == 0
        await site.close()


async def test_requests_that_are_refused():
    for request, code in (
        (b"nonsense\r\n\r\n", 400),
        (REQUEST.replace(b"GET", b"POST"), 400),
        (REQUEST.replace(b"Version: 13", b"Version: 8"), 426),
        (REQUEST.replace(b"Upgrade: websocket\r\n", b""), 426),
        (REQUEST.replace(b"HTTP/1.1", b"HTTP/2.0"), 505),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 60 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 6000 + b"\r\n\r\n", 431),
    ):
        site = Site(echo)
        client = await site.connect(request)
        got, fields, body = status(client)
        assert got == code, request[:40]
        assert int(fields["content-length"]) == len(body) > 0
        assert fields["connection"] == "close"
        if code == 426:
            assert fields["sec-websocket-version"] == "13"
            assert fields["upgrade"] == "websocket"
        assert client.ended == FIN and client.faults == []
        await site.close()


async def test_process_request_answers():
    asked = []

    def process_request(request):
        asked.append(request)
        if request.path == "/page":
            return Response(200, "grün", {"content-type": "text/plain; charset=utf-8"})
        if request.path == "/file":
            return Response(200, File(bytes(2000)))
        if not request.upgrade:
            return None
        if request.headers.get("authorization") != "Basic abc":
            return Response(401, b"who?", {"www-authenticate": "Basic"})
        return None

    site = Site(echo, process_request=process_request)
    client = await site.connect(b"GET /page?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(client)[0] == 200
    assert status(client)[2] == "grün".encode()
    assert status(client)[1]["content-length"] == "5"
    assert status(client)[1]["content-type"] == "text/plain; charset=utf-8"
    assert client.ended == FIN
    assert asked[0].query == "x=1"
    client = await site.connect(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(client) == (200, {"connection": "close"}, bytes(2000))
    client = await site.connect(b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(client)[0] == 426
    client = await site.connect(REQUEST)
    assert status(client)[0] == 401
    assert status(client)[1]["www-authenticate"] == "Basic"
    assert status(client)[2] == b"who?"
    client = await site.connect(REQUEST[:-2] + b"Authorization: Basic abc\r\n\r\n")
    assert client.written == ACCEPTED
    await site.close(client)


async def test_process_request_that_raises():
    def process_request(request):
        raise ValueError("scripted")

    site = Site(echo, process_request=process_request)
    client = await site.connect(REQUEST)
    assert status(client)[0] == 500
    assert b"scripted" not in client.written
    assert [type(error) for error in site.reported] == [ValueError]
    assert client.ended == FIN and client.faults == []
    await site.close()


async def test_a_page_larger_than_tcp_takes_at_once():
    file = File(bytes(range(250)) * 20)
    site = Site(echo, process_request=lambda request: Response(200, file))
    client = ScriptedTransport(room=100, most=77)
    client.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    site.listener.waiting.append(client)
    site.listener._arrived.set()
    for _ in range(100):
        await run()
        client.give_room(100)
    assert status(client)[2] == bytes(range(250)) * 20
    assert file.closed == 1
    assert client.ended == FIN
    await site.close()


async def test_a_client_that_does_not_take_its_page():
    file = File(bytes(range(250)) * 20)
    site = Site(echo, process_request=lambda request: Response(200, file))
    client = ScriptedTransport(room=100)
    client.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    site.listener.waiting.append(client)
    site.listener._arrived.set()
    await site.clock.advance(5200)
    assert file.closed == 1
    assert client.ended == FIN
    await site.close()


async def test_subprotocols():
    chosen = []

    async def handler(ws):
        chosen.append(ws.subprotocol)

    site = Site(handler, subprotocols=["best", "good"])
    for offered, wanted in ((b"good, best", "best"), (b"good", "good"), (b"other", None)):
        client = await site.connect(
            REQUEST[:-2] + b"Sec-WebSocket-Protocol: " + offered + b"\r\n\r\n"
        )
        assert chosen.pop() == wanted
        field = status(client)[1].get("sec-websocket-protocol")
        assert field == wanted
        client.feed(frame(0x88, b"", KEY))
        await run()
    await site.close()


async def test_close_ends_every_websocket_and_waits():
    site = Site(echo, max_connections=3)
    clients = []
    for _ in range(3):
        clients.append(await site.open())
    waiting = start(site.server.wait_closed())
    await run()
    site.server.close()
    site.server.close()
    await run()
    assert site.listener.closed
    for client in clients:
        assert frames(client.written, False) == [(0x88, close_payload(1001))]
        assert not waiting.done()
        client.feed(frame(0x88, close_payload(1001), KEY))
        await run()
        assert client.record[-1] == FIN
    await waiting


async def test_close_with_a_code_of_its_own():
    site = Site(echo)
    client = await site.open()
    site.server.close(1012, "restart")
    await run()
    assert frames(client.written, False) == [(0x88, close_payload(1012, b"restart"))]
    await site.close()


async def test_close_while_a_client_is_in_its_handshake():
    site = Site(echo)
    slow = await site.connect(REQUEST[:50])
    site.server.close()
    slow.feed(REQUEST[50:])
    await run()
    # No Close frame: there is no WebSocket yet.
    assert status(slow)[0] == 503
    assert slow.ended == FIN
    await site.server.wait_closed()


async def test_close_while_a_response_is_written():
    site = Site(echo)
    client = ScriptedTransport(room=10)
    client.feed(REQUEST)
    site.listener.waiting.append(client)
    site.listener._arrived.set()
    await run()
    site.server.close()
    client.give_room(None)
    await run()
    assert frames(client.written[len(ACCEPTED) :], False) == [(0x88, close_payload(1001))]
    client.feed(frame(0x88, close_payload(1001), KEY))
    await site.server.wait_closed()


async def test_with_block_closes():
    site = Site(echo)

    async def body():
        async with site.server as entered:
            assert entered is site.server

    client = await site.open()
    task = start(body())
    await run()
    assert not task.done()
    assert frames(client.written, False) == [(0x88, close_payload(1001))]
    client.feed(frame(0x88, close_payload(1001), KEY))
    await task


async def test_settings_are_the_connections():
    outcomes = []

    async def handler(ws):
        ws.on_close = outcomes.append
        await messages(ws)

    site = Site(handler, settings=Settings(max_message=10))
    client = await site.open()
    client.feed(frame(0x82, bytes(11), KEY), EOF)
    await site.clock.advance(400)
    assert frames(client.written, False) == [(0x88, close_payload(1009))]
    assert outcomes[0].failed_with == 1009
    await site.close()


async def test_no_memory_or_socket_for_a_client_is_no_end_of_serving():
    for fault in (MemoryError(), OSError(24, "scripted"), OSError(11, "scripted")):
        site = Site(echo)
        site.listener.fault = fault
        client = site.listener.connect(REQUEST)
        await run()
        # Not again at once: TCP goes on saying that a client is there, and the board would spin.
        assert client.written == b""
        await site.clock.advance(200)
        assert client.written == ACCEPTED
        await site.close(client)


def test_a_client_that_is_accepted_without_memory_is_let_go():
    closed = []

    class Sockets:
        SOCK_STREAM = SOL_SOCKET = SO_REUSEADDR = 0

        def getaddrinfo(self, *arguments):
            return [(0, 0, 0, "", None)]

        def socket(self, *arguments):
            return Socket("listening")

    class Socket:
        def __init__(self, name):
            self.name = name

        def nothing(self, *arguments):
            pass

        setblocking = setsockopt = bind = listen = nothing

        def accept(self):
            return Socket("accepted"), None

        def close(self):
            closed.append(self.name)

    def no_memory(*arguments):
        raise MemoryError

    kept = listener.socket, listener.Transport
    listener.socket, listener.Transport = Sockets(), no_memory
    try:
        assert raises(MemoryError, SocketListener("192.0.2.1", 8080, 5).accept)
        assert closed == ["accepted"]
    finally:
        listener.socket, listener.Transport = kept


async def test_no_memory_to_begin_with_a_client_lets_it_go():
    site = Site(echo)
    original = site.server._open

    def no_memory(transport):
        site.server._open = original
        raise MemoryError

    site.server._open = no_memory
    client = await site.connect()
    assert client.ended == FIN
    await site.close(await site.open())


async def test_no_memory_to_wait_for_a_place_is_no_end_of_serving():
    class Changed:
        def __init__(self, event):
            self.set = event.set
            self.clear = event.clear
            self._event = event

        def wait(self):
            site.server._changed = self._event
            raise MemoryError

    site = Site(echo, max_connections=1)
    site.server._changed = Changed(site.server._changed)
    clients = [await site.open(), await site.connect()]
    waiting = await site.connect(REQUEST)
    await site.clock.advance(200)
    assert waiting.written == b""
    clients[0].feed(frame(0x88, b"", KEY))
    await run()
    assert waiting.written == ACCEPTED
    await site.close(waiting, clients[1])


class ShortList(list):
    """Of WebSockets: there is memory for the second one and those behind it."""

    full = True

    def append(self, ws):
        if self.full:
            self.full = False
            raise MemoryError
        super().append(ws)


async def test_no_memory_to_know_a_client_frees_the_place_all_the_same():
    site = Site(echo, max_connections=1)
    site.server.websockets = ShortList()
    client = await site.connect(REQUEST)
    assert frames(client.written[len(ACCEPTED) :], False) == [(0x88, close_payload(1011))]
    client.feed(frame(0x88, b"", KEY))
    await run()
    assert client.ended == FIN
    for _ in range(3):
        client = await site.open()
        client.feed(frame(0x88, b"", KEY))
        await run()
        assert client.ended == FIN
    await site.close()


async def test_no_memory_for_a_deadline_leaves_no_client_behind():
    class Scarce(server.Deadline):
        def __init__(self, timeout):
            server.Deadline = kept
            raise MemoryError

    site = Site(echo)
    kept = server.Deadline
    server.Deadline = Scarce
    client = await site.connect(REQUEST)
    assert client.written == b"" and client.ended is not None
    await site.close(await site.open())


async def test_no_memory_for_the_clock_leaves_nothing_watched():
    class Tasks:
        def create_task(self, coroutine):
            coroutine.close()
            raise MemoryError

    clock = Clock()
    kept = endpoint.asyncio
    endpoint.asyncio = Tasks()
    try:
        assert raises(MemoryError, endpoint.watch, clock)
    finally:
        endpoint.asyncio = kept
    assert endpoint._live == []


async def test_no_memory_for_both_tasks_leaves_none_that_reads():
    class Tasks:
        Event = asyncio.Event
        CancelledError = asyncio.CancelledError
        begun = None

        def create_task(self, coroutine):
            if self.begun:
                coroutine.close()
                raise MemoryError
            self.begun = asyncio.create_task(coroutine)
            return self.begun

    transport = ScriptedTransport()
    kept = endpoint.asyncio
    endpoint.asyncio = tasks = Tasks()
    try:
        assert raises(MemoryError, endpoint.WebSocket, transport, Connection(False))
    finally:
        endpoint.asyncio = kept
    transport.close()
    await run()
    assert transport.record == [FIN] and not tasks.begun.done()
    tasks.begun.cancel()


async def test_no_memory_to_wait_for_the_end_frees_the_place_all_the_same():
    async def handler(ws):
        original = ws.wait_closed
        faults = [MemoryError()]

        async def wait_closed():
            if faults:
                raise faults.pop()
            return await original()

        ws.wait_closed = wait_closed

    site = Site(handler, max_connections=1)
    for _ in range(3):
        client = await site.connect(REQUEST)
        assert client.written[: len(ACCEPTED)] == ACCEPTED
        client.feed(frame(0x88, b"", KEY))
        await site.clock.advance(200)
        assert client.ended == FIN
    await site.close()


async def test_a_response_without_a_body():
    fields = {"content-length": "2000", "etag": '"1"'}
    site = Site(echo, process_request=lambda request: Response(200, None, fields))
    client = await site.connect(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(client) == (200, dict(fields, connection="close"), b"")
    assert client.ended == FIN and client.faults == []
    await site.close()
