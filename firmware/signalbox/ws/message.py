"""From frames to messages: fragmentation (RFC 6455 section 5.4), size limit, strict UTF-8 (8.1).

Knows what may follow what in the incoming direction; not what is done about it (connection.py).

The reader pulls from a window of the caller's buffer. Nothing is allocated but the message that
the application gets: binary as a bytearray that is its own, text as a str. A text longer than
the window is assembled in one buffer that all connections share, as a str is a copy anyway.
"""

from ..compat import const
from .frame import MORE, VIOLATION, Header
from .mask import move, xor
from .utf8 import REJECT, validate

# Events of next(); those of control frames are their opcodes. A negative event is the close code
# (negated) with which the connection must be failed (7.1.7): 1002, 1007 or 1009.
NEED_DATA = 0
TEXT = 1
BINARY = 2
CHUNK = 3

_NEED_DATA = const(0)
_TEXT = const(1)
_CHUNK = const(3)
_AGAIN = const(4)  # a frame ended, and no message with it
_CONTROL = const(8)
_WHOLE_TEXT = const(0x81)
_WHOLE_BINARY = const(0x82)

_PROTOCOL_ERROR = const(-1002)
_INVALID_DATA = const(-1007)
_TOO_BIG = const(-1009)

_FILL = bytes(512)
_spare = None  # the shared text buffer, while no message is being assembled in it
_spare_size = 0  # the longest it has been: up to there it is resized without an allocation


def _borrow(n):
    """A bytearray of `n` octets for a text; see _give_back()."""
    global _spare
    buf = _spare
    if buf is None or _spare_size < n:
        return bytearray(n)
    _spare = None
    _resize(buf, n)
    return buf


def _resize(buf, n):
    # Shrinking keeps the space, and growing back into it allocates nothing. No view of it lives.
    while len(buf) < n:
        buf.extend(_FILL)
    if len(buf) > n:
        buf[n:] = b""


def _give_back(buf):
    global _spare, _spare_size
    if _spare is None or len(buf) > _spare_size:
        _spare = buf
        if len(buf) > _spare_size:
            _spare_size = len(buf)


