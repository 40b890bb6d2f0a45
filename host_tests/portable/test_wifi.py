# net/wifi.py with a radio that does what a script says.

import asyncio

from signalbox.net.reconnect import Backoff
from signalbox.net.wifi import WiFi, hostname

IDLE = 0
CONNECTING = 1
GOT_IP = 3


class Network:
    """The module `network`, as the RP2's: one radio, and what is in reach of it."""

    STAT_WRONG_PASSWORD = -3
    STAT_NO_AP_FOUND = -2
    STAT_CONNECT_FAIL = -1

    def __init__(self):
        self.air = {}  # ssid: (password, dBm)
        self.calls = []
        self.address = None
        self.on = None  # the ssid that it is joined to
        self.state = IDLE  # what status() says,
        self.next = IDLE  # and from then on
        self.fault = None  # of the next scan
        network = self

        class WLAN(Radio):
            def __init__(self, interface):
                assert interface == Radio.IF_STA
                self.network = network

        self.WLAN = WLAN

    def country(self, country):
        self.calls.append(("country", country))

    def hostname(self, name):
        self.calls.append(("hostname", name))

    def ipconfig(self, **settings):
        self.calls.append(("dns", settings["dns"]))


class Radio:
    IF_STA = 0
    PM_NONE = 16

    def active(self, on):
        self.network.calls.append(("active", on))

    def config(self, **settings):
        if "reconnects" in settings:
            raise ValueError("unknown config param")
        self.network.calls.append(("pm", settings["pm"]))

    def scan(self):
        network = self.network
        network.calls.append(("scan",))
        if network.fault:
            raise network.fault
        return [(ssid.encode(), b"bssid1", 1, network.air[ssid][1], 4, 1) for ssid in network.air]

    def disconnect(self):
        self.network.on = None

    def connect(self, ssid, password=""):
        network = self.network
        network.calls.append(("connect", ssid))
        network.state = CONNECTING
        if ssid not in network.air:
            network.next = Network.STAT_NO_AP_FOUND
        elif network.air[ssid][0] != password:
            network.next = Network.STAT_WRONG_PASSWORD
        else:
            network.next = GOT_IP
            network.on = ssid

    def isconnected(self):
        return self.network.on is not None and self.network.on in self.network.air

    def status(self, what=None):
        if what == "rssi":
            return self.network.air[self.network.on][1]
        state = self.network.state
        self.network.state = self.network.next
        return state

    def ipconfig(self, what=None, **settings):
        if what:
            return ("10.0.0.7", "255.255.255.0")
        self.network.address = settings.get("addr4", settings.get("gw4"))
        self.network.calls.append(("ipconfig", settings))
        return None


class Board:
    """A WiFi that runs."""

    def __init__(self, network, *networks):
        self.network = network
        self.changes = []
        self.beats = 0
        self.wifi = WiFi(
            [configured(*given) for given in networks],
            "cam-1",
            "CH",
            lambda: self.changes.append(self.wifi.joined),
            self.beat,
            network,
            Backoff(20, 40),
        )

    def beat(self, now):
        self.beats += 1

    async def __aenter__(self):
        self.task = asyncio.create_task(self.wifi.run())
        return self

    async def __aexit__(self, *error):
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            pass

    async def until(self, condition):
        for _ in range(2000):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(self.network.calls)

    def tried(self):
        return [call[1] for call in self.network.calls if call[0] == "connect"]


def configured(ssid, password="", **static):
    network = {"ssid": ssid, "password": password}
    for name in ("address", "netmask", "gateway", "dns"):
        network[name] = static.get(name)
    return network


async def test_it_joins_and_the_radio_is_set_up_first():
    network = Network()
    network.air["house"] = ("secret-1", -60)
    async with Board(network, ("house", "secret-1")) as board:
        assert board.wifi.describe() == "no network in reach"
        await board.until(lambda: board.wifi.joined)
        assert board.wifi.describe() == '"house", 10.0.0.7, -60 dBm'
    assert network.calls == [
        ("country", "CH"),
        ("hostname", "cam-1"),
        ("active", True),
        ("pm", 16),
        ("ipconfig", {"dhcp4": True}),
        ("connect", "house"),
    ]
    assert board.changes == [True]


async def test_the_strongest_first_and_hidden_ones_last():
    network = Network()
    network.air["far"] = ("secret-1", -80)
    network.air["near"] = ("another-password", -40)
    async with Board(network, ("hidden", "x"), ("far", "secret-1"), ("near", "wrong")) as board:
        await board.until(lambda: board.wifi.joined)
    assert board.tried() == ["near", "far"]


