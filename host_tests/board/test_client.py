"""signalbox.net.client on the board against peers on the host: an echo session, and the ends."""

import asyncio
import contextlib

import wire
from peers import HOST, Program, Server, check, settle
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

SIZES = (16, 125, 126, 1024, 4096, 16384)
PROGRAM_TIMEOUT_S = 600
END_TIMEOUT_S = 60
TCP_TIMEOUT_S = 2  # Settings.tcp_timeout
CLEAN = {"clean": True, "initiator": "local", "sent_code": 1000, "rcvd_code": 1000, "code": 1000}


def program(pico, port, *arguments, **settings):
    """Start echo_client.py on the board."""
    keywords = "".join(f", {name}={value!r}" for name, value in settings.items())
    url = f"ws://{HOST}:{port}/echo"
    call = f"echo_client.run({', '.join(map(repr, (url, *arguments)))}{keywords})"
    return Program(pico, f"import echo_client\n{call}", PROGRAM_TIMEOUT_S)


class EchoServer:
    """An independent server for one client, which echoes, and may close after some messages."""

    def __init__(self, close_after=None, code=1000, reason=""):
        self.messages = []
        self.received = None  # the client's Close
        self.client_first = None  # whether its Close came before ours
        self._close = (close_after, code, reason)
        self._ended = asyncio.Event()

    async def __aenter__(self):
        # No timeouts of its own: the emulated board is slow.
        self._server = await serve(
            self._handle, HOST, 0, ping_interval=None, open_timeout=None, close_timeout=10
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind, error, traceback):
        self._server.close()
        await self._server.wait_closed()

    async def ended(self):
        await asyncio.wait_for(self._ended.wait(), END_TIMEOUT_S)

    async def _handle(self, websocket):
        close_after, code, reason = self._close
        with contextlib.suppress(ConnectionClosed):  # any code but 1000 and 1001
            async for message in websocket:
                self.messages.append(message)
                await websocket.send(message)
                if len(self.messages) == close_after:
                    await websocket.close(code, reason)
        await websocket.wait_closed()
        self.received = websocket.protocol.close_rcvd
        self.client_first = websocket.protocol.close_rcvd_then_sent
        self._ended.set()


def describe(message):
    """What echo_client.py prints of a message."""
    if isinstance(message, str):
        return f"text {len(message.encode())}"
    return f"binary {len(message)}"


async def test_echo_session_that_the_board_closes(network, pico):
    async with EchoServer() as server:
        board = program(pico, server.port, SIZES, 4000, "done ✓")
        outcome = await board.outcome()
        await board.end()
        await server.ended()
    sent = [f"{kind} {n}" for n in SIZES for kind in ("text", "binary")]
    assert [describe(message) for message in server.messages] == sent
    assert board.lines[:-1] == ["pong", *(f"echoed {message}" for message in sent)]
    check(
        outcome,
        code=4000,
        reason="done ✓",
        clean=True,
        initiator="local",
        sent_code=4000,
        rcvd_code=4000,
    )
    assert (server.received.code, server.received.reason) == (4000, "done ✓")
    assert server.client_first
    await settle(pico, server.port, "host FIN", "board FIN")


async def test_echo_session_that_the_server_closes(network, pico):
    async with EchoServer(close_after=2, code=4001, reason="grün") as server:
        board = program(pico, server.port, SIZES[:1])
        outcome = await board.outcome()
        await board.end()
        await server.ended()
    check(
        outcome,
        code=4001,
        reason="grün",
        clean=True,
        initiator="peer",
        sent_code=4001,
        rcvd_code=4001,
    )
    assert server.received.code == 4001
    assert not server.client_first
    await settle(pico, server.port, "host FIN", "board FIN")


async def test_K7_client_waits_for_the_servers_fin(network, pico):
    with Server.listen() as listening:
        board = program(pico, listening.getsockname()[1], (), 1000)
        server = await Server.accept(listening)
        assert await server.read_frames(1) == [(0x88, wire.close_payload(1000))]
        await server.send_close(1000)
        closed_s = pico.clock_s
        while pico.clock_s < closed_s + TCP_TIMEOUT_S / 2:
            await asyncio.sleep(0.01)
        await settle(pico, server.port)
        server.close()
        check(await board.outcome(), **CLEAN)
        await settle(pico, server.port, "host FIN", "board FIN")
        await board.end()


async def test_K7_or_until_tcp_timeout(network, pico):
    with Server.listen() as listening:
        board = program(pico, listening.getsockname()[1], (), 1000)
        server = await Server.accept(listening)
        assert await server.read_frames(1) == [(0x88, wire.close_payload(1000))]
        await server.send_close(1000)
        closed_s = pico.clock_s
        assert await server.read_frames_to_end() == ([], "FIN")
        assert TCP_TIMEOUT_S * 0.9 < pico.clock_s - closed_s < TCP_TIMEOUT_S * 2
        server.close()
        await settle(pico, server.port, "board FIN", "host FIN")
        check(await board.outcome(), **CLEAN)
        await board.end()


async def test_E6_messages_and_close_before_a_reset(network, pico):
    with Server.listen() as listening:
        board = program(pico, listening.getsockname()[1])
        server = await Server.accept(listening)
        words = [b"last %d" % i for i in range(3)]
        octets = b"".join(server.frame(0x81, word) for word in words)
        await server.send_octets(octets + server.close_frame(4002, b"gone"))
        server.reset()
        outcome = await board.outcome()
        await board.end()
    check(outcome, code=4002, reason="gone", initiator="peer", rcvd_code=4002, tcp_reset=True)
    assert board.lines[:-1] == [f"message {word.decode()}" for word in words]


async def test_T7_link_is_lost(network, pico):
    times = {"ping_interval": 500, "pong_timeout": 500, "finish_timeout": 500}
    with Server.listen() as listening:
        board = program(pico, listening.getsockname()[1], close_timeout=1000, **times)
        server = await Server.accept(listening)
        pico.wire.cut = True
        cut_s = pico.clock_s
        outcome = await board.outcome()
        assert 1.9 < pico.clock_s - cut_s < 4
        await board.end()
        pico.wire.cut = False
        server.reset()
    # Its Close was handed to TCP, and is all that can be said.
    check(outcome, initiator="local", sent_code=1011, timed_out=True)


async def test_refused(network, pico):
    with Server.listen() as listening:
        port = listening.getsockname()[1]
    board = program(pico, port)
    assert (await board.wait_for_line("failed ")) == "OSError(104,)"
    await board.end()
