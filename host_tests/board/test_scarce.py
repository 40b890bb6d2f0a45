"""TCP's heap of 8000 octets, which all connections of a Pico W share; see README.md."""

import asyncio

from peers import HOST, Program, Server

SIZES = (16, 125, 1024, 1024)
PROGRAM_TIMEOUT_S = 600


async def test_what_tcp_threw_away_is_not_called_delivered(network, pico, figure):
    with Server.listen(receive_buffer=2048) as stalled, Server.listen() as other:
        urls = [f"ws://{HOST}:{sock.getsockname()[1]}/" for sock in (stalled, other)]
        tasks = [asyncio.create_task(Server.accept(sock)) for sock in (stalled, other)]
        call = f"import beside\nbeside.run(*{urls}, {SIZES})"
        board = Program(pico, call, PROGRAM_TIMEOUT_S)
        _, server = [await task for task in tasks]
        received = []
        while True:
            found = await server.read_frame()
            if found is None or found[0] == 0x88:
                break
            received.append(found)
        if found:
            await server.send(*found)
        server.close()
        outcome = await board.outcome("other")
        assert [payload for _, payload in received] == [bytes(n) for n in SIZES[: len(received)]]
        assert outcome.clean == (len(received) == len(SIZES))
        assert outcome.undelivered >= (0 if outcome.clean else 1)
        stalled_outcome = await board.outcome("stalled")
        assert (stalled_outcome.code, stalled_outcome.undelivered) == (1006, 1)
        await board.end()
    times = [int(line.split()[1]) for line in board.lines if line.startswith("took")]
    figure(f"beside a stalled peer, messages of {SIZES} octets took {times} ms")
