"""From frames to messages: fragmentation (RFC 6455 section 5.4), size limit, strict UTF-8 (8.1).

Knows what may follow what in the incoming direction; not what is done about it (connection.py).

The reader pulls from a window of the caller's buffer. Nothing is allocated but the message that
the application gets: binary as a bytearray that is its own, text as a str. A text longer than
the window is assembled in one buffer that all connections share, as a str is a copy anyway.

With a Pool, text is given out as the octets that came in, a bytearray, a large one in a buffer of
the pool, which the application gives back; while there is none, the reader waits. Binary is a
memoryview then, to tell it apart.
"""

from ..compat import const
from .buffers import resize
from .frame import FrameParser
from .mask import move, xor
from .utf8 import validate

# Events of next(); those of control frames are their opcodes. A negative event is the close code
# (negated) with which the connection must be failed (7.1.7): 1002, 1007 or 1009.
NEED_DATA = 0
TEXT = 1
BINARY = 2
CHUNK = 3
WAIT = 5  # for a buffer of the pool: call next() again when there is one

_HERE = const(0)  # frame._HERE
_MORE = const(-1)  # frame._MORE
_VIOLATION = const(-2)  # frame._VIOLATION
_KEY_K = const(40)  # frame._KEY_K
_CONTROL_AT = const(14)  # frame._LARGEST_HEADER
_REJECT = const(-1)  # utf8.REJECT
_NEED_DATA = const(0)
_TEXT = const(1)
_BINARY = const(2)
_CHUNK = const(3)
_AGAIN = const(4)  # a frame ended, and no message with it
_WAIT = const(5)
_CONTROL = const(8)
_WHOLE_TEXT = const(0x81)
_WHOLE_BINARY = const(0x82)

_PROTOCOL_ERROR = const(-1002)
_INVALID_DATA = const(-1007)
_TOO_BIG = const(-1009)

_SMALL = const(1024)  # octets of a text that needs no buffer of the pool

_spare = None  # the shared text buffer, while no message is being assembled in it
_spare_size = 0  # the longest it has been: up to there it is resized without an allocation


def _borrow(n):
    """A bytearray of `n` octets for a text; see _give_back()."""
    global _spare
    buf = _spare
    if buf is None or _spare_size < n:
        return bytearray(n)
    _spare = None
    resize(buf, n)
    return buf


def _give_back(buf):
    global _spare, _spare_size
    if _spare is None or len(buf) > _spare_size:
        _spare = buf
        if len(buf) > _spare_size:
            _spare_size = len(buf)


