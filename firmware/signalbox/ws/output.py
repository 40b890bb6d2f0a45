"""What is to be written: accepted frames in order, and where a frame ends.

Knows the outgoing frames as octets; when a Close is due is decided in connection.py.

One buffer, allocated once. Frames are appended to it until all of it has been handed to TCP, and
what was already written stays in place until then: so frame borders can be found by walking, at
the rare times when they matter, and cost nothing otherwise. A message that doesn't fit is
referred to, not copied: its header and first octets go into the buffer, the rest is written from
the message itself (a client masks it through the buffer, part by part).
"""

from ..compat import const
from .frame import CLOSE, FIN, LARGEST_CONTROL, PONG, frame_end, header_size, put_header
from .mask import move, xor
from .utf8 import validate

_LARGEST_HEADER = const(8)  # of a frame whose payload fits in the buffer: 4 octets and a key


class Output:
    """The octets to write next: `buf`, `offset` and the count that ready() returns."""

    def __init__(self, size, keys):
        """`size`: octets of the buffer, at least 140. `keys`: MaskingKeys for a client, or None."""
        self._tx = self.buf = bytearray(size)
        self.offset = 0
        self.held = 0  # octets at the head that can't be taken back; see Connection.hold()
        self._keys = keys
        self._size = size
        self._start = 0  # written up to here
        self._end = 0  # filled up to here
        self._first = 0  # the first frame header; before it, the rest of `_body`'s frame
        self._body = None  # the message referred to
        self._body_at = 0
        self._body_end = 0
        self._body_first = 0  # its frame's first octet
        self._body_key = bytearray(4) if keys else None
        self._source = None  # read from when everything before it is written
        self._source_view = None
        self._source_first = 0
        self._source_utf8 = 0
        self._pong = bytearray(LARGEST_CONTROL)
        self._pong_size = -1
        self._close_due = False
        self._close_code = 0  # 0: no code, no payload
        self._close_reason = None
        self._close_size = 0  # octets of the reason
        self._close_end = 0  # where the Close ends in the buffer
        self.close_begun = False
        self.close_written = False

    # Accepting

    @property
    def whole(self):
        """Whether no message is referred to any more: the caller may change what it sent."""
        return self._body is None and self._source is None

    def put(self, first, data, n):
        """Accept a frame: `first` is FIN and opcode, `data` holds `n` octets of payload.

        Returns False, and takes nothing, when there is no room now. `data` is referred to until
        `whole`, when it is larger than the buffer.
        """
        if self._body is not None or self._source is not None:
            return False
        tx = self._tx
        end = self._end
        keys = self._keys
        size = 2 if n < 126 else 4 if n < 0x10000 else 10
        if keys:
            size += 4
        part = n
        if end + size + n > self._size:
            if size + n <= self._size or end + size >= self._size:
                return False
            part = self._size - end - size
        key_at = put_header(tx, end, first, n, keys)
        end += size
        move(tx, end, data, 0, part)
        if keys:
            keys.put(tx, key_at)
            xor(tx, end, part, tx, key_at, 0)
        if part < n:
            self._body = data
            self._body_at = part
            self._body_end = n
            self._body_first = first
            if keys:
                move(self._body_key, 0, tx, key_at, 4)
        self._end = end + part
        return True

    def put_source(self, opcode, source, text):
        """Accept a message of unknown length, read with `source.readinto(buf)` until it returns 0.

        Returns False when there is no room now. Each read becomes a fragment.
        """
        if self._body is not None or self._source is not None:
            return False
        self._source = source
        self._source_first = opcode
        self._source_utf8 = 0 if text else -1
        if self._source_view is None:
            self._source_view = memoryview(self._tx)[_LARGEST_HEADER:]
        return True

    def put_pong(self, data, at, n):
        """Answer a Ping with its payload: in order while there is room, else the newest (5.5.3)."""
        size = 6 if self._keys else 2
        if self._body is None and self._pong_size < 0 and self._end + size + n <= self._size:
            self._put_control(FIN | PONG, data, at, n)
        else:
            move(self._pong, 0, data, at, n)
            self._pong_size = n

    def put_close(self, code, reason, n):
        """A Close follows everything that was accepted before it.

        `code` 0 makes it empty; `reason` holds `n` (at most 123) octets of UTF-8, and is referred
        to, so that nothing is allocated.
        """
        self._close_code = code
        self._close_reason = reason
        self._close_size = n
        self._close_due = True

    @property
    def empty(self):
        """Whether there is nothing to write."""
        return (
            self._end == self._start
            and self._body is None
            and self._source is None
            and self._pong_size < 0
            and not self._close_due
        )

    # Writing

    def ready(self):
        """How many octets to write now, from `buf` at `offset`; 0 when there are none.

        Raises what a source raises, and ValueError when its text isn't UTF-8.
        """
        n = self._end - self._start
        return n if n else self._more()

    def advance(self, n):
        """`n` of these octets were handed to TCP."""
        if self.held:
            self.held = max(0, self.held - n)
        if self.buf is not self._tx:
            self._body_at += n
            self.offset = self._body_at
            if self._body_at == self._body_end:
                self._end_body()
            return
        start = self._start + n
        if self._close_end:
            self.close_begun = True
            if start >= self._close_end:
                self.close_written = True
        if start == self._end:
            start = self._end = self._first = self._close_end = 0
        self._start = start
        self.offset = start

    def _more(self):
        # The buffer is empty: what else is there?
        if self._body is not None:
            if self._keys:
                return self._refill()
            self.buf = self._body
            self.offset = self._body_at
            return self._body_end - self._body_at
        if self._pong_size >= 0:
            self._put_control(FIN | PONG, self._pong, 0, self._pong_size)
            self._pong_size = -1
        elif self._source is not None:
            self._read_source()
        elif self._close_due:
            self._put_close()
        self.offset = self._start
        return self._end - self._start

    def _put_control(self, first, data, at, n):
        tx = self._tx
        to = put_header(tx, self._end, first, n, self._keys)
        if self._keys:
            self._keys.put(tx, to)
            move(tx, to + 4, data, at, n)
            xor(tx, to + 4, n, tx, to, 0)
            to += 4
        else:
            move(tx, to, data, at, n)
        self._end = to + n

    def _put_close(self):
        code = self._close_code
        if code:
            # The code goes where the pong's payload was: there is none any more.
            pong = self._pong
            pong[0] = code >> 8
            pong[1] = code & 0xFF
            move(pong, 2, self._close_reason, 0, self._close_size)
            self._put_control(FIN | CLOSE, pong, 0, 2 + self._close_size)
        else:
            self._put_control(FIN | CLOSE, self._pong, 0, 0)
        self._close_due = False
        self._close_end = self._end

    def _end_body(self):
        self._body = None
        self.buf = self._tx

    def _refill(self):
        at = self._body_at
        n = min(self._size, self._body_end - at)
        tx = self._tx
        move(tx, 0, self._body, at, n)
        xor(tx, 0, n, self._body_key, 0, at & 3)
        self._first = self._end = n
        self._body_at = at + n
        if self._body_at == self._body_end:
            self._body = None
        self.offset = 0
        return n

    def _read_source(self):
        tx = self._tx
        n = self._source.readinto(self._source_view)
        first = self._source_first
        if not n:
            self._source = None
            first |= FIN
            n = 0
        if self._source_utf8 >= 0:
            self._source_utf8 = validate(tx, _LARGEST_HEADER, n, self._source_utf8)
            if self._source_utf8 < 0 or (self._source_utf8 and self._source is None):
                raise ValueError("source is not UTF-8")
        # The header goes right before the payload.
        start = _LARGEST_HEADER - header_size(n, self._keys)
        key_at = put_header(tx, start, first, n, self._keys)
        if self._keys:
            self._keys.put(tx, key_at)
            xor(tx, _LARGEST_HEADER, n, tx, key_at, 0)
        self._start = self._first = start
        self._end = _LARGEST_HEADER + n
        self._source_first = 0

    # Counting and giving up

    def unsent(self):
        """Messages that were not handed to TCP to their last octet."""
        count = 1 if self._source is not None else 0
        at = self._first
        end = self._end
        while at < end:
            after = frame_end(self._tx, at)
            if self._tx[at] & (FIN | 8) == FIN and (after > self._start):
                count += 1
            at = after
        # A message referred to, whose header has left the buffer (at == end) or is still in it.
        if self._body is not None and at == end and self._body_first & FIN:
            count += 1
        return count

    def drop(self):
        """Give up all but the frame that is being written (R9), and a Close that is queued."""
        self._source = None
        self._pong_size = -1
        if self._close_end:
            return
        written = self._start + self.held
        tx = self._tx
        end = self._end
        keep = self._first
        while keep < end and keep < written:
            keep = frame_end(tx, keep)
        if keep >= end:
            return  # the last frame has begun; it may go on in `_body`
        after = keep
        while after < end:
            after = frame_end(tx, after)
        if after > end:  # the frame that goes on in `_body` has not begun
            self._body = None
        if keep <= self._start:
            self._start = self._first = keep = 0
        self._end = keep
