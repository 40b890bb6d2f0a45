"""The other side of a real socket, scripted: nothing of Signalbox in it but wire.py's frames."""

import base64
import hashlib
import socket
import struct

from wire import KEY, close_payload, frame

TIMEOUT_S = 10
FIN = "FIN"
RST = "RST"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NONCE = "dGhlIHNhbXBsZSBub25jZQ=="


class Peer:
    """A socket after the opening handshake. `masks`: we are the client."""

    def __init__(self, sock, masks, rest=b""):
        sock.settimeout(TIMEOUT_S)
        self.sock = sock
        self.masks = masks
        self._rest = rest

    def frame(self, first, payload=b""):
        return frame(first, payload, KEY if self.masks else None)

    def close_frame(self, code=None, reason=b""):
        return self.frame(0x88, b"" if code is None else close_payload(code, reason))

    def send(self, *octets):
        self.sock.sendall(b"".join(octets))

    def receive(self):
        """The next frame as (first octet, payload)."""
        first, second = self._octets(2)
        assert second >> 7 == (not self.masks), "mask bit"
        n = second & 0x7F
        if n > 125:
            n = int.from_bytes(self._octets(2 if n == 126 else 8), "big")
        key = b"" if self.masks else self._octets(4)
        payload = self._octets(n)
        if key:
            stream = int.from_bytes((key * (n // 4 + 1))[:n], "big")
            payload = (int.from_bytes(payload, "big") ^ stream).to_bytes(n, "big")
        return first, payload

    def frames_to_the_end(self):
        """Every frame until TCP ends, and how it ended."""
        frames = []
        while True:
            try:
                frames.append(self.receive())
            except EOFError:
                return frames, FIN
            except ConnectionResetError:
                return frames, RST

    def end(self):
        """How TCP ends; no octet may come before it."""
        frames, kind = self.frames_to_the_end()
        assert frames == []
        return kind

    def finish_sending(self):
        """Our FIN. We go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Our RST."""
        linger = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.sock.close()

    def _octets(self, n):
        data = bytearray(self._rest[:n])
        self._rest = self._rest[n:]
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                assert not data, f"FIN behind {bytes(data)!r}"
                raise EOFError
            data += part
        return bytes(data)


def read_head(sock):
    """An HTTP head, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(4096)
        if not part:
            raise EOFError(data)
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def fields_of(head):
    """Its first line, and its fields as a dict with lower-case names."""
    line, *fields = head.decode().split("\r\n")
    return line, {name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}


def request(path="/", *fields):
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {NONCE}",
        "Sec-WebSocket-Version: 13",
        *fields,
    )
    return "\r\n".join([*lines, "", ""]).encode()


def response(key, *fields):
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
        *fields,
    )
    return "\r\n".join([*lines, "", ""]).encode()


def connect(port, context=None, receive_buffer=None):
    """A TCP or TLS connection to the firmware."""
    sock = socket.socket()
    sock.settimeout(TIMEOUT_S)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        sock.connect(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return context.wrap_socket(sock, server_hostname="localhost") if context else sock


def open_as_client(port, context=None, path="/", receive_buffer=None):
    sock = connect(port, context, receive_buffer)
    sock.sendall(request(path))
    head, rest = read_head(sock)
    line, fields = fields_of(head)
    assert line.startswith("HTTP/1.1 101 "), head
    assert fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    return Peer(sock, True, rest)


class Listener:
    """A server's socket on a port of the loopback, a free one if 0."""

    def __init__(self, receive_buffer=None, port=0):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(8)
        self.port = self.sock.getsockname()[1]

    def accept(self, context=None):
        """A connection of the firmware's, before the opening handshake."""
        sock, _ = self.sock.accept()
        sock.settimeout(TIMEOUT_S)
        return context.wrap_socket(sock, server_side=True) if context else sock

    def open(self, context=None, *fields):
        sock = self.accept(context)
        head, rest = read_head(sock)
        assert rest == b""
        sock.sendall(response(fields_of(head)[1]["sec-websocket-key"], *fields))
        return Peer(sock, False)

    def close(self):
        self.sock.close()


def free_port():
    """A port that nobody uses now: the unix port can't tell which one it was given."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
