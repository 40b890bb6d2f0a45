"""What one peer is still to be sent, so that nobody waits for it but its own messages."""

import asyncio

from ..compat import IN_FLIGHT, const, text_octets, ticks_diff, ticks_ms
from ..ws.close import ConnectionClosed
from .endpoint import unwatch, watch

# Octets that wait for one peer, behind what is being sent and beside what is in a pool's buffers.
MOST = 8192
STALL = 10000  # ms in which a message must be written
STALL_WANTED = 2000  # without a piece of it arriving, while others want its buffer; twice to get it

_POLICY_VIOLATION = const(1008)  # close.POLICY_VIOLATION
_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR
_PIECE = const(1024)  # octets of a message that is sent in pieces, at most


class Outbox:
    """A queue of text messages in front of one WebSocket. Nothing in it is copied.

    A peer that lets more than MOST octets gather, or doesn't take a message in STALL ms, is closed
    with 1008: to leave out messages would leave it, and the one it talks to, with half a session.
    """

    # What most never need is kept here until it is set: a board counts the octets.
    _in_flight = IN_FLIGHT
    _unanswered = 0
    _waiting = 0  # octets of the messages behind the first that are not in the pool's buffers
    _since = ticks_ms()  # of the first message
    _moved = _since  # when it, or a piece of it, was last seen to go on
    _task = None
    _last = None  # code of the Close behind the messages

    def __init__(self, ws, pool=None, in_flight=IN_FLIGHT):
        """`pool`: what the octets of put() are given back to.

        `in_flight`: octets handed to TCP before a Ping's round trip shows that they arrived, 0 for
        any number; see compat.IN_FLIGHT.
        """
        self._ws = ws
        self._pool = pool
        self._messages = []  # (message, lent)
        if in_flight != IN_FLIGHT:
            self._in_flight = in_flight

    @property
    def empty(self):
        """Whether all that was put has been handed to TCP."""
        return not self._messages and self._ws.connection.output.unsent() == 0

    def on_give_up(self, why):
        """Called before the peer is closed for a fault of its own; for a subclass."""

    def put(self, message, lent=None):
        """Send a text message after all that was put before it. Doesn't wait.

        `message`: str; octets of UTF-8; or an iterable of both, which has a len() in octets.
        `lent`: a buffer that the message refers to, to be given back to the pool.
        """
        try:
            if self._ws.asked or self._last is not None:
                self._give_back(lent)
                return
            n = _weight(message, lent) if self._messages else 0
            if self._waiting + n > MOST:
                self._give_up(_POLICY_VIOLATION, "messages are not read")
                self._give_back(lent)
                return
            self._messages.append((message, lent))
            self._waiting += n
            if self._task is None:
                self._go_on()
                self._since = self._moved
                self._task = asyncio.create_task(self._send())
                watch(self)
        except MemoryError:
            self._give_up(_INTERNAL_ERROR, "out of memory")
            if not (self._messages and self._messages[-1][0] is message):
                self._give_back(lent)
            if self._task is None:
                self._drop()

    def close(self, code):
        """Close the WebSocket behind all that was put. What isn't written STALL ms later is lost.

        The first code counts, and nothing can be put after it.
        """
        if self._task is None:
            self._ws.close(code)
        elif self._last is None:
            self._last = code
            self._since = ticks_ms()

    def tick(self, now):
        """Called by the clock."""
        stood = 0
        if self._pool and self._pool.wanted and self._messages[0][1] is not None:
            stood = ticks_diff(now, self._moved)
        if stood >= STALL_WANTED or ticks_diff(now, self._since) >= STALL:
            self._give_up(_POLICY_VIOLATION, "a message is not taken")
            if stood >= 2 * STALL_WANTED:
                self._ws.close_now()

    async def _send(self):
        try:
            while self._messages and not self._ws.asked:
                message, lent = self._messages[0]
                self._go_on()
                if self._last is None:
                    self._since = self._moved
                await self._send_one(message)
                self._messages.pop(0)
                if self._messages:
                    self._waiting -= _weight(*self._messages[0])
                self._give_back(lent)
            if self._last is not None:
                self._ws.close(self._last)
        except ConnectionClosed:
            pass
        except Exception:
            # MemoryError, or what an iterable raises: this task must come to its end all the same.
            self._give_up(_INTERNAL_ERROR, "a message can't be sent")
        except BaseException:
            # Ctrl-C breaks whatever task happens to run. There will be a Close to be sent.
            self._task = None
            raise
        if self._messages and self._ws.outcome is None:
            # What was begun refers to a buffer until TCP is down.
            try:
                await self._ws.wait_closed()
            except MemoryError:
                self._ws.close_now()
        unwatch(self)
        self._task = None
        self._drop()

    async def _send_one(self, message):
        if not self._in_flight:
            await self._ws.send(message, text=True)
            return
        n = size(message)
        if n > _PIECE:
            await self._ws.send(Pieces(self._ws, message, self._go_on), text=True)
            self._unanswered = _PIECE
            return
        if self._unanswered + n > self._in_flight:
            await self._ws.ping()
            self._unanswered = 0
        await self._ws.send(message, text=True)
        self._unanswered += n

    def _go_on(self):
        self._moved = ticks_ms()

    def _drop(self):
        while self._messages:
            self._give_back(self._messages.pop(0)[1])
        self._waiting = 0

    def _give_back(self, lent):
        if lent is not None and self._pool:
            self._pool.give_back(lent)

    def _give_up(self, code, reason):
        if not self._ws.asked:
            try:
                self.on_give_up(reason)
            except Exception:
                pass  # there may be no memory to say it, and it must be done
            self._ws.close(code, reason)


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


def _weight(message, lent):
    # Octets that a message takes while it waits: a buffer as a whole, whatever is used of it.
    if lent is None:
        return size(message)
    return 0 if len(lent) > _PIECE else max(size(message), len(lent))


def is_one(message):
    """Whether it is a str or octets, and no iterable of them."""
    return isinstance(message, (str, bytes, bytearray, memoryview))


def size(message):
    """Octets of a message (characters of a str, which are as many in what we make)."""
    if isinstance(message, tuple):
        return sum([len(part) for part in message])
    return len(message)
