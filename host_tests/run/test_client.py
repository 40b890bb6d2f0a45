"""The firmware's client over real sockets: at servers that go, come back, or were never there."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from signalling_client import Client, free_port
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

PROGRAMS = Path(__file__).parent / "programs"
TIMEOUT_S = 15
LOST = "connection lost"


class Server:
    """A signalling server of a script, on the same port each time."""

    def __init__(self):
        self.port = free_port()
        self.came = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def up(self):
        async with serve(self._handle, "127.0.0.1", self.port, close_timeout=2) as server:
            yield server

    async def _handle(self, ws):
        self.came.put_nowait(ws)
        await ws.wait_closed()

    async def peer(self, session):
        """The next connection, after the welcome, its registration and a session's start."""
        ws = await asyncio.wait_for(self.came.get(), TIMEOUT_S)
        await ws.send(json.dumps({"type": "welcome", "peerId": f"peer-{session}"}))
        status = await self.hear(ws)
        assert status == {
            "type": "setPeerStatus",
            "roles": ["producer", "listener"],
            "meta": {"name": "cam"},
            "peerId": f"peer-{session}",
        }
        assert await self.hear(ws) == {"type": "list"}
        start = {"type": "startSession", "peerId": "other", "sessionId": session, "offer": None}
        await ws.send(json.dumps(start))
        return ws

    async def talk(self, ws, session, octets=12000):
        """A large description there and back."""
        sdp = {"type": "offer", "sdp": "ü\r\n" * (octets // 10)}
        await ws.send(json.dumps({"type": "peer", "sessionId": session, "sdp": sdp}))
        answer = {"type": "peer", "sessionId": session, "sdp": {**sdp, "type": "answer"}}
        assert await self.hear(ws) == answer

    async def hear(self, ws):
        return json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT_S))


@pytest.fixture
def start(micropython):
    """`start(port, stop_at, …)`: programs/peer.py."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(
            micropython.start(PROGRAMS / "peer.py", *arguments)
        )


async def ends(program):
    """It ends by itself, and nothing is left in it."""
    assert await asyncio.to_thread(program.wait, TIMEOUT_S) == 0, program.output
    assert program.output.splitlines()[-1] == "done 0 0", program.output
    assert "Traceback" not in program.output


def told(program, name):
    lines = program.output.splitlines()
    return [line[len(name) + 1 :] for line in lines if line.startswith(name + " ")]


async def test_it_registers_again_and_every_session_ends_once(start):
    server = Server()
    program = start(server.port, "never")
    sessions = []

    async def lose(how):
        session = f"s{len(sessions)}"
        sessions.append(session)
        ws = await server.peer(session)
        await server.talk(ws, session)
        await how(ws)

    async def abort(ws):
        ws.transport.abort()

    async def abort_inside_a_message(ws):
        ws.transport.write(b"\x81\x7e\x20\x00" + b"x" * 3000)
        await asyncio.sleep(0.2)
        ws.transport.abort()

    async def violate(ws):
        ws.transport.write(b"\xff" * 10)
        await ws.wait_closed()

    async def too_large(ws):
        await ws.send("x" * 20000)
        await ws.wait_closed()

    async with server.up():
        for code in (1000, 1001, 1011, 1012, 4000):
            await lose(lambda ws, code=code: ws.close(code))
        for how in (abort, abort_inside_a_message, violate, too_large):
            await lose(how)
    # The server itself goes, and comes back on the same port.
    await asyncio.sleep(1)
    async with server.up() as again:
        session = f"s{len(sessions)}"
        sessions.append(session)
        ws = await server.peer(session)
        await server.talk(ws, session)
        again.close()
        await again.wait_closed()
    async with server.up():
        await lose(abort)
    for name, end in (("started", ""), ("ended", " " + LOST)):
        program.wait_for_line(f"ended {sessions[-1]} ")
        assert told(program, name) == [session + end for session in sessions], program.output


@pytest.mark.parametrize("stop_at", ["registered", "started", "sdp", "ended"])
async def test_stop_when_something_is_told(start, stop_at):
    server = Server()
    async with server.up():
        program = start(server.port, stop_at)
        if stop_at == "registered":
            ws = await server.came.get()
            await ws.send('{"type":"welcome","peerId":"me"}')
        else:
            ws = await server.peer("s")
            with contextlib.suppress(ConnectionClosed):
                await server.talk(ws, "s")
        if stop_at == "ended":
            await ws.close(1001)
        await ends(program)
        assert ws.close_code == (1001 if stop_at == "ended" else 1000)
        assert server.came.empty()
    assert told(program, "ended") == [f"{s} {LOST}" for s in told(program, "started")]


async def test_stop_without_a_server_or_with_one_that_says_nothing(start):
    program = start(free_port(), "ms:700")
    await ends(program)
    assert told(program, "signalling server:")

    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as tcp:
        program = start(tcp.sockets[0].getsockname()[1], "ms:700")
        await ends(program)
    server = Server()
    async with server.up():
        program = start(server.port, "ms:700")
        ws = await server.came.get()
        await ends(program)
        await ws.wait_closed()
        assert ws.close_code == 1000


@pytest.mark.parametrize("fail_at", ["registered", "started", "sdp", "ended"])
async def test_a_delegate_without_memory_costs_one_connection(start, fail_at):
    server = Server()
    async with server.up():
        program = start(server.port, "never", fail_at)
        if fail_at == "registered":
            ws = await server.came.get()
            await ws.send('{"type":"welcome","peerId":"first"}')
        else:
            ws = await server.peer("first")
            with contextlib.suppress(ConnectionClosed):
                await server.talk(ws, "first")
            if fail_at == "ended":
                await ws.close(1001)
        await asyncio.wait_for(ws.wait_closed(), TIMEOUT_S)
        assert ws.close_code == (1001 if fail_at == "ended" else 1011)
        ws = await server.peer("second")
        await server.talk(ws, "second")
    program.wait_for_line("ended second")
    assert len(told(program, "ended")) == len(told(program, "started"))
    assert "Traceback" not in program.output


async def test_at_our_own_server_that_dies_and_comes_back(start, micropython):
    port = free_port()
    token = "0123456789abcdef"
    arguments = (PROGRAMS / "guarded.py", port, token, "*")
    program = start(port, "never", "none", token)
    for _ in range(2):
        with micropython.start(*arguments) as firmware:
            firmware.wait_for_port()
            consumer = Client(port)
            consumer.path = "?token=" + token
            async with consumer as consumer:
                for _ in range(10 * TIMEOUT_S):
                    producers = await consumer.list()
                    if producers:
                        break
                    await asyncio.sleep(0.1)
                await consumer.send("startSession", peerId=producers[0]["id"])
                session = (await consumer.receive("sessionStarted"))["sessionId"]
                program.wait_for_line(f"started {session}")
                firmware.process.kill()
                await consumer.ws.wait_closed()
            program.wait_for_line(f"ended {session} {LOST}")
    assert len(told(program, "ended")) == 2
