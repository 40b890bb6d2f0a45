"""What an echoed message costs on the heap in the core, beyond the message itself.

Prints `result ` and JSON: octets per message by role and kind, one per size, and what a client's
masking keys cost, per frame on average.
"""

import json

from meter import cost
from signalbox.ws.connection import Connection, Settings
from signalbox.ws.masking_keys import MaskingKeys
from signalbox.ws.message import BINARY, NEED_DATA, TEXT

SIZES = (16, 125, 1024, 16384, 65536)
MASK = b"\x37\xfa\x21\x3d"
READ = 4096  # octets that come in at a time
WARM_UP = 3
KEYS = 600


class Keys(MaskingKeys):
    """Instead of MaskingKeys, which fetch entropy for many frames at a time."""

    def put(self, buf, at, reserve=False):
        for i in range(4):
            buf[at + i] = MASK[i]


def frame(opcode, payload, masked):
    n = len(payload)
    mask = 0x80 if masked else 0
    if n < 126:
        head = bytes((0x80 | opcode, mask | n))
    elif n < 0x10000:
        head = bytes((0x80 | opcode, mask | 126, n >> 8, n & 0xFF))
    else:
        head = bytes((0x80 | opcode, mask | 127)) + n.to_bytes(8, "big")
    if masked:
        payload = bytes(payload[i] ^ MASK[i & 3] for i in range(n))
        head += MASK
    return head + payload


class Echo:
    def __init__(self, client, opcode, payload):
        settings = Settings(max_message=131072)
        self.connection = Connection(client, settings, Keys() if client else None)
        self.original = frame(opcode, payload, not client)
        self.wire = bytearray(self.original)
        self.window = bytearray(READ)
        self.message = None
        self.echoed = 0

    def reset(self):
        self.message = None
        self.connection.reader.message = None

    def once(self):
        connection = self.connection
        wire = self.wire
        window = self.window
        n = len(wire)
        at = 0
        while at < n:
            count = 0
            while count < READ and at < n:  # a slice would allocate
                window[count] = wire[at]
                count += 1
                at += 1
            connection.receive_data(window, 0, count)
            while True:
                event = connection.next_event()
                if event == NEED_DATA:
                    break
                message = connection.reader.message
                if event == TEXT:
                    connection.send_text(message)
                elif event == BINARY:
                    connection.send_binary(message)
                self.message = message
                while True:
                    ready = connection.ready()
                    if ready == 0:
                        break
                    connection.advance(ready)
                self.echoed += 1


def measure(client, opcode, size):
    payload = bytearray(b"x" * size)
    alone = cost(str, payload, "utf-8") if opcode == TEXT else cost(bytearray, payload)
    echo = Echo(client, opcode, payload)
    for _ in range(WARM_UP):
        echo.once()
        echo.reset()
    spent = cost(echo.once) - alone
    assert echo.echoed == WARM_UP + 1 and len(echo.message) == size
    return spent


def keys():
    buf = bytearray(4)
    source = MaskingKeys()

    def act():
        for _ in range(KEYS):
            source.put(buf, 0)

    act()
    return cost(act) / KEYS


result = {
    role + ", " + kind: [measure(role == "client", opcode, size) for size in SIZES]
    for role in ("server", "client")
    for kind, opcode in (("binary", BINARY), ("text", TEXT))
}
print("result", json.dumps({"core": result, "keys": keys()}))
