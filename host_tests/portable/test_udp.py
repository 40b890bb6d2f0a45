# net/udp.py: datagrams to one host and back; nothing waits, nothing raises.

import asyncio
import socket

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


async def test_what_others_send_is_not_received():
    device, _ = bound(PORT)
    stranger, _ = bound(PORT + 1)
    udp = UDP("127.0.0.1", PORT)
    try:
        udp.send(b"ping")
        _, sender = device.recvfrom(64)
        stranger.sendto(b"from a stranger", sender)
        device.sendto(b"pong", sender)
        assert await receive(udp) == b"pong"
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
