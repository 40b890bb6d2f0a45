"""TCP's heap of 8000 octets, which all connections of a Pico W share; see README.md."""

import asyncio
import contextlib

import pytest
from peers import HOST, Program, Server

SIZES = (16, 125, 1024, 1024, 1024)
CONNECTIONS = 3
PAUSE_MS = 100
LONGEST_STAND_MS = 4000  # half of what a watchdog allows
PROGRAM_TIMEOUT_S = 850


async def read_messages(server, board):
    """All messages until the Close, which is answered, as Pings are."""
    received = []
    while True:
        frame = await server.read_frame()
        assert frame, f"no Close after {len(received)} messages: {board.lines}"
        first, payload = frame
        if first == 0x88:
            await server.send(first, payload)
            return received
        if first == 0x89:
            await server.send(0x8A, payload)
        else:
            received.append(payload)


async def answer_pings(server):
    with contextlib.suppress(asyncio.TimeoutError, OSError):
        while frame := await server.read_frame():
            if frame[0] == 0x89:
                await server.send(0x8A, frame[1])


async def test_messages_pass_beside_a_peer_that_takes_nothing(network, pico, figure):
    with Server.listen(receive_buffer=2048) as stalled, Server.listen() as other:
        urls = [f"ws://{HOST}:{sock.getsockname()[1]}/" for sock in (stalled, other)]
        tasks = [asyncio.create_task(Server.accept(sock)) for sock in (stalled, other)]
        call = f"import beside\nbeside.run(*{urls}, {SIZES})"
        board = Program(pico, call, PROGRAM_TIMEOUT_S)
        _, server = [await task for task in tasks]
        assert await read_messages(server, board) == [bytes(n) for n in SIZES]
        server.close()
        assert (await board.outcome("other")).clean
        stalled_outcome = await board.outcome("stalled")
        assert (stalled_outcome.code, stalled_outcome.undelivered) == (1006, 1)
        await board.end()
    times = [int(line.split()[1]) for line in board.lines if line.startswith("took")]
    figure(f"beside a stalled peer, messages of {SIZES} octets took {times} ms")
    assert max(times) < LONGEST_STAND_MS


@pytest.mark.parametrize("size", [30, 300])
async def test_the_loop_goes_on_when_the_link_is_dead(network, pico, figure, size):
    with contextlib.ExitStack() as stack:
        listening = [stack.enter_context(Server.listen()) for _ in range(CONNECTIONS)]
        urls = [f"ws://{HOST}:{sock.getsockname()[1]}/" for sock in listening]
        tasks = [asyncio.create_task(Server.accept(sock)) for sock in listening]
        call = f"import dead_link\ndead_link.run({urls}, {size}, {PAUSE_MS})"
        board = Program(pico, call, PROGRAM_TIMEOUT_S)
        answering = [asyncio.create_task(answer_pings(await task)) for task in tasks]
        await board.wait_for_line("open")
        await board.wait_for_line("stood ", 2)
        pico.wire.cut = True
        cut_s = pico.clock_s
        try:
            await board.wait_for_line("ended", timeout_s=PROGRAM_TIMEOUT_S)
        finally:
            pico.wire.cut = False
        for task in answering:
            task.cancel()
        await board.end()
    stood = max(int(line.split()[1]) for line in board.lines if line.startswith("stood"))
    figure(
        f"{CONNECTIONS} dead connections, {size} octets each {PAUSE_MS} ms: no other task ran for "
        f"{stood} ms at most; all were given up {pico.clock_s - cut_s:.0f} s later"
    )
    outcomes = [await board.outcome("", n + 1) for n in range(CONNECTIONS)]
    assert [outcome.code for outcome in outcomes] == [1006] * CONNECTIONS
    assert stood < LONGEST_STAND_MS
