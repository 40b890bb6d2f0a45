"""TCP ends, on real sockets: rows E1 to E7 of close.md."""

from peer import FIN
from wire import close_payload


def test_E1_eof_when_open(link):
    peer, firmware = link("read")
    peer.finish_sending()
    firmware.outcome()
    assert peer.end() == FIN


def test_E1_reset_when_open(link):
    peer, firmware = link("read")
    peer.reset()
    firmware.outcome(tcp_reset=True)


def test_E2_eof_inside_a_frame(link):
    peer, firmware = link("read")
    peer.send(peer.frame(0x81, b"whole"), peer.frame(0x82, bytes(100))[:50])
    peer.finish_sending()
    firmware.outcome(truncated=True)
    assert firmware.reports("message") == ["whole"]
    assert peer.end() == FIN


def test_E3_eof_after_our_close(link):
    peer, firmware = link("close", code=4001, reason="bye")
    assert peer.receive() == (0x88, close_payload(4001, b"bye"))
    peer.finish_sending()
    firmware.outcome(initiator="local", sent_code=4001, peer_no_echo=True)
    assert peer.end() == FIN


def test_E3_reset_after_our_close(link):
    peer, firmware = link("close", code=4001, reason="bye")
    assert peer.receive() == (0x88, close_payload(4001, b"bye"))
    peer.reset()
    firmware.outcome(initiator="local", sent_code=4001, peer_no_echo=True, tcp_reset=True)


def test_E4_close_and_eof_together(link):
    peer, firmware = link("read")
    peer.send(peer.close_frame(4000, "grün".encode()))
    peer.finish_sending()
    firmware.outcome(
        code=4000, reason="grün", clean=True, initiator="peer", sent_code=4000, rcvd_code=4000
    )
    assert peer.receive() == (0x88, close_payload(4000))
    assert peer.end() == FIN


def test_E4_eof_after_the_handshake(as_client):
    peer, firmware = as_client("close", code=1000)
    assert peer.receive() == (0x88, close_payload(1000))
    peer.send(peer.close_frame(1000))
    peer.finish_sending()
    firmware.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)
    assert peer.end() == FIN


def test_E5_reset_after_the_handshake(as_client):
    # Only a client has reason to be there still: a server closes TCP at once.
    peer, firmware = as_client("read")
    peer.send(peer.close_frame(1000))
    assert peer.receive() == (0x88, close_payload(1000))
    peer.reset()
    firmware.outcome(
        code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000, tcp_reset=True
    )


def test_E6_messages_before_a_reset(link):
    peer, firmware = link("be_busy", ms=300)
    firmware.report("busy")
    peer.send(peer.frame(0x81, b"m1"), peer.frame(0x81, b"m2"))
    peer.reset()
    firmware.outcome(tcp_reset=True)
    assert firmware.reports("message") == ["m1", "m2"]


def test_E6_messages_before_a_reset_on_an_esp32(link):
    peer, firmware = link("be_busy", ms=300, sockets="esp32")
    firmware.report("busy")
    peer.send(peer.frame(0x81, b"m1"), peer.frame(0x81, b"m2"))
    peer.reset()
    firmware.outcome(tcp_reset=True)
    assert firmware.reports("message") == ["m1", "m2"]


def test_E7_write_fails_and_the_peers_close_is_there(link):
    peer, firmware = link("be_busy", ms=300, send="nobody reads this")
    firmware.report("busy")
    peer.send(peer.frame(0x81, b"last words"), peer.close_frame(4001, b"why"))
    peer.reset()
    firmware.outcome(
        code=4001,
        reason="why",
        initiator="peer",
        rcvd_code=4001,
        undelivered=1,
        tcp_reset=True,
    )
    assert firmware.reports("message") == ["last words"]
