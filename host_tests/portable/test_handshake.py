"""The opening handshake (RFC 6455 section 4), both roles, and the HTTP/1.1 that it needs."""

from signalbox.net.respond import response
from signalbox.ws.handshake import accept_key
from signalbox.ws.handshake_client import URL, ClientHandshake, HandshakeRejected
from signalbox.ws.handshake_server import Request
from signalbox.ws.http import LARGEST_HEAD, MOST_FIELDS, HandshakeError, Head, has_token
from wire import chunkings, raises

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of the RFC's example (1.3)
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = (
    ("Host", "example.org"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Version", "13"),
)
ANSWER = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Accept", ACCEPT),
)


def head_of(line, fields, **changes):
    """A Head. `changes` by name, with _ for -: another value, or None for none."""
    lines = [line]
    for name, value in fields:
        value = changes.pop(name.lower().replace("-", "_"), value)
        if value is not None:
            lines.append(name + ": " + value)
    lines.extend(name.replace("_", "-") + ": " + value for name, value in changes.items())
    return collect("\r\n".join(lines).encode() + b"\r\n\r\n")


def collect(octets):
    head = Head()
    assert head.feed(bytearray(octets), 0, len(octets)) == len(octets)
    assert head.done
    return head


def request(line="GET /chat HTTP/1.1", **changes):
    return Request(head_of(line, UPGRADE, **changes))


def status(function, *arguments):
    """The status of the HandshakeError that it raises; None without one."""
    try:
        function(*arguments)
    except HandshakeError as error:
        return error.status
    return None


def given_key(n):
    """What a client takes from os.urandom() to have the key of the example."""
    assert n == 16
    return b"the sample nonce"


def answer(line="HTTP/1.1 101 Switching Protocols", subprotocols=(), **changes):
    """Let a client check a response. Returns the subprotocol."""
    handshake = ClientHandshake(URL("ws://example.org/chat"), None, subprotocols, given_key)
    handshake.check(head_of(line, ANSWER, **changes))
    return handshake.subprotocol


# Collecting a head


def test_head_in_any_chunking():
    octets = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for pieces in chunkings(octets):
        head = Head()
        for i, piece in enumerate(pieces):
            assert not head.done
            if i == len(pieces) - 1:
                piece += b"behind"
            buf = bytearray(b"?" + piece)
            at = head.feed(buf, 1, len(buf))
            assert at == (len(buf) - 6 if head.done else len(buf))
        assert head.done
        assert head.lines() == ("GET / HTTP/1.1", {"host": "a"})


def test_head_whose_empty_line_is_torn():
    for cut in range(1, 5):
        octets = b"GET / HTTP/1.1\r\n\r\n"
        head = Head()
        assert head.feed(octets, 0, len(octets) - cut) == len(octets) - cut
        assert not head.done
        rest = octets[len(octets) - cut :] + b"xyz"
        assert head.feed(rest, 0, len(rest)) == cut
        assert head.done


def test_head_that_is_too_large():
    start = b"GET / HTTP/1.1\r\nx: "
    fits = start + b"y" * (LARGEST_HEAD - len(start))
    head = Head()
    head.feed(fits, 0, len(fits))
    assert head.feed(b"\r\n\r\n", 0, 4) == 4
    assert head.done
    for tail in (b"y", b"y\r\n\r\n"):
        head = Head()
        head.feed(fits, 0, len(fits))
        assert status(head.feed, tail, 0, len(tail)) == 431


def test_head_with_too_many_fields():
    line = b"GET / HTTP/1.1"
    fields = b"".join(b"\r\nx%d: y" % i for i in range(MOST_FIELDS))
    assert len(collect(line + fields + b"\r\n\r\n").lines()[1]) == MOST_FIELDS
    assert status(collect(line + fields + b"\r\nz: y\r\n\r\n").lines) == 431


