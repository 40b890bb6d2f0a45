"""Viewers and controllers share some places, so that they can't take those of signalling peers."""


class Guests:
    """`most` WebSockets on several routes together."""

    def __init__(self, most):
        self._most = most
        self._taken = 0

    def route(self, inner, most):
        """A route of web.Site around `inner`, of which no more than `most` are this one's."""
        return _Route(self, inner, most)


class _Route:
    def __init__(self, guests, inner, most):
        self._guests = guests
        self._inner = inner
        self._most = most
        self._taken = 0

    @property
    def full(self):
        """Whether it takes no more."""
        guests = self._guests
        return guests._taken >= guests._most or self._taken >= self._most or self._inner.full

    async def serve(self, ws):
        """The handler of one WebSocket."""
        guests = self._guests
        guests._taken += 1
        self._taken += 1
        try:
            await self._inner.serve(ws)
        finally:
            guests._taken -= 1
            self._taken -= 1
