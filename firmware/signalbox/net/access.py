"""Who may connect: a bearer token, and the web pages that a browser may come from.

Native peers send `Authorization: Bearer TOKEN` (RFC 6750 section 2.1). A browser can't: it gives
the token in the query string, `?token=TOKEN`, or offers the subprotocols `signalbox` and
`signalbox.token.TOKEN`, of which the server takes the first.
"""

from .server import Response

_TOKEN_SUBPROTOCOL = "signalbox.token."
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"


class Access:
    """Call it with each Request: None, or the Response that refuses it: 401 or 403."""

    subprotocols = ("signalbox",)

    def __init__(self, token=None, origins=(), open=False):
        """`token`: 16 to 128 of A-Z a-z 0-9 - . _ ~ (what needs no escape anywhere). Without one
        `open` must say that everybody may connect. `origins`: of web pages ("https://example.org"),
        beside those that this server itself has; "*" for all. ValueError.
        """
        if token is None:
            if not open:
                raise ValueError("no token: give one, or say open=True to let everybody in")
        elif not 16 <= len(token) <= 128 or any(letter not in _LETTERS for letter in token):
            raise ValueError("token: 16 to 128 of A-Z a-z 0-9 - . _ ~")
        self._token = token
        self._origins = tuple(origin.lower() for origin in origins)

    def __call__(self, request):
        """What serve() calls as its `process_request`."""
        if not self._is_welcome(request):
            return Response(403, "this web page may not connect: add its origin to the list\n")
        if self._token and not self._has_token(request):
            return Response(401, "a token is needed\n", {"WWW-Authenticate": "Bearer"})
        return None

    def _is_welcome(self, request):
        # Browsers send Origin, and no page can keep them from it; nobody else does.
        origin = request.headers.get("origin")
        if origin is None or "*" in self._origins:
            return True
        origin = origin.lower()
        scheme, _, host = origin.partition("://")
        own = request.headers.get("host", "").lower()
        return origin in self._origins or (scheme in ("http", "https") and host == own)

    def _has_token(self, request):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = scheme.lower() == "bearer" and is_equal(token.strip(" "), self._token)
        for parameter in request.query.split("&"):
            name, _, value = parameter.partition("=")
            found |= name == "token" and is_equal(value, self._token)
        for name in request.headers.get("sec-websocket-protocol", "").split(","):
            name = name.strip(" \t")
            if name.startswith(_TOKEN_SUBPROTOCOL):
                found |= is_equal(name[len(_TOKEN_SUBPROTOCOL) :], self._token)
        return found


def is_equal(given, token):
    """Whether they are the same, in a time that tells nothing of where they differ."""
    given = given.encode()
    token = token.encode()
    difference = len(given) ^ len(token)
    for i in range(len(token)):
        difference |= token[i] ^ (given[i] if i < len(given) else 0)
    return difference == 0
