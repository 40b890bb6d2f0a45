"""How TCP is taken down, on real sockets: rows K1 to K7 of close.md."""

import ssl
import threading

import pytest
from peer import FIN
from wire import close_payload

CLEAN = {"code": 1000, "clean": True, "sent_code": 1000, "rcvd_code": 1000}


@pytest.mark.parametrize("local", [True, False], ids=["we close", "peer closes"])
def test_K1_server_closes_tcp_first(as_server, local):
    peer, firmware = as_server("close" if local else "read", code=1000)
    if local:
        assert peer.receive() == (0x88, close_payload(1000))
        peer.send(peer.close_frame(1000))
    else:
        peer.send(peer.close_frame(1000))
        assert peer.receive() == (0x88, close_payload(1000))
    # Its FIN comes although we have not sent ours.
    assert peer.end() == FIN
    firmware.outcome(initiator="local" if local else "peer", **CLEAN)


def test_K2_unread_input_at_teardown(link):
    # It all lies in the firmware's kernel when the firmware gets to read it.
    peer, firmware = link("be_busy", ms=200)
    firmware.report("busy")
    peer.send(peer.close_frame(1000), bytes(60000))
    if link.role == "client":
        peer.finish_sending()
    assert peer.receive() == (0x88, close_payload(1000))
    assert peer.end() == FIN
    firmware.outcome(initiator="peer", **CLEAN)


def test_K3_everything_is_written_before_tcp_is_closed(link):
    # A peer that reads slowly, and a socket that would lose what is unread when it is closed.
    peer, firmware = link("send", count=40, size=10000, receive_buffer=2048)
    for i in range(40):
        assert peer.receive() == (0x82, bytes([i]) * 10000)
    assert peer.receive() == (0x88, close_payload(1000))
    peer.send(peer.close_frame(1000))
    if link.role == "client":
        peer.finish_sending()
    assert peer.end() == FIN
    firmware.outcome(initiator="local", **CLEAN)


def test_K3_reply_behind_everything(link):
    # The peer closes while most of what was accepted is not written yet.
    peer, firmware = link("send_source", size=200000, receive_buffer=2048)
    first, payload = peer.receive()
    assert first == 0x02
    peer.send(peer.close_frame(1000))
    while first & 0x80 == 0:
        first, part = peer.receive()
        payload += part
    assert payload == b"0123456789" * 20000
    assert peer.receive() == (0x88, close_payload(1000))
    if link.role == "client":
        peer.finish_sending()
    assert peer.end() == FIN
    outcome = firmware.report("outcome")
    assert outcome["clean"] and outcome["undelivered"] == 0


def test_K4_fail_while_the_peer_uploads(link):
    peer, firmware = link("read")
    # It goes on to the end, whatever it is told, and only then reads.
    peer.send(peer.frame(0x82, bytes(1 << 20)))
    assert peer.receive() == (0x88, close_payload(1009))
    assert peer.end() == FIN
    outcome = firmware.report("outcome")
    assert outcome["failed_with"] == outcome["sent_code"] == 1009
    assert outcome["code"] == 1006 and outcome["rcvd_code"] is None and not outcome["clean"]


def test_K4_an_upload_without_end_is_cut_off(link):
    # By then the peer has had its time to read the Close.
    peer, firmware = link("read", {"tcp_timeout": 400})
    header = peer.frame(0x82, bytes(1 << 20))[:14]
    failed = threading.Event()

    def upload():
        try:
            peer.send(header)
            while True:
                peer.send(bytes(10000))
        except OSError:
            failed.set()

    uploading = threading.Thread(target=upload)
    uploading.start()
    assert peer.receive() == (0x88, close_payload(1009))
    outcome = firmware.report("outcome")
    assert outcome["sent_code"] == outcome["failed_with"] == 1009
    uploading.join(10)
    assert failed.is_set()


def test_K5_tls_clean_close(link, certificates):
    peer, firmware = link("read", tls=certificates)
    peer.send(peer.frame(0x81, b"over TLS"), peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    if link.role == "client":
        # Ours has close_notify, and the firmware's has none: mbedTLS sends none.
        with pytest.raises((ssl.SSLError, OSError)):
            peer.sock.unwrap()
    else:
        assert peer.end() == FIN
    firmware.outcome(initiator="peer", **CLEAN)
    assert firmware.reports("message") == ["over TLS"]


def test_K5_tls_we_close(link, certificates):
    peer, firmware = link("close", tls=certificates, code=1000)
    assert peer.receive() == (0x88, close_payload(1000))
    peer.send(peer.frame(0x81, b"late"), peer.close_frame(1000))
    if link.role == "client":
        peer.sock.close()
    else:
        assert peer.end() == FIN
    firmware.outcome(initiator="local", **CLEAN)
    assert firmware.reports("message") == ["late"]


def test_K5_tls_unclean(link, certificates):
    peer, firmware = link("read", tls=certificates)
    peer.sock.close()
    firmware.outcome()


def test_K6_close_now(link):
    peer, firmware = link("close_now")
    peer.send(peer.frame(0x81, b"now"))
    # Nothing was unread, so it is a FIN; and no Close frame before it.
    assert peer.end() == FIN
    firmware.outcome()
    assert firmware.waited() < 100


def test_K7_client_waits_for_the_servers_fin(as_client):
    peer, firmware = as_client("read", {"tcp_timeout": 5000})
    peer.send(peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    peer.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        peer.receive()
    peer.finish_sending()
    assert peer.end() == FIN
    firmware.outcome(initiator="peer", **CLEAN)


def test_K7_or_until_tcp_timeout(as_client):
    peer, firmware = as_client("read")
    peer.send(peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    assert peer.end() == FIN
    firmware.outcome(initiator="peer", **CLEAN)
