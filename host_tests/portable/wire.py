"""The other side of the wire: frames made and read without signalbox's own code, and an End.

An End drives one Connection as a transport would, and keeps what happened as plain tuples.
"""

from signalbox.compat import ticks_diff
from signalbox.ws import message
from signalbox.ws.connection import (
    CLOSE,
    FAILED,
    PING,
    PONG,
    Connection,
    Settings,
)

ROLES = (False, True)  # `client`: both roles, for the rows that name none
KEY = b"\x37\xfa\x21\x3d"
FIELDS = {
    "code": 1006,
    "reason": "",
    "clean": False,
    "initiator": "transport",
    "sent_code": None,
    "rcvd_code": None,
    "failed_with": None,
    "undelivered": 0,
    "discarded": 0,
    "timed_out": False,
    "truncated": False,
    "tcp_reset": False,
    "peer_no_echo": False,
}

# Around what is lent to a connection: it must neither read nor change it.
_MARGIN = b"\xa5" * 5


def clock_period():
    """ms after which the clock starts over."""
    quarter = 1 << 28
    while ticks_diff(2 * quarter, 0) > 0:
        quarter *= 2
    return 4 * quarter


def mask(payload, key):
    # As long numbers: octet by octet it would be most of a board's time.
    masked = bytearray(payload)
    for at in range(0, len(payload), 400):
        part = payload[at : at + 400]
        keys = (key * 100)[: len(part)]
        number = int.from_bytes(part, "big") ^ int.from_bytes(keys, "big")
        masked[at : at + 400] = number.to_bytes(len(part), "big")
    return bytes(masked)


def frame(first, payload=b"", key=None, form=None, n=None):
    """A frame as RFC 6455 section 5.2 draws it.

    `first`: FIN, RSV and opcode. `key`: masks. `form`: 126 or 127 for a longer length than needed.
    `n`: the length that the header gives, if it isn't the payload's.
    """
    if n is None:
        n = len(payload)
    if form is None:
        form = n if n < 126 else 126 if n < 65536 else 127
    header = bytes([first, form | (0x80 if key else 0)])
    if form == 126:
        header += n.to_bytes(2, "big")
    elif form == 127:
        header += n.to_bytes(8, "big")
    return header + key + mask(payload, key) if key else header + payload


def close_payload(code, reason=b""):
    return code.to_bytes(2, "big") + reason


def parse(octets, masked):
    """Whole frames as a list of (first octet, payload, key or None), strictly checked."""
    found = []
    at = 0
    while at < len(octets):
        assert len(octets) - at >= 2, "a header ends after one octet"
        first = octets[at]
        second = octets[at + 1]
        assert first & 0x70 == 0, f"RSV bits: {first:02x}"
        assert first & 0x0F in (0, 1, 2, 8, 9, 10), f"opcode: {first:02x}"
        assert second >> 7 == masked, f"mask bit: {second:02x}"
        n = second & 0x7F
        at += 2
        if n > 125:
            assert first & 8 == 0, "a long control frame"
            size = 2 if n == 126 else 8
            n = int.from_bytes(octets[at : at + size], "big")
            assert n > (125 if size == 2 else 65535), "not the shortest length"
            at += size
        if first & 8:
            assert first & 0x80, "a fragmented control frame"
        key = None
        if masked:
            key = bytes(octets[at : at + 4])
            at += 4
        payload = bytes(octets[at : at + n])
        at += n
        assert at <= len(octets), f"{at - len(octets)} octets of a frame are missing"
        found.append((first, mask(payload, key) if masked else payload, key))
    return found


def frames(octets, masked):
    return [(first, payload) for first, payload, _ in parse(octets, masked)]


def chunkings(octets):
    """Lists of pieces: whole, octet by octet, and in two at every point."""
    yield [octets]
    yield [octets[i : i + 1] for i in range(len(octets))]
    for i in range(1, len(octets)):
        yield [octets[:i], octets[i:]]


