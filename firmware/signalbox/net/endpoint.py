"""One WebSocket on an open transport: tasks, back-pressure, deadlines and teardown.

Drives `signalbox.ws.connection`, which decides; nothing here looks at a frame. One task reads, one
writes, and one clock serves all connections. The offset of a write belongs to the connection, so
no cancellation can tear a frame.
"""

import asyncio
from collections import deque, namedtuple

from ..compat import DONE, const, print_exception, sleep_ms, ticks_diff, ticks_ms
from ..ws.close import ConnectionClosed
from .transport import is_reset, recover

_QUEUE = const(15)  # messages read ahead of the application; the deque has one slot more
_AHEAD = const(2)  # and how many buffers full, before reading pauses while there are some
_TICK = const(100)  # ms between two looks at the clock
_SETTLE = const(300)  # ms for the application to answer messages before a Close is acted on
_TURNS = const(16)  # writes in a row before other tasks get a turn
_DRAINS = const(512)  # reads while draining, before TCP is closed all the same
_OCTETS = (bytes, bytearray, memoryview)
_STR = const(2)  # no octets, but a str

_BUSY = const(0)
_PAUSED = const(1)  # waits for the application
_WAITING = const(2)  # waits for TCP
_NUDGED = const(3)  # the same, and was called out of it

_QUEUED = const(1)  # close._QUEUED
_SHUT = const(3)  # close._SHUT
_RECEIVING = const(0)  # close._RECEIVING
_ENDED = const(3)  # close._ENDED
_NORMAL = const(1000)  # close.NORMAL
_GOING_AWAY = const(1001)  # close.GOING_AWAY
_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR
_DRAIN = const(1)  # connection.DRAIN
_NEED_DATA = const(0)  # message.NEED_DATA
_BINARY = const(2)  # message.BINARY
_CHUNK = const(3)  # message.CHUNK
_WAIT = const(5)  # message.WAIT
_CLOSE = const(8)  # connection.CLOSE
_PONG = const(10)  # connection.PONG

# Part of a message, with Settings.stream: a bytearray; whether it ends the message; whether that
# is text.
Chunk = namedtuple("Chunk", ("data", "final", "text"))

_live = []  # what the clock looks after: objects with tick(now_ms)
_clock_task = None


def watch(what):
    """Have what.tick(now_ms) called about every 100 ms until unwatch()."""
    global _clock_task
    if _clock_task is None:
        _clock_task = asyncio.create_task(_clock())
    _live.append(what)  # last: without memory for one of these, nothing is watched


def unwatch(what):
    """No more ticks for it."""
    if what in _live:
        _live.remove(what)


async def _clock():
    global _clock_task
    while _live:
        i = len(_live)
        while i:
            i -= 1
            if i < len(_live):
                try:
                    # Not one time for all: who closes another one has set its stopwatch.
                    _live[i].tick(ticks_ms())
                except Exception as error:
                    # It is called again; and no other one must miss its turn, now or ever.
                    if not isinstance(error, MemoryError):
                        print_exception(error)
                except BaseException:
                    # Ctrl-C breaks whatever task happens to run; those that are left need a clock.
                    _clock_task = asyncio.create_task(_clock())
                    raise
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
        """Called by the clock."""
        if ticks_diff(now, self._start) >= self._timeout and not self.expired:
            self.expired = True
            self._task.cancel()

    def done(self):
        """It was in time."""
        unwatch(self)


class _Guard:
    """Notes an OSError in `error` and ends the block it happened in.

    A call whose state needs more than 11 words takes it from MicroPython's heap, and gives it back
    at its end: then the next allocation searches the heap from there. For each write that costs
    more than the write, and `except … as` alone needs 6 words.
    """

    error = None

    def __enter__(self):
        pass

    def __exit__(self, kind, error, traceback):
        if isinstance(error, OSError):
            self.error = error
            return True
        return False


_guard = _Guard()


