"""MicroPython's built-in C module `websocket`. Argument: the port.

The module has no opening handshake and no message boundaries, and reads blocking: the handshake is
here, the path says how large the messages are and of which type, and there is one connection at a
time.
"""

import binascii
import hashlib
import socket
import sys

import websocket

_SET_DATA_OPTS = 9


def serve(sock):
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += sock.recv(1)
    size, opcode = request.split(b" ")[1][1:].split(b"/")
    key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    sock.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + binascii.b2a_base64(digest).strip() + b"\r\n\r\n"
    )
    sock.setsockopt(6, 1, 1)  # TCP_NODELAY: it writes header and payload separately
    ws = websocket.websocket(sock)
    ws.ioctl(_SET_DATA_OPTS, int(opcode))
    size = int(size)
    buf = bytearray(size)
    view = memoryview(buf)
    while True:
        at = ws.readinto(buf)
        while at and at < size:
            n = ws.readinto(view[at:])
            if not n:
                return
            at += n
        if not at:
            return
        ws.write(buf)


def main():
    port = int(sys.argv[1])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    listener.listen(1)
    print("listening on", port)
    while True:
        sock, _ = listener.accept()
        serve(sock)
        sock.close()


main()
