"""The endpoint on CPython, with the stand-in for its transport, on real sockets."""

import contextlib
import os
import subprocess
import sys

import pytest
import unix_port
from peer import FIN
from wire import close_payload

RUNNER = unix_port.ROOT / "host_tests" / "portable" / "host_transport.py"


class CPython:
    """Starts programs as UnixPort does, on this interpreter."""

    @contextlib.contextmanager
    def start(self, *arguments):
        path = os.pathsep.join([str(unix_port.ROOT / "firmware"), str(RUNNER.parent)])
        process = subprocess.Popen(
            [sys.executable, "-u", str(RUNNER), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        program = unix_port.Program(process)
        try:
            yield program
        finally:
            program.stop()


@pytest.fixture
def micropython():
    """In the place of the unix port, for the fixtures of this directory."""
    return CPython()


@pytest.fixture(params=["ws", "wss"])
def tls(request, certificates):
    return certificates if request.param == "wss" else None


def test_echo_and_clean_close(link, tls):
    peer, firmware = link("echo", {"max_message": 300000}, tls=tls)
    message = bytes(range(256)) * 782
    for _ in range(2):
        peer.send(peer.frame(0x82, message))
        assert peer.receive() == (0x82, message)
    peer.send(peer.close_frame(4001, b"bye"))
    assert peer.receive() == (0x88, close_payload(4001))
    peer.sock.close()
    firmware.outcome(
        code=4001, reason="bye", clean=True, initiator="peer", sent_code=4001, rcvd_code=4001
    )


def test_everything_is_written_before_tcp_is_closed(link):
    peer, firmware = link("send", receive_buffer=2048, count=20, size=10000)
    for i in range(20):
        assert peer.receive() == (0x82, bytes([i]) * 10000)
    assert peer.receive() == (0x88, close_payload(1000))
    peer.send(peer.close_frame(1000))
    if link.role == "client":
        peer.finish_sending()
    assert peer.end() == FIN
    assert firmware.report("outcome")["clean"]


def test_reset(link):
    peer, firmware = link("read")
    peer.reset()
    firmware.outcome(tcp_reset=True)


def test_server_that_is_down(as_client):
    listener = as_client.listen()
    listener.close()
    firmware = as_client.start_client(listener.port, do="echo")
    assert firmware.report("failed")["type"] == "ConnectionRefusedError"


def test_past_the_limit_and_closing_all(as_server):
    firmware = as_server.start_server(do="idle", close_all=1, limits={"max_connections": 1})
    peer = as_server.open_as_client(firmware.port)
    assert peer.receive() == (0x88, close_payload(1001))
    peer.send(peer.close_frame(1001))
    assert peer.end() == FIN
    firmware.report("all closed")
    assert firmware.program.wait(5) == 0
