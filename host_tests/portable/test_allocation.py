"""What a frame costs on MicroPython's heap: nothing, but the message that the application gets.

On CPython the same is run and nothing is measured.
"""

import gc

from signalbox.compat import MICROPYTHON
from signalbox.ws.connection import PING, Connection, Settings
from signalbox.ws.masking_keys import MaskingKeys
from signalbox.ws.message import BINARY, CHUNK, NEED_DATA, TEXT
from wire import KEY, ROLES, frame

SIZES = (16, 125, 126, 1000, 4000, 8000)


def cost(act, *arguments):
    """Octets that act(*arguments) allocates, the collector being off."""
    if not MICROPYTHON:
        act(*arguments)
        return 0
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    act(*arguments)
    after = gc.mem_alloc()
    gc.enable()
    return after - before


def make_text(octets):
    return str(octets, "utf-8")


class Keys(MaskingKeys):
    """In the place of MaskingKeys, whose cost is measured by itself."""

    def put(self, buf, at, reserve=False):
        for i in range(4):
            buf[at + i] = KEY[i]


class Driver:
    """Feeds and drains a Connection without allocating anything itself."""

    def __init__(self, client, **settings):
        self.key = None if client else KEY
        self.connection = Connection(client, Settings(**settings), Keys() if client else None)
        self.wire = bytearray(0)
        self.copy = bytearray(0)
        self.part = 0
        self.message = None
        self.event = 0
        self.chunks = 0

    def load(self, wire, part=None):
        """What receive() feeds, `part` octets at a time."""
        self.copy = wire
        self.wire = bytearray(wire)
        self.part = part or len(wire)

    def receive(self):
        connection = self.connection
        at = 0
        n = len(self.wire)
        while at < n:
            end = min(n, at + self.part)
            connection.receive_data(self.wire, at, end)
            at = end
            while True:
                event = connection.next_event()
                if event == NEED_DATA:
                    break
                self.event = event
                if event == CHUNK:
                    self.chunks += 1

    def receive_direct(self):
        connection = self.connection
        n = len(self.wire)
        at = self.part
        connection.receive_data(self.wire, 0, at)
        event = connection.next_event()
        reader = connection.reader
        while at < n:
            count = min(connection.direct(), 500)
            body = reader.body
            start = reader.body_size
            for i in range(count):
                body[start + i] = self.wire[at + i]
            at += count
            event = connection.received(count)
        self.event = event

    def drain(self):
        connection = self.connection
        while True:
            n = connection.ready()
            if n == 0:
                break
            connection.advance(min(n, 700))

    def received(self, act):
        """What one run costs in steady state: the third; unmasking changed the octets, so anew."""
        for _ in range(2):
            self.wire[:] = self.copy
            act()
        self.wire[:] = self.copy
        return cost(act)


def test_nothing_costs_nothing():
    assert cost(lambda: None) == 0


