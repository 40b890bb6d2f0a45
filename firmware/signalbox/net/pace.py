"""Hands TCP no more than may be on its way at once, see compat.IN_FLIGHT. Loaded on RP2 only."""

from ..compat import const, text_octets
from .outbox import is_one, size

_PIECE = const(1024)  # octets of a message that is sent in pieces, at most


class Pace:
    """Sends one message after another, as WebSocket.send() does, which it calls."""

    def __init__(self, ws, in_flight, on_arrival):
        """`in_flight`: octets before a Ping's round trip shows that they arrived, at most.

        `on_arrival()`: called when a piece of a message has.
        """
        self._ws = ws
        self._in_flight = in_flight
        self._on_arrival = on_arrival
        self._unanswered = 0

    async def send(self, message, text):
        """As WebSocket.send(); of a message that is larger than a piece, one at a time."""
        n = size(message)
        if n > _PIECE:
            await self._ws.send(Pieces(self._ws, message, self._on_arrival), text)
            self._unanswered = _PIECE
            return
        if self._unanswered + n > self._in_flight:
            await self._ws.ping()
            self._unanswered = 0
        await self._ws.send(message, text)
        self._unanswered += n


class Pieces:
    """A message in fragments, each sent when a Ping's round trip shows that the last arrived.

    WebSocket.send() sends a part when it knows whether there is another: so there is a Ping before
    each answer but the first, the one that there are no more included.
    """

    def __init__(self, ws, message, on_arrival=None):
        """`on_arrival()`: called when a piece has arrived."""
        self._ws = ws
        self._on_arrival = on_arrival
        self._parts = iter((message,) if is_one(message) else message)
        self._octets = memoryview(b"")
        self._at = 0
        self._first = True

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._first:
            self._first = False
        else:
            await self._ws.ping()
            if self._on_arrival:
                self._on_arrival()
        while self._at == len(self._octets):
            try:
                part = next(self._parts)
            except StopIteration:
                raise StopAsyncIteration from None
            self._octets = memoryview(text_octets(part) if isinstance(part, str) else part)
            self._at = 0
        at = self._at
        self._at = min(at + _PIECE, len(self._octets))
        return self._octets[at : self._at]
