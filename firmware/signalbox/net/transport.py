"""TCP for MicroPython: with `tls.py`, `dialer.py` and `listener.py` all that touches sockets.

A transport has `read`, `read_at`, `write`, `close` that never block, and `readable` and `writable`
to wait. asyncio's Stream is not used: its drain() starts again from the beginning when cancelled,
two of them on one stream sleep for ever, and its closing throws away what was not written.
"""

import errno
import gc
import select
import socket
from asyncio import core

from ..compat import IN_FLIGHT, const

_TCP = const(6)  # socket.IPPROTO_TCP, where a port has one or looks at it
_POLLHUP = const(16)  # as select has it
_REFUSED = const(10)  # ms until another look for room
LARGEST_WRITE = 800 if IN_FLIGHT else 1 << 20  # shared_heap's

# Says which connections were reset. readinto() reads until there is no more; when that is a reset,
# it raises, and what it has read before is lost. So it must know first.
_resets = select.poll()


class Transport:
    """A connected, non-blocking TCP socket."""

    secure = False
    share = None  # a shared_heap.Share, where connections share one

    def __init__(self, sock, stream=None):
        """`stream`: what to read from and write to, if not the socket itself."""
        self._sock = sock
        self._stream = stream or sock
        sock.setblocking(False)
        try:
            # A small frame must not wait for the acknowledgment of the one before it.
            sock.setsockopt(_TCP, getattr(socket, "TCP_NODELAY", 1), 1)
        except (OSError, ValueError, AttributeError):
            pass  # not every port has it; each of our writes is as large as can be anyway
        if IN_FLIGHT:
            self.share = _new_share()
        _resets.register(sock, _POLLHUP)  # an ESP32 tells only what it is asked for

    def readable(self):
        """Wait until there is something to read, an EOF or an error."""
        yield core._io_queue.queue_read(self._stream)

    def writable(self):
        """Wait until TCP takes more, or an error."""
        if self.share and self.share.refused:
            # TCP would take it, and nobody tells when there is room.
            self.share.refused = False
            yield from core.sleep_ms(_REFUSED)
        yield core._io_queue.queue_write(self._stream)

    def read(self, buf, n):
        """Read up to `n` octets into `buf`: None when it would block, 0 at EOF. OSError."""
        if _was_reset(self._sock):
            return self._read_last(buf, 0, n)
        return self._stream.readinto(buf, n)

    def read_at(self, buf, at, n):
        """Read up to `n` octets into `buf` from `at` on; else like read()."""
        if _was_reset(self._sock):
            return self._read_last(buf, at, n)
        return self._stream.readinto(memoryview(buf)[at : at + n])

    def _read_last(self, buf, at, n):
        # What came before the reset; the reset itself, as an OSError, when there is no more.
        last = self._sock.recv(n)
        buf[at : at + len(last)] = last
        return len(last)

    def write(self, buf, at, n):
        """Hand over up to `n` octets of `buf` from `at` on: None when it would block. OSError."""
        if self.share:
            return self.share.write(self._stream, buf, at, n)
        return self._stream.write(buf, at, n)

    def held(self, n):
        """How many of the `n` octets that write() did not take can't be taken back."""
        return 0

    def close(self):
        """Close the socket: a FIN, when all input was read. No task may be waiting for it."""
        _resets.unregister(self._sock)
        if self.share:
            self.share.closed()
        self._stream.close()


def _was_reset(sock):
    for one, _ in _resets.ipoll(0):
        if one is sock:
            return True
    return False


def recover():
    """After a MemoryError: there is memory again where there can be, and the task waits nowhere."""
    gc.collect()
    # It may be in asyncio's table and not in the poller's, and then could never wait there again.
    core._io_queue.remove(core.cur_task)


def is_reset(error):
    """Whether an OSError says that the peer reset the connection."""
    return error.errno in (errno.ECONNRESET, errno.ECONNABORTED)


def server_context(cert, key):
    """See tls.server_context()."""
    from . import tls  # a server without TLS needs none of it

    return tls.server_context(cert, key)


def _new_share():
    from .shared_heap import Share  # other boards need none of it

    return Share()
