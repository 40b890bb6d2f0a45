"""The K rows of close.md against signalbox.net.server on the board, seen on the wire.

K7 is a client's, and in test_client.py.
"""

import asyncio

import pytest
import wire
from peers import PORT, Client, check, fins_and_resets, settle

CLIENTS = 4  # that serve.py's server takes: MAX_CONNECTIONS
LARGE = bytes(range(256)) * 64  # what it sends at /large
MIB = 1 << 20
LARGER_THAN_THE_HEAP = 1 << 18


async def test_K1_server_closes_tcp_first_after_the_peers_close(network, pico, server):
    peer = await Client.open("/echo?K1-peer")
    await peer.send(0x81, b"hello")
    assert await peer.read_frames(1) == [(0x81, b"hello")]
    await peer.send_close(1000, b"bye")
    assert await peer.read_frames_to_end() == ([(0x88, wire.close_payload(1000))], "FIN")
    peer.close()
    await settle(pico, peer.port, "board FIN", "host FIN")
    check(
        await server.outcome("/echo?K1-peer"),
        code=1000,
        reason="bye",
        clean=True,
        initiator="peer",
        sent_code=1000,
        rcvd_code=1000,
    )


async def test_K1_server_closes_tcp_first_after_its_own_close(network, pico, server):
    peer = await Client.open("/close?K1-local")
    await peer.send(0x81, b"hello")
    assert await peer.read_frames(1) == [(0x88, wire.close_payload(4001, "grün".encode()))]
    await peer.send_close(4001)
    assert await peer.read_frames_to_end() == ([], "FIN")
    peer.close()
    await settle(pico, peer.port, "board FIN", "host FIN")
    check(
        await server.outcome("/close?K1-local"),
        code=4001,
        clean=True,
        initiator="local",
        sent_code=4001,
        rcvd_code=4001,
    )


async def test_K2_input_behind_the_close_is_drained(network, pico, server):
    peer = await Client.open("/echo?K2")
    await peer.send_octets(peer.close_frame(1000) + peer.frame(0x82, bytes(1000)) * 3)
    assert await peer.read_frames_to_end() == ([(0x88, wire.close_payload(1000))], "FIN")
    peer.close()
    await settle(pico, peer.port, "board FIN", "host FIN")
    outcome = await server.outcome("/echo?K2")
    assert (outcome.code, outcome.clean, outcome.tcp_reset) == (1000, True, False)


async def test_K2_input_that_the_application_did_not_want_is_drained(network, pico, server):
    peer = await Client.open("/deaf?K2")
    sending = asyncio.create_task(peer.send_octets(peer.frame(0x82, bytes(1000)) * 60))
    await server.wait_for_line("open /deaf?K2")
    # The board's window fills, and TCP's flow control stops the peer.
    seen = -1
    while seen < len(pico.wire.of(peer.port)):
        seen = len(pico.wire.of(peer.port))
        await asyncio.sleep(1)
    other = await Client.open("/hear?K2")
    assert await other.read_frames(1) == [(0x88, wire.close_payload(1000))]
    await other.send_close(1000)
    await other.read_frames_to_end()
    other.close()
    assert await peer.read_frames(1) == [(0x88, wire.close_payload(1000))]
    await sending
    await peer.send_close(1000)
    assert await peer.read_frames_to_end() == ([], "FIN")
    peer.close()
    await settle(pico, peer.port, "board FIN", "host FIN")
    outcome = await server.outcome("/deaf?K2")
    assert (outcome.code, outcome.clean, outcome.tcp_reset) == (1000, True, False)
    assert outcome.discarded > 0


async def test_K3_everything_accepted_is_written_before_the_fin(network, pico, server):
    peer = await Client.open("/large?K3", receive_buffer=2048)
    await asyncio.sleep(1)  # the board's send buffer fills
    found = await peer.read_frames(2)
    if found[1][0] == 0x89:  # the board asks what has arrived of it
        await peer.send(0x8A, found.pop()[1])
        found.append(await peer.read_frame())
    assert found == [(0x82, LARGE), (0x88, wire.close_payload(1000))]
    await peer.send_close(1000)
    assert await peer.read_frames_to_end() == ([], "FIN")
    peer.close()
    await settle(pico, peer.port, "board FIN", "host FIN")
    outcome = await server.outcome("/large?K3")
    assert (outcome.code, outcome.clean, outcome.undelivered) == (1000, True, 0)


