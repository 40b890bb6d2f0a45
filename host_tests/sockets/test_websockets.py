"""A session with PyPI's `websockets`, which nobody here wrote, in each role."""

import threading

import pytest
from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

MESSAGES = ["grün", "", b"octets", b"", "x" * 20000, bytes(range(256)) * 100, ["in ", "parts"]]
EXPECTED = [m if not isinstance(m, list) else "".join(m) for m in MESSAGES]


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_client(as_server, certificates, secure):
    tls = certificates if secure else None
    firmware = as_server.start_server(tls=tls, do="echo", subprotocols=["v1"])
    scheme = "wss" if secure else "ws"
    context = certificates.client_context() if secure else None
    with connect(
        f"{scheme}://localhost:{firmware.port}/path", subprotocols=["v0", "v1"], ssl=context
    ) as ws:
        assert ws.subprotocol == "v1"
        for message, expected in zip(MESSAGES, EXPECTED, strict=True):
            ws.send(message)
            assert ws.recv(10) == expected
        assert ws.ping().wait(10)
        ws.close(4001, "bye")
    assert (ws.protocol.close_rcvd.code, ws.protocol.close_sent.code) == (4001, 4001)
    firmware.outcome(
        code=4001, reason="bye", clean=True, initiator="peer", sent_code=4001, rcvd_code=4001
    )


def test_client_that_the_server_closes(as_server):
    firmware = as_server.start_server(do="send", count=3, size=1000)
    with connect(f"ws://localhost:{firmware.port}/") as ws:
        assert [ws.recv(10) for _ in range(3)] == [bytes([i]) * 1000 for i in range(3)]
        with pytest.raises(ConnectionClosedOK):
            ws.recv(10)
    firmware.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)


def test_client_that_is_refused(as_server):
    firmware = as_server.start_server(do="echo", limits={"max_connections": 1})
    with connect(f"ws://localhost:{firmware.port}/"):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://localhost:{firmware.port}/")
        assert refused.value.response.status_code == 503


@pytest.fixture
def start_websockets_server(stack):
    """A server of that library in a thread of its own. Returns its port."""

    def start(handler, **arguments):
        server = stack.enter_context(serve(handler, "127.0.0.1", 0, **arguments))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        return server.socket.getsockname()[1]

    return start


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_server(as_client, certificates, start_websockets_server, secure):
    received = []

    def handler(ws):
        for message in MESSAGES:
            ws.send(message)
            received.append(ws.recv(10))
        assert ws.ping().wait(10)
        ws.close(4001, "bye")

    tls = certificates if secure else None
    context = certificates.server_context() if secure else None
    port = start_websockets_server(handler, subprotocols=["v1"], ssl=context)
    firmware = as_client.start_client(port, tls=tls, do="echo", subprotocols=["v1"])
    assert firmware.report("opened")["subprotocol"] == "v1"
    firmware.outcome(
        code=4001, reason="bye", clean=True, initiator="peer", sent_code=4001, rcvd_code=4001
    )
    assert received == EXPECTED


def test_server_that_the_client_closes(as_client, start_websockets_server):
    received = []

    def handler(ws):
        received.extend(ws)

    port = start_websockets_server(handler)
    firmware = as_client.start_client(port, do="send_source", size=100000)
    firmware.outcome(code=1000, clean=True, initiator="local", sent_code=1000, rcvd_code=1000)
    assert received == [b"0123456789" * 10000]
