"""station.Station: when a version that was deployed counts as a good one."""

import errno

from scripted import Clock, run, start  # before what needs a transport
from scripted_listener import Listener
from signalbox import app as app_module
from signalbox import slots
from signalbox import station as station_module
from signalbox.config import check
from signalbox.net import server
from signalbox.station import Station

TICK = 100  # ms: with the next one the endpoint's clock ends


class WiFi:
    joined = False


class Crash:
    last = None

    def save(self, head, error):
        self.last = head


def station(**config):
    hardware = station_module._hardware
    station_module._hardware = lambda: None  # nothing here is wired to any
    try:
        return Station(check(dict({"name": "cam", "wifi": []}, **config)), Crash())
    finally:
        station_module._hardware = hardware


class Confirmed:
    """Counts in the place of slots.confirm(). `fault`: why it can't be."""

    fault = None

    def __enter__(self):
        self.times = 0
        self._replaced = slots.confirm
        slots.confirm = self._confirm
        return self

    def __exit__(self, kind, error, traceback):
        slots.confirm = self._replaced

    def _confirm(self):
        self.times += 1
        if self.fault:
            raise self.fault


def test_once_when_it_works():
    with Confirmed() as confirmed:
        board = station(mode="client", server={"url": "ws://192.0.2.1/"})
        assert confirmed.times == 0
        board.online()
        board.online()
        assert confirmed.times == 1


def test_not_before_the_wifi_was_joined():
    with Confirmed() as confirmed:
        board = station(mode="server", listen={"open": True})
        board._wifi = wifi = WiFi()
        board._needs_clock = False
        board.online()
        board._link_changed()
        assert confirmed.times == 0
        wifi.joined = True
        board._link_changed()
        assert confirmed.times == 1
        wifi.joined = False
        board._link_changed()
        wifi.joined = True
        board._link_changed()
        assert confirmed.times == 1


def test_again_when_the_state_could_not_be_written():
    with Confirmed() as confirmed:
        board = station(mode="client", server={"url": "ws://192.0.2.1/"})
        for error in (OSError(errno.EIO), MemoryError()):
            confirmed.fault = error
            try:
                board.online()
            except MemoryError:
                pass
        confirmed.fault = None
        board.online()
        board.online()
        assert confirmed.times == 3


def test_a_crash_after_months_says_when_it_was():
    board = station(mode="client", server={"url": "ws://192.0.2.1/"})
    real = app_module.ticks_diff
    app_module.ticks_diff = lambda later, earlier: (later - earlier) % (1 << 30)  # a board's
    try:
        now = board.app._since
        for _ in range(1000):  # hours
            now = (now + 3600000) % (1 << 30)
            board.app.tick(now)
    finally:
        app_module.ticks_diff = real
    board.crashed("client", RuntimeError("why"))
    assert board._crash.last.endswith(", 3600000 s after the start")


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
