"""The server on real sockets: whom it takes, whom it refuses, and how it ends."""

import time
from pathlib import Path

import pytest
from peer import FIN, NONCE, Peer, fields_of, free_port, read_head, request
from wire import close_payload


def answer(sock, octets=b""):
    """Send, and read the HTTP answer up to the FIN: status, fields, body."""
    sock.sendall(octets)
    data = b""
    while True:
        part = sock.recv(65536)  # a ConnectionResetError fails the test
        if not part:
            break
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    line, fields = fields_of(head)
    return int(line.split()[1]), fields, body


def test_past_the_limit_clients_are_told_503(as_server):
    firmware = as_server.start_server(do="echo", limits={"max_connections": 2})
    clients = [as_server.open_as_client(firmware.port) for _ in range(2)]
    for _ in range(3):
        status, fields, body = answer(as_server.connect(firmware.port), request())
        assert status == 503
        assert fields["retry-after"] == "5"
        assert body
    # The others don't notice, and a place that becomes free is there for the next.
    for peer in clients:
        peer.send(peer.frame(0x81, b"hi"))
        assert peer.receive() == (0x81, b"hi")
    clients[0].send(clients[0].close_frame(1000))
    assert clients[0].receive() == (0x88, close_payload(1000))
    assert clients[0].end() == FIN
    peer = as_server.open_as_client(firmware.port)
    peer.send(peer.frame(0x81, b"hi"))
    assert peer.receive() == (0x81, b"hi")


@pytest.mark.parametrize("drip", [False, True], ids=["silent", "byte by byte"])
def test_slow_client_holds_no_place(as_server, drip):
    limits = {"max_connections": 1, "handshake_timeout": 400}
    firmware = as_server.start_server(do="echo", limits=limits)
    sock = as_server.connect(firmware.port)
    sock.settimeout(0.02)
    began = time.monotonic()
    octets = request()
    while True:
        try:
            if drip:
                sock.sendall(octets[:1])
                octets = octets[1:]
            assert sock.recv(100) == b""
            break
        except TimeoutError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            break  # it was dripping into a socket that is closed
        assert time.monotonic() - began < 2
    assert 0.3 <= time.monotonic() - began < 1
    as_server.open_as_client(firmware.port)


def test_slow_client_does_not_keep_others_out(as_server):
    limits = {"max_connections": 1, "handshake_timeout": 5000}
    firmware = as_server.start_server(do="echo", limits=limits)
    as_server.connect(firmware.port)
    as_server.open_as_client(firmware.port)


@pytest.mark.parametrize("size", [5000, 30000])
def test_head_that_is_too_large(as_server, size):
    firmware = as_server.start_server(do="echo")
    octets = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * size + b"\r\n\r\n"
    assert answer(as_server.connect(firmware.port), octets)[0] == 431


def test_pages(as_server):
    firmware = as_server.start_server(do="echo")

    def get(path, *fields):
        lines = [f"GET {path} HTTP/1.1", "Host: a", *fields, "", ""]
        return answer(as_server.connect(firmware.port), "\r\n".join(lines).encode())

    status, fields, body = get("/page")
    assert (status, body) == (200, b"a page\n")
    assert fields["content-type"] == "text/plain"
    assert fields["content-length"] == "7"
    status, _, body = get("/file")
    assert status == 200
    assert body.startswith(b'"""A server on real sockets.') and body.endswith(b"\n")
    status, fields, _ = get("/")
    assert status == 426
    assert fields["upgrade"] == "websocket"
    assert fields["sec-websocket-version"] == "13"


def test_wrong_version(as_server):
    firmware = as_server.start_server(do="echo")
    octets = request().replace(b"Version: 13", b"Version: 8")
    status, fields, _ = answer(as_server.connect(firmware.port), octets)
    assert status == 426
    assert fields["sec-websocket-version"] == "13"


def test_process_request_refuses(as_server):
    firmware = as_server.start_server(do="echo")
    status, fields, body = answer(as_server.connect(firmware.port), request("/secret"))
    assert (status, body) == (401, b"who is there?\n")
    assert fields["www-authenticate"] == "Basic"
    assert answer(as_server.connect(firmware.port), request("/forbidden"))[0] == 403
    sock = as_server.connect(firmware.port)
    sock.sendall(request("/secret", "Authorization: Basic abc"))
    assert read_head(sock)[0].startswith(b"HTTP/1.1 101 ")
    assert firmware.report("opened") == {"path": "/secret", "subprotocol": None}


