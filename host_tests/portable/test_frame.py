"""Frame headers, both ways: ws/frame.py against headers that are written down here."""

from signalbox.ws.frame import FrameParser, frame_end, header_size, put_header
from wire import KEY, ROLES, frame

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA
FIN = 0x80
HERE = 0  # frame._HERE
GATHERED = 1  # frame._GATHERED
MORE = -1  # frame._MORE
VIOLATION = -2  # frame._VIOLATION
TOO_BIG = -3  # frame._TOO_BIG
KEY_K = 40  # frame._KEY_K
LARGEST_HEADER = 14  # frame._LARGEST_HEADER
LONGEST = (1 << 30) - 1
LENGTHS = (0, 1, 124, 125, 126, 127, 128, 255, 256, 65535, 65536, 65537, 1 << 20, LONGEST)


def header(first, n, key=None, form=None):
    """The header alone, of a payload that is never made."""
    if form is None:
        form = n if n < 126 else 126 if n < 65536 else 127
    octets = bytes([first, form | (0x80 if key else 0)])
    if form > 125:
        octets += n.to_bytes(2 if form == 126 else 8, "big")
    return octets + (key or b"")


def parse(octets, masked, pieces=None):
    """Returns (what parse_header() returned at last, the parser). Each piece has its own buffer."""
    parser = FrameParser(masked)
    result = MORE
    pieces = pieces or [octets]
    for piece in pieces:
        assert result == MORE
        buf = bytearray(b"\xa5\xa5" + piece)
        parser.feed(buf, 2, len(buf))
        result = parser.parse_header()
        if result == MORE:
            assert parser.unread == 0
    if result >= 0:
        assert result == (HERE if len(pieces) == 1 else GATHERED)
        assert parser.position == len(buf)
    return result, parser


def kept_key(parser):
    return bytes(parser.gathered[KEY_K >> 2 : (KEY_K >> 2) + 4])


def chunked(octets):
    """All ways to cut: into two, into three, and into single octets."""
    n = len(octets)
    yield [octets]
    yield [octets[i : i + 1] for i in range(n)]
    for i in range(1, n):
        yield [octets[:i], octets[i:]]
        for j in range(i + 1, n):
            yield [octets[:i], octets[i:j], octets[j:]]


def test_every_length_in_every_chunking():
    for masked in ROLES:
        for n in LENGTHS:
            for first in (FIN | TEXT, BINARY, CONTINUATION, FIN):
                octets = header(first, n, KEY if masked else None)
                for pieces in chunked(octets):
                    result, parser = parse(octets, masked, pieces)
                    assert result >= 0
                    assert parser.first == first
                    assert parser.payload == n
                    if masked:
                        if result == HERE:
                            parser.keep_key()
                        assert kept_key(parser) == KEY


def test_control_frames():
    for masked in ROLES:
        for opcode in (CLOSE, PING, PONG):
            for n in (0, 1, 125):
                octets = header(FIN | opcode, n, KEY if masked else None)
                for pieces in chunked(octets):
                    _, parser = parse(octets, masked, pieces)
                    assert (parser.first, parser.payload) == (FIN | opcode, n)
            for bad in (header(opcode, 0), header(FIN | opcode, 126), header(FIN | opcode, 65536)):
                octets = bytes([bad[0], bad[1] | (0x80 if masked else 0)]) + bad[2:] + KEY
                assert parse(octets, masked)[0] == VIOLATION


def test_only_what_belongs_to_the_header_is_taken():
    for masked in ROLES:
        octets = frame(FIN | TEXT, b"abc", KEY if masked else None)
        n = len(octets)
        parser = FrameParser(masked)
        buf = bytearray(octets + octets)
        parser.feed(buf, 0, n)
        assert parser.parse_header() == HERE
        assert (parser.position, parser.unread) == (n - 3, 3)
        parser.feed(buf, n, 2 * n)
        assert parser.parse_header() == HERE
        assert (parser.position, parser.unread) == (2 * n - 3, 3)
        # Begun in one window, ended in another.
        parser.feed(buf, 0, 1)
        assert parser.parse_header() == MORE
        parser.feed(buf, 1, 2 * n)
        assert parser.parse_header() == GATHERED
        assert parser.position == n - 3
        assert parser.unread == n + 3


def test_one_header_after_another_in_every_cut():
    for masked in ROLES:
        key = KEY if masked else None
        headers = [header(FIN | BINARY, n, key) for n in (5, 200, 70000, 0)]
        octets = b"".join(headers)
        for cut in range(len(octets) + 1):
            parser = FrameParser(masked)
            found = []
            for piece in (octets[:cut], octets[cut:]):
                parser.feed(bytearray(piece), 0, len(piece))
                while parser.unread:
                    if parser.parse_header() != MORE:
                        found.append(parser.payload)
            assert found == [5, 200, 70000, 0]


