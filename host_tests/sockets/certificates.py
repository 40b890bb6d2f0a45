"""A private authority and the certificates that it issues, made anew for each run of the tests."""

import base64
import ssl

import trustme


class Certificates:
    """Of one authority, for one server. Files in `directory`; `form`: PEM or DER.

    `between`: how many authorities stand between that one and the server's certificate, whose file
    has theirs, too.
    """

    def __init__(self, directory, names=("localhost",), form="PEM", between=0):
        self._authority = issuer = trustme.CA()
        for _ in range(between):
            issuer = issuer.create_child_ca()
        self._issued = issuer.issue_cert(*names)
        chain = [blob.bytes() for blob in self._issued.cert_chain_pems]
        files = {
            "ca": self._authority.cert_pem.bytes(),
            "cert": b"".join(chain[: between + 1]),
            "key": self._issued.private_key_pem.bytes(),
        }
        for what, octets in files.items():
            if form == "DER":
                octets = to_der(octets)
            path = directory / f"{what}.{form.lower()}"
            path.write_bytes(octets)
            setattr(self, f"{what}_file", str(path))

    def client_context(self):
        """For a peer that is the client."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def server_context(self):
        """For a peer that is the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._issued.configure_cert(context)
        return context


def to_der(pem):
    """Of a file with one object."""
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))