class MessageReader(FrameParser):
    """Turns the octets that came in into messages, chunks and control frames, in order.

    After TEXT or BINARY: `message`. After CHUNK, CLOSE, PING or PONG: `data[offset:offset +
    length]`, unmasked, valid until the next call; after CHUNK also `chunk_opcode` and
    `chunk_final`.
    """

    chunk_opcode = 0
    chunk_final = False
    pool = None
    _stream = False
    patient = True  # wait for a buffer of the pool, rather than take a new one

    def __init__(self, masked, max_message, stream, pool=None):
        """`masked`: the peer masks. `max_message`: octets of the largest message assembled.

        `stream`: data frames are given out in CHUNKs as they arrive, of any total size; text
        is checked, but a chunk may end inside a character. `pool`: of buffers of `max_message`.
        """
        super().__init__(masked)
        self.max_message = max_message
        # Nothing is ever whole while it is given out in chunks.
        self._largest_whole = max_message
        if stream:
            self._stream = True
            self._largest_whole = -1
        if pool:
            self.pool = pool
            self._largest_whole = min(max_message, _SMALL)
        self.message = None
        self.data = None
        self.offset = 0
        self.length = 0
        self._left = -1  # octets of the current frame still to come; -1 between frames
        self._k = _KEY_K  # the key octet that the next one meets, as mask.xor() takes it
        self._type = 0  # TEXT or BINARY while a message is open
        self._utf8 = 0
        self.body = None  # the message being assembled
        self.body_size = 0  # octets of it that are there

    @property
    def partial(self):
        """Whether a frame or a message has begun and not ended."""
        return self._left >= 0 or self._type != 0 or self._have > 0

    def stop(self):
        """Give up what is unread or unfinished: nothing more will be parsed."""
        self.position = self._end
        self._left = -1
        if self._type == _TEXT and self.body is not None:
            if self.pool:
                self.pool.give_back(self.body)
            else:
                _give_back(self.body)
        self._type = 0
        self.body = None

    def discard(self):
        """The application doesn't get `message`."""
        if self.pool:
            self.pool.give_back(self.message)

    def next(self):
        """The next event. Octets after the first bad one are never looked at."""
        event = _AGAIN
        while event == _AGAIN:
            if self._left >= 0:
                event = self._payload()
            elif self.position >= self._end:
                return _NEED_DATA
            else:
                event = self.parse_header()
                if event < 0:
                    return self._no_header(event)
                # The usual case: an unfragmented message, all of it in the window.
                if (
                    event == _HERE
                    and self.position + self.payload <= self._end
                    and self.payload <= self._largest_whole
                    and self._type == 0
                ):
                    if self.first == _WHOLE_BINARY:
                        return self._whole_binary()
                    if self.first == _WHOLE_TEXT:
                        return self._whole_text()
                event = self._begin(event)
        return event

    def direct(self):
        """How many octets may be read straight into `body` at `body_size`; then call received().

        0 unless the window is empty and the payload of a data frame is being assembled.
        """
        if self.position < self._end or self._left <= 0 or self.body is None:
            return 0
        return 0 if self.first & _CONTROL else self._left

    def received(self, n):
        """`n` octets were read into `body` at `body_size`. Returns an event, as next() does."""
        self._left -= n
        event = self._took(n)
        return self.next() if event == _AGAIN else event

    def _no_header(self, result):
        self.position = self._end
        if result == _MORE:
            return _NEED_DATA
        if result == _VIOLATION:
            return _PROTOCOL_ERROR
        self._left = 0  # a message has begun, as where its length can be held
        return _TOO_BIG

    def _whole_binary(self):
        at = self.position
        n = self.payload
        buf = self._buf
        self.position = at + n
        if self._mask_bit:
            xor(buf, at, n, buf, (at - 4) << 2)
        octets = buf[at : at + n]
        self.message = octets if self.pool is None else memoryview(octets)
        return _BINARY

    def _whole_text(self):
        at = self.position
        n = self.payload
        self.position = at + n
        if self._is_broken(at, n):
            self._type = _TEXT  # it never ended, however it came in
            return _INVALID_DATA
        if self.pool:
            self.message = self._buf[at : at + n]
            return _TEXT
        if n == 0:
            self.message = ""
            return _TEXT
        text = _borrow(n)
        move(text, 0, self._buf, at, n)
        self.message = str(text, "utf-8")
        _give_back(text)
        return _TEXT

    def _is_broken(self, at, n):
        # Unmasks, too: what comes out ASCII needs no second look.
        buf = self._buf
        if self._mask_bit and xor(buf, at, n, buf, (at - 4) << 2) < 0x80:
            return False
        return validate(buf, at, n, 0) != 0

    def _begin(self, where):
        # A frame that isn't a whole message, or isn't all here.
        n = self.payload
        self._left = n
        self._k = _KEY_K
        if where == _HERE:
            self.keep_key()
        if not self.first & _CONTROL:
            opcode = self.first & 0xF
            # A message's first frame has its type, the others none (5.4).
            if (opcode == 0) == (self._type == 0):
                return _PROTOCOL_ERROR
            if opcode:
                self._type = opcode
                self.body_size = 0
                self._utf8 = 0
            if not self._stream:
                if self.body_size + n > self.max_message:
                    return _TOO_BIG
                if not (self.pool and self._type == _TEXT):
                    self._make_room(self.body_size + n, self.first & 0x80)
        return self._payload()

    def _take_from_pool(self):
        # Whether there is a body now: room for a message whose length is known, else for the
        # longest.
        if self.first < 0x80:
            n = self.max_message
        else:
            n = self._left
            if n <= _SMALL:
                self.body = bytearray(n)
                return True
        self.body = self.pool.borrow(n)
        if self.body is None and not self.patient:
            self.body = bytearray(n)
        return self.body is not None

    def _make_room(self, n, last):
        # Exact where the whole is known; a message of many fragments doubles its room.
        body = self.body
        if body is None:
            self.body = _borrow(n) if self._type == _TEXT else bytearray(n)
        elif len(body) < n:
            if not last:
                n = min(max(n, 2 * len(body)), self.max_message)
            if self._type == _TEXT:
                resize(body, n)
            else:
                self.body = bytearray(n)
                move(self.body, 0, body, 0, self.body_size)

    def _payload(self):
        n = min(self._left, self._end - self.position)
        if n == 0 and self._left:
            return _NEED_DATA
        if self.first & _CONTROL:
            return self._control_payload(n)
        at = self.position
        if self.body is None and not self._stream and not self._take_from_pool():
            return _WAIT
        self.position += n
        self._left -= n
        if self._stream:
            return self._chunk(at, n)
        move(self.body, self.body_size, self._buf, at, n)
        return self._took(n)

    def _unmask(self, buf, at, n):
        # Returns whether there may be an octet past ASCII among them.
        if not self._mask_bit:
            return True
        k = self._k
        self._k = _KEY_K | (k + n) & 3
        return xor(buf, at, n, self.gathered, k) > 0x7F

    def _check_text(self, buf, at, n, suspect):
        # False at the first octet that can't be (8.1), or at the end of a text inside a character.
        if self._type == _TEXT:
            if suspect or self._utf8:
                self._utf8 = validate(buf, at, n, self._utf8)
            if self._utf8 == _REJECT:
                return False
            if self._utf8 and self._left == 0 and self.first & 0x80:
                return False
        return True

    def _took(self, n):
        # `n` more octets of payload are in the body, still masked.
        body = self.body
        suspect = self._unmask(body, self.body_size, n)
        if not self._check_text(body, self.body_size, n, suspect):
            return _INVALID_DATA
        self.body_size += n
        if self._left:
            return _NEED_DATA
        self._left = -1
        return _AGAIN if self.first < 0x80 else self._end_message(body)

    def _end_message(self, body):
        kind = self._type
        self._type = 0
        self.body = None
        if len(body) > self.body_size:
            body[self.body_size :] = b""
        if kind == _BINARY:
            self.message = body if self.pool is None else memoryview(body)
        elif self.pool:
            self.message = body
        else:
            self.message = str(body, "utf-8")
            _give_back(body)
        return kind

    def _chunk(self, at, n):
        suspect = self._unmask(self._buf, at, n)
        if not self._check_text(self._buf, at, n, suspect):
            return _INVALID_DATA
        self.data = self._buf
        self.offset = at
        self.length = n
        self.chunk_opcode = self._type
        self.chunk_final = False
        if self._left == 0:
            self._left = -1
            if self.first >= 0x80:
                self.chunk_final = True
                self._type = 0
            elif n == 0:
                return _AGAIN
        return _CHUNK

    def _control_payload(self, n):
        # Usually all in the window, and used there; else gathered.
        whole = self.payload
        data = self._buf
        at = self.position
        if n < whole:
            have = whole - self._left
            move(self.gathered, _CONTROL_AT + have, data, at, n)
            data = self.gathered
        self.position += n
        self._left -= n
        if self._left:
            return _NEED_DATA
        self._left = -1
        if data is self.gathered:
            at = _CONTROL_AT
        self._unmask(data, at, whole)
        self.data = data
        self.offset = at
        self.length = whole
        return self.first & 0xF
