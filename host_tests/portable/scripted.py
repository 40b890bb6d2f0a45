"""A WebSocket of signalbox.net on a transport that follows a script, in a time of its own.

The transport keeps a record of everything in order and, as a real stack does, ends TCP with a reset
where a socket is closed with input unread or input comes for one that was closed.
"""

import asyncio
import errno
import sys

from signalbox.compat import MICROPYTHON
from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import Connection, Settings
from wire import FIELDS, KEY, close_payload, frame, frames

if not MICROPYTHON:
    # CPython's sockets wait in another way than MicroPython's.
    import host_transport

    sys.modules["signalbox.net.transport"] = host_transport
    sys.modules["signalbox.net.dialer"] = host_transport
    sys.modules["signalbox.net.listener"] = host_transport

from signalbox.net import endpoint

EPIPE = 32  # MicroPython's errno has no name for it
ECONNRESET = errno.ECONNRESET

EOF = "EOF"
FIN = "FIN"
RST = "RST"
BLOCKED = "would block"

_TURNS = 20  # of the event loop: enough for every task to come to its next wait


async def run():
    """Let every task go on until it waits for something."""
    await asyncio.sleep(0)
    for _ in range(_TURNS):
        if not _others_are_due():
            break
        await asyncio.sleep(0)


def _others_are_due():
    # A board takes seconds for turns in which there is nothing to do. CPython tells nobody.
    if not MICROPYTHON:
        return True
    task = asyncio.core._task_queue.peek()
    return task is not None and asyncio.core.ticks_diff(task.ph_key, asyncio.core.ticks()) <= 0


def broken(number):
    """The OSError for `number`. (On CPython it has an errno only together with a text.)"""
    return OSError(number, "scripted")


class Clock:
    """Time in ms that passes in advance() alone: the endpoint's, from now on."""

    def __init__(self):
        self.now = 1000
        self._sleepers = []
        # What an earlier test left there belonged to a loop that is gone.
        endpoint._live.clear()
        endpoint._clock_task = None
        self.install(endpoint)

    def install(self, module):
        """Give the module this time."""
        module.ticks_ms = self.ticks_ms
        module.sleep_ms = self.sleep_ms

    def ticks_ms(self):
        return self.now

    async def sleep_ms(self, ms):
        if ms == 0:
            await asyncio.sleep(0)
        else:
            sleeper = [self.now + ms, asyncio.Event()]
            self._sleepers.append(sleeper)
            await sleeper[1].wait()

    async def advance(self, ms):
        """Let `ms` pass. Whatever is due on the way happens at its time."""
        end = self.now + ms
        await run()
        while True:
            due = None
            for sleeper in self._sleepers:
                if sleeper[0] <= end and (due is None or sleeper[0] < due[0]):
                    due = sleeper
            if due is None:
                break
            self._sleepers.remove(due)
            self.now = due[0]
            due[1].set()
            await run()
        self.now = end


class ScriptedTransport:
    """Has a Transport's calls. `faults`: what a real stack would not have forgiven.

    `room`: octets that TCP takes before it would block, None for any number. `most`: octets that
    one write takes. `most_read`: octets that one read gives. `tls`: what was offered to a write
    that would block must be offered again, as mbedTLS demands.
    """

    secure = False
    share = None

    def __init__(self, room=None, most=1 << 20, most_read=1 << 20, tls=False):
        self.record = []  # ("read", octets), ("write", octets), BLOCKED after a read, EOF, FIN, RST
        self.written = b""  # since it was last looked at
        self.ended = None  # FIN or RST
        self.faults = []
        self.room = room
        self.most = most
        self.most_read = most_read
        self.write_error = None
        self._tls = tls
        self._offered = b""
        self._input = []  # octets, EOF, or an OSError
        self._rules = []  # [condition, input] in order
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._reading = self._writing = False

    # The peer's side

    def feed(self, *items):
        """Input arrives: octets, EOF or an OSError."""
        for item in items:
            if isinstance(item, bytes) and not item:
                continue
            if not self.ended:
                self._input.append(item)
            elif isinstance(item, bytes):
                self.ended = RST
                self.faults.append(f"{len(item)} octets came in after close()")
        self._arrived.set()

    def when(self, condition, *items):
        """Input arrives as soon as condition() is true after a call of the endpoint's."""
        self._rules.append([condition, items])

    def give_room(self, n):
        """TCP takes `n` octets more; None: any number."""
        self.room = None if n is None or self.room is None else self.room + n
        self._has_room.set()

    def fail_writes(self, error):
        self.write_error = error
        self._has_room.set()

    @property
    def unread(self):
        """Octets that came in and were not read."""
        return sum(len(item) for item in self._input if isinstance(item, bytes))

    def _act(self):
        while self._rules and self._rules[0][0]():
            self.feed(*self._rules.pop(0)[1])

    # The endpoint's side

    async def readable(self):
        assert not self._reading, "two tasks read"
        self._reading = True
        try:
            while not self._input:
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            self._reading = False

    async def writable(self):
        assert not self._writing, "two tasks write"
        self._writing = True
        try:
            while self.room == 0 and not self.write_error:
                self._has_room.clear()
                await self._has_room.wait()
        finally:
            self._writing = False

    def read(self, buf, n):
        return self.read_at(buf, 0, n)

    def read_at(self, buf, at, n):
        assert not self.ended, "read() after close()"
        assert n > 0
        if not self._input:
            self.record.append(BLOCKED)
            return None
        item = self._input[0]
        if isinstance(item, OSError):
            self._input.pop(0)
            self.record.append(item)
            raise item
        if item is EOF:
            self.record.append(EOF)
            return 0
        n = min(n, len(item), self.most_read)
        buf[at : at + n] = item[:n]
        if n < len(item):
            self._input[0] = item[n:]
        else:
            self._input.pop(0)
        self.record.append(("read", n))
        self._act()
        return n

    def write(self, buf, at, n):
        assert not self.ended, "write() after close()"
        assert n > 0
        octets = bytes(buf[at : at + n]) if not isinstance(buf, str) else buf.encode()[at : at + n]
        assert len(octets) == n, "fewer octets than write() is told"
        if self.write_error:
            raise self.write_error
        if self._tls:
            assert octets[: len(self._offered)] == self._offered, "TLS was offered other octets"
            n = len(self._offered) or n
        n = min(n, self.most)
        if self.room is not None:
            n = min(n, self.room)
            if n == 0:
                self._offered = octets[: len(self._offered) or len(octets)] if self._tls else b""
                return None
            self.room -= n
        self._offered = b""
        self.written += octets[:n]
        self.record.append(("write", octets[:n]))
        self._act()
        return n

    def held(self, n):
        return len(self._offered)

    def close(self):
        assert not self.ended, "close() twice"
        self.ended = FIN
        if self.unread:
            self.ended = RST
            self.faults.append(f"close() with {self.unread} octets unread")
        self.record.append(self.ended)
        self._act()


