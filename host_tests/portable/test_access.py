"""Who may connect: tokens and origins, as serve() asks for each Request."""

import scripted  # noqa: F401  makes net importable on CPython
from signalbox.net import access
from signalbox.net.access import Access, is_equal
from signalbox.ws.handshake_server import Request
from signalbox.ws.http import Head
from wire import raises

TOKEN = "abcdefghijklmnop-._~"
WRONG = (
    "",
    TOKEN[:-1],
    TOKEN[1:],
    TOKEN + "x",
    TOKEN + TOKEN,
    "x" + TOKEN[1:],
    TOKEN[:-1] + "x",
    TOKEN.upper(),
    "ü" * 10,
    TOKEN + "\t",
)


def request(*fields, target="/"):
    """A request for an upgrade with these fields."""
    lines = (
        f"GET {target} HTTP/1.1",
        "Host: cam-1.local:8443",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ) + fields
    octets = bytearray(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = Head()
    head.feed(octets, 0, len(octets))
    return Request(head)


def status(access, *fields, target="/"):
    """What it is answered with; 101 when it may go on."""
    response = access(request(*fields, target=target))
    if response is None:
        return 101
    assert (response.headers or {}).get("WWW-Authenticate") == (
        "Bearer" if response.status == 401 else None
    )
    assert TOKEN.encode() not in response.body
    return response.status


def test_a_token_may_come_in_each_of_three_ways():
    guard = Access(TOKEN)
    for fields, target in (
        (["Authorization: Bearer " + TOKEN], "/"),
        (["authorization: bearer " + TOKEN], "/"),
        (["Authorization: BEARER  " + TOKEN + " "], "/any/path"),
        ([], "/?token=" + TOKEN),
        ([], "/path?a=b&token=" + TOKEN + "&c"),
        ([], "/?token=wrong&token=" + TOKEN),
        (["Sec-WebSocket-Protocol: signalbox, signalbox.token." + TOKEN], "/"),
        (["Sec-WebSocket-Protocol: signalbox.token." + TOKEN], "/"),
        (
            [
                "Sec-WebSocket-Protocol: signalbox",
                "Sec-WebSocket-Protocol: signalbox.token." + TOKEN,
            ],
            "/",
        ),
        (["Authorization: Bearer wrong", "Sec-WebSocket-Protocol: signalbox.token." + TOKEN], "/"),
        (["Authorization: Basic abc"], "/?token=" + TOKEN),
    ):
        assert status(guard, *fields, target=target) == 101, (fields, target)


def test_without_the_token_nobody_gets_in():
    guard = Access(TOKEN)
    assert status(guard) == 401
    for wrong in WRONG:
        assert status(guard, "Authorization: Bearer " + wrong) == (
            101 if wrong == TOKEN + "\t" else 401
        ), wrong
        if wrong.isalpha() and "ü" not in wrong:
            assert status(guard, target="/?token=" + wrong) == 401
            assert status(guard, "Sec-WebSocket-Protocol: signalbox.token." + wrong) == 401
    for field in (
        "Authorization: " + TOKEN,
        "Authorization: Basic " + TOKEN,
        "Authorization: Bearer",
        "Authorization: Bearer " + TOKEN + ", Bearer " + TOKEN,
        "Authorization: Bearer " + TOKEN + " x",
        "Authorization: BearerX " + TOKEN,
        "Proxy-Authorization: Bearer " + TOKEN,
        "Cookie: token=" + TOKEN,
        "Sec-WebSocket-Protocol: signalbox." + TOKEN,
        "Sec-WebSocket-Protocol: " + TOKEN,
        "Sec-WebSocket-Protocol: signalbox.token",
        "Sec-WebSocket-Protocol: xsignalbox.token." + TOKEN,
        "Sec-WebSocket-Protocol: Signalbox.Token." + TOKEN,
    ):
        assert status(guard, field) == 401, field
    for target in (
        "/?" + TOKEN,
        "/?token",
        "/?token=",
        "/?Token=" + TOKEN,
        "/?xtoken=" + TOKEN,
        "/?token=" + TOKEN + "=",
        "/?token=" + TOKEN + ";",
        "/token=" + TOKEN,
        "/?token=" + TOKEN.replace("a", "%61"),
    ):
        assert status(guard, target=target) == 401, target


def test_every_octet_is_compared_whatever_the_first_ones_are():
    class Octets:
        def __init__(self, octets):
            self.octets = octets
            self.read = []

        def encode(self):
            return self

        def __len__(self):
            return len(self.octets)

        def __getitem__(self, i):
            self.read.append(i)
            return self.octets[i]

    for given in (TOKEN, "", "x", "x" + TOKEN[1:], TOKEN[:-1] + "x", TOKEN * 2):
        token = Octets(TOKEN.encode())
        given = Octets(given.encode())
        assert is_equal(given, token) == (given.octets == token.octets)
        assert token.read == list(range(len(TOKEN)))
    # All places are looked at, even behind one that has it.
    looked = []
    real = access.is_equal
    access.is_equal = lambda given, token: looked.append(given) or real(given, token)
    try:
        guard = Access(TOKEN)
        assert (
            status(
                guard,
                "Authorization: Bearer " + TOKEN,
                "Sec-WebSocket-Protocol: signalbox.token.b",
                target="/?token=a",
            )
            == 101
        )
    finally:
        access.is_equal = real
    assert looked == [TOKEN, "a", "b"]


def test_each_octet_counts():
    for i in range(len(TOKEN)):
        for other in "aZ":
            given = TOKEN[:i] + other + TOKEN[i + 1 :]
            assert is_equal(given, TOKEN) == (given == TOKEN)
        assert not is_equal(TOKEN[:i], TOKEN)
    assert not is_equal(TOKEN + "\0", TOKEN) and not is_equal("\0" * len(TOKEN), TOKEN)
    assert not is_equal("", TOKEN)


def test_origins():
    page = "Origin: https://example.org"
    for origins, field, expected in (
        ((), page, 403),
        (("https://example.org",), page, 101),
        (("https://EXAMPLE.org",), "Origin: HTTPS://example.ORG", 101),
        (("https://example.org",), "Origin: https://example.org.evil.example", 403),
        (("https://example.org",), "Origin: https://evil.example.org", 403),
        (("https://example.org",), "Origin: https://example.org:8443", 403),
        (("https://example.org",), "Origin: http://example.org", 403),
        (("http://a", "https://example.org"), page, 101),
        (("*",), page, 101),
        (("*",), "Origin: null", 101),
        ((), "Origin: null", 403),
        (("null",), "Origin: null", 101),
        ((), "Origin: ", 403),
        # Its own pages.
        ((), "Origin: http://cam-1.local:8443", 101),
        ((), "Origin: https://CAM-1.local:8443", 101),
        ((), "Origin: http://cam-1.local", 403),
        ((), "Origin: http://cam-1.local:8444", 403),
        ((), "Origin: file://cam-1.local:8443", 403),
        ((), "Origin: cam-1.local:8443", 403),
        ((), "Origin: http://", 403),
        ((), "X-Origin: https://example.org", 101),
    ):
        assert status(Access(open=True, origins=origins), field) == expected, (origins, field)
        # A token is asked for all the same, and only from those.
        token = "Authorization: Bearer " + TOKEN
        assert status(Access(TOKEN, origins), field, token) == expected
        assert status(Access(TOKEN, origins), field) == (401 if expected == 101 else 403)


def test_no_origin_is_no_page():
    assert status(Access(open=True)) == 101
    assert status(Access(TOKEN), "Authorization: Bearer " + TOKEN) == 101


def test_an_open_server_takes_everybody_and_that_must_be_said():
    assert raises(ValueError, Access)
    assert raises(ValueError, Access, None)
    assert status(Access(open=True), "Authorization: Bearer x") == 101
    assert status(Access(TOKEN, open=True)) == 401


def test_tokens_that_would_need_escapes_or_be_guessed_are_refused():
    for token in (
        "",
        "x" * 15,
        "x" * 129,
        "x" * 16 + " ",
        "x" * 16 + ",",
        "x" * 16 + "=",
        "x" * 16 + "%",
        "x" * 16 + "&",
        "x" * 16 + "+",
        "x" * 16 + "/",
        "x" * 16 + "ü",
        "x" * 16 + "\r\n",
        "x" * 16 + "\0",
    ):
        assert raises(ValueError, Access, token), token
    for token in ("x" * 16, "x" * 128, "azAZ09-._~azAZ09"):
        assert status(Access(token), target="/?token=" + token) == 101
