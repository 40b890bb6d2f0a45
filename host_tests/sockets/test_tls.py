"""wss:// on real sockets, in both roles; closing over TLS is row K5 in test_tcp.py."""

import contextlib
import socket
import ssl
import time

import pytest
from certificates import Certificates
from peer import Peer, fields_of, read_head, response
from wire import close_payload


def handshake_fails(as_client, context, **plan):
    """The client's report when a server with this context is not to be trusted."""
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, do="echo", **plan)
    with contextlib.suppress(ssl.SSLError, OSError), listener.accept(context) as sock:
        assert sock.recv(1) == b""  # not even a request was sent
    failed = firmware.report("failed")
    assert failed["type"] == "OSError"
    assert "certificate" in failed["text"]
    return failed["text"]


@pytest.mark.parametrize("as_bytes", [False, True], ids=["file", "bytes"])
def test_authority_as_a_file_and_as_bytes(as_client, certificates, as_bytes):
    peer, _ = as_client("echo", tls=certificates, ca_as_bytes=as_bytes)
    peer.send(peer.frame(0x81, b"hi"))
    assert peer.receive() == (0x81, b"hi")


@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("role", ["server", "client"])
def test_certificates_as_pem_and_as_der(as_server, as_client, tmp_path, form, role):
    certificates = Certificates(tmp_path, form=form)
    peer, _ = (as_server if role == "server" else as_client)("echo", tls=certificates)
    peer.send(peer.frame(0x81, b"hi"))
    assert peer.receive() == (0x81, b"hi")


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("between", [1, 2])
def test_authorities_between(as_server, as_client, tmp_path, role, between):
    # Each end trusts the first authority alone, and is sent the certificates of the others.
    certificates = Certificates(tmp_path, between=between)
    peer, _ = (as_server if role == "server" else as_client)("echo", tls=certificates)
    peer.send(peer.frame(0x81, b"hi"))
    assert peer.receive() == (0x81, b"hi")


def test_authority_among_others(as_client, certificates, tmp_path):
    other = Certificates(tmp_path)
    bundle = tmp_path / "bundle.pem"
    with open(other.ca_file) as first, open(certificates.ca_file) as second:
        bundle.write_text("# a comment\n" + first.read() + "\n" + second.read())
    peer, _ = as_client("echo", tls=certificates, ca=str(bundle))
    peer.send(peer.frame(0x81, b"hi"))
    assert peer.receive() == (0x81, b"hi")


def test_unknown_authority(as_client, certificates, tmp_path):
    other = Certificates(tmp_path)
    text = handshake_fails(as_client, other.server_context(), tls=certificates)
    assert "not correctly signed by the trusted CA" in text


def test_wrong_host_name(as_client, tmp_path):
    other = Certificates(tmp_path, ["elsewhere.example"])
    text = handshake_fails(as_client, other.server_context(), tls=other)
    assert "does not match" in text


def test_no_authority_is_refused_before_anything_is_sent(as_client, certificates):
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, tls=certificates, ca=None, do="echo")
    failed = firmware.report("failed")
    assert failed["type"] == "ValueError"
    assert "ca=" in failed["text"]


def test_server_that_speaks_no_tls(as_client, certificates):
    listener = as_client.listen()
    firmware = as_client.start_client(listener.port, tls=certificates, do="echo")
    sock = listener.accept()
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert firmware.report("failed")["type"] == "OSError"
    sock.close()


def test_client_that_speaks_no_tls(as_server, certificates):
    firmware = as_server.start_server(tls=certificates, do="echo")
    sock = as_server.connect(firmware.port)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    try:
        while sock.recv(100):
            pass  # an alert
    except ConnectionResetError:
        pass
    # And the server goes on serving.
    as_server.open_as_client(firmware.port, certificates.client_context())


def test_silent_client_holds_no_place(as_server, certificates):
    limits = {"max_connections": 1, "handshake_timeout": 400}
    firmware = as_server.start_server(tls=certificates, do="echo", limits=limits)
    silent = as_server.connect(firmware.port)
    assert silent.recv(1) == b""
    as_server.open_as_client(firmware.port, certificates.client_context())


@pytest.mark.parametrize("buffer", [4224, 20000])
def test_large_messages_both_ways(link, certificates, buffer):
    # Larger than all buffers between: TLS must be offered the same octets after a partial write.
    settings = {"max_message": 300000, "buffer": buffer, "close_timeout": 5000}
    peer, firmware = link("echo", settings, tls=certificates, receive_buffer=4096)
    message = bytes(range(256)) * 782  # 200 KB
    for _ in range(2):
        peer.send(peer.frame(0x82, message))
        assert peer.receive() == (0x82, message)
    peer.send(peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    peer.sock.close()
    outcome = firmware.report("outcome")
    assert outcome["clean"] and outcome["undelivered"] == 0


def test_many_small_messages_without_reading(link, certificates):
    # Their answers pile up until the writer has to wait in the middle of a record.
    settings = {"close_timeout": 5000}
    peer, firmware = link("echo", settings, tls=certificates, receive_buffer=4096)
    frames = [peer.frame(0x81, b"%d" % i + b" " * (i % 300)) for i in range(500)]
    for frame in frames:
        peer.send(frame)
    for i in range(500):
        assert peer.receive() == (0x81, b"%d" % i + b" " * (i % 300))
    peer.send(peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    peer.sock.close()
    assert firmware.report("outcome")["clean"]


def test_frames_in_one_record_with_the_handshake(as_client, certificates):
    # What TLS has decrypted is not in the socket any more: nobody would wake the reader for it.
    listener = as_client.listen()
    as_client.start_client(listener.port, tls=certificates, do="echo")
    sock = listener.accept(certificates.server_context())
    _, fields = fields_of(read_head(sock)[0])
    peer = Peer(sock, False)
    frames = b"".join(peer.frame(0x81, b"%d" % i) for i in range(200))
    sock.sendall(response(fields["sec-websocket-key"]) + frames)
    for i in range(200):
        assert peer.receive() == (0x81, b"%d" % i)
    peer.send(peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    sock.close()


def test_close_notify_right_behind_the_close(as_client, certificates):
    # In one segment, and the server waits for ours then, as asyncio's TLS does: the end must not be
    # missed because it came with something.
    settings = {"tcp_timeout": 4000}
    peer, firmware = as_client("close", settings, tls=certificates, code=1000)
    assert peer.receive() == (0x88, close_payload(1000))
    tcp = peer.sock
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    peer.send(peer.close_frame(1000))
    tcp.settimeout(0)
    with contextlib.suppress(ssl.SSLWantReadError):
        tcp.unwrap()
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    assert firmware.report("outcome")["clean"]
    assert firmware.waited() < 3000


def test_close_notify_behind_the_closes_is_not_answered_by_a_reset(as_server, certificates):
    # There is no shutdown(): once the server has closed, its TCP resets whatever comes.
    peer, firmware = as_server("echo", {"quiet": 2000}, tls=certificates)
    peer.send(peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    time.sleep(0.1)
    peer.sock.settimeout(0)
    with contextlib.suppress(ssl.SSLWantReadError):
        peer.sock.unwrap()
    assert firmware.report("outcome")["clean"]
    time.sleep(0.1)
    assert peer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    peer.sock.settimeout(10)
    assert socket.socket.recv(peer.sock, 100) == b""


def test_page(as_server, certificates):
    firmware = as_server.start_server(tls=certificates, do="echo")
    sock = as_server.connect(firmware.port, certificates.client_context())
    sock.sendall(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
    data = b""
    while part := sock.recv(1000):
        data += part
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert data.endswith(b"asyncio.run(main(plan))\n")
