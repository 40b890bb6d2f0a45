"""Every peer program has the form of README.md: run against `websockets`, which is plain here."""

import asyncio
import contextlib
import json
import os

import pytest
import websockets
from sockets.certificates import Certificates

TIMEOUT_S = 20  # less than runner.py gives a test
CLOSED = {
    "code": (int, type(None)),
    "reason": (str, type(None)),
    "clean": (bool, type(None)),
    "received": int,
    "lost": int,
    "sent": int,
    "error": (str, type(None)),
}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def built(peer):
    if peer.build:
        peer.build()


@pytest.fixture
def link(peer, role, scheme, certificates):
    return Link(peer, role, certificates if scheme == "wss" else None)


async def test_messages_and_close(link):
    async with link.open() as (program, plain):
        await program.command("send 3 40")
        for number in "123":
            assert await plain.recv() == f"{number} ".ljust(40, "x")
        for number in range(1, 4):
            await plain.send(f"{number} x")
        await program.until_received(3)
        await program.command("close 4001 see you")
        assert await end_of(plain) == (4001, "see you")
        closed = await program.closed()
        assert (closed["sent"], closed["received"], closed["lost"]) == (3, 3, 0)
        await program.command("quit")
        await program.ended()


async def test_close_without_a_code(link):
    async with link.open() as (program, plain):
        await program.command("close")
        # SocketRocket's default is an illegal code, which is no Close to `websockets`.
        assert (await end_of(plain))[0] in (1000, 1005, None)
        await program.closed()


async def test_close_by_the_other_side(link):
    async with link.open() as (program, plain):
        await plain.send("2 x")  # and no 1
        await program.until_received(1)
        await plain.close(4002, "done")
        closed = await program.closed()
        assert (closed["code"], closed["reason"]) in ((4002, "done"), (4002, None), (None, None))
        assert (closed["sent"], closed["received"], closed["lost"]) == (0, 1, 1)
        program.process.stdin.close()
        await program.ended()


async def test_drop(link):
    async with link.open() as (program, plain):
        end = await program.unless_unsupported("drop", end_of(plain))
        if end:
            assert end == (None, None)
            await program.closed()


async def test_fragment(link):
    async with link.open() as (program, plain):
        fragments = plain.recv_streaming()
        first = await program.unless_unsupported("fragment", anext(fragments))
        if first:
            assert first.startswith("unfinished")
            await program.command("close 1000")
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(anext(fragments), TIMEOUT_S)


async def end_of(plain):
    """Code and reason of the Close that came."""
    await asyncio.wait_for(plain.wait_closed(), TIMEOUT_S)
    close = plain.protocol.close_rcvd
    return (close.code, close.reason) if close else (None, None)


async def test_client_where_nobody_listens(peer, scheme, certificates):
    words = ["client", f"{scheme}://localhost:{await unused_port()}"]
    if scheme == "wss":
        words += ["--ca", certificates.ca_file]
    async with Program.run(peer, words) as program:
        await program.closed()


async def test_client_without_the_authority(peer, certificates, tmp_path):
    link = Link(peer, "client", certificates)
    stranger = Certificates(tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        _, port = await link.serve(stack)
        words = ["client", f"wss://localhost:{port}", "--ca", stranger.ca_file]
        program = await stack.enter_async_context(Program.run(peer, words))
        await program.closed()


async def unused_port():
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    return port


class Link:
    """A peer program, and `websockets` at the other end."""

    def __init__(self, peer, role, certificates):
        self.peer = peer
        self.role = role
        self.certificates = certificates
        self.scheme = "wss" if certificates else "ws"

    @contextlib.asynccontextmanager
    async def open(self):
        """Yields the program and the connection of `websockets`, open."""
        async with contextlib.AsyncExitStack() as stack:
            if self.role == "client":
                accepted, port = await self.serve(stack)
                words = ["client", f"{self.scheme}://localhost:{port}"]
                if self.certificates:
                    words += ["--ca", self.certificates.ca_file]
                program = await stack.enter_async_context(Program.run(self.peer, words))
                plain = await asyncio.wait_for(accepted.get(), TIMEOUT_S)
            else:
                port = await unused_port()
                words = ["server", str(port)]
                context = None
                if self.certificates:
                    words += ["--cert", self.certificates.cert_file]
                    words += ["--key", self.certificates.key_file]
                    context = self.certificates.client_context()
                program = await stack.enter_async_context(Program.run(self.peer, words))
                assert (await program.event("listening"))["port"] == port
                plain = await stack.enter_async_context(
                    websockets.connect(f"{self.scheme}://localhost:{port}", ssl=context)
                )
            await program.event("open")
            yield program, plain

    async def serve(self, stack):
        """A queue of what `websockets` accepts, and its port."""
        accepted = asyncio.Queue()

        async def handler(connection):
            accepted.put_nowait(connection)
            await connection.wait_closed()

        context = self.certificates.server_context() if self.certificates else None
        server = await stack.enter_async_context(
            websockets.serve(handler, "127.0.0.1", 0, ssl=context)
        )
        return accepted, server.sockets[0].getsockname()[1]


class Program:
    """A peer program that runs."""

    def __init__(self, process):
        self.process = process
        self.events = asyncio.Queue()  # None at the end
        self.refusals = asyncio.Queue()

    @classmethod
    @contextlib.asynccontextmanager
    async def run(cls, peer, words):
        process = await asyncio.create_subprocess_exec(
            *peer.command,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=dict(os.environ, **peer.environ),
        )
        self = cls(process)
        reading = asyncio.create_task(self.read())
        try:
            yield self
        finally:
            if process.returncode is None:
                process.kill()
            process.stdin.close()
            await process.wait()
            await reading

    async def read(self):
        while line := await self.process.stdout.readline():
            event = json.loads(line)
            refused = event["event"] == "unsupported"
            (self.refusals if refused else self.events).put_nowait(event)
        self.events.put_nowait(None)

    async def command(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def event(self, name=None):
        event = await asyncio.wait_for(self.events.get(), TIMEOUT_S)
        assert event, f"the program ended before {name or 'an event'}"
        assert name in (None, event["event"]), event
        return event

    async def until_received(self, count):
        while (await self.event("received"))["count"] < count:
            pass

    async def closed(self):
        """The event, after those about messages."""
        event = await self.event()
        while event["event"] == "received":
            event = await self.event()
        assert event.pop("event") == "closed"
        assert event.keys() == CLOSED.keys()
        for key, kind in CLOSED.items():
            assert isinstance(event[key], kind), (key, event)
        return event

    async def unless_unsupported(self, command, result):
        """A command, and what comes of it; None if the program says that the library can't."""
        await self.command(command)
        result = asyncio.ensure_future(result)
        refusal = asyncio.ensure_future(self.refusals.get())
        await asyncio.wait(
            {refusal, result}, timeout=TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
        )
        if refusal.done():
            assert refusal.result() == {"event": "unsupported", "command": command}
            result.cancel()
            return None
        refusal.cancel()
        return await asyncio.wait_for(result, 0)

    async def ended(self):
        assert await asyncio.wait_for(self.process.wait(), TIMEOUT_S) == 0
