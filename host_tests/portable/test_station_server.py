"""station.Station with a port of its own: when that makes a version a good one."""

import errno

from scripted import Clock, run, start  # before what needs a transport
from scripted_listener import Listener
from signalbox.net import server
from station_board import Confirmed, station

TICK = 100  # ms: with the next one the endpoint's clock ends


class Port(Listener):
    """A server's port, and a clock of its own. `fault`: why it can't listen."""

    def __init__(self, fault=None):
        super().__init__()
        self._fault = fault

    def __enter__(self):
        self.clock = Clock()
        self._replaced = server.Listener
        server.Listener = self
        return self

    def __exit__(self, kind, error, traceback):
        server.Listener = self._replaced

    def __call__(self, *arguments):
        if self._fault:
            raise self._fault
        return super().__call__(*arguments)


async def test_not_by_a_server_that_cannot_listen():
    fault = OSError(errno.EADDRINUSE)
    with Confirmed() as confirmed, Port(fault) as port:
        board = station(mode="server", listen={"open": True})
        raised = None
        try:
            await board.app.run()
        except OSError as error:
            raised = error
        assert raised is fault and confirmed.times == 0
        await port.clock.advance(TICK)


async def test_by_a_server_that_listens():
    with Confirmed() as confirmed, Port() as port:
        board = station(mode="server", listen={"open": True})
        running = start(board.app.run())
        await run()
        assert confirmed.times == 1
        board.stop()
        await running
        assert port.closed
        await port.clock.advance(TICK)


async def test_not_by_a_port_of_its_own_beside_a_client():
    with Confirmed() as confirmed, Port():
        board = station(mode="client", server={"url": "ws://127.0.0.1:1/"}, listen={"open": True})
        running = start(board.app._serve())
        await run()
        assert confirmed.times == 0
        board.app._web.stop()
        await running
