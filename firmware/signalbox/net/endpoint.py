"""One WebSocket on an open transport: tasks, back-pressure, deadlines and teardown.

Drives `signalbox.ws.connection`, which decides; nothing here looks at a frame. One task reads, one
writes, and one clock serves all connections. The offset of a write belongs to the connection, so
no cancellation can tear a frame.
"""

import asyncio
import gc
from collections import deque, namedtuple

from ..compat import DONE, const, sleep_ms, ticks_ms
from ..ws.close import GOING_AWAY, INTERNAL_ERROR, NORMAL, QUEUED, RECEIVING, SHUT, ConnectionClosed
from ..ws.connection import DRAIN
from .transport import is_reset

RX_SIZE = 4096  # octets of the buffer that all connections read into

_QUEUE = const(32)  # messages read ahead of the application
_QUEUE_OCTETS = const(4096)  # and the octets after which reading pauses while it has some
_TICK = const(100)  # ms between two looks at the clock
_SETTLE = const(300)  # ms for the application to answer messages before a Close is acted on
_TURNS = const(16)  # writes in a row before other tasks get a turn
_DRAINS = const(256)  # reads while draining, before TCP is closed all the same
_TICKS = const(0x3FFFFFFF)

_NEED_DATA = const(0)
_BINARY = const(2)
_CHUNK = const(3)
_CLOSE = const(8)
_PONG = const(10)

# Part of a message, with Settings.stream: a bytearray; whether it ends the message; whether that
# is text.
Chunk = namedtuple("Chunk", ("data", "final", "text"))

_rx = None
_live = []  # what the clock looks after: objects with tick(now_ms)
_clock_task = None


def watch(what):
    """Have what.tick(now_ms) called about every 100 ms until unwatch()."""
    global _clock_task
    _live.append(what)
    if _clock_task is None:
        _clock_task = asyncio.create_task(_clock())


def unwatch(what):
    if what in _live:
        _live.remove(what)


async def _clock():
    global _clock_task
    while _live:
        now = ticks_ms()
        i = len(_live)
        while i:
            i -= 1
            if i < len(_live):
                _live[i].tick(now)
        await sleep_ms(_TICK)
    _clock_task = None


class Deadline:
    """Cancels the task that makes it, unless done() is called before `timeout` ms are over."""

    def __init__(self, timeout):
        self._task = asyncio.current_task()
        self._start = ticks_ms()
        self._timeout = timeout
        self.expired = False
        watch(self)

    def tick(self, now):
        if (now - self._start) & _TICKS >= self._timeout and not self.expired:
            self.expired = True
            self._task.cancel()

    def done(self):
        unwatch(self)