async def test_in_order_when_there_is_no_scan():
    for fault in (OSError(110), RuntimeError("Wifi Unknown Error 0x0101")):
        network = Network()
        network.air["b"] = ("", -40)
        network.fault = fault
        async with Board(network, ("a", ""), ("b", "")) as board:
            await board.until(lambda: board.wifi.joined)
        assert board.tried() == ["a", "b"]


async def test_it_tries_for_ever():
    network = Network()
    async with Board(network, ("house", "secret-1")) as board:
        await board.until(lambda: len(board.tried()) >= 5)
        assert not board.wifi.joined and board.changes == []
        network.air["house"] = ("wrong", -60)
        tried = len(board.tried())
        await board.until(lambda: len(board.tried()) >= tried + 3)
        network.air["house"] = ("secret-1", -60)
        await board.until(lambda: board.wifi.joined)
    assert board.beats > 5


async def test_lost_and_joined_again():
    network = Network()
    network.air["house"] = ("secret-1", -60)
    async with Board(network, ("house", "secret-1")) as board:
        for times in range(1, 3):
            await board.until(lambda: board.wifi.joined)
            del network.air["house"]
            await board.until(lambda: not board.wifi.joined)
            # By itself if it is quick, else by joining: both are shown here.
            if times == 2:
                await board.until(lambda: len(board.tried()) > 1)
            network.air["house"] = ("secret-1", -60)
        await board.until(lambda: board.wifi.joined)
    assert board.changes == [True, False, True, False, True]


async def test_a_network_that_never_answers_is_given_up():
    network = Network()
    network.air["house"] = ("secret-1", -60)
    network.air["mute"] = ("secret-1", -10)
    connect = Radio.connect

    def silent(radio, ssid, password=""):
        connect(radio, ssid, password)
        if ssid == "mute":
            network.on = None
            network.next = CONNECTING

    Radio.connect = silent
    try:
        board = Board(network, ("mute", "secret-1"), ("house", "secret-1"))
        board.wifi._timeout = 100
        async with board:
            await board.until(lambda: board.wifi.joined)
        assert board.tried() == ["mute", "house"]
    finally:
        Radio.connect = connect


async def test_what_failed_before_is_no_failure_of_the_next_attempt():
    # As an ESP32 has it: network_wlan.c looks at the last reason before anything else.
    network = Network()
    connect = Radio.connect
    slow = []

    def keeps_the_reason(radio, ssid, password=""):
        connect(radio, ssid, password)
        if network.on:
            slow.append(network.on)
            network.on = None
            network.next = Network.STAT_NO_AP_FOUND
        network.state = network.next

    Radio.connect = keeps_the_reason
    try:
        async with Board(network, ("house", "secret-1"), ("workshop", "secret-2")) as board:
            board.wifi._timeout = 400
            await board.until(lambda: "workshop" in board.tried())
            network.air["house"] = ("secret-1", -60)
            await board.until(lambda: slow)
            tried = len(board.tried())
            await asyncio.sleep(0.12)
            assert len(board.tried()) == tried  # it waits, although it is told of a failure
            network.on = "house"
            await board.until(lambda: board.wifi.joined)
            assert len(board.tried()) == tried
            # What goes on for half of the time is believed.
            network.air.clear()
            network.on = None
            await board.until(lambda: len(board.tried()) >= tried + 3)
    finally:
        Radio.connect = connect


async def test_a_static_address():
    network = Network()
    network.air["house"] = ("", -60)
    board = Board(network)
    static = configured(
        "house", address="10.0.0.9", netmask="255.255.255.0", gateway="10.0.0.1", dns="10.0.0.2"
    )
    board.wifi._networks.append(static)
    async with board:
        await board.until(lambda: board.wifi.joined)
    assert ("ipconfig", {"addr4": ("10.0.0.9", "255.255.255.0")}) in network.calls
    assert ("ipconfig", {"gw4": "10.0.0.1"}) in network.calls
    assert ("dns", "10.0.0.2") in network.calls


def test_host_names():
    for name, host in (
        ("Stage left", "stage-left"),
        ("cam-1", "cam-1"),
        ("  Bühne / 2! ", "b-hne-2"),
        ("日本", "signalbox"),
        ("x" * 40, "x" * 32),
        ("x" * 31 + " y", "x" * 31),
    ):
        assert hostname(name) == host