def test_subprotocols(as_server):
    firmware = as_server.start_server(do="echo", subprotocols=["best", "good"])
    for offered, chosen in (("good, best", "best"), ("good", "good"), ("other", None)):
        sock = as_server.connect(firmware.port)
        sock.sendall(request("/", f"Sec-WebSocket-Protocol: {offered}"))
        _, fields = fields_of(read_head(sock)[0])
        assert fields.get("sec-websocket-protocol") == chosen


def test_frames_right_behind_the_request(as_server):
    firmware = as_server.start_server(do="echo")
    sock = as_server.connect(firmware.port)
    peer = Peer(sock, True)
    peer.send(request(), peer.frame(0x81, b"m1"), peer.frame(0x81, b"m2"), peer.close_frame(1000))
    head, rest = read_head(sock)
    assert head.startswith(b"HTTP/1.1 101 ")
    peer = Peer(sock, True, rest)
    assert peer.frames_to_the_end() == (
        [(0x81, b"m1"), (0x81, b"m2"), (0x88, close_payload(1000))],
        FIN,
    )


def test_handler_that_raises(as_server):
    peer, firmware = as_server("fail")
    assert peer.receive() == (0x88, close_payload(1011))
    peer.send(peer.close_frame(1011))
    assert peer.end() == FIN
    assert "ValueError: scripted" in firmware.program.output


def test_close_ends_every_websocket_and_waits(as_server):
    firmware = as_server.start_server(do="idle", close_all=3)
    peers = [as_server.open_as_client(firmware.port) for _ in range(3)]
    for peer in peers:
        assert peer.receive() == (0x88, close_payload(1001))
    with pytest.raises(ConnectionRefusedError):
        as_server.connect(firmware.port)
    for peer in peers:
        assert "all closed" not in firmware.program.output
        peer.send(peer.close_frame(1001))
        assert peer.end() == FIN
    firmware.report("all closed")
    assert [o["clean"] for o in firmware.reports("outcome")] == [True] * 3
    assert firmware.program.wait(5) == 0


def test_port_that_is_taken(as_server):
    firmware = as_server.start_server(do="echo")
    with pytest.raises(AssertionError, match="EADDRINUSE"):
        as_server.start_server(do="echo", port=firmware.port)
    as_server.open_as_client(firmware.port)


def test_many_clients_one_after_the_other(as_server):
    firmware = as_server.start_server(do="echo")
    for i in range(50):
        peer = as_server.open_as_client(firmware.port)
        peer.send(peer.frame(0x81, b"%d" % i), peer.close_frame(4000 + i))
        assert peer.receive() == (0x81, b"%d" % i)
        assert peer.receive() == (0x88, close_payload(4000 + i))
        assert peer.end() == FIN
    codes = [outcome["code"] for outcome in firmware.reports("outcome")]
    assert codes == [4000 + i for i in range(len(codes))] and len(codes) >= 49


def test_window_after_the_peers_close(link):
    peer, firmware = link("window")
    peer.send(peer.close_frame(1000))
    assert [peer.receive() for _ in range(4)] == [
        (0x81, b"0"),
        (0x81, b"1"),
        (0x81, b"2"),
        (0x88, close_payload(1000)),
    ]
    if link.role == "client":
        peer.finish_sending()
    assert peer.end() == FIN
    outcome = firmware.report("outcome")
    assert outcome["clean"] and outcome["initiator"] == "peer"


def test_close_on_a_heap_that_the_application_filled(link):
    peer, firmware = link("fill_the_heap", {"ping_interval": 0, "close_timeout": 3000}, ms=300)
    peer.send(peer.frame(0x81, b"go"))
    # It goes out while there is no memory, and the reply is read when there is some again.
    assert peer.receive() == (0x88, close_payload(1000))
    assert firmware.reports("full") == []
    peer.send(peer.close_frame(1000))
    if link.role == "client":
        peer.finish_sending()
    assert peer.end() == FIN
    assert firmware.report("full") is True
    outcome = firmware.report("outcome")
    assert outcome["clean"] and outcome["initiator"] == "local"


@pytest.mark.parametrize("what", ["accept", "report", "wait", "end", "signalling"])
def test_what_there_is_no_memory_for_now_is_done_later(micropython, what):
    program = Path(__file__).parent / "firmware" / "scarce.py"
    status, output = micropython.run(
        "-X", "heapsize=400k", program, what, free_port(), timeout_s=60
    )
    assert status == 0 and output.endswith("done\n"), output


def test_example_of_the_rfc(as_server):
    # 1.3: the key that peer.py sends, and the answer to it, are the RFC's own.
    assert NONCE == "dGhlIHNhbXBsZSBub25jZQ=="
    firmware = as_server.start_server(do="echo")
    sock = as_server.connect(firmware.port)
    sock.sendall(request())
    head, _ = read_head(sock)
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
