"""The client on real sockets: what it makes of a server's answers, and how it comes back."""

import time

import pytest
from peer import FIN, Peer, fields_of, free_port, read_head, response
from wire import close_payload


def rejected(as_client, *lines, **plan):
    """The client's report after such an answer."""
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, do="echo", **plan)
    sock = listener.accept()
    read_head(sock)
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    failed = firmware.report("failed")
    assert sock.recv(1) == b""
    sock.close()
    return failed


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        (302, "Location", "ws://127.0.0.1:9/"),
        (401, "WWW-Authenticate", 'Basic realm="x"'),
        (403, "X-Why", "no"),
        (503, "Retry-After", "5"),
    ],
)
def test_answers_for_the_caller(as_client, status, name, value):
    failed = rejected(as_client, f"HTTP/1.1 {status} Because", f"{name}: {value}")
    assert failed["type"] == "HandshakeRejected"
    assert failed["status"] == status
    assert failed["headers"] == {name.lower(): value}


@pytest.mark.parametrize(
    "change",
    [
        ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: close"),
        ("101", "101 x\r\nSec-WebSocket-Protocol: unasked\r\nX: "),
        ("101", "101 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX: "),
        ("HTTP/1.1 101", "HTTP/1.0 101"),
    ],
    ids=["accept", "upgrade", "connection", "subprotocol", "extension", "version"],
)
def test_answers_that_are_none_of_a_websocket(as_client, change):
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, do="echo")
    sock = listener.accept()
    _, fields = fields_of(read_head(sock)[0])
    sock.sendall(response(fields["sec-websocket-key"]).decode().replace(*change).encode())
    failed = firmware.report("failed")
    assert failed["type"] == "HandshakeError"
    assert sock.recv(1) == b""
    sock.close()


def test_request(as_client):
    listener = as_client.listen()
    headers = {"Authorization": "Bearer x"}
    firmware = as_client.start_client(
        listener.port, do="echo", headers=headers, subprotocols=["a", "b"]
    )
    sock = listener.accept()
    line, fields = fields_of(read_head(sock)[0])
    assert line == "GET /path HTTP/1.1"
    assert fields["host"] == f"127.0.0.1:{listener.port}"
    assert fields["authorization"] == "Bearer x"
    assert fields["sec-websocket-protocol"] == "a, b"
    assert "sec-websocket-extensions" not in fields
    sock.sendall(response(fields["sec-websocket-key"], "Sec-WebSocket-Protocol: b"))
    assert firmware.report("opened") == {"path": "/path", "subprotocol": "b"}
    sock.close()


def test_messages_right_behind_the_response(as_client):
    listener = as_client.listen()
    as_client.start_client(listener.port, do="echo")
    sock = listener.accept()
    _, fields = fields_of(read_head(sock)[0])
    peer = Peer(sock, False)
    peer.send(
        response(fields["sec-websocket-key"]),
        peer.frame(0x81, b"m1"),
        peer.close_frame(1000),
    )
    assert peer.receive() == (0x81, b"m1")
    assert peer.receive() == (0x88, close_payload(1000))
    sock.close()


def test_refused(as_client):
    firmware = as_client.start_client(free_port(), do="echo")
    assert firmware.report("failed")["type"] == "OSError"


def test_a_host_without_an_ipv4_address_on_an_esp32(as_client):
    url = f"ws://[::1]:{free_port()}/"
    firmware = as_client.start_client(0, do="echo", url=url, sockets="esp32")
    failed = firmware.report("failed")
    assert (failed["type"], failed["text"]) == ("OSError", "[Errno 113] EHOSTUNREACH")


def test_server_that_goes_during_the_handshake(as_client):
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, do="echo")
    sock = listener.accept()
    read_head(sock)
    sock.close()
    failed = firmware.report("failed")
    assert failed["type"] == "HandshakeError"
    assert "closed" in failed["text"]


def test_server_that_does_not_answer(as_client):
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, do="echo", open_timeout=300)
    sock = listener.accept()
    _, rest = read_head(sock)
    began = time.monotonic()
    assert firmware.report("failed")["type"] == "TimeoutError"
    assert 0.1 < time.monotonic() - began < 1
    # TCP is closed, with no Close frame before it: there is no WebSocket yet.
    assert rest == b"" and sock.recv(1) == b""
    sock.close()


def test_comes_back_after_whatever_happens(as_client):
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, do="echo", again=True)
    peers = []

    def open_again():  # on the listener that there is then
        peer = listener.open()
        peers.append(peer)
        peer.send(peer.frame(0x81, b"hi"))
        assert peer.receive() == (0x81, b"hi")
        return peer

    # The server goes away cleanly, then without a word, then by a reset.
    peer = open_again()
    peer.send(peer.close_frame(1001))
    assert peer.receive() == (0x88, close_payload(1001))
    peer.finish_sending()
    assert peer.end() == FIN
    open_again().finish_sending()
    open_again().reset()
    # It is down for a while, and up again.
    port = listener.port
    listener.accept().close()  # an attempt that ends in the handshake
    listener.close()
    while len(firmware.reports("retry")) < 5:
        time.sleep(0.01)
    listener = as_client.listen(port=port)
    open_again()
    retries = firmware.reports("retry")
    assert [why for why, _ in retries[:3]] == [1001, 1006, 1006]
    # Backoff(100, 400): a random first wait, then the upper half of a range that doubles.
    least, most = (0, 100, 200, 200), (100, 200, 400, 400)
    for i, (_, wait) in enumerate(retries):
        assert least[min(i, 3)] <= wait <= most[min(i, 3)], retries
    for peer in peers:
        peer.sock.close()
