"""A model of a VISCA camera, after Sony's command lists and not after firmware/; on UDP and a pty.

test_camera.py proves it with controllers that others have written.
"""

import os
import pty
import select
import socket
import threading
import time
import tty

TRAVEL_S = 0.4  # to a position or a preset
PAN_TILT_STOP = (3, 3)
HOST = "127.0.0.1"


class Camera:
    """The camera itself: hear() a message, say() what is due. Messages are bytes with their FF.

    `heard`: every message that made sense, in order, without the FF, as (time, bytes).
    """

    def __init__(self, address=1):
        self.address = address
        self.heard = []
        self.power = True
        self.pan_tilt = PAN_TILT_STOP  # directions: 1 left or up, 2 right or down, 3 neither
        self.speeds = (0, 0)
        self.pan = self.tilt = self.zoom = 0
        self.zooming = 0
        self.focusing = 0
        self.auto_focus = True
        self.presets = {}
        self.sockets = {}  # number: (when it is complete, what happens then)

    @property
    def moves(self):
        return self.pan_tilt != PAN_TILT_STOP or self.zooming != 0 or bool(self.sockets)

    def has_heard(self, text):
        """Whether a message came, in hexadecimal, its FF not counted."""
        return any(message == bytes.fromhex(text) for _, message in self.heard)

    def hear(self, message):
        """Returns the replies, each bytes."""
        head, body = message[0], message[1:-1]
        if head == 0x88:
            return self.broadcast(body)
        if head != 0x80 | self.address or not body:
            return []
        if body[0] == 0x09:
            self.heard.append((time.monotonic(), message[:-1]))
            return [self.inquiry(body[1:])]
        if body[0] == 0x01:
            return self.command(body[1:], message)
        if body[0] >> 4 == 2:
            self.heard.append((time.monotonic(), message[:-1]))
            number = body[0] & 15
            if self.sockets.pop(number, None):
                return [self.reply(0x60 | number, 4)]
            return [self.reply(0x60 | number, 5)]
        return [self.reply(0x60, 2)]

    def say(self):
        """Returns the completions that are due."""
        due = [n for n, (when, _) in self.sockets.items() if when <= time.monotonic()]
        replies = []
        for number in due:
            _, arrive = self.sockets.pop(number)
            arrive()
            replies.append(self.reply(0x50 | number))
        return replies

    def reply(self, *octets):
        return bytes([0x80 | self.address << 4, *octets, 0xFF])

    def broadcast(self, body):
        if body == b"\x30\x01":
            return [bytes([0x88, 0x30, 0x02, 0xFF])]
        if body == b"\x01\x00\x01":
            self.sockets.clear()
            return [bytes([0x88, 0x01, 0x00, 0x01, 0xFF])]
        return []

    def inquiry(self, what):
        if what == b"\x04\x00":
            return self.reply(0x50, 2 if self.power else 3)
        if not self.power:
            return self.reply(0x60, 0x41)
        if what == b"\x06\x12":
            return self.reply(0x50, *nibbles(self.pan), *nibbles(self.tilt))
        if what == b"\x04\x47":
            return self.reply(0x50, *nibbles(self.zoom))
        if what == b"\x04\x38":
            return self.reply(0x50, 2 if self.auto_focus else 3)
        return self.reply(0x60, 2)

    def command(self, body, message):
        if body == b"\x00\x01":
            self.sockets.clear()
            return [self.reply(0x50)]
        act = self.act(body)
        if act is None:
            return [self.reply(0x60, 2)]
        self.heard.append((time.monotonic(), message[:-1]))
        if not self.power and body[:2] != b"\x04\x00":
            return [self.reply(0x60, 0x41)]
        free = [n for n in (1, 2) if n not in self.sockets]
        if not free:
            return [self.reply(0x60, 3)]
        number = free[0]
        travel = act()
        acknowledgement = self.reply(0x40 | number)
        if travel is None:
            return [acknowledgement, self.reply(0x50 | number)]
        self.sockets[number] = (time.monotonic() + TRAVEL_S, travel)
        return [acknowledgement]

    def act(self, body):
        """What a command does; what that returns happens at the end of a travel. None: no such."""
        kind, rest = body[:2], body[2:]
        if kind == b"\x06\x01" and len(rest) == 4 and rest[0] <= 24 and rest[1] <= 24:
            return lambda: self.drive(tuple(rest[:2]), tuple(rest[2:]))
        if kind == b"\x06\x02" and len(rest) == 10:
            return lambda: lambda: self.arrive(signed(rest[2:6]), signed(rest[6:10]), self.zoom)
        if kind == b"\x06\x04" and not rest:
            return lambda: lambda: self.arrive(0, 0, self.zoom)
        if kind == b"\x04\x07" and len(rest) == 1:
            return lambda: setattr(self, "zooming", variable(rest[0]))
        if kind == b"\x04\x08" and len(rest) == 1:
            return lambda: setattr(self, "focusing", variable(rest[0]))
        if kind == b"\x04\x47" and len(rest) == 4:
            return lambda: lambda: self.arrive(self.pan, self.tilt, signed(rest))
        if kind == b"\x04\x38" and rest in (b"\x02", b"\x03"):
            return lambda: setattr(self, "auto_focus", rest == b"\x02")
        if kind == b"\x04\x00" and rest in (b"\x02", b"\x03"):
            return lambda: setattr(self, "power", rest == b"\x02")
        if kind == b"\x04\x3f" and len(rest) == 2 and rest[0] == 1:
            return lambda: self.store(rest[1])
        if kind == b"\x04\x3f" and len(rest) == 2 and rest[0] == 2:
            return lambda: lambda: self.arrive(*self.presets.get(rest[1], (0, 0, 0)))
        return None

    def drive(self, speeds, directions):
        self.sockets.clear()  # a travel ends when it is driven
        self.speeds = speeds
        self.pan_tilt = directions

    def arrive(self, pan, tilt, zoom):
        self.pan, self.tilt, self.zoom = pan, tilt, zoom

    def store(self, n):
        self.presets[n] = (self.pan, self.tilt, self.zoom)


