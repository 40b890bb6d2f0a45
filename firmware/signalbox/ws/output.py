"""What is to be written: accepted frames in order, and where a frame ends.

Knows the outgoing frames as octets; when a Close is due is decided in connection.py.

Frames are appended to a buffer until all of it has been handed to TCP, and what was already
written stays in place until then: so frame borders can be found by walking, at the rare times when
they matter, and cost nothing otherwise. The buffer is a small one of the connection's own, which
always has room for a Close, and a large borrowed one while there is more. A message that doesn't
fit is referred to, not copied: its header and first octets go into the buffer, the rest is written
from the message itself (a client masks it through the buffer, part by part).
"""

from ..compat import const
from .frame import frame_end, header_size, put_header
from .mask import move

_OWN = const(140)  # octets of the small buffer: a control frame, 6 + 125, and a little more
_CLOSE = const(0x8)  # frame._CLOSE
_PONG = const(0xA)  # frame._PONG
_LARGEST_CONTROL = const(125)  # frame._LARGEST_CONTROL
_FIN = const(0x80)  # frame._FIN
_HEADER = const(14)  # frame._LARGEST_HEADER

# The way of our Close.
_NONE = const(0)
_DUE = const(1)  # behind what was accepted before it
_NEXT = const(2)  # the first in the buffer
_BEGUN = const(3)
_WRITTEN = const(4)
WRITTEN = 4


