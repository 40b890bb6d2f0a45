"""TCP and TLS for MicroPython: the only file that touches sockets.

A transport has `read`, `read_at`, `write`, `close` that never block, and `readable` and `writable`
to wait. asyncio's Stream is not used: its drain() starts again from the beginning when cancelled,
two of them on one stream sleep for ever, and its closing throws away what was not written.
"""

import errno
import select
import socket
import sys
from asyncio import core

from ..compat import const, ticks_diff, ticks_ms

_TCP = getattr(socket, "IPPROTO_TCP", 6)
_TCP_NODELAY = getattr(socket, "TCP_NODELAY", 1)

# A Pico W's TCP keeps what is not acknowledged yet in one heap of 8000 octets, for all connections.
# A write for which that has no room waits up to 10 s although the socket is non-blocking, and says
# then that it has written what it has thrown away. So no write is larger than a segment, which
# finds room sooner, and one that took that long has failed.
_SHARED_HEAP = sys.platform == "rp2"
_LARGEST_WRITE = 800 if _SHARED_HEAP else 1 << 20
_GAVE_UP = const(9900)  # ms
_LARGEST_RECV = const(1024)  # a copy is made of it

# Says which connections were reset. readinto() reads until there is no more; when that is a reset,
# it raises, and what it has read before is lost. So it must know first.
_resets = select.poll()


class Transport:
    """A connected, non-blocking TCP socket."""

    secure = False

    def __init__(self, sock, stream=None):
        """`stream`: what to read from and write to, if not the socket itself."""
        self._sock = sock
        self._stream = stream or sock
        sock.setblocking(False)
        try:
            # A small frame must not wait for the acknowledgment of the one before it.
            sock.setsockopt(_TCP, _TCP_NODELAY, 1)
        except (OSError, ValueError, AttributeError):
            pass  # not every port has it; each of our writes is as large as can be anyway
        _resets.register(sock, 0)

    def readable(self):
        """Wait until there is something to read, an EOF or an error."""
        yield core._io_queue.queue_read(self._stream)

    def writable(self):
        """Wait until TCP takes more, or an error."""
        yield core._io_queue.queue_write(self._stream)

    def read(self, buf, n):
        """Read up to `n` octets into `buf`: None when it would block, 0 at EOF. OSError."""
        if self._was_reset():
            return self._read_last(buf, 0, n)
        return self._stream.readinto(buf, n)

    def read_at(self, buf, at, n):
        """Read up to `n` octets into `buf` from `at` on; else like read()."""
        if self._was_reset():
            return self._read_last(buf, at, n)
        return self._stream.readinto(memoryview(buf)[at : at + n])

    def _was_reset(self):
        for sock, _ in _resets.ipoll(0):
            if sock is self._sock:
                return True
        return False

    def _read_last(self, buf, at, n):
        # What came before the reset; the reset itself, as an OSError, when there is no more.
        last = self._sock.recv(n)
        buf[at : at + len(last)] = last
        return len(last)

    def write(self, buf, at, n):
        """Hand over up to `n` octets of `buf` from `at` on: None when it would block. OSError."""
        if not _SHARED_HEAP:
            return self._stream.write(buf, at, n)
        began = ticks_ms()
        taken = self._stream.write(buf, at, min(n, _LARGEST_WRITE))
        if ticks_diff(ticks_ms(), began) >= _GAVE_UP:
            raise OSError(errno.ENOMEM)
        return taken

    def held(self, n):
        """How many of the `n` octets that write() did not take can't be taken back."""
        return 0

    def close(self):
        """Close the socket: a FIN, when all input was read. No task may be waiting for it."""
        _resets.unregister(self._sock)
        self._stream.close()


