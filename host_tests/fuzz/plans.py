"""Makes plans for parse.py, session.py and pair.py out of what hypothesis draws. CPython only.

hypothesis draws records of eight octets; each becomes one frame, step or mutation. Zeros stand for
the simplest choice everywhere, so that what hypothesis shrinks is a simple plan.
"""

from hypothesis import strategies as st

from . import peer, session
from .endpoint import ALL
from .wire import FIN, PING, PONG, frame, octets_of, text_of

CODES = (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999)
BAD_UTF8 = (b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\x80", b"\xe2\x82")
LENGTHS = (0, 1, 2, 3, 5, 7, 8, 20, 60, 124, 125, 126, 127, 130, 132, 138, 160, 200, 270, 300, 500)
LONG = (1000, 1016, 1020, 1024, 1030, 2048, 3000, 4000, 5000)
HUGE = (65535, 65536, 70000)
LIES = (1 << 63, (1 << 63) - 1, 1 << 30, (1 << 30) - 1, 1 << 40, 1 << 16, 0xFFFF)
CHUNKS = ([0], [1], [2, 3], [1, 7, 200], [13], [64], [1000], [5, 0])


class Choices:
    """Choices made from octets; the first of everything when they are used up."""

    def __init__(self, octets):
        self._octets = octets
        self._at = 0

    def below(self, n):
        """A number from 0 to n - 1."""
        size = 1 if n <= 256 else 2
        value = int.from_bytes(self._octets[self._at : self._at + size], "little")
        self._at += size
        return value % n

    def pick(self, *values):
        """One of the values."""
        return values[self.below(len(values))]

    def rarely(self, n):
        """True in n of 256 cases."""
        return self.below(256) > 255 - n

    def length(self):
        """A length, near a border more often than not."""
        kind = self.below(64)
        if kind == 63:
            return self.pick(*HUGE) if self.rarely(20) else self.pick(*LONG)
        return self.pick(*LENGTHS) if kind < 48 else self.below(600)


record = st.binary(min_size=8, max_size=8)
records = st.one_of(
    st.lists(record, min_size=1, max_size=9),
    st.lists(record, min_size=8, max_size=24),
    st.lists(record, min_size=20, max_size=50),
)


# parse.py: a wire


def parse_plan(head, frames, mutations):
    """A wire of frames, most of them right, some of them changed afterwards."""
    c = Choices(head)
    client = c.pick(False, True)
    limit = c.pick(1 << 20, 1 << 20, 32768, 300, 125, 10, 0)
    settings = {"max_message": limit, "buffer": 65535, "stream": c.rarely(64)}
    writer = Writer(masked=not client)
    wire = bytearray().join(writer.frame(Choices(octets)) for octets in frames)
    for mutation in mutations:
        mutate(wire, Choices(mutation))
    return {
        "kind": "parse",
        "client": client,
        "settings": settings,
        "wire": wire.hex(),
        "chunks": c.pick(*CHUNKS),
        "direct": c.rarely(64),
    }


class Writer:
    """Writes frames, some of them broken; knows what message it has open."""

    def __init__(self, masked):
        self._masked = masked
        self._rest = None  # what is still to come of a message in fragments

    def frame(self, c):
        """The next one."""
        kind = c.below(16)
        n = c.length()
        salt = c.below(256)
        broken = c.below(256) - 235  # above 0: how
        key = octets_of(4, salt + 1) if self._masked else None
        if kind < 4:
            first, payload = self._data(kind & 1, n, salt, whole=True)
        elif kind < 9:
            first, payload = self._data(kind & 1, n, salt, whole=False)
        elif kind < 12:
            first, payload = FIN | PING, octets_of(n % 126, salt)
        elif kind < 14:
            first, payload = FIN | PONG, octets_of(n % 126, salt)
        else:
            # A Close ends the game: not too soon.
            closes = c.below(4) == 3 or broken > 0
            first = FIN | (8 if closes else PING)
            payload = close_of(c, n, salt) if closes else b""
        return self._break(broken, first, payload, key, n)

    def _data(self, text, n, salt, whole):
        content = text_of(n, salt).encode() if text else octets_of(n, salt)
        if text and salt > 250:
            content = content[: salt % 5] + BAD_UTF8[n % len(BAD_UTF8)] + content[salt % 5 :]
        opcode = 1 if text else 2
        if self._rest is not None:
            # Go on with what is open: cut anywhere, in the middle of a character, too.
            content, opcode = self._rest, 0
            cut = len(content) if whole else min(n, len(content))
        else:
            cut = len(content) if whole else n // 2
        self._rest = None if whole else content[cut:]
        return (FIN if whole else 0) | opcode, content[:cut]

    def _break(self, how, first, payload, key, n):
        form = length = None
        if how == 1:
            first |= 0x10 << n % 3
        elif how == 2:
            first = first & 0xF0 | (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)[n % 10]
        elif how == 3:
            key = None if key else b"\1\2\3\4"
        elif how in (4, 5):
            form = 2 if how == 4 else 8
        elif how == 6:
            first ^= FIN
        elif how == 7:
            first ^= (1, 2, 3, 8)[n % 4]
        elif how == 8:
            length = len(payload) + 1 + n % 3
        elif how == 9:
            form = 8
            length = (1 << 63, (1 << 63) - 1, 1 << 30, (1 << 30) - 1, 1 << 40, 1 << 16, 0xFFFF)[
                n % 7
            ]
        elif how == 10:
            payload = payload[: n % 100] + BAD_UTF8[n % len(BAD_UTF8)] + payload[n % 100 :]
        elif how == 11:
            payload = payload[:-1]
        elif how == 12:
            payload += bytes(126)
        elif how == 13:
            return b""
        if form == 2 and len(payload) > 0xFFFF:
            form = None
        return frame(first, payload, key, form, length)


def close_of(c, n, salt):
    """Payload of a Close, right or wrong."""
    kind = c.below(8)
    if kind == 0:
        return b""
    if kind == 1:
        return b"\3"
    code = c.below(65536) if kind == 2 else c.pick(*peer.BAD_CODES)
    if kind > 3:
        code = c.pick(*CODES)
    reason = text_of(min(n, 41), salt).encode()[:123]
    if kind == 7:
        reason = BAD_UTF8[n % len(BAD_UTF8)] + reason
    if kind == 6 and reason:
        reason = reason[:-1]
    return code.to_bytes(2, "big") + reason


def mutate(wire, c):
    """Change one place."""
    at = c.below(max(1, min(len(wire), 65536)))
    kind = c.below(6)
    value = c.below(256)
    if kind == 1:
        wire[at : at + 1] = bytes((value,))
    elif kind == 2:
        wire[at : at + 1 + value % 4] = b""
    elif kind == 3:
        wire[at:at] = bytes((value,))
    elif kind == 4:
        wire[at:] = b""
    elif kind == 5 and at < len(wire):
        wire[at] ^= 1 << (value & 7)


parse_plans = st.builds(
    parse_plan, record, records, st.one_of(st.just([]), st.lists(record, max_size=3))
)


# session.py and pair.py: steps


def settings_of(c):
    """Settings near the borders."""
    window = c.rarely(128)
    return {
        "buffer": c.pick(140, 140, 200, 256, 1024, 4096),
        "max_message": c.pick(32768, 300, 1000, 126),
        "stream": c.rarely(64),
        "finish_window": window,
        "ping_interval": c.pick(20000, 0, 300),
        "pong_timeout": c.pick(10000, 200),
        "close_timeout": c.pick(5000, 400),
        "finish_timeout": c.pick(300, 0, 399),
        "tcp_timeout": c.pick(2000, 0, 100),
        "quiet": c.pick(500, 50, 3000),
        "drain": c.pick(1 << 20, 500),
    }


def send_step(c):
    """A local message."""
    what = c.pick("text", "binary", "fragment", "fragment", "ping", "source", "text", "surrogate")
    return ["send", what, c.length(), c.below(256), c.below(8)]


def amount(c):
    """Octets that a pipe takes or gives: few, or all of them."""
    if c.rarely(128):
        return c.below(300)
    return c.pick(1, 2, 3, 5, 14, 70, 126, 1000, ALL, ALL)


def write_step(c):
    """TCP takes something, or would block."""
    return ["write", 0 if c.rarely(32) else amount(c)]


def deliver_step(c):
    """Something comes in."""
    return ["deliver", c.pick(0, 0, 1, 2, 3, 7, 20, 130, 600), c.pick(0, 0, 0, 1, 2)]


def tick_step(c):
    """Time passes, to a deadline or over it more often than not."""
    return ["tick", c.pick(0, 1, 50, 100, 200, 299, 300, 400, 500, 2000, 5000, 20000, 1 << 28)]


def local_close_step(c):
    """A close(), right or wrong."""
    if c.rarely(64):
        return c.pick(["close", None, "reason"], ["close", peer.BAD_CODES[c.below(12)], ""])
    return close_step(c, c.pick(None, 1000, *CODES))


def ending_step(c):
    """What ends a connection, or looks at whether it is over."""
    return c.pick(
        ["poll"],
        ["act"],
        ["finish"],
        ["close", 1000, ""],
        ["fail", c.pick(1002, 1007, 1009, 1011, 1003, 1008)],
        ["broken", c.rarely(128)],
        ["eof", False, c.rarely(64)],
        ["eof", True, c.rarely(64)],
        ["poll"],
        ["close_now"],
    )


def close_step(c, code):
    """A close() with a reason that may have to be cut."""
    n = c.pick(0, 0, 5, 30, 41, 62, 122, 123, 124, 200)
    return ["close", code, text_of(n, c.below(256)) if code else ""]


def hold_step(c):
    """TLS begins on something."""
    return ["hold", amount(c)]


def peer_step(c):
    """A frame from the peer."""
    kind = c.below(32)
    if kind < 12:
        what = c.pick("data", "more", "last", "data")
        return ["peer", what, c.length() if not c.rarely(32) else 1000, c.below(256)]
    if kind < 24:
        return ["peer", c.pick("ping", "ping", "pong"), c.below(126), c.below(256)]
    if kind < 30:
        return ["peer", "close", c.pick(0, 1000, *CODES), c.below(256)]
    return ["peer", "bad", c.below(9), c.below(256)]


# How often each step is taken, in four kinds of session: none of them would find everything.
MAKERS = (
    send_step,
    write_step,
    peer_step,
    deliver_step,
    tick_step,
    local_close_step,
    hold_step,
    ending_step,
)
MIXTURES = (
    (15, 11, 12, 11, 4, 4, 2, 5),
    (25, 27, 2, 2, 1, 1, 5, 1),
    (5, 6, 27, 21, 2, 1, 1, 1),
    (8, 9, 9, 9, 8, 5, 4, 12),
)


def session_step(c, mixture):
    """Anything that may happen to a connection."""
    number = c.below(64)
    for make, share in zip(MAKERS, mixture, strict=True):
        if number < share:
            return make(c)
        number -= share
    raise ValueError("a mixture doesn't add up to 64")


def session_plan(head, steps, setting):
    """Steps, and then an end of one kind or another."""
    c = Choices(head)
    client = c.pick(False, True)
    end = c.pick(*session.ENDS)
    mixture = c.pick(*MIXTURES)
    return {
        "kind": "session",
        "client": client,
        "settings": settings_of(Choices(setting)),
        "steps": [session_step(Choices(step), mixture) for step in steps],
        "end": end,
    }


session_plans = st.builds(session_plan, record, records, st.binary(min_size=12, max_size=12))


def pair_step(c):
    """As session_step(), for one of two."""
    side = c.below(2)
    kind = c.below(32)
    if kind < 12:
        return [side, *send_step(c)]
    if kind < 20:
        return [side, "write", amount(c)]
    if kind < 28:
        return [side, "read", amount(c), c.rarely(64)]
    if kind < 30:
        return [side, "tick", c.pick(0, 1, 3)]
    if kind == 30 and c.rarely(128):
        return [side, "finish"]
    return [side, *close_step(c, c.pick(None, 1000, *CODES))] if kind == 31 else [side, "tick", 1]


def pair_plan(head, steps):
    """Two endpoints, with whatever limits: larger than what is sent."""
    c = Choices(head)
    sides = []
    for _ in range(2):
        sides.append(
            {
                "buffer": c.pick(140, 200, 1024),
                "max_message": 1 << 20,
                "finish_window": c.rarely(96),
                "stream": c.rarely(64),
            }
        )
    return {
        "kind": "pair",
        "client": sides[0],
        "server": sides[1],
        "steps": [pair_step(Choices(step)) for step in steps],
    }


pair_plans = st.builds(pair_plan, record, records)

PLANS = {"parse": parse_plans, "session": session_plans, "pair": pair_plans}
