"""What the board's port answers: the page, /health, and which WebSocket is for whom."""

import io
import json

import scripted  # noqa: F401  makes net importable on CPython
from signalbox import web
from signalbox.net.access import Access
from signalbox.net.respond import response
from signalbox.web import Json, Site
from signalbox.ws.handshake_server import Request
from signalbox.ws.http import Head

TOKEN = "abcdefghijklmnop"
BODY = bytes(range(256)) * 5
FIELDS = (
    b"Content-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
    b'Content-Length: 1280\r\nCache-Control: no-cache\r\nETag: "0123"\r\n'
    b"Content-Security-Policy: default-src 'none'; img-src data: blob:\r\n\r\n"
)
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


class Route:
    def __init__(self):
        self.full = False
        self.served = []

    async def serve(self, ws):
        self.served.append(ws)


class Socket:
    def __init__(self, path):
        self.path = path
        self.code = None
        self.connection = self.reader = self  # of which a Site knows the pool
        self.pool = True

    def close(self, code):
        self.code = code


def site(token=None, routes=None):
    access = Access(token=token, open=token is None)
    return Site(access, lambda: {"uptime": 5, "peers": []}, routes or {}, ("one", "two"))


def request(target, *fields, method="GET"):
    lines = (method + " " + target + " HTTP/1.1", "Host: cam-1.local:8443") + fields
    octets = bytearray(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = Head()
    head.feed(octets, 0, len(octets))
    return Request(head)


def read(body, n):
    """All of a body, read `n` octets at a time."""
    buf = bytearray(n)
    octets = b""
    while True:
        taken = body.readinto(buf)
        if not taken:
            return octets
        octets += buf[:taken]


def with_page(test):
    """Run `test` while there is a page; it gets the files that were opened."""
    opened = []
    before = web._open

    def open_page():
        opened.append(io.BytesIO(FIELDS + BODY))
        return opened[-1]

    web._open = open_page
    try:
        test(opened)
    finally:
        web._open = before


def is_closed(file):
    try:
        file.readline()
    except ValueError:
        return True
    return False


def test_page():
    def test(opened):
        answer = site()(request("/?x=1"))
        assert answer.status == 200
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; img")
        assert response(200, answer.headers).startswith(b"HTTP/1.1 200 OK\r\n")
        assert read(answer.body, 100) == BODY

    with_page(test)


def test_page_that_the_browser_has():
    def test(opened):
        answer = site()(request("/", 'If-None-Match: "0123"'))
        assert (answer.status, answer.body) == (304, None)
        assert answer.headers["ETag"] == '"0123"'
        assert "Content-Length" not in answer.headers
        assert is_closed(opened[0])
        assert site()(request("/", 'If-None-Match: "0124"')).status == 200

    with_page(test)


def test_head():
    def test(opened):
        answer = site()(request("/", method="HEAD"))
        assert (answer.status, answer.body) == (200, None)
        assert answer.headers["Content-Length"] == "1280"
        assert is_closed(opened[0])

    with_page(test)
    answer = site()(request("/health", method="HEAD"))
    assert (answer.status, answer.body) == (200, None)


def test_page_needs_no_token_and_health_does():
    def test(opened):
        assert site(TOKEN)(request("/")).status == 200

    with_page(test)
    guarded = site(TOKEN)
    assert guarded(request("/health")).status == 401
    assert guarded(request("/health", "Authorization: Bearer " + TOKEN)).status == 200
    assert guarded(request("/health?token=" + TOKEN)).status == 200
    assert guarded(request("/health?token=" + TOKEN + "x")).status == 401
    assert guarded(request("/health?token=" + TOKEN, "Origin: http://evil.test")).status == 403


def test_no_page_on_the_board():
    assert web.PAGE == "page.http"
    before = web._open
    web._open = lambda: None
    try:
        answer = site()(request("/"))
    finally:
        web._open = before
    assert answer.status == 404
    assert b"make deploy" in answer.body


def test_other_paths_and_methods():
    for target in ("/page.http", "/config.json", "/../config.json", "//", "/health/", "*"):
        assert site()(request(target)).status == 404
    for target in ("/", "/health"):
        answer = site()(request(target, method="POST"))
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_health():
    answer = site(routes={None: Route(), "/control": Route()})(request("/health"))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    health = json.loads(read(answer.body, 7))
    assert sorted(health.pop("paths")) == ["/", "/control"]
    assert health == {"uptime": 5, "peers": []}


def test_json_in_pieces():
    value = {
        "text": 'a "quoted" \n line, grün',
        "numbers": [1, -2.5, True, None],
        "empty": [{}, [], ""],
        "nested": {"a": {"b": [[1], [2, [3]]]}},
    }
    for n in (1, 3, 512):
        body = Json(value)
        assert json.loads(str(read(body, n), "utf-8")) == value
        body.close()
    body = Json([(n * n for n in range(4)), (n for n in ())])
    assert read(body, 9) == b"[[0,1,4,9],[]]"


def test_json_is_never_there_as_a_whole():
    made = []

    def items():
        for n in range(1000):
            made.append(n)
            yield n

    body = Json({"items": items()})
    buf = bytearray(64)
    assert body.readinto(buf) == 64
    assert len(made) < 40


def test_upgrade_by_path():
    control = Route()
    others = Route()
    both = site(routes={"/control": control, None: others})
    assert both(request("/control", *UPGRADE)) is None
    assert both(request("/", *UPGRADE)) is None
    assert both(request("/any/path", *UPGRADE)) is None
    control.full = True
    answer = both(request("/control?x=1", *UPGRADE))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert both(request("/control/", *UPGRADE)) is None
    alone = site(routes={"/control": control})
    assert alone(request("/", *UPGRADE)).status == 404


def test_upgrade_needs_the_token():
    guarded = site(TOKEN, {None: Route()})
    assert guarded(request("/", *UPGRADE)).status == 401
    fields = UPGRADE + ("Sec-WebSocket-Protocol: one, signalbox.token." + TOKEN,)
    asked = request("/", *fields)
    assert guarded(asked) is None
    assert asked.accept(guarded.subprotocols)[1] == "one"
    assert guarded.subprotocols == ("one", "two", "signalbox")


async def test_a_web_socket_is_handed_to_its_route():
    control = Route()
    others = Route()
    both = site(routes={"/control": control, None: others})
    for path in ("/control", "/control?token=x", "/", "/controls"):
        await both.serve(Socket(path))
    assert [ws.path for ws in control.served] == ["/control", "/control?token=x"]
    assert [ws.path for ws in others.served] == ["/", "/controls"]
    assert [ws.pool for ws in control.served + others.served] == [None, None, True, True]


async def test_a_web_socket_that_came_too_late():
    control = Route()
    control.full = True
    late = Socket("/control")
    await site(routes={"/control": control}).serve(late)
    assert late.code == 1013 and control.served == []
    nowhere = Socket("/")
    await site(routes={"/control": control}).serve(nowhere)
    assert nowhere.code == 1013
    assert late.pool is nowhere.pool is None
