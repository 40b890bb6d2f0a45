"""What one peer is still to be sent, so that nobody waits for it but its own messages."""

import asyncio

from ..compat import IN_FLIGHT, const, ticks_diff, ticks_ms
from ..ws.close import ConnectionClosed
from .endpoint import unwatch, watch

# Octets that wait for one peer, behind what is being sent and beside what is in a pool's buffers.
MOST = 8192
STALL = 10000  # ms in which a message must be written
STALL_WANTED = 2000  # without a piece of it arriving, while others want its buffer; twice to get it

_POLICY_VIOLATION = const(1008)  # close.POLICY_VIOLATION
_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR
_LARGE = const(1024)  # octets, past which a message is in a buffer of the pool


class Outbox:
    """A queue of text messages in front of one WebSocket. Nothing in it is copied.

    A peer that lets more than MOST octets gather, or doesn't take a message in STALL ms, is closed
    with 1008: to leave out messages would leave it, and the one it talks to, with half a session.
    """

    # What most never need is kept here until it is set: a board counts the octets.
    _pace = None  # a pace.Pace, where what is on its way is bounded
    _waiting = 0  # octets of the messages behind the first that are not in the pool's buffers
    _since = ticks_ms()  # of the first message
    _moved = _since  # when it, or a piece of it, was last seen to go on
    _task = None
    _last = None  # code of the Close behind the messages

    def __init__(self, ws, pool=None, in_flight=None):
        """`pool`: what the octets of put() are given back to.

        `in_flight`: octets handed to TCP before a Ping's round trip shows that they arrived, 0 for
        any number; None: compat.IN_FLIGHT.
        """
        if in_flight is None:
            in_flight = IN_FLIGHT
        self._ws = ws
        self._pool = pool
        self._messages = []  # (message, lent)
        if in_flight:
            from .pace import Pace  # other boards need none of it

            self._pace = Pace(ws, in_flight, self._go_on)

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
                await (self._pace or self._ws).send(message, True)
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


def _weight(message, lent):
    # Octets that a message takes while it waits: a buffer as a whole, whatever is used of it.
    if lent is None:
        return size(message)
    return 0 if len(lent) > _LARGE else max(size(message), len(lent))


def is_one(message):
    """Whether it is a str or octets, and no iterable of them."""
    return isinstance(message, (str, bytes, bytearray, memoryview))


def size(message):
    """Octets of a message (characters of a str, which are as many in what we make)."""
    if isinstance(message, tuple):
        return sum([len(part) for part in message])
    return len(message)