def test_nothing_is_not_a_header():
    parser = FrameParser(False)
    parser.feed(bytearray(b"abc"), 3, 3)
    assert parser.parse_header() == MORE
    parser.feed(bytearray(b"\x81\x01"), 0, 1)
    assert parser.parse_header() == MORE
    parser.feed(bytearray(b""), 0, 0)
    assert parser.parse_header() == MORE
    parser.feed(bytearray(b"\x01"), 0, 1)
    assert parser.parse_header() == GATHERED
    assert (parser.first, parser.payload) == (0x81, 1)


def test_length_must_be_minimal():
    for masked in ROLES:
        key = KEY if masked else None
        for n, form in ((0, 126), (1, 126), (125, 126), (0, 127), (125, 127), (126, 127)):
            octets = header(FIN | BINARY, n, key, form)
            for pieces in chunked(octets):
                assert parse(octets, masked, pieces)[0] == VIOLATION
        for n in (65535, 256):
            assert parse(header(FIN | BINARY, n, key, 127), masked)[0] == VIOLATION


def test_lengths_that_cannot_be_held():
    for masked in ROLES:
        key = KEY if masked else None
        for n in (1 << 30, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 40, 1 << 48, 1 << 56, 1 << 62):
            for more in (0, 5):
                octets = header(FIN | BINARY, n + more, key)
                for pieces in chunked(octets):
                    assert parse(octets, masked, pieces)[0] == TOO_BIG
        assert parse(header(FIN | BINARY, (1 << 63) - 1, key), masked)[0] == TOO_BIG
        for n in (1 << 63, (1 << 63) + 5, (1 << 64) - 1):
            for pieces in chunked(header(FIN | BINARY, n, key)):
                assert parse(None, masked, pieces)[0] == VIOLATION
        for shift in range(64):
            result, parser = parse(header(FIN | BINARY, 1 << shift, key, 127), masked)
            if shift < 16:
                assert result == VIOLATION
            elif shift < 30:
                assert parser.payload == 1 << shift
            else:
                assert result == (TOO_BIG if shift < 63 else VIOLATION)


def test_rsv_bits_and_opcodes_and_mask_bit():
    # All 65536 first two octets, by the rules of 5.2 and 5.5 written down once more.
    for masked in ROLES:
        parser = FrameParser(masked)
        buf = bytearray(2)
        for first in range(256):
            opcode = first & 15
            known = opcode in (0, 1, 2) or (opcode in (8, 9, 10) and first & 0x80)
            for second in range(256):
                buf[0] = first
                buf[1] = second
                parser.feed(buf, 0, 2)
                result = parser.parse_header()
                n = second & 0x7F
                bad = first & 0x70 or not known or (second >> 7 == 1) != masked
                if bad or (opcode > 7 and n > 125):
                    assert result == VIOLATION, (first, second)
                elif n > 125 or masked:
                    assert result == MORE, (first, second)
                    parser = FrameParser(masked)
                else:
                    assert result == HERE, (first, second)
                    assert parser.payload == n


def test_violation_is_seen_with_the_second_octet():
    for second in (b"\x05", b"\x7e", b"\x7f"):
        for first in (0xF1, 0x83, 0x0B, 0x08):
            assert parse(None, False, [bytes([first]), second])[0] == VIOLATION
    assert parse(None, True, [b"\x81", b"\x05"])[0] == VIOLATION
    assert parse(None, False, [b"\x81", b"\x85"])[0] == VIOLATION


def test_keep_key():
    octets = bytearray(header(FIN | BINARY, 300, KEY))
    parser = FrameParser(True)
    parser.feed(octets, 0, len(octets))
    assert parser.parse_header() == HERE
    parser.keep_key()
    octets[:] = bytes(len(octets))
    assert kept_key(parser) == KEY
    # Without a mask there is nothing to keep, and the header may begin a buffer.
    octets = bytearray(header(FIN | BINARY, 3))
    parser = FrameParser(False)
    parser.feed(octets, 0, len(octets))
    assert parser.parse_header() == HERE
    parser.keep_key()
    assert kept_key(parser) == bytes(4)


def test_put_header():
    for masked in ROLES:
        for n in LENGTHS:
            for first in (FIN | TEXT, BINARY, FIN, FIN | PING):
                expected = header(first, n, KEY if masked else None)
                buf = bytearray(b"\xa5" * 20)
                end = put_header(buf, 3, first, n, 0x80 if masked else 0)
                size = header_size(n, masked)
                assert size == len(expected) <= LARGEST_HEADER
                assert end == 3 + size - (4 if masked else 0)
                assert buf[:3] == b"\xa5" * 3
                assert buf[3:end] == expected[: end - 3]
                assert buf[end:] == b"\xa5" * (20 - end)


def test_frame_end_and_parse_agree_with_put_header():
    for masked in ROLES:
        for n in LENGTHS:
            buf = bytearray(20)
            end = put_header(buf, 2, FIN | BINARY, n, 0x80 if masked else 0)
            if masked:
                buf[end : end + 4] = KEY
                end += 4
            assert frame_end(buf, 2) == end + n
            parser = FrameParser(masked)
            parser.feed(buf, 2, 20)
            assert parser.parse_header() == HERE
            assert (parser.position, parser.payload) == (end, n)
