"""The opening handshake: what both roles share (RFC 6455 sections 1.3 and 4).

Each role has a file of its own, as a board often plays one only. No extension is offered or
accepted (9.1).
"""

import binascii
import hashlib

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # 1.3
VERSION = "13"


def accept_key(key):
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key, both str (4.2.2)."""
    digest = hashlib.sha1(key.encode() + GUID).digest()
    return str(binascii.b2a_base64(digest), "ascii").strip()
