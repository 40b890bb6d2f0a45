"""Where a server's clients arrive."""

import socket
from asyncio import core

from ..compat import const
from .transport import Transport

_ROOM = const(512)  # octets of heap that accept() takes, and more


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
        """The next client's transport. OSError: there is none, or no socket for it. MemoryError."""
        # A socket for whose object there is no memory could never be closed.
        bytearray(_ROOM)
        sock, _ = self._sock.accept()
        try:
            if not self._context:
                return Transport(sock)
            from .tls import TLSTransport

            return TLSTransport(sock, self._context, server_side=True)
        except BaseException:
            sock.close()
            raise

    def close(self):
        """Take no more clients."""
        self._sock.close()