def test_head_fields():
    octets = (
        b"GET / HTTP/1.1\r\nHOST:a\r\nX-Spaces: \t b c \t\r\nx-empty:\r\n"
        b"x-colon: a:b\r\nx-twice: 1\r\nX-Twice: 2\r\n\r\n"
    )
    assert collect(octets).lines()[1] == {
        "host": "a",
        "x-spaces": "b c",
        "x-empty": "",
        "x-colon": "a:b",
        "x-twice": "1, 2",
    }


def test_head_fields_that_must_not_come_twice():
    for name in (b"Host", b"Sec-WebSocket-Key", b"sec-websocket-accept"):
        head = collect(b"GET / HTTP/1.1\r\n" + 2 * (name + b": a\r\n") + b"\r\n")
        assert status(head.lines) == 400


def test_head_that_is_malformed():
    for field in (
        b"no colon",
        b": no name",
        b"na me: x",
        b"name : x",
        b" folded: x",
        b"x: y\r\n folded",
        b"x: y\r\n\tfolded: z",
        b"na\xc3\xafve: x",
        b"x: lone\nline feed",
        b"x: lone\rreturn",
        b"x: \x00",
        b"x: \xff",
        b"",
    ):
        octets = b"GET / HTTP/1.1\r\n" + field + b"\r\nlast: 1\r\n\r\n"
        if field:
            assert status(collect(octets).lines) == 400, field
        else:
            # An empty line: the head ends there, and the rest is not its own.
            head = Head()
            assert head.feed(octets, 0, len(octets)) == 18


def test_tokens():
    for value in ("websocket", "WebSocket", "a, websocket", "a,websocket\t , b", " websocket "):
        assert has_token(value, "websocket")
    for value in ("", "websockets", "web socket", "a;websocket", "x/websocket"):
        assert not has_token(value, "websocket")


def test_accept_key():
    assert accept_key(KEY) == ACCEPT


# The server's side


def test_request_is_accepted():
    octets, chosen = request().accept()
    assert octets == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"\r\n"
    )
    assert chosen is None


def test_request_attributes():
    got = request("GET /a%20b/c?d=e&f=?g HTTP/1.1", X_More="More")
    assert got.method == "GET"
    assert got.target == "/a%20b/c?d=e&f=?g"
    assert got.path == "/a%20b/c"
    assert got.query == "d=e&f=?g"
    assert got.headers["x-more"] == "More"
    assert got.upgrade
    got = request("POST / HTTP/1.1", upgrade=None)
    assert (got.method, got.query, got.upgrade) == ("POST", "", False)


def test_request_in_any_case_and_among_others():
    for changes in (
        {"upgrade": "WebSocket"},
        {"upgrade": "h2c, websocket"},
        {"connection": "keep-alive, UPGRADE"},
        {"connection": "upgrade,keep-alive"},
        {"sec_websocket_extensions": "permessage-deflate; client_max_window_bits"},
        {"origin": "https://example.org"},
    ):
        octets, _ = request(**changes).accept()
        assert octets.startswith(b"HTTP/1.1 101 ")
        # No extension is accepted.
        assert b"xtensions" not in octets


def test_request_that_may_not_be_accepted():
    for changes, code in (
        ({"line": "POST /chat HTTP/1.1"}, 400),
        ({"line": "get /chat HTTP/1.1"}, 400),
        ({"line": "GET /chat HTTP/1.0"}, 400),
        ({"upgrade": None}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"connection": None}, 400),
        ({"connection": "keep-alive"}, 400),
        ({"sec_websocket_version": None}, 426),
        ({"sec_websocket_version": "8"}, 426),
        ({"sec_websocket_version": "13, 8"}, 426),
        ({"sec_websocket_version": "013"}, 426),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_key": ""}, 400),
        ({"sec_websocket_key": "dGhlIHNhbXBsZSBub25j"}, 400),
        ({"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ="}, 400),
        ({"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=x"}, 400),
        ({"sec_websocket_key": "dGhlIHNhbXBs!SBub25jZQ=="}, 400),
        ({"sec_websocket_key": "dGhlIHNhbXBsZSBub25j===="}, 400),
        ({"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==dGhl"}, 400),
    ):
        assert status(request(**changes).accept) == code, changes