class WebSocket:
    """An open WebSocket. Iterate over it for messages: str, or a bytearray that is yours.

    `path`: of the request. `subprotocol`: the negotiated one, or None. `outcome`: the CloseOutcome,
    None until the connection has ended. `on_close`: called with it, once; set it before the end.
    `on_peer_close`: called with this object when the peer's Close arrived; may be a coroutine
    function. While it is set the application may go on sending after the peer's Close, until
    finish() or Settings.finish_timeout; when a coroutine returns, that is finish().
    """

    def __init__(self, transport, connection, path="", subprotocol=None, rest=None):
        """Starts the tasks. `rest`: octets (bytearray) that came behind the opening handshake."""
        global _rx
        if _rx is None:
            _rx = bytearray(RX_SIZE)
        self.connection = connection
        self.path = path
        self.subprotocol = subprotocol
        self.outcome = None
        self.asked = False  # the application called close() or close_now()
        self.on_close = None
        self.on_peer_close = None
        self._transport = transport
        self._queue = deque((), _QUEUE)
        self._octets = 0  # read since the queue was last empty
        self._rest = rest  # read, but not parsed
        self._changed = asyncio.Event()
        self._work = asyncio.Event()  # for the writer
        self._has_work = False
        self._idle = True  # the application waits for a message, or never took one
        self._paused = False  # the reader waits for the application
        self._waiting = False  # the reader waits for TCP
        self._nudged = False
        self._sending = False  # a fragmented message is being sent
        self._told = None
        self._ping = None  # when the ping was sent that is on its way
        self._round_trip = 0
        self._reader = asyncio.create_task(self._read())
        self._writer = asyncio.create_task(self._write())
        watch(self)

    # For the application

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._queue:
            try:
                return await self.recv()
            except ConnectionClosed:
                raise StopAsyncIteration from None
        return self._take()

    async def recv(self):
        """The next message. ConnectionClosed when there will be none, however that came about."""
        while not self._queue:
            if self.connection.incoming != RECEIVING:
                raise ConnectionClosed(self.connection.state)
            self._idle = True
            self._changed.clear()
            await self._changed.wait()
        return self._take()

    def recv_nowait(self):
        """The next message if there is one already, or None. Allocates nothing."""
        return self._take() if self._queue else None

    def _take(self):
        message = self._queue.popleft()
        if self._paused and not self._queue:
            self._changed.set()
        return message

    def send(self, message):
        """Await it: returns when `message` is accepted and may be changed again.

        str: text. bytes, bytearray, memoryview: binary. Anything with readinto(buf): binary, in
        fragments, never assembled. An iterable or asynchronous iterable of str or bytes: one
        fragmented message. Waits while there is no room. ConnectionClosed behind a Close;
        ValueError for text with a lone surrogate.
        """
        if not self._sending:
            connection = self.connection
            if isinstance(message, str):
                taken = connection.send_text(message)
            elif isinstance(message, (bytes, bytearray, memoryview)):
                taken = connection.send_binary(message)
            else:
                return self._send_parts(message)
            if taken and connection.output.whole:
                if not self._has_work:
                    self._has_work = True
                    self._work.set()
                return DONE
            if taken:
                return self._sent_whole()
        return self._send_later(message)

    async def ping(self):
        """Send a Ping and wait for its Pong. Returns the round trip in ms. ConnectionClosed."""
        while self._ping is None and not self.connection.ping(b"signalbox"):
            await self._room()
        if self._ping is None:
            self._ping = ticks_ms()
            self._wake_writer()
        while self._ping is not None:
            if self.connection.incoming != RECEIVING:
                raise ConnectionClosed(self.connection.state)
            self._changed.clear()
            await self._changed.wait()
        return self._round_trip

    def close(self, code=None, reason=""):
        """Queue a Close behind everything accepted, and return: "I am done sending".

        Messages go on coming in until the peer's Close. ValueError for a code or reason that can't
        be sent. The first code counts. Await wait_closed() for the outcome.
        """
        self.connection.close(code, reason)
        self.asked = True
        self._closing()

    def finish(self):
        """End the window after the peer's Close; see `on_peer_close`."""
        self.connection.finish()
        self._closing()

    def close_now(self):
        """Take TCP down at once, without a closing handshake."""
        self.connection.close_now()
        self.asked = True
        self._closing()

    async def wait_closed(self):
        """Wait until TCP is down. Returns the CloseOutcome; close() is not implied."""
        while self.outcome is None:
            self._changed.clear()
            await self._changed.wait()
        return self.outcome

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        """Close with 1000, with 1001 when cancelled, with 1011 after an exception, and wait."""
        if kind is None:
            self.close(NORMAL)
        else:
            self.close(GOING_AWAY if kind is asyncio.CancelledError else INTERNAL_ERROR)
        await self.wait_closed()

    # Sending

    async def _room(self):
        # Write at once, or wait until the writer could.
        if self._flush():
            self._wake_writer()
            self._changed.clear()
            await self._changed.wait()
        else:
            await sleep_ms(0)

    async def _send_later(self, message):
        while self._sending:
            self._changed.clear()
            await self._changed.wait()
        send = self.connection.send_text if isinstance(message, str) else self.connection.send_binary
        while not send(message):
            await self._room()
        await self._sent_whole()

    async def _sent_whole(self):
        self._wake_writer()
        while not self.connection.output.whole and self.connection.outgoing != SHUT:
            self._changed.clear()
            await self._changed.wait()

    async def _send_parts(self, message):
        while self._sending:
            self._changed.clear()
            await self._changed.wait()
        self._sending = True
        try:
            if hasattr(message, "readinto"):
                while not self.connection.send_source(message):
                    await self._room()
            elif hasattr(message, "__aiter__"):
                part = None
                async for following in message:
                    await self._fragment(part, False)
                    part = following
                await self._fragment(part, True)
            else:
                part = None
                for following in message:
                    await self._fragment(part, False)
                    part = following
                await self._fragment(part, True)
            await self._sent_whole()
        finally:
            self._sending = False
            self._changed.set()

    async def _fragment(self, part, final):
        # One behind the iteration, as the last fragment must be known.
        if part is None:
            if not final:
                return
            part = b""
        text = isinstance(part, str)
        if text:
            part = part.encode()
        while not self.connection.send_fragment(part, final, text):
            await self._room()
        await self._sent_whole()

    def _wake_writer(self):
        self._has_work = True
        self._work.set()

    def _flush(self):
        # Write until nothing is left (False), or TCP takes no more, or others are due (True).
        connection = self.connection
        output = connection.output
        turns = _TURNS
        while turns:
            turns -= 1
            n = connection.ready()
            if n == 0:
                return False
            try:
                taken = self._transport.write(output.buf, output.offset, n)
            except OSError as error:
                connection.write_failed(is_reset(error))
                return False
            if taken is None:
                connection.hold(self._transport.held(n))
                return True
            connection.advance(taken)
        return True

    async def _write(self):
        transport = self._transport
        work = self._work
        while True:
            try:
                self._has_work = False
                blocked = self._flush()
                self._changed.set()
                if self.connection.want_close_tcp():
                    self._nudge()
                if blocked:
                    await transport.writable()
                else:
                    work.clear()
                    if not self._has_work:
                        await work.wait()
            except MemoryError:
                # The application has filled the heap: what is accepted goes out all the same.
                gc.collect()
                await sleep_ms(10)

    # Receiving

    async def _read(self):
        connection = self.connection
        reader = connection.reader
        transport = self._transport
        cancelled = None
        try:
            while not connection.want_close_tcp():
                if self._queue:
                    if self._pause():
                        self._changed.clear()
                        await self._changed.wait()
                        continue
                else:
                    self._octets = 0
                self._paused = False
                buf = self._rest
                event = _NEED_DATA
                try:
                    if buf:
                        self._rest = None
                        connection.receive_data(buf, 0, len(buf))
                    else:
                        direct = connection.direct()
                        if direct:
                            n = transport.read_at(reader.body, reader.body_size, direct)
                        else:
                            buf = _rx
                            n = transport.read(buf, RX_SIZE)
                        if n is None:
                            self._waiting = True
                            await transport.readable()
                            self._waiting = False
                            continue
                        if n == 0:
                            connection.receive_eof()
                            self._over()
                            continue
                        self._octets += n
                        if direct:
                            event = connection.received(n)
                        else:
                            connection.receive_data(buf, 0, n)
                except OSError as error:
                    connection.receive_eof(is_reset(error))
                    self._over()
                    continue
                except asyncio.CancelledError:
                    self._waiting = False
                    if not self._nudged:
                        raise
                    self._nudged = False
                    continue
                except MemoryError:
                    self._waiting = False
                    gc.collect()
                    await sleep_ms(10)
                    continue
                control = False
                while True:
                    if event == _NEED_DATA:
                        event = connection.pull()
                        if event == _NEED_DATA:
                            break
                    if 0 < event <= _CHUNK:
                        if not self._deliver(event) and reader.unread:
                            self._rest = buf[reader.position : reader.position + reader.unread]
                            break
                    else:
                        if not self._idle and (event < 0 or event == _CLOSE):
                            if event == _CLOSE:
                                reader.keep_control()  # others read into the buffer meanwhile
                            await self._settle()
                        control = True
                        if self.on_peer_close:
                            connection.finish_window = True
                        event = connection.handle(event)
                        if event == _PONG:
                            self._pong(reader)
                        elif event >= _CLOSE and connection.incoming != RECEIVING:
                            self._over()
                    event = _NEED_DATA
                if control and self._flush():
                    self._wake_writer()
                self._changed.set()
        except asyncio.CancelledError as error:
            connection.close_now()
            cancelled = error
        self._end()
        if cancelled:
            raise cancelled

    def _pause(self):
        # Whether to leave the rest to TCP's own flow control until the application catches up.
        if self.connection.outgoing >= QUEUED:
            return False
        if not self._paused:
            full = len(self._queue) >= _QUEUE or self._octets >= _QUEUE_OCTETS
            self._paused = full or self._rest is not None
        return self._paused

    def _deliver(self, event):
        # Queue a message. Returns whether there is room for another.
        queue = self._queue
        connection = self.connection
        reader = connection.reader
        if len(queue) >= _QUEUE:
            connection.discarded += 1
            return True
        if event == _CHUNK:
            data = reader.data[reader.offset : reader.offset + reader.length]
            queue.append(Chunk(data, reader.chunk_final, reader.chunk_opcode == 1))
        else:
            queue.append(reader.message)
            reader.message = None
        self._idle = False
        return len(queue) < _QUEUE or connection.outgoing >= QUEUED

    async def _settle(self):
        # The application answers what came before a Close or a violation, as if it had come alone.
        start = ticks_ms()
        connection = self.connection
        self._changed.set()
        while not (self._idle and connection.output.empty) and connection.outgoing != SHUT:
            if (ticks_ms() - start) & _TICKS > _SETTLE:
                break
            await sleep_ms(1)

    def _pong(self, reader):
        if self._ping is not None and reader.length == 9:
            self._round_trip = (ticks_ms() - self._ping) & _TICKS
            self._ping = None

    # Ending

    def _closing(self):
        # Whoever asked to be told before now is told, whatever is unset later.
        if self._told is None:
            self._told = self.on_close
        self.connection.tick(ticks_ms())
        self._wake_writer()
        self._changed.set()
        if self.connection.want_close_tcp():
            self._nudge()

    def _over(self):
        # The incoming direction has ended, one way or another.
        self._closing()
        if self.connection.window and self.on_peer_close:
            again = self.on_peer_close(self)
            if again is not None:
                asyncio.create_task(self._finish_after(again))

    async def _finish_after(self, coroutine):
        try:
            await coroutine
        finally:
            self.finish()

    def _nudge(self):
        # Get the reader out of its wait for TCP, to look at the state.
        if self._waiting and not self._nudged:
            self._nudged = True
            self._reader.cancel()

    def tick(self, now):
        """Called by the clock."""
        connection = self.connection
        if self._paused:
            connection.heard()
        connection.tick(now)
        if connection.want_close_tcp():
            self._changed.set()
            self._nudge()
        elif not self._has_work and not connection.output.empty:
            self._wake_writer()

    def _end(self):
        connection = self.connection
        transport = self._transport
        if connection.want_close_tcp() == DRAIN:
            # A socket closed with input unread answers with a reset, which destroys what the peer
            # has not read yet, our Close included.
            try:
                for _ in range(_DRAINS):
                    if not transport.read(_rx, RX_SIZE):
                        break
            except OSError:
                pass
        self._writer.cancel()
        transport.close()
        unwatch(self)
        self.outcome = connection.tcp_closed()
        self._changed.set()
        told = self._told or self.on_close
        if told:
            told(self.outcome)
