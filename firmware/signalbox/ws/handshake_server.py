"""The server's side of the opening handshake (RFC 6455 section 4.2)."""

import binascii

from .handshake import VERSION, accept_key
from .http import HandshakeError, has_token, is_token


class Request:
    """A client's request, as the server sees it.

    `method`, `target` (as sent), `path` and `query` (its parts, still percent-encoded), `headers`
    (dict, lower-case names), `upgrade`: whether it asks for a WebSocket.
    """

    def __init__(self, head):
        """From a Head that is done. HandshakeError for what isn't HTTP/1.1."""
        line, self.headers = head.lines()
        parts = line.split(" ")
        if len(parts) != 3 or not is_token(parts[0]) or not parts[1]:
            raise HandshakeError("malformed request line")
        self.method, self.target, version = parts
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise HandshakeError("not HTTP/1.1", 505)
        self.path, _, self.query = self.target.partition("?")
        self.upgrade = has_token(self.headers.get("upgrade", ""), "websocket")
        self._old = version == "HTTP/1.0"
        if not self._old and not self.headers.get("host"):
            raise HandshakeError("no Host field")

    def accept(self, subprotocols=()):
        """The response that opens the WebSocket (4.2.2), as (bytes, chosen subprotocol or None).

        `subprotocols`: ours, the best first. HandshakeError for a request that 4.2.1 doesn't allow;
        its status is 426 where another version or no upgrade was asked for.
        """
        headers = self.headers
        if self.method != "GET" or self._old:
            raise HandshakeError("a WebSocket is opened by GET of HTTP/1.1")
        if not self.upgrade:
            raise HandshakeError("no upgrade to websocket asked for", 426)
        if not has_token(headers.get("connection", ""), "upgrade"):
            raise HandshakeError("Connection without Upgrade")
        if headers.get("sec-websocket-version") != VERSION:
            raise HandshakeError("not version " + VERSION, 426)
        key = headers.get("sec-websocket-key", "")
        if not _is_nonce(key):
            raise HandshakeError("Sec-WebSocket-Key isn't 16 octets in base64")
        chosen = None
        offered = [p.strip(" \t") for p in headers.get("sec-websocket-protocol", "").split(",")]
        for name in subprotocols:
            if name in offered:
                chosen = name
                break
        # gst-plugins-rs wants "Upgrade" alone, and no subprotocol that it didn't ask for.
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " + accept_key(key) + "\r\n"
        )
        if chosen:
            answer += "Sec-WebSocket-Protocol: " + chosen + "\r\n"
        return (answer + "\r\n").encode(), chosen


def _is_nonce(key):
    # 24 characters, the last two of them padding, are 16 octets.
    if len(key) != 24 or key[22:] != "==":
        return False
    try:
        return len(binascii.a2b_base64(key)) == 16 and "=" not in key[:22]
    except ValueError:
        return False