class MessageReader:
    """Turns the octets that came in into messages, chunks and control frames, in order.

    After TEXT or BINARY: `message`. After CHUNK, CLOSE, PING or PONG: `data[offset:offset +
    length]`, unmasked, valid until the next call; after CHUNK also `chunk_opcode` and
    `chunk_final`.
    """

    chunk_opcode = 0
    chunk_final = False

    def __init__(self, masked, max_message, stream):
        """`masked`: the peer masks. `max_message`: octets of the largest message assembled.

        `stream`: data frames are given out in CHUNKs as they arrive, of any total size; text
        is checked, but a chunk may end inside a character.
        """
        self.max_message = max_message
        self.message = None
        self.data = None
        self.offset = 0
        self.length = 0
        self._masked = masked
        self._stream = stream
        self._header = Header(masked)
        self._buf = None  # the window: _buf[_at:_end]
        self._at = 0
        self._end = 0
        self._left = -1  # octets of the current frame still to come; -1 between frames
        self._phase = 0  # the key octet that the next one meets
        self._type = 0  # TEXT or BINARY while a message is open
        self._utf8 = 0
        self._body = None  # the message being assembled
        self._size = 0  # octets of it that are there
        self._control = bytearray(125)  # a control frame that comes in parts

    def feed(self, buf, at, end):
        """Lend `buf[at:end]` (a bytearray, which is changed) until next() returns NEED_DATA."""
        self._buf = buf
        self._at = at
        self._end = end

    @property
    def unread(self):
        """Octets of the window that next() has not reached."""
        return self._end - self._at

    @property
    def position(self):
        """Index in the window's buffer of the next octet that is unread."""
        return self._at

    @property
    def partial(self):
        """Whether a frame or a message has begun and not ended."""
        return self._left >= 0 or self._type != 0 or self._header.begun

    def stop(self):
        """Give up what is unread or unfinished: nothing more will be parsed."""
        self._at = self._end
        self._left = -1
        if self._type == _TEXT and self._body is not None:
            _give_back(self._body)
        self._type = 0
        self._body = None

    def next(self):
        """The next event. Octets after the first bad one are never looked at."""
        while True:
            if self._left >= 0:
                event = self._payload()
            else:
                at = self._at
                end = self._end
                if at >= end:
                    return _NEED_DATA
                header = self._header
                at = header.parse(self._buf, at, end)
                if at < 0:
                    return self._no_header(at)
                n = header.length
                first = header.first
                if (
                    (first == _WHOLE_TEXT or first == _WHOLE_BINARY)
                    and at + n <= end
                    and not self._type
                    and not self._stream
                    and n <= self.max_message
                ):
                    self._at = at + n
                    return self._whole(self._buf, at, n, first)
                self._at = at
                event = self._begin(first, n)
            if event != _AGAIN:
                return event

    def direct(self):
        """How many octets may be read straight into `body` at `body_size`; then call received().

        0 unless the window is empty and the payload of a data frame is being assembled.
        """
        if self._at < self._end or self._left <= 0 or self._body is None:
            return 0
        if self._header.opcode >= _CONTROL:
            return 0
        return self._left

    @property
    def body(self):
        """The message being assembled."""
        return self._body

    @property
    def body_size(self):
        """Octets of it that are there."""
        return self._size

    def received(self, n):
        """`n` octets were read into `body` at `body_size`. Returns an event, as next() does."""
        self._left -= n
        event = self._took(n)
        return self.next() if event == _AGAIN else event

    def _no_header(self, result):
        self._at = self._end
        if result == MORE:
            return _NEED_DATA
        return _PROTOCOL_ERROR if result == VIOLATION else _TOO_BIG

    def _whole(self, buf, at, n, first):
        # The usual case: an unfragmented message, all of it here.
        header = self._header
        if first == _WHOLE_BINARY:
            if self._masked:
                xor(buf, at, n, header.key_buf, header.key_offset, 0)
            self.message = buf[at : at + n]
            return first & 0xF
        if n == 0:
            self.message = ""
            return _TEXT
        seen = 0x80
        if self._masked:
            seen = xor(buf, at, n, header.key_buf, header.key_offset, 0)
        if seen > 0x7F and validate(buf, at, n, 0):
            self._type = _TEXT  # it never ended, however it came in
            return _INVALID_DATA
        text = _borrow(n)
        move(text, 0, buf, at, n)
        self.message = str(text, "utf-8")
        _give_back(text)
        return _TEXT

    def _begin(self, first, n):
        # A frame that isn't a whole message, or isn't all here.
        self._left = n
        self._phase = 0
        opcode = first & 0xF
        if opcode < _CONTROL:
            # A message's first frame has its type, the others none (5.4).
            if (opcode == 0) != (self._type != 0):
                return _PROTOCOL_ERROR
            if opcode:
                self._type = opcode
                self._size = 0
                self._utf8 = 0
            if not self._stream:
                if self._size + n > self.max_message:
                    return _TOO_BIG
                self._make_room(self._size + n, first & 0x80)
        if self._at + n > self._end:
            self._header.keep_key()
        return self._payload()

    def _make_room(self, n, last):
        # Exact where the whole is known; a message of many fragments doubles its room.
        body = self._body
        if body is None:
            self._body = _borrow(n) if self._type == _TEXT else bytearray(n)
        elif len(body) < n:
            if not last:
                n = min(max(n, 2 * len(body)), self.max_message)
            if self._type == _TEXT:
                _resize(body, n)
            else:
                self._body = bytearray(n)
                move(self._body, 0, body, 0, self._size)

    def _payload(self):
        n = min(self._left, self._end - self._at)
        if n == 0 and self._left:
            return _NEED_DATA
        if self._header.opcode >= _CONTROL:
            return self._control_payload(n)
        at = self._at
        self._at += n
        self._left -= n
        if self._stream:
            return self._chunk(at, n)
        move(self._body, self._size, self._buf, at, n)
        return self._took(n)

    def _unmask(self, buf, at, n):
        # Returns whether there may be an octet past ASCII among them.
        if not self._masked:
            return True
        header = self._header
        seen = xor(buf, at, n, header.key_buf, header.key_offset, self._phase)
        self._phase = (self._phase + n) & 3
        return seen > 0x7F

    def _check_text(self, buf, at, n, suspect):
        # False at the first octet that can't be (8.1), or at the end of a text inside a character.
        if self._type == _TEXT:
            if suspect or self._utf8:
                self._utf8 = validate(buf, at, n, self._utf8)
            if self._utf8 == REJECT:
                return False
            if self._utf8 and self._left == 0 and self._header.first & 0x80:
                return False
        return True

    def _took(self, n):
        # `n` more octets of payload are in the body, still masked.
        body = self._body
        size = self._size
        suspect = self._unmask(body, size, n)
        if not self._check_text(body, size, n, suspect):
            return _INVALID_DATA
        self._size = size = size + n
        if self._left:
            return _NEED_DATA
        self._left = -1
        if self._header.first < 0x80:
            return _AGAIN
        self._body = None
        kind = self._type
        self._type = 0
        if len(body) > size:
            body[size:] = b""
        if kind == _TEXT:
            self.message = str(body, "utf-8")
            _give_back(body)
        else:
            self.message = body
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
            if self._header.first >= 0x80:
                self.chunk_final = True
                self._type = 0
            elif n == 0:
                return _AGAIN
        return _CHUNK

    def _control_payload(self, n):
        # Usually all in the window, and used there; else gathered.
        whole = self._header.length
        data = self._buf
        at = self._at
        if n < whole:
            have = whole - self._left
            move(self._control, have, data, at, n)
            data = self._control
        self._at += n
        self._left -= n
        if self._left:
            return _NEED_DATA
        self._left = -1
        if data is self._control:
            at = 0
        self._unmask(data, at, whole)
        self.data = data
        self.offset = at
        self.length = whole
        return self._header.opcode