def raises(kind, function, *arguments):
    """Whether the call raises `kind`; anything else that it raises is passed on."""
    try:
        function(*arguments)
    except kind:
        return True
    return False


class End:
    """One Connection, its peer's frames, and what became of them."""

    def __init__(self, client=False, keys=None, **settings):
        self.client = client
        self.connection = Connection(client, Settings(**settings), keys)
        self.written = b""

    def peer(self, first, payload=b"", form=None):
        """A frame as the peer sends it: masked if that is the client."""
        return frame(first, payload, None if self.client else KEY, form)

    def peer_close(self, code=None, reason=b""):
        return self.peer(0x88, b"" if code is None else close_payload(code, reason))

    def receive(self, *pieces):
        """Returns the events, as tuples."""
        events = []
        for piece in pieces:
            buf = bytearray(_MARGIN + piece + _MARGIN)
            self.connection.receive_data(buf, len(_MARGIN), len(_MARGIN) + len(piece))
            while True:
                event = self.connection.next_event()
                if event == message.NEED_DATA:
                    break
                events.append(self.describe(event))
            assert self.connection.next_event() == message.NEED_DATA
            assert buf[: len(_MARGIN)] == _MARGIN
            assert buf[len(_MARGIN) + len(piece) :] == _MARGIN
        return events

    def describe(self, event):
        connection = self.connection
        reader = connection.reader
        if event in (message.TEXT, message.BINARY):
            assert type(reader.message) is (str if event == message.TEXT else bytearray)
            return (event, reader.message)
        if event == CLOSE:
            return (CLOSE, connection.rcvd_code, connection.rcvd_reason)
        if event == FAILED:
            return (FAILED, connection.failed_with)
        data = bytes(reader.data[reader.offset : reader.offset + reader.length])
        if event == message.CHUNK:
            return (event, reader.chunk_opcode, data, reader.chunk_final)
        assert event in (PING, PONG), event
        return (event, data)

    def write(self, most=None, step=None):
        """Hand at most `most` octets to TCP, `step` at a time. Returns them."""
        connection = self.connection
        taken = b""
        while most is None or len(taken) < most:
            n = connection.ready()
            assert n >= 0
            if n == 0:
                break
            if step:
                n = min(n, step)
            if most is not None:
                n = min(n, most - len(taken))
            output = connection.output
            # CPython makes a bytearray longer where a board would write behind it.
            assert len(output._tx) in (140, connection.settings.buffer), len(output._tx)
            buf = output.buf if not isinstance(output.buf, str) else output.buf.encode()
            part = bytes(buf[output.offset : output.offset + n])
            assert len(part) == n, "fewer octets than ready() says"
            taken += part
            connection.advance(n)
        self.written += taken
        return taken

    def sent(self):
        """Hand everything to TCP, and return all frames written since the last call."""
        self.write()
        found = frames(self.written, self.client)
        self.written = b""
        return found

    def outcome(self, **expected):
        """Take TCP down, and compare all fields: those not named with an unclean nothing."""
        outcome = self.connection.tcp_closed()
        for name in FIELDS:
            value = getattr(outcome, name)
            wanted = expected.pop(name, FIELDS[name])
            assert value == wanted, f"{name}: {value!r}, not {wanted!r}"
            if type(wanted) is bool:
                assert type(value) is bool, name
        assert not expected
        assert self.connection.tcp_closed() is outcome
        assert self.connection.state == "CLOSED"
        return outcome


class Source:
    """What send_source() takes: gives `data` in parts of `size` octets, then raises `error`."""

    def __init__(self, data, size, error=None):
        self.data = data
        self.size = size
        self.error = error
        self.reads = 0

    def readinto(self, buf):
        self.reads += 1
        part = self.data[: min(self.size, len(buf))]
        self.data = self.data[len(part) :]
        if not part and self.error:
            raise self.error
        buf[: len(part)] = part
        return len(part)
