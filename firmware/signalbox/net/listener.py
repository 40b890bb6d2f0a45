"""Where a server's clients arrive."""

import socket
from asyncio import core

from .transport import Transport


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
        from .tls import TLSTransport

        try:
            return TLSTransport(sock, self._context, server_side=True)
        except (OSError, ValueError, MemoryError):
            sock.close()  # no room for another TLS session
            return None

    def close(self):
        """Take no more clients."""
        self._sock.close()