class Session:
    """A WebSocket on a ScriptedTransport, its peer's frames, and a Clock."""

    def __init__(self, client=False, transport=None, rest=None, clock=None, **settings):
        self.client = client
        self.clock = clock or Clock()
        self.transport = transport or ScriptedTransport()
        self.told = []
        connection = Connection(client, Settings(**settings))
        self.ws = endpoint.WebSocket(self.transport, connection, "/path", None, rest)
        self.ws.on_close = self.told.append

    def peer(self, first, payload=b""):
        """A frame as the peer sends it: masked if that is the client."""
        return frame(first, payload, None if self.client else KEY)

    def peer_close(self, code=None, reason=b""):
        return self.peer(0x88, b"" if code is None else close_payload(code, reason))

    async def feed(self, *items):
        """Input arrives, all of it at once, and every task does what it can."""
        octets = b""
        for item in items:
            if item is EOF or isinstance(item, OSError):
                self.transport.feed(octets, item)
                octets = b""
            else:
                octets += item
        self.transport.feed(octets)
        await run()

    def sent(self):
        """The frames written since the last call; all of them must be whole."""
        octets = self.transport.written
        self.transport.written = b""
        return frames(octets, self.client)

    async def drop(self):
        """End it, for a test that goes on with another one."""
        self.ws.close_now()
        await self.clock.advance(200)
        assert self.ws.outcome

    async def outcome(self, tcp=FIN, **expected):
        """Checks that the connection has ended, how TCP did, and every field of the outcome.

        And that whoever asks is told the same (row O1).
        """
        await run()
        ws = self.ws
        outcome = ws.outcome
        assert outcome is not None, f"not ended: {self.transport.record[-4:]}"
        assert self.transport.ended == tcp, self.transport.faults
        assert tcp == RST or self.transport.faults == []
        for name in FIELDS:
            wanted = expected.pop(name, FIELDS[name])
            value = getattr(outcome, name)
            assert value == wanted, f"{name}: {value!r}, not {wanted!r}"
        assert not expected
        assert self.told == [outcome]
        while ws.recv_nowait() is not None:
            pass
        async for message in ws:
            raise AssertionError(f"a message after the last one: {message!r}")
        assert await raises(ConnectionClosed, ws.recv())
        assert await raises(ConnectionClosed, call(ws.send, "text"))
        assert await raises(ConnectionClosed, call(ws.send, b"binary"))
        assert await raises(ConnectionClosed, call(ws.send, [b"fragment"]))
        assert await raises(ConnectionClosed, ws.ping())
        ws.close(4999)
        ws.finish()
        ws.close_now()
        assert await ws.wait_closed() is outcome
        assert ws.outcome is outcome
        await self.clock.advance(20000)
        assert self.told == [outcome]
        assert ws not in endpoint._live
        return outcome


def start(awaitable):
    """A task that awaits it."""

    async def task():
        return await awaitable

    return asyncio.create_task(task())


async def call(function, *arguments):
    """Call, and await the result; for calls that may raise before there is something to await."""
    return await function(*arguments)


async def raises(kind, awaitable):
    """Whether it raises `kind`; anything else that it raises is passed on."""
    try:
        await awaitable
    except kind:
        return True
    return False


async def messages(ws):
    """Everything until iteration ends. (MicroPython has no asynchronous comprehension.)"""
    taken = []
    async for message in ws:
        taken.append(message)
    return taken
