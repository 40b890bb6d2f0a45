"""A private authority and the certificates that it issues, made anew for each run of the tests."""

import base64
import ssl

import trustme


class Certificates:
    """Of one authority, for one server. Files in `directory`; `form`: PEM or DER."""

    def __init__(self, directory, names=("localhost",), form="PEM"):
        self._authority = trustme.CA()
        self._issued = self._authority.issue_cert(*names)
        files = {
            "ca": self._authority.cert_pem,
            "cert": self._issued.cert_chain_pems[0],
            "key": self._issued.private_key_pem,
        }
        for what, blob in files.items():
            octets = blob.bytes()
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
