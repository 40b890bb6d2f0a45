"""Row K5 of close.md: TLS on the board, with a certificate made for the test."""

import base64
import ssl

import pytest
import trustme
from peers import BOARD, check, start_server
from websockets.asyncio.client import connect

PORT = 443
HANDSHAKE_TIMEOUT_S = 600
CLOSE_TIMEOUT_S = 300
LEAST_FREE = 64 << 10


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def more_files(authority):
    """The server's certificate and key, DER."""
    issued = authority.issue_cert(BOARD, key_type=trustme.KeyType.ECDSA)
    cert = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    return {"cert.der": cert, "key.der": der(issued.private_key_pem.bytes())}


def der(pem):
    """The octets in a PEM file."""
    lines = [line for line in pem.splitlines() if not line.startswith(b"-----")]
    return base64.b64decode(b"".join(lines))


@pytest.fixture(scope="module")
def server(network, pico):
    """serve.py with TLS, for all the tests of this module."""
    source = f"import serve\nserve.run({PORT}, cert='cert.der', key='key.der')"
    program = network.run(start_server(pico, source), HANDSHAKE_TIMEOUT_S)
    yield program
    program.abandon()


def open_websocket(authority, path):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return connect(
        f"wss://{BOARD}:{PORT}{path}",
        ssl=context,
        open_timeout=HANDSHAKE_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=None,
    )


async def test_K5_clean_close_over_tls(network, pico, server, authority, figure):
    start_s = pico.clock_s
    async with open_websocket(authority, "/echo?K5") as ws:
        figure(f"TLS and opening handshake: {pico.clock_s - start_s:.1f} s of the board's time")
        for message in ("grün", bytes(4096)):
            await ws.send(message)
            assert await ws.recv() == message
        await ws.close(4003, "bye")
        assert ws.close_code == 4003
    check(
        await server.outcome("/echo?K5"),
        code=4003,
        reason="bye",
        clean=True,
        initiator="peer",
        sent_code=4003,
        rcvd_code=4003,
    )


async def test_heap_with_a_tls_connection(network, pico, server, authority, figure):
    async with open_websocket(authority, "/heap"):
        free = int(await server.wait_for_line("free "))
    figure(f"free with one connection over TLS: {free} octets")
    assert free > LEAST_FREE