class TLSTransport(Transport):
    """The same with TLS on it; MicroPython sends no close_notify."""

    # Its peers have something to say at the end, and to a socket that was closed: that is answered
    # by a reset, as there is no shutdown().
    secure = True

    def __init__(self, sock, context, server_side=False, server_hostname=None):
        """`context`: an ssl.SSLContext. The TLS handshake is done by the first reads and writes."""
        args = {"server_side": server_side, "do_handshake_on_connect": False}
        if server_hostname:
            args["server_hostname"] = server_hostname
        sock.setblocking(False)
        super().__init__(sock, context.wrap_socket(sock, **args))
        self._again = 0

    def read(self, buf, n):
        """As Transport.read()."""
        return self.read_at(buf, 0, n)

    def read_at(self, buf, at, n):
        """As Transport.read_at(), from one record at a time.

        readinto() would go on to the next one; what it has read then hides that this one was a
        close_notify or a reset, and neither is ever told again.
        """
        octets = self._stream.recv(min(n, _LARGEST_RECV))
        if octets is None:
            return None
        buf[at : at + len(octets)] = octets
        return len(octets)

    def write(self, buf, at, n):
        """As Transport.write(). mbedTLS must be offered the same octets again after a None."""
        n = self._again or min(n, _LARGEST_WRITE)
        taken = super().write(buf, at, n)
        self._again = n if taken is None else 0
        return taken

    def held(self, n):
        """As Transport.held()."""
        return self._again

    def close(self):
        """As Transport.close()."""
        super().close()
        self._sock.close()  # which TLS has let go of, open, if its handshake failed


def is_reset(error):
    """Whether an OSError says that the peer reset the connection."""
    return error.errno in (errno.ECONNRESET, getattr(errno, "ECONNABORTED", -1))


def client_context(ca=None):
    """A TLS context that verifies the server's certificate and host name.

    `ca`: the certificates of the authorities to trust, PEM or DER: a file's path, or bytes.
    ValueError without any: MicroPython brings none.
    """
    import ssl

    if not ca:
        raise ValueError("wss:// needs the authority's certificate: connect(…, ca=file or bytes)")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for certificate in _der(ca):
        context.load_verify_locations(cadata=certificate)
    return context


def server_context(cert, key):
    """A TLS context for a server: paths or bytes of its certificate and private key, PEM or DER.

    Of a PEM file with several certificates, the first one is the server's; no others are sent.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # In front of a key there may be its parameters.
    context.load_cert_chain(_der(cert)[0], _der(key)[-1])
    return context


def _der(data):
    # The DER objects in a file or octets. mbedTLS itself reads PEM on few ports.
    import binascii

    if isinstance(data, str):
        with open(data, "rb") as file:
            data = file.read()
    found = []
    for part in data.split(b"-----BEGIN ")[1:]:
        # label, base64, END label
        found.append(binascii.a2b_base64(part.split(b"-----")[1]))
    return found or [data]


# async
def open_transport(host, port, context=None):
    """Connect to a server. OSError when it can't be reached. Looking up the name blocks."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    sock = socket.socket(address[0], address[1], address[2])
    transport = None
    try:
        sock.setblocking(False)
        try:
            sock.connect(address[-1])
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        transport = Transport(sock)
        if context:
            transport = TLSTransport(sock, context, server_hostname=host)
        yield core._io_queue.queue_write(sock)
    except BaseException:
        if transport:
            transport.close()
        else:
            sock.close()
        raise
    return transport


class Listener:
    """A listening TCP socket."""

    def __init__(self, host, port, backlog, context=None):
        """OSError when the address can't be bound. `context`: an ssl.SSLContext for wss."""
        address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
        self._context = context
        self._sock = sock = socket.socket(address[0])
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address[-1])
            sock.listen(backlog)
        except OSError:
            sock.close()
            raise

    def ready(self):
        """Wait until a client may be there."""
        yield core._io_queue.queue_read(self._sock)

    def accept(self):
        """The next client's transport, or None when there is none."""
        try:
            sock, _ = self._sock.accept()
        except OSError:
            return None  # it would block, or the client is gone again
        if not self._context:
            return Transport(sock)
        try:
            return TLSTransport(sock, self._context, server_side=True)
        except (OSError, ValueError, MemoryError):
            sock.close()  # no room for another TLS session
            return None

    def close(self):
        """Take no more clients."""
        self._sock.close()
