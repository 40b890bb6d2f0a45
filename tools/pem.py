"""Certificates and keys for a board: read from files of this computer, as PEM text.

They become part of the configuration, so that whatever keeps that keeps them, too.
"""

import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from faults import WrongInput

BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
CERTIFICATE = "CERTIFICATE"
# What MicroPython's mbedTLS has on every board, besides RSA.
CURVES = ("secp192r1", "secp224r1", "secp256r1", "secp384r1", "secp521r1", "secp256k1")


def authority(path):
    """The certificates of the authorities to trust. WrongInput: it has none."""
    return certificates(path)[0]


def pair(cert, key):
    """(certificates, private key) of a server. WrongInput: they don't belong together, say."""
    chain, public = certificates(cert)
    text, own = private_key(key)
    if own != public:
        raise WrongInput(f"{key} is no key for {cert}", "give the certificate's own private key")
    return chain, text


def certificates(path):
    """(those in a file, PEM or DER, without what else stands there; the first one's public key).

    WrongInput: there is none, or one that no board can read.
    """
    octets = path.read_bytes()
    try:
        if b"-----BEGIN" not in octets:
            found = [x509.load_der_x509_certificate(octets)]
            text = found[0].public_bytes(serialization.Encoding.PEM).decode()
        else:
            text = "".join(text for label, text in blocks(octets) if label == CERTIFICATE)
            if not text:
                raise wrong(path, "there is no certificate in it")
            found = x509.load_pem_x509_certificates(text.encode())
        keys = [one.public_key() for one in found]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise wrong(path, error) from None
    for key in keys:
        refuse_unreadable(path, key)
    return text, keys[0]


def private_key(path):
    """(PEM text, public key) of the private key in a file, PEM or DER. WrongInput."""
    octets = path.read_bytes()
    try:
        if b"-----BEGIN" not in octets:
            key = serialization.load_der_private_key(octets, None)
            text = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
        else:
            keys = [text for label, text in blocks(octets) if label.endswith("PRIVATE KEY")]
            text = keys[0] if keys else octets.decode("latin-1")
            key = serialization.load_pem_private_key(text.encode(), None)
    except TypeError:
        # A board has nobody to ask for its password.
        raise wrong_key(path, "it is encrypted") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise wrong_key(path, f"there is no private key in it: {error}") from None
    public = key.public_key()
    refuse_unreadable(path, public)
    return text, public


def blocks(octets):
    """(label, text) of each object in a PEM file."""
    text = octets.decode("latin-1").replace("\r\n", "\n")
    return [(match[1], match[0]) for match in BLOCK.finditer(text.rstrip("\n") + "\n")]


def refuse_unreadable(path, public):
    """WrongInput for a key of a kind that a board's mbedTLS doesn't have."""
    if isinstance(public, rsa.RSAPublicKey):
        return
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in CURVES:
        return
    kind = getattr(getattr(public, "curve", None), "name", type(public).__name__)
    raise WrongInput(
        f"{path}: a board can't read a key of this kind ({kind})",
        "use RSA or ECDSA, best with P-256",
    )


def wrong(path, why):
    return WrongInput(f"{path}: {why}", "give a file with certificates, PEM or DER")


def wrong_key(path, why):
    return WrongInput(f"{path}: {why}", "give the private key as PEM or DER, not encrypted")
