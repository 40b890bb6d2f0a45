# net/udp.py: datagrams to one host and back; nothing waits, nothing raises.

import asyncio
import socket

from signalbox.net import udp as udp_module
from signalbox.net.udp import UDP

PORT = 51763


def bound(port):
    address = socket.getaddrinfo("127.0.0.1", port, 0, socket.SOCK_DGRAM)[0]
    sock = socket.socket(address[0], socket.SOCK_DGRAM)
    sock.bind(address[-1])
    return sock, address[-1]


async def receive(udp, n=64):
    for _ in range(500):
        octets = udp.receive(n)
        if octets is not None:
            return octets
        await asyncio.sleep(0.01)
    raise AssertionError


async def test_there_and_back():
    device, _ = bound(PORT)
    udp = UDP("127.0.0.1", PORT)
    try:
        assert udp.receive(64) is None
        assert udp.send(b"\x81\x01\xff")
        octets, sender = device.recvfrom(64)
        assert octets == b"\x81\x01\xff"
        assert udp.receive(64) is None
        device.sendto(b"\x90\x41\xff", sender)
        device.sendto(b"\x90\x51\xff", sender)
        assert await receive(udp) == b"\x90\x41\xff"
        assert await receive(udp, 2) == b"\x90\x51"
        udp.close()
        assert udp.receive(64) is None
        assert udp.send(b"again")
        assert device.recvfrom(64)[0] == b"again"
    finally:
        udp.close()
        device.close()


def test_what_strangers_send_is_not_received_and_lets_the_rest_go_on():
    device, _ = bound(PORT)
    stranger, _ = bound(PORT + 1)
    udp = UDP("127.0.0.1", PORT)
    try:
        udp.send(b"ping")
        _, sender = device.recvfrom(64)
        for _ in range(4):
            stranger.sendto(b"from a stranger", sender)
        device.sendto(b"pong", sender)
        assert [udp.receive(64) for _ in range(5)] == [None] * 4 + [b"pong"]
        assert udp.receive(64) is None
    finally:
        udp.close()
        stranger.close()
        device.close()


async def test_nobody_there_and_no_such_host():
    udp = UDP("127.0.0.1", PORT)
    for _ in range(5):
        udp.send(b"ping")
        assert udp.receive(64) is None
        await asyncio.sleep(0.01)
    udp.close()
    udp = UDP("no-such-host.invalid", PORT)
    for _ in range(5):
        assert not udp.send(b"ping")
    udp.close()


async def test_a_host_is_not_looked_up_where_that_must_not_block():
    udp = UDP("127.0.0.1", PORT)
    assert not udp.send(b"ping", False)
    assert udp.send(b"ping")
    assert udp.send(b"ping", False)
    udp.close()


class Names:
    """A module `socket` and a clock: looking up a host takes `takes` ms, and ends at `port`, or in
    vain if that is None.
    """

    SOCK_DGRAM = socket.SOCK_DGRAM
    socket = socket.socket

    def __init__(self, port, takes):
        self.port = port
        self.takes = takes
        self.now = 1000
        self.times = 0

    def __enter__(self):
        self._replaced = udp_module.socket, udp_module.ticks_ms
        udp_module.socket = self
        udp_module.ticks_ms = lambda: self.now
        return self

    def __exit__(self, kind, error, traceback):
        udp_module.socket, udp_module.ticks_ms = self._replaced

    def getaddrinfo(self, host, port, family, kind):
        self.times += 1
        self.now += self.takes
        if self.port is None:
            raise OSError(-2)
        return socket.getaddrinfo("127.0.0.1", self.port, family, kind)


def test_a_host_that_is_not_found_is_looked_up_a_tenth_of_the_time():
    with Names(None, 7000) as names:
        udp = UDP("cam.local", PORT)
        for _ in range(4 * 140):  # as often as a camera that doesn't answer is sent something
            assert not udp.send(b"ping")
            names.now += 250
        assert names.times == 3


def test_a_host_that_has_moved_is_found_when_it_is_opened_again():
    first, _ = bound(PORT)
    second, _ = bound(PORT + 1)
    with Names(PORT, 0) as names:
        udp = UDP("cam.local", PORT)
        try:
            assert udp.send(b"here") and first.recvfrom(64)[0] == b"here"
            names.port = None
            udp.close()
            assert udp.send(b"where it was") and first.recvfrom(64)[0] == b"where it was"
            names.port = PORT + 1
            names.now += 5000
            udp.close()
            assert udp.send(b"there") and second.recvfrom(64)[0] == b"there"
        finally:
            udp.close()
            first.close()
            second.close()
