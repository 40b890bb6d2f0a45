"""How a client comes to its transport."""

import errno
import socket
from asyncio import core

from .transport import Transport


def client_context(ca=None):
    """See tls.client_context()."""
    from . import tls  # a client without TLS needs none of it

    return tls.client_context(ca)


# async
def open_transport(host, port, context=None):
    """Connect to a server. OSError when it can't be reached. Looking up the name blocks."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    if address[-1] is None:  # an ESP32 has none for a host with nothing but IPv6
        raise OSError(errno.EHOSTUNREACH)
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
            from .tls import TLSTransport

            transport = TLSTransport(sock, context, server_hostname=host)
        yield core._io_queue.queue_write(sock)
    except BaseException:
        if transport:
            transport.close()
        else:
            sock.close()
        raise
    return transport