class Output:
    """The octets to write next: `buf`, `offset` and the count that ready() returns."""

    # What most connections never need is kept here until it is set: a board counts the octets.
    held = 0  # octets at the head that can't be taken back; see Connection.hold()
    _keys = None  # a client's MaskingKeys
    _mask_bit = 0  # 0x80 for a client
    _own_keys = None  # masking keys: of `_body`'s frame, and of our Close
    _tail = 0  # 1: what the buffer begins with is the end of a message that was referred to
    _source = None  # a source.Source, read from when everything before it is written

    def __init__(self, buffers, keys):
        """`buffers`: Buffers of 140 to 65535 octets. `keys`: MaskingKeys for a client, or None."""
        self._own = self._tx = self.buf = bytearray(_OWN)
        self.offset = 0
        self._buffers = buffers
        self.whole = True  # no message is referred to: the caller may change what it sent
        self._start = 0  # written up to here
        self._end = 0  # filled up to here
        self._first = 0  # the first frame header; before it, the rest of `_body`'s frame
        # Here, too, as the table of these has no room to grow to when the heap is full.
        self._body = None  # the message referred to
        self._body_at = 0
        self._body_end = 0  # its octets; len() of a str counts them all, each time
        self._body_first = 0  # its frame's first octet
        self.close_state = _NONE  # the way of our Close: NONE to WRITTEN
        self.close_code = 0  # what our Close says; 0: it is empty, or there is none
        self._close_reason = None
        self._close_size = 0  # octets of the reason
        # A Pong for which there was no room: its octets + 1, or 0, and its payload. No heap is too
        # full for it.
        self._pong = bytearray(1 + _LARGEST_CONTROL)
        if keys:
            self._keys = keys
            self._mask_bit = 0x80
            # Kept from the beginning, so that no heap is too full for a Close.
            self._own_keys = bytearray(8)
            keys.put(self._own_keys, 4)

    # Accepting

    def put(self, first, data, n):
        """Accept a frame: `first` is FIN and opcode, `data` holds `n` octets of payload.

        Returns False, and takes nothing, when there is no room now. `data` is referred to until
        `whole`, when it is larger than the buffer.
        """
        if not self.whole:
            return False
        if self._end + n > len(self._tx) - _HEADER:  # up to there a frame surely fits
            self._enlarge()
            if self._end + n > len(self._tx) - _HEADER:
                return self._put_large(first, data, n)
        at = put_header(self._tx, self._end, first, n, self._mask_bit)
        if self._keys:
            self._keys.put(self._tx, at)
            at += 4
        move(self._tx, at, data, 0, n)
        self._end = at + n
        if self._keys:
            self._keys.mask(self._tx, at, n)
        return True

    def _put_large(self, first, data, n):
        # It may fit all the same, or does when the buffer is empty, or is referred to.
        part = len(self._tx) - self._end - header_size(n, self._keys)
        if part >= n:
            part = n
        elif part < 4 or header_size(n, self._keys) + n <= len(self._tx):
            return False
        else:
            # The rest begins with the masking key's first octet.
            part &= ~3
            self._body_at = part
            self._body_end = n
            self._body_first = first
        self._put_header(first, n)
        move(self._tx, self._end, data, 0, part)
        if part < n:
            self._body = data
            self.whole = False
        if self._keys:
            self._keys.mask(self._tx, self._end, part)
        self._end += part
        return True

    def _put_header(self, first, n):
        at = put_header(self._tx, self._end, first, n, self._mask_bit)
        if self._keys:
            self._keys.put(self._tx, at)
            move(self._own_keys, 0, self._tx, at, 4)
            at += 4
        self._end = at

    def put_source(self, source):
        """Accept a message of unknown length, a source.Source.

        Returns False when there is no room now.
        """
        if not self.whole:
            return False
        self._source = source
        self.whole = False
        return True

    def put_pong(self, data, at, n):
        """Answer a Ping with its payload: in order while there is room, else the newest (5.5.3)."""
        if self._body is None and not self._pong[0]:
            size = n + (6 if self._keys else 2)
            if self._end + size > len(self._tx):
                self._enlarge()
            if self._end + size <= len(self._tx):
                self._put_pong(data, at, n)
                return
        move(self._pong, 1, data, at, n)
        self._pong[0] = n + 1

    def put_close(self, code, reason, n):
        """A Close follows everything that was accepted before it.

        `code` 0 makes it empty; `reason` holds `n` (at most 123) octets of UTF-8, and is referred
        to, so that nothing is allocated.
        """
        self.close_code = code
        self._close_reason = reason
        self._close_size = n
        self.close_state = _DUE

    @property
    def empty(self):
        """Whether there is nothing to write."""
        return (
            self._end == self._start
            and self._body is None
            and self._source is None
            and not self._pong[0]
            and self.close_state != _DUE
        )

    def _enlarge(self):
        # Go on in a borrowed buffer. On a full heap the small one must do.
        if self._tx is self._own and self._buffers.size > _OWN:
            try:
                tx = self._buffers.borrow()
            except MemoryError:
                return
            move(tx, 0, self._own, 0, self._end)
            self._tx = self.buf = tx

    def _release(self):
        # All is written.
        if self._tx is not self._own:
            self._buffers.give_back(self._tx)
            self._tx = self.buf = self._own
        self._start = self._end = self._first = 0

    # Writing

    def ready(self):
        """How many octets to write now, from `buf` at `offset`; 0 when there are none.

        Raises what a source raises, and ValueError when its text isn't UTF-8.
        """
        n = self._end - self._start
        if n:
            return n
        # The buffer is empty: what else is there?
        if self._body is not None:
            if self._keys:
                return self._keys.refill(self)
            self.buf = self._body
            self.offset = self._body_at
            return self._body_end - self._body_at
        n = self._pong[0]
        if n:
            self._put_pong(self._pong, 1, n - 1)
            self._pong[0] = 0
        if self._end == 0:
            if self._source is not None:
                self._source.fill(self)
            elif self.close_state == _DUE:
                self._put_close()
        self.offset = self._start
        return self._end - self._start

    def advance(self, n):
        """`n` of these octets were handed to TCP."""
        if self.held:
            self.held = max(0, self.held - n)
        if self.buf is not self._tx:
            self._body_at += n
            self.offset = self._body_at
            if self._body_at == self._body_end:
                self._body = None
                self.whole = True
                self.buf = self._tx
                self.offset = self._start
            return
        start = self._start + n
        if _NEXT <= self.close_state <= _BEGUN:
            self.close_state = _WRITTEN if start >= frame_end(self._tx, 0) else _BEGUN
        if start == self._end:
            self._release()
            start = 0
        self._start = start
        self.offset = start

    def _put_pong(self, data, at, n):
        try:
            to = self._put_control(_FIN | _PONG, n)
        except MemoryError:
            return  # no masking key is left, and nothing shall fail for want of a Pong
        move(self._tx, to, data, at, n)
        if self._keys:
            self._keys.mask(self._tx, to, n)

    def _put_close(self):
        code = self.close_code
        n = self._close_size
        to = self._put_control(_FIN | _CLOSE, n + 2 if code else 0)
        if code:
            tx = self._tx
            tx[to] = code >> 8
            tx[to + 1] = code & 0xFF
            move(tx, to + 2, self._close_reason, 0, n)
            if self._keys:
                self._keys.mask(self._tx, to, n + 2)
        self.close_state = _NEXT

    def _put_control(self, first, n):
        # The header. Returns where the payload belongs, to be masked then.
        tx = self._tx
        to = put_header(tx, self._end, first, n, self._mask_bit)
        if self._keys:
            if first == _FIN | _CLOSE:
                move(tx, to, self._own_keys, 4, 4)
            else:
                self._keys.put(tx, to, True)
            to += 4
        self._end = to + n
        return to

    def hold(self, n):
        """See Connection.hold()."""
        if n != self.held:
            self.held = n
        if n and self.close_state == _NEXT:
            self.close_state = _BEGUN

    # Counting and giving up

    def unsent(self):
        """Messages that were not handed to TCP to their last octet."""
        count = 1 if self._source is not None else 0
        at = self._first
        end = self._end
        while at < end:
            after = frame_end(self._tx, at)
            if self._tx[at] & (_FIN | 8) == _FIN and (after > self._start):
                count += 1
            at = after
        # A message referred to, whose header has left the buffer; its last part may be in there.
        if self._start < self._first:
            count += self._tail
        if self._body is not None and at == end:
            count += self._body_first >> 7
        return count

    def drop(self):
        """Give up all but the frame that is being written (R9), and a Close that is queued."""
        if self._source is not None:  # setting it allocates, the first time
            self._source = None
            self.whole = True
        self._pong[0] = 0
        if _NEXT <= self.close_state <= _BEGUN:
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
            self.whole = True
        if keep <= self._start:
            self._release()
        else:
            self._end = keep
