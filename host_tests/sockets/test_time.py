"""Deadlines and disorder, on real sockets: rows T1 to T7 of close.md."""

import threading
import time

from peer import FIN, RST
from wire import close_payload

TICK_MS = 100  # the endpoint looks at its clock so often
SLACK_MS = 250  # for a computer that is busy


def within(ms, least):
    """Whether something that is due after `least` ms came when it should."""
    return least - TICK_MS <= ms <= least + TICK_MS + SLACK_MS


def test_T1_peer_is_silent_after_our_close(link):
    peer, firmware = link("close", code=4001, wait=True)
    began = time.monotonic()
    assert peer.receive() == (0x88, close_payload(4001))
    assert peer.end() == FIN
    assert within((time.monotonic() - began) * 1000, 600)
    firmware.outcome(initiator="local", sent_code=4001, timed_out=True)


def test_T2_peer_drips(link):
    peer, firmware = link("close", code=1000)
    assert peer.receive() == (0x88, close_payload(1000))
    began = time.monotonic()
    ended = threading.Event()

    def drip():
        octets = peer.frame(0x82, bytes(1000))
        for i in range(len(octets)):
            try:
                peer.send(octets[i : i + 1])
            except OSError:
                break
            if ended.wait(0.02):
                break

    dripping = threading.Thread(target=drip)
    dripping.start()
    firmware.outcome(initiator="local", sent_code=1000, timed_out=True)
    assert within((time.monotonic() - began) * 1000, 600)
    ended.set()
    dripping.join()


def test_T3_server_never_ends_tcp(as_client):
    peer, firmware = as_client("close", code=1000)
    assert peer.receive() == (0x88, close_payload(1000))
    peer.send(peer.close_frame(1000))
    began = time.monotonic()
    assert peer.end() == FIN
    assert within((time.monotonic() - began) * 1000, 300)
    firmware.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_T4_queue_full_and_a_close_behind_it(link):
    peer, firmware = link("close_when_full")
    frames = [peer.frame(0x81, b"%d" % i) for i in range(1000)]
    peer.send(*frames, peer.close_frame(4000))
    firmware.report("full")
    assert peer.receive() == (0x88, close_payload(1000))
    if link.role == "client":
        peer.finish_sending()
    assert peer.end() == FIN
    outcome = firmware.report("outcome")
    assert 0 < outcome["discarded"] < 1000
    firmware.outcome(
        code=4000,
        clean=True,
        initiator="local",
        sent_code=1000,
        rcvd_code=4000,
        discarded=outcome["discarded"],
    )


def test_T5_waiter_of_the_close_is_cancelled(link):
    peer, firmware = link("cancel_the_waiter")
    assert peer.receive() == (0x88, close_payload(1000))
    firmware.report("cancelled")
    peer.send(peer.close_frame(1000))
    if link.role == "client":
        peer.finish_sending()
    assert peer.end() == FIN
    firmware.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_T6_two_tasks_send_and_pings_come_while_closing(link):
    # So little room that every message waits for it, in the middle of its frame.
    peer, firmware = link("send_from_two_tasks", receive_buffer=2048)
    found = []
    pings = 0
    while True:
        first, payload = peer.receive()
        if first == 0x88:
            break
        found.append((first, payload))
        if len(found) % 10 == 0:
            pings += 1
            peer.send(peer.frame(0x89, b"%d" % pings), peer.frame(0x81, b"go on"))
    assert payload == close_payload(1000)
    peer.send(peer.close_frame(1000))
    if link.role == "client":
        peer.finish_sending()
    behind, kind = peer.frames_to_the_end()
    assert kind == FIN
    # Behind our Close there is nothing but answers to Pings, which are due until the peer's.
    assert all(first == 0x8A for first, _ in behind)
    found += behind
    accepted = firmware.report("accepted")
    for letter, count in zip(b"ab", accepted, strict=True):
        assert found.count((0x81, bytes([letter]) * 3000)) == count >= 10
    pongs = [int(payload) for first, payload in found if first == 0x8A]
    assert pongs == sorted(set(pongs)) and pongs[-1] == pings
    assert len(found) == sum(accepted) + len(pongs)
    outcome = firmware.report("outcome")
    assert outcome["clean"] and outcome["undelivered"] == 0


def test_T7_missed_pong(link):
    peer, firmware = link("read", {"ping_interval": 300, "pong_timeout": 300})
    assert peer.receive() == (0x89, b"signalbox")
    peer.send(peer.frame(0x8A))
    assert peer.receive() == (0x89, b"signalbox")
    began = time.monotonic()
    assert peer.receive() == (0x88, close_payload(1011, b"no pong"))
    assert within((time.monotonic() - began) * 1000, 300)
    assert peer.end() == FIN
    assert within((time.monotonic() - began) * 1000, 900)
    firmware.outcome(initiator="local", sent_code=1011, timed_out=True)


def test_T7_missed_pong_and_nothing_can_be_written(link):
    settings = {"ping_interval": 300, "pong_timeout": 300}
    # 8 MB, in messages larger than the buffer, of which the peer reads none.
    peer, firmware = link("send", settings, receive_buffer=2048, count=80, size=100000, wait=True)
    began = time.monotonic()
    outcome = firmware.report("outcome")
    assert within((time.monotonic() - began) * 1000, 1200)
    assert outcome["timed_out"] and not outcome["clean"] and outcome["undelivered"] == 1
    assert outcome["sent_code"] is None and outcome["code"] == 1006
    frames, kind = peer_frames_of_a_torn_stream(peer)
    assert kind in (FIN, RST)
    sent = firmware.reports("sent")
    assert len(frames) <= len(sent)


def peer_frames_of_a_torn_stream(peer):
    """The whole frames, and how TCP ended: here in the middle of one."""
    frames = []
    while True:
        try:
            frames.append(peer.receive())
        except (AssertionError, EOFError):
            return frames, FIN
        except ConnectionResetError:
            return frames, RST