def check_received(client, part_of, act_of, sizes=SIZES):
    for size in sizes:
        for text in (None, b"ascii only ", "grün und grün ".encode()):
            driver = Driver(client)
            if text is None:
                data = bytes((i * 7) & 0xFF for i in range(size))
                alone = cost(bytearray, size)
            else:
                data = (text * (size // len(text) + 1))[:size]
                data = data[: size - 1] + b"." if data[-1] == 0xC3 else data
                alone = cost(make_text, bytearray(data))
            wire = frame(0x82 if text is None else 0x81, data, driver.key)
            driver.load(wire, part_of(len(wire), len(wire) - size))
            assert driver.received(act_of(driver)) == alone, (client, size, text)
            assert driver.event == (BINARY if text is None else TEXT)
            message = driver.connection.reader.message
            assert (message if text is None else message.encode()) == data


def test_whole_messages():
    for client in ROLES:
        check_received(client, lambda n, header: n, lambda driver: driver.receive)


def test_messages_in_parts():
    for client in ROLES:
        check_received(client, lambda n, header: 600, lambda driver: driver.receive)
        check_received(client, lambda n, header: 11, lambda driver: driver.receive, SIZES[:4])


def test_messages_read_directly():
    for client in ROLES:
        check_received(client, lambda n, header: header, lambda driver: driver.receive_direct)


def test_fragments_of_text():
    # Assembled in the shared buffer: nothing but the str at the end.
    for client in ROLES:
        driver = Driver(client)
        data = "grün und so ".encode() * 100
        wire = frame(0x01, data[:100], driver.key)
        for at in range(100, 1000, 100):
            wire += frame(0x00, data[at : at + 100], driver.key)
        wire += frame(0x80, data[1000:], driver.key)
        driver.load(wire)
        spent = driver.received(driver.receive)
        assert spent == cost(make_text, bytearray(data)), spent
        assert driver.connection.reader.message.encode() == data


def test_fragments_of_binary():
    # The room doubles: the sum of what was outgrown stays below twice the message.
    for client in ROLES:
        driver = Driver(client)
        wire = frame(0x02, bytes(100), driver.key)
        for _ in range(30):
            wire += frame(0x00, bytes(100), driver.key)
        wire += frame(0x80, bytes(100), driver.key)
        driver.load(wire)
        spent = driver.received(driver.receive)
        assert spent <= 3 * 3200 + 8 * 48, spent
        assert driver.connection.reader.message == bytes(3200)


def test_chunks():
    for client in ROLES:
        for part in (None, 11, 600):
            driver = Driver(client, stream=True)
            wire = (
                frame(0x81, b"ascii" * 100, driver.key)
                + frame(0x02, bytes(1000), driver.key)
                + frame(0x80, bytes(1000), driver.key)
            )
            driver.load(wire, part)
            assert driver.received(driver.receive) == 0
            assert driver.chunks >= 9
            assert driver.event == CHUNK


def test_control_frames():
    for client in ROLES:
        for size in (0, 4, 125):
            for part in (None, 1, 7):
                driver = Driver(client)
                wire = frame(0x89, bytes(size), driver.key) + frame(0x8A, b"x" * size, driver.key)
                driver.load(wire + frame(0x89, bytes(size), driver.key), part)

                def act(driver=driver):
                    driver.receive()
                    driver.drain()

                spent = driver.received(act)
                assert driver.event == PING
                assert spent == 0, (client, size, part, spent)


def check_sent(client, send):
    driver = Driver(client)
    connection = driver.connection

    def act():
        assert send(connection)
        driver.drain()

    for _ in range(3):
        act()
    assert cost(act) == 0


def test_masking_keys():
    # Fetched for 15 frames at a time.
    keys = MaskingKeys()
    buf = bytearray(4)

    def act():
        for _ in range(150):
            keys.put(buf, 0)

    assert cost(act) <= 10 * 160


def test_sending():
    for client in ROLES:
        for size in SIZES:
            data = bytes(size)
            text = "x" * size
            check_sent(client, lambda connection, data=data: connection.send_binary(data))
            check_sent(client, lambda connection, text=text: connection.send_text(text))
            check_sent(
                client, lambda connection, data=data: connection.send_fragment(data, True, True)
            )
        check_sent(client, lambda connection: connection.ping(b"p"))


def test_sending_text_past_ascii():
    # Its UTF-8 is made once, to check it: on MicroPython a str is no assurance.
    for client in ROLES:
        text = "ü" * 500
        driver = Driver(client)

        def act(driver=driver, text=text):
            assert driver.connection.send_text(text)
            driver.drain()

        for _ in range(3):
            act()
        assert cost(act) == cost(text.encode)


def test_many_connections_borrow_the_same_buffers():
    settings = Settings()
    connections = [Connection(False, settings) for _ in range(8)]
    driver = Driver(False)
    data = bytes(1000)

    def act():
        for connection in connections:
            connection.send_binary(data)
            driver.connection = connection
            driver.drain()

    act()
    assert cost(act) == 0


def test_closing():
    # Every step of the handshake, in both orders, on connections that are there already.
    for client in ROLES:
        for local in (False, True):
            driver = Driver(client)
            connection = driver.connection
            driver.load(frame(0x88, b"\x03\xe8", driver.key))

            def act(driver=driver, connection=connection, local=local):
                if local:
                    connection.close(1000, "bye")
                    driver.drain()
                driver.receive()
                driver.drain()
                connection.tick(0)
                connection.want_close_tcp()

            assert cost(act) == 0
            assert connection.tcp_closed().clean
