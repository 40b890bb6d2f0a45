"""Certificates and keys for a board: read from files of this computer, as PEM text.

They become part of the configuration, so that whatever keeps that keeps them, too.
"""

import re
import ssl

from faults import WrongInput

BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
CERTIFICATE = "CERTIFICATE"


def authority(path):
    """The certificates of the authorities to trust. WrongInput: it has none."""
    text = certificates(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except ssl.SSLError as error:
        raise wrong(path, error) from None
    return text


def pair(cert, key):
    """(certificates, private key) of a server. WrongInput: they don't belong together, say."""
    chain = certificates(cert)
    try:
        # An encrypted key would be asked for its password: a board has nobody to ask.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=no_password)
    except (ssl.SSLError, ValueError) as error:
        raise WrongInput(
            f"{key} is no key for {cert}: {error}",
            "give the certificate's own private key, PEM, not encrypted",
        ) from None
    keys = [text for label, text in blocks(key) if label.endswith("PRIVATE KEY")]
    return chain, keys[0]


def certificates(path):
    """Those in a file, PEM or DER, without whatever else stands there."""
    octets = path.read_bytes()
    if b"-----BEGIN" not in octets:
        return ssl.DER_cert_to_PEM_cert(octets)
    found = "".join(text for label, text in blocks(path) if label == CERTIFICATE)
    if not found:
        raise wrong(path, "there is no certificate in it")
    return found


def blocks(path):
    """(label, text) of each object in a PEM file."""
    text = path.read_text("latin-1").replace("\r\n", "\n")
    return [(match[1], match[0]) for match in BLOCK.finditer(text.rstrip("\n") + "\n")]


def wrong(path, why):
    return WrongInput(f"{path}: {why}", "give a file with certificates, PEM or DER")


def no_password():
    raise ValueError("it is encrypted")