class WebSocket:
    """An open WebSocket. Iterate over it for messages: str, or a bytearray that is yours.

    `path`: of the request. `subprotocol`: the negotiated one, or None. `outcome`: the CloseOutcome,
    None until the connection has ended. `on_close`: called with it, once; set it before the end.
    `on_peer_close`: called with this object when the peer's Close arrived; may be a coroutine
    function. While it is set the application may go on sending after the peer's Close, until
    finish() or Settings.finish_timeout; when a coroutine returns, that is finish().
    """

    # What most never need is kept here until it is set: a board counts the octets.
    path = "/"
    subprotocol = None
    on_close = None
    on_peer_close = None
    _sending = 0  # a message in parts; see parts.py
    _ping = None  # when the Ping was sent that is on its way
    _round_trip = 0

    def __init__(self, transport, connection, path="/", subprotocol=None, rest=None):
        """Starts the tasks. `rest`: octets (bytearray) that came behind the opening handshake."""
        self.connection = connection
        if path != "/":
            self.path = path
        if subprotocol:
            self.subprotocol = subprotocol
        self.outcome = None
        self.asked = False  # the application called close() or close_now()
        self._transport = transport
        self._queue = deque((), _QUEUE)
        self._octets = 0  # read since the queue was last empty
        self._changed = asyncio.Event()
        self._work = asyncio.Event()  # for the writer
        self._has_work = False
        self._turns = _TURNS  # reads, and writes of send(), before others get a turn
        self._idle = True  # the application waits for a message, or never took one
        self._at = _BUSY  # where the reader is
        self._told = None
        self._writer = asyncio.create_task(self._write())
        self._reader = asyncio.create_task(self._read(rest))
        watch(self)

    # For the application

    def __aiter__(self):
        return self

    def __anext__(self):
        return _next(self, StopAsyncIteration)

    def recv(self):
        """The next message. ConnectionClosed when there will be none, however that came about."""
        return _next(self, ConnectionClosed)

    def recv_nowait(self):
        """The next message if there is one already, or None. Allocates nothing."""
        return self._take() if self._queue else None

    def _take(self):
        message = self._queue.popleft()
        if self._at == _PAUSED and not self._queue:
            self._changed.set()
        return message

    def send(self, message, text=False):
        """Await it: returns when `message` is accepted and may be changed again.

        str: text. bytes, bytearray, memoryview: binary. Anything with readinto(buf): binary, in
        fragments, never assembled. An iterable or asynchronous iterable of str or bytes: one
        fragmented message; if it raises or is cancelled halfway, the connection is closed with
        1011. Waits while there is no room. ConnectionClosed behind a Close; ValueError for text
        with a lone surrogate. `text`: send octets as text; that they are UTF-8 is yours to know.
        """
        if self._sending:
            return self._send_later(message, text)
        connection = self.connection
        output = connection.output
        if isinstance(message, str):
            text = _STR
            taken = connection.send_text(message)
        elif isinstance(message, _OCTETS):
            taken = connection.send_binary(message, text)
        else:
            return _send_parts(self, message, text)
        # While more messages wait to be answered, the answers are gathered: one write for them
        # all. The last one, or one without room, is written at once, as a task switch costs more
        # than the write; but not so often in a row that others get no turn.
        if self._turns and not (taken and self._queue and output.whole):
            self._turns -= 1
            if not self._flush():
                taken = taken or (
                    connection.send_text(message)
                    if text == _STR
                    else connection.send_binary(message, text)
                )
                if taken and output.empty:
                    return DONE
        if not self._has_work:
            self._has_work = True
            self._work.set()
        if not taken:
            return self._send_later(message, text)
        return DONE if output.whole else self._sent_whole()

    async def ping(self):
        """Send a Ping and wait for its Pong. Returns the round trip in ms. ConnectionClosed.

        The Pong is behind the peer's messages: who alone takes them must not wait for it.
        """
        while self._ping is None and not self.connection.ping():
            await self._room()
        if self._ping is None:
            self._asked()
            self._wake_writer()
        while self._ping is not None:
            if self.connection.incoming != _RECEIVING:
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
            self.close(_NORMAL)
        else:
            self.close(_GOING_AWAY if kind is asyncio.CancelledError else _INTERNAL_ERROR)
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

    async def _send_later(self, message, text):
        connection = self.connection
        while True:
            while self._sending:
                self._changed.clear()
                await self._changed.wait()
            if isinstance(message, str):
                taken = connection.send_text(message)
            elif isinstance(message, _OCTETS):
                taken = connection.send_binary(message, text)
            else:
                return await _send_parts(self, message, text)
            if taken:
                break
            await self._room()
        await self._sent_whole()

    async def _sent_whole(self):
        self._wake_writer()
        while not self.connection.output.whole and self.connection.outgoing != _SHUT:
            self._changed.clear()
            await self._changed.wait()

    def _wake_writer(self):
        self._has_work = True
        self._work.set()

    def _flush(self):
        # Write until nothing is left (False), or TCP takes no more, or others are due (True).
        turns = _TURNS
        while turns:
            turns -= 1
            n = self.connection.ready()
            if n == 0:
                share = self._transport.share
                if share and share.doubtful and self._ask():
                    continue
                return False
            taken = self._hand_over(n)
            if taken is None:
                self.connection.hold(self._transport.held(n))
                return True
            if taken < 0:
                return False
            self.connection.advance(taken)
        return True

    def _ask(self):
        # Send a Ping to know what has arrived, unless one is on its way. Returns whether.
        connection = self.connection
        if self._ping is not None or not connection.accepting:
            return False
        try:
            if not connection.ping():
                return False
        except MemoryError:
            return False
        self._asked()
        return True

    def _asked(self):
        self._ping = ticks_ms()
        share = self._transport.share
        if share:
            share.asked()

    def _hand_over(self, n):
        # Returns what TCP took: None when it would block, -1 after an error.
        with _guard:
            return self._pass_on(n)
        self.connection.write_failed(is_reset(_guard.error))
        return -1

    def _pass_on(self, n):
        output = self.connection.output
        return self._transport.write(output.buf, output.offset, n)

    async def _write(self):
        transport = self._transport
        work = self._work
        while True:
            try:
                self._has_work = False
                self._turns = _TURNS
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
                recover()
                await sleep_ms(10)

    # Receiving

    async def _read(self, buf):
        connection = self.connection
        reader = connection.reader
        transport = self._transport
        buffers = connection.settings.buffers
        queue = self._queue
        pull = connection.pull  # looked up once: that costs more than many a call of it
        cancelled = None
        if buf:
            connection.receive_data(buf, 0, len(buf))
        event = _NEED_DATA
        try:
            while not connection.want_close_tcp():
                try:
                    if (
                        connection.incoming == _ENDED
                        or (queue and self._pause())
                        or (event == _WAIT and self._starve())
                    ):
                        self._changed.clear()
                        await self._changed.wait()
                        continue
                    if event == _WAIT:
                        event = _NEED_DATA
                    if len(queue) >= _QUEUE:
                        # Closing: an application that takes messages gets its turn to do so
                        # before one is dropped.
                        await sleep_ms(0)
                    if buf is None and event == _NEED_DATA:
                        if not queue:
                            self._octets = 0
                        self._at = _BUSY
                        if self._turns:
                            self._turns -= 1
                        else:
                            # A peer that never stops must not keep others, the clock among them,
                            # from their turn.
                            self._turns = _TURNS
                            await sleep_ms(0)
                        direct = connection.direct()
                        if direct >= buffers.size:
                            n = transport.read_at(reader.body, reader.body_size, direct)
                        else:
                            buf = buffers.borrow()
                            n = transport.read(buf, buffers.size)
                        if n:
                            self._octets += n
                            if buf is None:
                                event = connection.received(n)
                            else:
                                connection.receive_data(buf, 0, n)
                        else:
                            if buf:
                                buffers.give_back(buf)
                                buf = None
                            if n is None:
                                self._at = _WAITING
                                self._turns = _TURNS
                                await transport.readable()
                            else:
                                connection.receive_eof()
                                self._over()
                            continue
                    control = False
                    room = _QUEUE - len(queue)
                    while True:
                        if event == _NEED_DATA:
                            event = pull()
                            if event == _NEED_DATA:
                                break
                        if 0 < event <= _BINARY and room > 1:
                            queue.append(reader.message)
                            room -= 1
                            self._idle = False
                        elif event == _WAIT:
                            break
                        elif 0 < event <= _CHUNK:
                            if not self._deliver(event):
                                event = _NEED_DATA
                                break
                            room = _QUEUE - len(queue)
                        else:
                            if not self._idle and (event < 0 or event == _CLOSE):
                                await self._settle()
                                room = _QUEUE - len(queue)
                            control = True
                            if self.on_peer_close:
                                connection.want_window()
                            event = connection.handle(event)
                            if event == _PONG:
                                _pong(self, reader)
                            elif connection.incoming != _RECEIVING:
                                self._over()
                        event = _NEED_DATA
                    reader.message = None
                    if control and self._flush():
                        self._wake_writer()
                    self._changed.set()
                    if buf and not reader.unread:
                        buffers.give_back(buf)
                        buf = None
                except OSError as error:
                    buf = None
                    self._at = _BUSY
                    connection.receive_eof(is_reset(error))
                    self._over()
                except asyncio.CancelledError:
                    if self._at != _NUDGED:
                        raise
                    self._at = _BUSY
                except MemoryError:
                    # What was begun is begun again when there is memory, or until a deadline.
                    self._at = _BUSY
                    self._wake_writer()
                    recover()
                    await sleep_ms(10)
        except asyncio.CancelledError as error:
            connection.close_now()
            cancelled = error
        self._end()
        while self.outcome is None:
            try:
                self.outcome = connection.tcp_closed()
            except MemoryError:
                recover()
                await sleep_ms(10)
        self._changed.set()
        told = self._told or self.on_close
        if told:
            try:
                told(self.outcome)
            except Exception as error:
                # asyncio would keep it, and with it all of this connection, until the next one.
                print_exception(error)
        if cancelled:
            raise cancelled

    def _pause(self):
        # Whether to leave the rest to TCP's own flow control until the application catches up.
        if self.connection.outgoing >= _QUEUED or self.connection.want_close_tcp():
            self._at = _BUSY
        elif self._at != _PAUSED:
            if (
                len(self._queue) >= _QUEUE
                or self._octets >= _AHEAD * self.connection.settings.buffer
            ):
                self._at = _PAUSED
        elif not self._queue:
            self._at = _BUSY
        return self._at == _PAUSED

    def _starve(self):
        # Whether to wait for a buffer of the pool: not while closing, when reading must go on.
        connection = self.connection
        self._at = _BUSY
        if connection.outgoing >= _QUEUED or connection.want_close_tcp():
            connection.reader.patient = False
            connection.settings.pool.wake()
        elif connection.settings.pool.wait(self._changed):
            self._at = _PAUSED
        return self._at == _PAUSED

    def _deliver(self, event):
        # Queue a message or chunk. Returns whether there is room for another.
        # A message of which a chunk is missing must not look like a whole one.
        if len(self._queue) >= _QUEUE or (event == _CHUNK and self.connection.discarded):
            self.connection.discarded += 1
            if event != _CHUNK:
                self.connection.reader.discard()
            return True
        self._idle = False
        reader = self.connection.reader
        self._queue.append(_chunk(reader) if event == _CHUNK else reader.message)
        return len(self._queue) < _QUEUE

    async def _settle(self):
        # The application answers what came before a Close or a violation, as if it had come alone.
        start = ticks_ms()
        connection = self.connection
        self._changed.set()
        while not (self._idle and connection.output.empty) and connection.outgoing != _SHUT:
            if ticks_diff(ticks_ms(), start) > _SETTLE:
                break
            await sleep_ms(1)

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
        # There is no window behind a Close of ours.
        if self.on_peer_close and self.connection.accepting:
            asyncio.create_task(self._window(self.on_peer_close))

    async def _window(self, on_peer_close):
        # A task of its own, as the application's mistakes must not stop the reader.
        try:
            again = on_peer_close(self)
            if again is not None:
                await again
                self.finish()
        except BaseException:
            self.finish()
            raise

    def _nudge(self):
        # Get the reader out of its wait for TCP, to look at the state.
        if self._at == _WAITING:
            self._at = _NUDGED
            self._reader.cancel()

    def tick(self, now):
        """Called by the clock."""
        connection = self.connection
        if self._at == _PAUSED:
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
        if connection.want_close_tcp() == _DRAIN:
            # A socket closed with input unread answers with a reset, which destroys what the peer
            # has not read yet, our Close included.
            buf = None
            try:
                buf = connection.settings.buffers.borrow()
            except MemoryError:
                if connection.output.empty:
                    buf = connection.output.buf
            try:
                for _ in range(_DRAINS):
                    if not (buf and transport.read(buf, len(buf))):
                        break
            except Exception:  # to name two of them takes memory
                pass
            if buf:
                connection.settings.buffers.give_back(buf)
        self._writer.cancel()
        unwatch(self)
        if connection.settings.pool:
            connection.settings.pool.wake()
        try:
            transport.close()
        except OSError:
            pass  # whatever TCP says to it, this is the end


async def _next(ws, end):
    while not ws._queue:
        if ws.connection.incoming != _RECEIVING:
            raise end(ws.connection.state)
        ws._idle = True
        ws._changed.clear()
        await ws._changed.wait()
    return ws._take()


def _send_parts(ws, message, text):
    from .parts import send_parts  # most need none of it

    return send_parts(ws, message, text)


def _pong(ws, reader):
    # No method: with one more the class's table would be full; see test_hash_tables.py.
    if ws._ping is not None and reader.length == 9:
        ws._round_trip = ticks_diff(ticks_ms(), ws._ping)
        ws._ping = None
        share = ws._transport.share
        if share:
            share.answered()


def _chunk(reader):
    data = reader.data[reader.offset : reader.offset + reader.length]
    return Chunk(data, reader.chunk_final, reader.chunk_opcode == 1)


async def write_all(transport, octets, n=None):
    """Hand over to TCP all of the octets, or the first `n`. OSError."""
    at = 0
    n = len(octets) if n is None else n
    while at < n:
        taken = transport.write(octets, at, n - at)
        if taken is None:
            await transport.writable()
        else:
            at += taken