def test_request_that_is_no_http():
    for line in (
        "",
        "GET",
        "GET /",
        "GET  HTTP/1.1",
        "GET / HTTP/1.1 more",
        "G(T / HTTP/1.1",
        " / HTTP/1.1",
    ):
        assert status(Request, head_of(line, UPGRADE)) == 400, line
    for line in ("GET / HTTP/2.0", "GET / HTTP/0.9", "GET / http/1.1", "GET / FTP/1.1"):
        assert status(Request, head_of(line, UPGRADE)) == 505, line


def test_request_without_a_host():
    assert status(Request, head_of("GET / HTTP/1.1", UPGRADE, host=None)) == 400
    assert status(Request, head_of("GET / HTTP/1.1", UPGRADE, host="")) == 400
    # HTTP/1.0 had none, and pages may be had with it.
    assert Request(head_of("GET / HTTP/1.0", UPGRADE, host=None)).path == "/"


def test_subprotocol_is_our_first_that_was_offered():
    ours = ("best", "good")
    for offered, wanted in (
        ("good, best", "best"),
        ("good", "good"),
        ("other,good\t, more", "good"),
        ("Best", None),  # they are compared as they are
        ("other", None),
        ("", None),
        (None, None),
    ):
        octets, chosen = request(sec_websocket_protocol=offered or "").accept(ours)
        assert chosen == wanted
        field = b"\r\nSec-WebSocket-Protocol: %s\r\n" % (wanted or "").encode()
        assert (field in octets) == (wanted is not None)
    assert request(sec_websocket_protocol="good").accept()[1] is None


def test_response():
    assert response(404, {"X-Why": "gone"}, 3) == (
        b"HTTP/1.1 404 Not Found\r\nX-Why: gone\r\ncontent-length: 3\r\nconnection: close\r\n\r\n"
    )
    assert response(299) == b"HTTP/1.1 299 \r\nconnection: close\r\n\r\n"
    for headers in ({"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X": "\0"}, {"X Y": "a"}, {"": "a"}):
        assert raises(ValueError, response, 200, headers)


# The client's side


def test_request_of_a_client():
    handshake = ClientHandshake(
        URL("ws://example.org:8080/chat?room=1"),
        {"Authorization": "Basic abc"},
        ("v2", "v1"),
        given_key,
    )
    assert handshake.request == (
        b"GET /chat?room=1 HTTP/1.1\r\n"
        b"Host: example.org:8080\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + KEY.encode() + b"\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: v2, v1\r\n"
        b"Authorization: Basic abc\r\n"
        b"\r\n"
    )
    # Our own server agrees.
    assert Request(collect(handshake.request)).accept(("v1",))[1] == "v1"


def test_request_of_a_client_has_a_fresh_key():
    url = URL("ws://example.org/")
    requests = [ClientHandshake(url).request for _ in range(10)]
    assert len(set(requests)) == 10
    assert all(b"Sec-WebSocket-Protocol" not in octets for octets in requests)
    for octets in requests:
        Request(collect(octets)).accept()


def test_request_of_a_client_that_cannot_be_sent():
    url = URL("ws://example.org/")
    for headers in ({"X": "a\r\nY: b"}, {"X\r\nY": "a"}, {"": "a"}):
        assert raises(ValueError, ClientHandshake, url, headers)
    for subprotocols in (["a b"], ["a,b"], [""], ["grün"]):
        assert raises(ValueError, ClientHandshake, url, None, subprotocols)


def test_response_is_accepted():
    assert answer() is None
    assert answer(upgrade="WebSocket") is None
    assert answer(connection="keep-alive, upgrade") is None
    assert answer(line="HTTP/1.1 101 ") is None
    assert answer(line="HTTP/1.1 101") is None
    assert answer(server="x", date="y") is None
    assert answer(subprotocols=("a", "b"), sec_websocket_protocol="b") == "b"
    assert answer(subprotocols=("a",)) is None


