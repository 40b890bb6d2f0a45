"""What the firmware takes of the board's heap, and the budgets of it."""

import pytest
from peers import HOST, PORT, Client, Program, Server

PROGRAM_TIMEOUT_S = 600
CONNECTION_BUDGET = 2560  # octets of an open connection, idle
CLIENTS = 4


class Ram:
    """The lines `ram <allocated> <free> <when>` of memory.py."""

    def __init__(self, lines):
        self.allocated, self.free = {}, {}
        for line in lines:
            if line.startswith("ram "):
                _, allocated, free, when = line.split(" ", 3)
                self.allocated[when] = int(allocated)
                self.free[when] = int(free)

    def each(self, what):
        """What one more of them takes, on average; the first also makes what they share."""
        first, last = self.allocated[f"{what} 1"], self.allocated[f"{what} {CLIENTS}"]
        return (last - first) // (CLIENTS - 1)


@pytest.mark.parametrize("sides", [("client",), ("server",), ("client", "server")])
async def test_imports(network, uf2, files, figure, sides):
    import board_files
    from emulator import Board

    names = ", ".join(repr(f"signalbox.net.{side}") for side in sides)
    async with Board(uf2, board_files.build(files)) as board:
        source = f"import memory\nmemory.imports({names})"
        output, traceback = await board.run(source, PROGRAM_TIMEOUT_S)
    assert not traceback, traceback
    ram = Ram(output.splitlines())
    octets = ram.allocated["imported"] - ram.allocated["start"]
    free = ram.free["imported"]
    figure(f"importing {' and '.join(sides)}: {octets} octets, {free} left, without Wi-Fi")
    assert octets < free / 2


async def test_idle_server_connections(network, pico, figure):
    board = Program(pico, f"import memory\nmemory.serve({PORT})", PROGRAM_TIMEOUT_S)
    await board.wait_for_line("ram", 2)
    clients = []
    for _ in range(CLIENTS):
        clients.append(await Client.open("/"))
        await clients[-1].send(0x81, b"hello")
        await clients[-1].read_frames(1)
        await board.wait_for_line("ram", 2 + len(clients))
    await clients[-1].send(0x81, b"stop")
    for client in clients:
        await client.send_close(1000)
        await client.read_to_end()
        client.close()
    await board.end()
    ram = Ram(board.lines)
    each = ram.each("clients")
    figure(f"a server's connection: {each} octets")
    figure(f"free with {CLIENTS} of them: {ram.free[f'clients {CLIENTS}']} octets")
    assert each <= CONNECTION_BUDGET


async def test_idle_client_connections(network, pico, figure):
    with Server.listen() as listening:
        url = f"ws://{HOST}:{listening.getsockname()[1]}/"
        board = Program(
            pico, f"import memory\nmemory.connect({url!r}, {CLIENTS})", PROGRAM_TIMEOUT_S
        )
        servers = []
        for _ in range(CLIENTS):
            server = await Server.accept(listening)
            await server.send(*(await server.read_frames(1))[0])
            servers.append(server)
        for server in servers:
            await server.read_frames(1)
            await server.send_close(1000)
            server.close()
        await board.end()
    ram = Ram(board.lines)
    each = ram.each("connections")
    figure(f"a client's connection: {each} octets")
    assert each <= CONNECTION_BUDGET
