"""Tokens and origins over real sockets, as browsers and native peers give them."""

from pathlib import Path

import pytest
from signalling_client import free_port
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

PROGRAM = Path(__file__).parent / "programs" / "guarded.py"
TOKEN = "0123456789-._~aZ"
PAGE = "https://example.org"


@pytest.fixture(scope="module")
def url(micropython):
    port = free_port()
    with micropython.start(PROGRAM, port, TOKEN, PAGE) as program:
        program.wait_for_port()
        yield f"ws://127.0.0.1:{port}/"


def attempt(url, **more):
    return connect(url, proxy=None, process_exception=lambda error: error, **more)


async def test_a_browser_offers_the_token_as_a_subprotocol(url):
    offered = ["signalbox", "signalbox.token." + TOKEN]
    async with attempt(url, subprotocols=offered, origin=PAGE) as ws:
        assert ws.subprotocol == "signalbox"
        assert '"welcome"' in await ws.recv()


async def test_a_token_in_the_query_or_in_authorization(url):
    async with attempt(url + "?token=" + TOKEN) as ws:
        assert ws.subprotocol is None
        assert '"welcome"' in await ws.recv()
    fields = {"Authorization": "Bearer " + TOKEN}
    async with attempt(url, additional_headers=fields) as ws:
        # A native peer fails over a subprotocol that it didn't ask for.
        assert "Sec-WebSocket-Protocol" not in ws.response.headers
        assert '"welcome"' in await ws.recv()


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("", {}, 401),
        ("?token=" + TOKEN[:-1], {}, 401),
        ("", {"subprotocols": ["signalbox", "signalbox.token.x"]}, 401),
        ("", {"additional_headers": {"Authorization": "Basic " + TOKEN}}, 401),
        ("?token=" + TOKEN, {"origin": "https://example.net"}, 403),
        ("?token=" + TOKEN, {"origin": "null"}, 403),
    ],
)
async def test_others_are_refused_before_the_upgrade(url, path, more, status):
    with pytest.raises(InvalidStatus) as refusal:
        await attempt(url + path, **more)
    response = refusal.value.response
    assert response.status_code == status
    assert response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


async def test_a_full_server_says_503_before_the_upgrade_and_has_room_again(url):
    path = url + "?token=" + TOKEN
    async with attempt(path), attempt(path):
        with pytest.raises(InvalidStatus) as refusal:
            await attempt(path)
        assert refusal.value.response.status_code == 503
        assert int(refusal.value.response.headers["Retry-After"]) > 0
    async with attempt(path) as ws:
        assert '"welcome"' in await ws.recv()
