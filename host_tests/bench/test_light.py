"""light.py: its frames are what an independent implementation says, and a wrong echo is noticed."""

import socket
import threading

import light
import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, TextMessage

SIZES = (0, 16, 125, 126, 1024, 65535, 65536)


def echo_of(exchange, role, message):
    """What wsproto in that role would send back for the octets."""
    peer = Connection(role)
    peer.receive_data(exchange.octets)
    received = b"".join(event.data for event in peer.events() if isinstance(event, BytesMessage))
    assert received == message
    return peer.send(BytesMessage(data=received))


@pytest.mark.parametrize("size", SIZES)
def test_a_server_echoes_what_is_expected(size):
    message = bytes(i & 0xFF for i in range(size))
    exchange = light.Exchange(light.BINARY, message, True)
    reply = echo_of(exchange, ConnectionType.SERVER, message)
    assert len(reply) == exchange.reply_size
    exchange.check(reply)


@pytest.mark.parametrize("size", SIZES)
def test_a_client_echoes_what_is_expected(size):
    message = bytes(i & 0xFF for i in range(size))
    exchange = light.Exchange(light.BINARY, message, False)
    reply = echo_of(exchange, ConnectionType.CLIENT, message)
    assert len(reply) == exchange.reply_size
    exchange.check(reply)


@pytest.mark.parametrize("masked", [True, False])
def test_another_message_is_noticed(masked):
    exchange = light.Exchange(light.BINARY, b"sixteen octets..", masked)
    other = light.Exchange(light.BINARY, b"sixteen octets.,", masked)
    role = ConnectionType.SERVER if masked else ConnectionType.CLIENT
    with pytest.raises(light.PeerError, match="differs"):
        exchange.check(echo_of(other, role, b"sixteen octets.,"))


def test_another_type_is_noticed():
    exchange = light.Exchange(light.BINARY, b"abc", True)
    with pytest.raises(light.PeerError, match="differs"):
        exchange.check(Connection(ConnectionType.SERVER).send(TextMessage(data="abc")))


def echo_octets(sock, lose_after):
    """Send everything back, up to so many octets."""
    while octets := sock.recv(65536):
        sock.sendall(octets[:lose_after])
        lose_after -= len(octets)
        if lose_after <= 0:
            break
    sock.close()


@pytest.fixture
def echoing():
    """Starts an echo of octets; returns the socket to it."""
    threads = []
    socks = []

    def start(lose_after=1 << 30):
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        thread = threading.Thread(target=echo_octets, args=(theirs, lose_after))
        thread.start()
        threads.append(thread)
        socks.append(ours)
        return ours

    yield start
    for sock in socks:
        sock.close()
    for thread in threads:
        thread.join(5)


@pytest.mark.parametrize(("size", "window"), [(1, 1), (100, 32), (65536, 32)])
def test_pump_sends_a_window_at_least_and_waits_for_all_of_it(echoing, size, window):
    exchange = light.Exchange(light.BINARY, bytes(size), True, bare=True)
    messages, seconds = light.Pump(echoing(), exchange, window).run(0)
    assert messages >= window
    assert seconds > 0


def test_pump_can_be_run_again_on_the_same_connection(echoing):
    exchange = light.Exchange(light.BINARY, bytes(100), True, bare=True)
    pump = light.Pump(echoing(), exchange, 8)
    pump.run(0)
    assert pump.run(0.01)[0] >= 8


def test_pump_notices_a_peer_that_goes(echoing):
    exchange = light.Exchange(light.BINARY, bytes(100), True, bare=True)
    with pytest.raises((light.PeerError, OSError)):
        light.Pump(echoing(lose_after=250), exchange, 8).run(0.01)