def test_response_that_is_none_of_a_websocket():
    for changes in (
        {"upgrade": None},
        {"upgrade": "h2c"},
        {"upgrade": "h2c, websocket"},
        {"connection": None},
        {"connection": "keep-alive"},
        {"sec_websocket_accept": None},
        {"sec_websocket_accept": "x3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
        {"sec_websocket_accept": ACCEPT.lower()},
        {"sec_websocket_extensions": "permessage-deflate"},
        {"sec_websocket_protocol": "unasked"},
        {"sec_websocket_protocol": ""},
        {"sec_websocket_protocol": "a, b", "subprotocols": ("a", "b")},
        {"sec_websocket_protocol": "A", "subprotocols": ("a",)},
        {"line": "HTTP/1.0 101 Switching Protocols"},
        {"line": "HTTP/1.1"},
        {"line": "HTTP/2.0 503 x"},
        {"line": "HTTP/1.1 1o1 x"},
        {"line": "HTTP/1.1 1010 x"},
        {"line": "ICY 101 OK"},
        {"line": ""},
    ):
        try:
            answer(**changes)
            raise AssertionError(changes)
        except HandshakeError as error:
            assert not isinstance(error, HandshakeRejected), changes


def test_response_that_rejects():
    for code in (200, 301, 302, 307, 400, 401, 403, 404, 426, 500, 503, 599):
        # An old proxy in front of a server that is down answers by HTTP/1.0.
        for line in (f"HTTP/1.1 {code} x", f"HTTP/1.0 {code} x", f"HTTP/1.1 {code}"):
            try:
                answer(line, location="ws://b/", www_authenticate="Basic")
                raise AssertionError(line)
            except HandshakeRejected as error:
                assert error.status == code
                assert str(code) in str(error)
                assert error.headers["location"] == "ws://b/"
                assert error.headers["www-authenticate"] == "Basic"


# URLs


def test_urls():
    for url, secure, host, port, target, authority in (
        ("ws://a", False, "a", 80, "/", "a"),
        ("WS://a.example/", False, "a.example", 80, "/", "a.example"),
        ("wss://a/b/c?d", True, "a", 443, "/b/c?d", "a"),
        ("ws://a:8080?x=/y", False, "a", 8080, "/?x=/y", "a:8080"),
        ("ws://a/b?x=/y?z", False, "a", 80, "/b?x=/y?z", "a"),
        ("ws://a:80/", False, "a", 80, "/", "a"),
        ("wss://a:443", True, "a", 443, "/", "a"),
        ("wss://a:80/", True, "a", 80, "/", "a:80"),
        ("ws://a:/b", False, "a", 80, "/b", "a"),
        ("ws://192.0.2.1:81/", False, "192.0.2.1", 81, "/", "192.0.2.1:81"),
        ("ws://[2001:db8::1]/", False, "2001:db8::1", 80, "/", "[2001:db8::1]"),
        ("ws://[2001:db8::1]:81/", False, "2001:db8::1", 81, "/", "[2001:db8::1]:81"),
        ("ws://a/b%20c/d;e=f", False, "a", 80, "/b%20c/d;e=f", "a"),
    ):
        got = URL(url)
        assert (got.secure, got.host, got.port) == (secure, host, port), url
        assert (got.target, got.authority) == (target, authority), url


def test_urls_that_are_none():
    for url in (
        "",
        "a",
        "ws:",
        "ws:/a/",
        "http://a/",
        "//a/",
        "ws://",
        "ws:///path",
        "ws://:80/",
        "ws://?x",
        "ws://a/#fragment",
        "ws://a/b c",
        "ws://a/\r\nX: y",
        "ws://a/grün",
        "ws://user:password@a/",
        "ws://a:0/",
        "ws://a:65536/",
        "ws://a:x/",
        "ws://a:-1/",
        "ws://a:80:81/",
        "ws://[::1/",
        "ws://[::1]x/",
        "ws://[]/",
    ):
        assert raises(ValueError, URL, url), url
