"""The modules of signalbox.net that open sockets, for CPython: the same on asyncio and ssl.

With it the endpoint runs on CPython, for tests, coverage and debugging: scripted.py imports it, and

    PYTHONPATH=firmware python3 host_tests/portable/host_transport.py PROGRAM [ARGUMENT ...]

runs a program of signalbox.net, say one of host_tests/sockets/firmware/, with it.
"""

import asyncio
import errno
import os
import runpy
import socket
import ssl
import sys


class Transport:
    """A connected, non-blocking TCP socket."""

    secure = False
    share = None

    def __init__(self, sock):
        self._sock = sock
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def readable(self):
        """Wait until there is something to read, an EOF or an error."""
        await _ready(self._sock, "reader")

    async def writable(self):
        """Wait until TCP takes more, or an error."""
        await _ready(self._sock, "writer")

    def read(self, buf, n):
        """Read up to `n` octets into `buf`: None when it would block, 0 at EOF. OSError."""
        return self.read_at(buf, 0, n)

    def read_at(self, buf, at, n):
        """Read up to `n` octets into `buf` from `at` on; else like read()."""
        try:
            return self._sock.recv_into(memoryview(buf)[at : at + n])
        except BlockingIOError:
            return None

    def write(self, buf, at, n):
        """Hand over up to `n` octets of `buf` from `at` on: None when it would block. OSError."""
        try:
            return self._sock.send(memoryview(buf)[at : at + n])
        except BlockingIOError:
            return None

    def held(self, n):
        """How many of the `n` octets that write() did not take can't be taken back."""
        return 0

    def close(self):
        """Close the socket."""
        _forget(self._sock)
        self._sock.close()


class TLSTransport(Transport):
    """The same with TLS on it."""

    secure = True

    def __init__(self, sock, context, server_side=False, server_hostname=None):
        super().__init__(sock)
        self._again = 0
        self._wants = {}  # what reading and writing wait for, where it isn't the obvious
        self._sock = context.wrap_socket(
            sock,
            server_side=server_side,
            server_hostname=server_hostname,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=True,
        )

    async def readable(self):
        await _ready(self._sock, self._wants.get("read", "reader"))

    async def writable(self):
        await _ready(self._sock, self._wants.get("write", "writer"))

    def read_at(self, buf, at, n):
        return self._try("read", self._sock.recv_into, memoryview(buf)[at : at + n])

    def write(self, buf, at, n):
        n = self._again or n
        taken = self._try("write", self._sock.send, memoryview(buf)[at : at + n])
        self._again = n if taken is None else 0
        return taken

    def held(self, n):
        return self._again

    def _try(self, name, function, octets):
        self._wants.pop(name, None)
        try:
            return function(octets)
        except ssl.SSLWantReadError:
            self._wants[name] = "reader"
        except ssl.SSLWantWriteError:
            self._wants[name] = "writer"
        return None


async def _ready(sock, kind):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    fd = sock.fileno()
    getattr(loop, "add_" + kind)(fd, lambda: future.done() or future.set_result(None))
    try:
        await future
    finally:
        if sock.fileno() == fd:
            getattr(loop, "remove_" + kind)(fd)


def _forget(sock):
    loop = asyncio.get_running_loop()
    loop.remove_reader(sock.fileno())
    loop.remove_writer(sock.fileno())


def is_reset(error):
    """Whether an OSError says that the peer reset the connection."""
    return error.errno in (errno.ECONNRESET, errno.ECONNABORTED)


def recover():
    """After a MemoryError."""


def client_context(ca=None):
    """A TLS context that verifies the server's certificate and host name."""
    if not ca:
        raise ValueError("wss:// needs the authority's certificate: connect(…, ca=file or bytes)")
    if isinstance(ca, str):
        with open(ca, "rb") as file:
            ca = file.read()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca.decode() if ca.startswith(b"-----") else ca)
    return context


def server_context(cert, key):
    """A TLS context for a server: paths of its certificate and private key, PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def open_transport(host, port, context=None):
    """Connect to a server. OSError when it can't be reached."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    sock = socket.socket(*address[:3])
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address[-1])
        if context:
            return TLSTransport(sock, context, server_hostname=host)
        return Transport(sock)
    except BaseException:
        sock.close()
        raise


class Listener:
    """A listening TCP socket."""

    def __init__(self, host, port, backlog, context=None):
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

    async def ready(self):
        """Wait until a client may be there."""
        await _ready(self._sock, "reader")

    def accept(self):
        """The next client's transport. OSError when there is none, or no socket for it."""
        sock, _ = self._sock.accept()
        try:
            if not self._context:
                return Transport(sock)
            return TLSTransport(sock, self._context, server_side=True)
        except BaseException:
            sock.close()
            raise

    def close(self):
        """Stop listening."""
        _forget(self._sock)
        self._sock.close()


def main():
    """Run a program, as Python itself would."""
    sys.modules["signalbox.net.transport"] = sys.modules["__main__"]
    sys.modules["signalbox.net.listener"] = sys.modules["__main__"]
    sys.modules["signalbox.net.dialer"] = sys.modules["__main__"]
    del sys.argv[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
