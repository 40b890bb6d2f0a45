"""station.Station: when a version that was deployed counts as a good one, and its crash report."""

import errno

import scripted  # noqa: F401  CPython's transport, before what needs one
from signalbox import app as app_module
from station_board import Confirmed, WiFi, station


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
