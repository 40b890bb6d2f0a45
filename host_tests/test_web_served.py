"""The page, /health and /preview of the firmware on the unix port, without a browser."""

import gzip
import http.client
import json
import sys
import threading
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

sys.path.append(str(Path(__file__).parent / "page"))

from actors import TOKEN, Firmware

TIMEOUT_S = 40


@pytest.fixture
def start(micropython, tmp_path):
    """A function: a Firmware; it ends with the test."""
    started = []

    def start_one(token=None):
        started.append(Firmware(micropython, tmp_path / "web", token))
        return started[-1]

    yield start_one
    for firmware in started:
        firmware.kill()


def ask(firmware, target, method="GET", **fields):
    """(status, fields by lower-case name, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", firmware.port, timeout=TIMEOUT_S)
    try:
        names = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, target, headers=names)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, found, response.read()
    finally:
        connection.close()


def watch(firmware, **options):
    url = firmware.url.replace("http", "ws") + "preview"
    return connect(url, proxy=None, open_timeout=TIMEOUT_S, max_size=1 << 16, **options)


def test_page(start):
    firmware = start()
    status, fields, body = ask(firmware, "/")
    assert status == 200
    assert int(fields["content-length"]) == len(body)
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in fields["content-security-policy"]
    assert gzip.decompress(body).startswith(b"<!doctype html>")
    assert ask(firmware, "/", If_None_Match=fields["etag"])[0::2] == (304, b"")
    status, head, nothing = ask(firmware, "/", "HEAD")
    assert (status, nothing) == (200, b"")
    assert head == fields
    assert ask(firmware, "/", "POST")[0] == 405
    assert ask(firmware, "/config.json")[0] == 404
    assert ask(firmware, "/../config.json")[0] == 404


def test_health(start):
    firmware = start()
    status, fields, body = ask(firmware, "/health")
    assert (status, fields["content-type"]) == (200, "application/json")
    health = json.loads(body)
    assert sorted(health["paths"]) == ["/", "/control", "/preview"]
    assert health["heap"]["free"] > 0 and health["heap"]["used"] > 0
    assert health["uptime_s"] >= 0 and health["sessions"] == []
    assert {"name", "version", "caps"} <= set(health) and health["deadman_ms"] == 750


def test_token(start):
    firmware = start(TOKEN)
    assert ask(firmware, "/")[0] == 200
    assert ask(firmware, "/health")[0] == 401
    assert ask(firmware, "/health", Authorization="Bearer " + TOKEN)[0] == 200
    assert ask(firmware, "/health?token=" + TOKEN)[0] == 200
    with pytest.raises(InvalidStatus):
        watch(firmware)
    with watch(firmware, subprotocols=["signalbox", "signalbox.token." + TOKEN]) as viewer:
        assert viewer.subprotocol == "signalbox"
        assert viewer.recv(timeout=TIMEOUT_S)[:2] == b"\xff\xd8"


def test_viewers_see_the_same_pictures_and_a_slow_one_holds_nobody_up(start):
    firmware = start()
    with watch(firmware) as one, watch(firmware) as other, watch(firmware) as slow:
        # It takes none: the pictures pile up in its queue and TCP's, and then it misses some.
        assert slow.protocol.state.name == "OPEN"
        seen = [one.recv(timeout=TIMEOUT_S) for _ in range(20)]
        assert all(picture[:2] == b"\xff\xd8" and picture[-2:] == b"\xff\xd9" for picture in seen)
        assert len(set(seen)) == len(seen)
        others = [other.recv(timeout=TIMEOUT_S) for _ in range(20)]
        assert len(set(seen) & set(others)) >= 15


def test_a_viewer_past_the_cap_is_refused_before_the_upgrade(start):
    firmware = start()
    viewers = []
    try:
        with pytest.raises(InvalidStatus) as refused:
            for _ in range(20):
                viewers.append(watch(firmware))
        assert refused.value.response.status_code == 503
        assert viewers
        # The others' pictures go on, and so does signalling.
        assert viewers[0].recv(timeout=TIMEOUT_S)
        with connect(firmware.url.replace("http", "ws"), proxy=None) as peer:
            assert json.loads(peer.recv(timeout=TIMEOUT_S))["type"] == "welcome"
    finally:
        for viewer in viewers:
            viewer.close()


def test_viewers_are_told_when_the_firmware_stops(start):
    firmware = start()
    with watch(firmware) as viewer:
        viewer.recv(timeout=TIMEOUT_S)
        stopping = threading.Thread(target=firmware.stop)
        stopping.start()
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                viewer.recv(timeout=TIMEOUT_S)
        stopping.join()
        assert closed.value.rcvd.code == 1001
        assert firmware.process.returncode == 0