@pytest.mark.parametrize("n", [100_000, MIB])
async def test_K4_peer_that_uploads_reads_the_close_before_any_reset(
    network, pico, server, figure, n
):
    peer = await Client.open(f"/echo?K4-{n}")
    upload = asyncio.create_task(peer.send_octets(peer.frame(0x82, bytes(n))))
    found, end = await peer.read_frames_to_end()
    assert found == [(0x88, wire.close_payload(1009))]
    outcome = await server.outcome(f"/echo?K4-{n}")
    assert (outcome.code, outcome.failed_with, outcome.sent_code) == (1006, 1009, 1009)
    uploaded = sum(part.n for part in pico.wire.of(peer.port) if not part.from_board)
    if end == "FIN":
        await asyncio.gather(upload, return_exceptions=True)
        peer.close()
        assert fins_and_resets(pico.wire.of(peer.port))[0] == "board FIN"
    else:
        upload.cancel()
        peer.close()
    figure(f"K4, a message of {n} octets: {uploaded} octets uploaded, then a {end}")


async def test_K6_close_now(network, pico, server):
    peer = await Client.open("/drop?K6")
    await peer.send(0x81, b"drop me")
    assert await peer.read_frames_to_end() == ([], "FIN")
    peer.close()
    await settle(pico, peer.port, "board FIN", "host FIN")
    check(await server.outcome("/drop?K6"))


async def test_K6_peer_resets(network, pico, server):
    peer = await Client.open("/idle?K6-reset")
    await server.wait_for_line("open /idle?K6-reset")
    peer.reset()
    check(await server.outcome("/idle?K6-reset"), tcp_reset=True)


async def test_K6_peer_resets_behind_its_last_messages(network, pico, server):
    peer = await Client.open("/idle?K6-last")
    await server.wait_for_line("open /idle?K6-last")
    await peer.send_octets(peer.frame(0x81, b"my last words") + peer.close_frame(4002, b"gone"))
    peer.reset()
    check(
        await server.outcome("/idle?K6-last"),
        code=4002,
        reason="gone",
        initiator="peer",
        rcvd_code=4002,
        tcp_reset=True,
    )


async def test_K6_wifi_is_lost(network, pico, server):
    peer = await Client.open("/offline?K6-wifi")
    await peer.send(0x81, b"go away")
    check(await server.outcome("/offline?K6-wifi"))
    await server.wait_for_line("online")
    peer.reset()
    again = await Client.open("/echo?K6-again")
    await again.send_close(1000)
    assert await again.read_frames_to_end() == ([(0x88, wire.close_payload(1000))], "FIN")
    again.close()


async def test_B7_message_larger_than_the_heap_close_ping(network, pico, server):
    peer = await Client.open("/sink?B7", port=PORT + 1)
    message = peer.frame(0x82, bytes(LARGER_THAN_THE_HEAP))
    await peer.send_octets(message + peer.close_frame(1000) + peer.frame(0x89, b"no pong"))
    assert await peer.read_frames_to_end() == ([(0x88, wire.close_payload(1000))], "FIN")
    peer.close()
    assert await server.wait_for_line("sink ") == f"{LARGER_THAN_THE_HEAP} 1"
    assert (await server.outcome("/sink?B7")).clean


async def test_more_connections_than_the_board_has(network, pico, server):
    peers = []
    for i in range(CLIENTS):
        peers.append(await Client.open(f"/idle?full-{i}"))
    refused = await Client.dial()
    head = await refused.handshake("/idle")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in head
    assert (await refused.read_to_end())[1] == "FIN"
    refused.close()
    await settle(pico, refused.port, "board FIN", "host FIN")
    for i, peer in enumerate(peers):
        await peer.send_close(1001)
        assert await peer.read_frames_to_end() == ([(0x88, wire.close_payload(1001))], "FIN")
        peer.close()
        assert (await server.outcome(f"/idle?full-{i}")).clean
    again = await Client.open("/echo?again")
    await again.send_close(1000)
    await again.read_frames_to_end()
    again.close()
