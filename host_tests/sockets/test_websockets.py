"""A session with PyPI's `websockets`, which nobody here wrote, in each role.

Its asyncio side: with threads, over TLS, it misses the reply to a Close now and then, even from a
server of its own.
"""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

MESSAGES = ["grün", "", b"octets", b"", "x" * 20000, bytes(range(256)) * 100, ["in ", "parts"]]
EXPECTED = [m if not isinstance(m, list) else "".join(m) for m in MESSAGES]
CODES = {"clean": True, "initiator": "peer", "sent_code": 4001, "rcvd_code": 4001}


@pytest.fixture(params=["ws", "wss"])
def tls(request, certificates):
    return certificates if request.param == "wss" else None


async def test_client(as_server, tls):
    firmware = as_server.start_server(tls=tls, do="echo", subprotocols=["v1"])
    async with connect(
        f"{'wss' if tls else 'ws'}://localhost:{firmware.port}/path",
        subprotocols=["v0", "v1"],
        ssl=tls.client_context() if tls else None,
    ) as ws:
        assert ws.subprotocol == "v1"
        for message, expected in zip(MESSAGES, EXPECTED, strict=True):
            await ws.send(message)
            assert await ws.recv() == expected
        assert await (await ws.ping()) >= 0
        await ws.close(4001, "bye")
    assert (ws.protocol.close_rcvd.code, ws.protocol.close_sent.code) == (4001, 4001)
    firmware.outcome(code=4001, reason="bye", **CODES)


async def test_client_that_the_server_closes(as_server):
    firmware = as_server.start_server(do="send", count=3, size=1000)
    async with connect(f"ws://localhost:{firmware.port}/") as ws:
        for i in range(3):
            assert await ws.recv() == bytes([i]) * 1000
        with pytest.raises(ConnectionClosedOK):
            await ws.recv()
    firmware.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


async def test_client_that_is_refused(as_server):
    firmware = as_server.start_server(do="echo", limits={"max_connections": 1})
    url = f"ws://localhost:{firmware.port}/"
    async with connect(url):
        with pytest.raises(InvalidStatus) as refused:
            # It would try again by itself after a 503.
            await connect(url, process_exception=lambda error: error)
        assert refused.value.response.status_code == 503


async def test_server(as_client, tls):
    received = []

    async def handler(ws):
        for message in MESSAGES:
            await ws.send(message)
            received.append(await ws.recv())
        assert await (await ws.ping()) >= 0
        await ws.close(4001, "bye")

    context = tls.server_context() if tls else None
    async with serve(handler, "127.0.0.1", 0, subprotocols=["v1"], ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        firmware = as_client.start_client(port, tls=tls, do="echo", subprotocols=["v1"])
        opened = await asyncio.to_thread(firmware.report, "opened")
        assert opened["subprotocol"] == "v1"
        await asyncio.to_thread(firmware.report, "outcome")
    firmware.outcome(code=4001, reason="bye", **CODES)
    assert received == EXPECTED


async def test_server_that_the_client_closes(as_client):
    received = []

    async def handler(ws):
        async for message in ws:
            received.append(message)

    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        firmware = as_client.start_client(port, do="send_source", size=100000)
        await asyncio.to_thread(firmware.report, "outcome")
    firmware.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)
    assert received == [b"0123456789" * 10000]
