"""TLS on a transport, and its contexts. Loaded only where there is a wss URL or a certificate."""

import binascii
import ssl

from ..compat import const
from .transport import LARGEST_WRITE, Transport

_LARGEST_RECV = const(1024)  # a copy is made of it


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
        n = self._again or min(n, LARGEST_WRITE)
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


def client_context(ca=None):
    """A TLS context that verifies the server's certificate and host name.

    `ca`: the certificates of the authorities to trust, PEM or DER: a file's path, or bytes.
    ValueError without any: MicroPython brings none.
    """
    if not ca:
        raise ValueError("wss:// needs the authority's certificate: connect(…, ca=file or bytes)")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for certificate in _der(ca):
        context.load_verify_locations(cadata=certificate)
    return context


def server_context(cert, key):
    """A TLS context for a server: paths or bytes of its certificate and private key, PEM or DER.

    In a PEM file the certificates of the authorities in between may follow the server's own.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key = _der(key)[-1]  # in front of a key there may be its parameters
    for certificate in _der(cert):
        context.load_cert_chain(certificate, key)  # of which each call adds one
    return context


def _der(data):
    # The DER objects in a file or octets. mbedTLS itself reads PEM on few ports.
    if isinstance(data, str):
        with open(data, "rb") as file:
            data = file.read()
    found = []
    for part in data.split(b"-----BEGIN ")[1:]:
        # label, base64, END label
        found.append(binascii.a2b_base64(part.split(b"-----")[1]))
    return found or [data]