def nibbles(value):
    return [value >> shift & 15 for shift in (12, 8, 4, 0)]


def signed(octets):
    value = int("".join(f"{octet:x}" for octet in octets), 16)
    return value - 0x10000 if value >= 0x8000 else value


def variable(octet):
    speed = octet & 7
    return {2: speed + 1, 3: -speed - 1}.get(octet >> 4, 0)


class Shell:
    """Runs a Camera in a thread. `lose`: called with each message; True loses it.

    `silent`: it is switched off at the wall.
    """

    def __init__(self, address=1):
        self.camera = Camera(address)
        self.lose = lambda octets: False
        self.silent = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self._thread.join(10)
        self.close()

    def wait_for(self, condition, what, timeout_s=20):
        """Wait until condition(camera)."""
        deadline = time.monotonic() + timeout_s
        while not condition(self.camera):
            assert time.monotonic() < deadline, f"{what}: {self.tail()}"
            time.sleep(0.01)

    def tail(self):
        return [message.hex() for _, message in self.camera.heard[-10:]]

    def _run(self):
        while not self._ended.is_set():
            octets = self.receive(0.02)
            if octets and not self.silent and not self.lose(octets):
                self.handle(octets)
            for reply in self.camera.say():
                self.send(reply)

    def send(self, reply):
        if not self.silent and not self.lose(reply):
            self.write(reply)


class SerialCamera(Shell):
    """On a pty; `path` is the controller's end."""

    def __init__(self, address=1):
        super().__init__(address)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._octets = b""

    def receive(self, timeout_s):
        """One message, or b"": a pty hands over what a program has written in any pieces."""
        if b"\xff" not in self._octets and select.select([self._master], [], [], timeout_s)[0]:
            self._octets += os.read(self._master, 256)
        message, end, rest = self._octets.partition(b"\xff")
        if not end:
            return b""
        self._octets = rest
        return message + end

    def handle(self, message):
        if len(message) > 2:
            for reply in self.camera.hear(message):
                self.send(reply)

    def write(self, octets):
        os.write(self._master, octets)

    def close(self):
        os.close(self._master)
        os.close(self._slave)


class UDPCamera(Shell):
    """On UDP, with Sony's header. `host`: an address of the loopback of its own."""

    def __init__(self, host=HOST, port=0):
        super().__init__()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.bind((host, port))
        self.port = self._sock.getsockname()[1]
        self._peer = None
        self._number = None  # of the newest message
        self._numbers = {}  # socket: the number of its command
        self.resets = 0
        self.repeated = 0

    def receive(self, timeout_s):
        self._sock.settimeout(timeout_s)
        try:
            octets, self._peer = self._sock.recvfrom(64)
            return octets
        except TimeoutError:
            return b""

    def handle(self, datagram):
        kind, size = datagram[:2], int.from_bytes(datagram[2:4], "big")
        number, body = int.from_bytes(datagram[4:8], "big"), datagram[8:]
        if len(body) != size:
            return
        if kind == b"\x02\x00" and body == b"\x01":
            self.resets += 1
            self._number = None
            self._put(b"\x02\x01", number, b"\x01")
        elif kind not in (b"\x01\x00", b"\x01\x10") or body[-1:] != b"\xff":
            self._put(b"\x02\x01", number, b"\x0f\x02")
        elif self._number is not None and (number - self._number) % (1 << 32) - 1 >= 1 << 31:
            self.repeated += 1
            self._put(b"\x02\x01", number, b"\x0f\x01")
        else:
            self._number = number
            for reply in self.camera.hear(body):
                if reply[1] >> 4 == 4:
                    self._numbers[reply[1] & 15] = number
                self.send(reply)

    def write(self, reply):
        number = self._numbers.get(reply[1] & 15, self._number) or 0
        self._put(b"\x01\x11", number, reply)

    def _put(self, kind, number, body):
        header = kind + len(body).to_bytes(2, "big") + number.to_bytes(4, "big")
        self._sock.sendto(header + body, self._peer)

    def close(self):
        self._sock.close()
