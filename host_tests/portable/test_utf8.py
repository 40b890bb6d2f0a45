"""Strict UTF-8, octet by octet: ws/utf8.py against an encoder that is written down here.

A sequence is right when it begins, or is, the encoding of code points; the oracle knows all the
beginnings, so the first octet that can't follow is known exactly.
"""

from signalbox.compat import MICROPYTHON
from signalbox.ws import utf8, utf8_portable

REJECT = -1


def encode(point):
    """RFC 3629 section 3, by the numbers."""
    if point < 0x80:
        return (point,)
    if point < 0x800:
        return (0xC0 | point >> 6, 0x80 | point & 0x3F)
    if point < 0x10000:
        return (0xE0 | point >> 12, 0x80 | point >> 6 & 0x3F, 0x80 | point & 0x3F)
    return (
        0xF0 | point >> 18,
        0x80 | point >> 12 & 0x3F,
        0x80 | point >> 6 & 0x3F,
        0x80 | point & 0x3F,
    )


def beginnings():
    """What a character's encoding can begin with, as ints: one octet, or two of three or four."""
    found = set()
    # The last octet of a character, and the third of four, runs through all of 80..BF.
    for points in (range(0x80, 0x10000, 64), range(0x10000, 0x110000, 4096)):
        for point in points:
            if 0xD800 <= point < 0xE000:
                continue
            octets = encode(point)
            found.add(octets[0])
            if len(octets) > 2:
                found.add(octets[0] << 8 | octets[1])
    return found


BEGINNINGS = beginnings()


def first_bad(octets):
    """(index of the first octet that can't be there or None, whether the text ends whole)."""
    value = 0
    size = 0
    whole = 0  # octets of the character
    for i, octet in enumerate(octets):
        if size == 0:
            if octet < 0x80:
                continue
            if octet not in BEGINNINGS:
                return i, False
            value = octet
            size = 1
            whole = 2 if value < 0xE0 else 3 if value < 0xF0 else 4
            continue
        if size == 1 and whole > 2:
            if value << 8 | octet not in BEGINNINGS:
                return i, False
        elif octet & 0xC0 != 0x80:
            return i, False
        size = size + 1 if size + 1 < whole else 0
    return None, size == 0


def check(validate, octets):
    """Whole, and cut at the first bad octet."""
    bad, whole = first_bad(octets)
    state = validate(octets, 0, len(octets), 0)
    if bad is None:
        assert state == 0 if whole else state > 0, octets
    else:
        assert state == REJECT, octets
        # The octets before it are right.
        assert validate(octets, 0, bad, 0) >= 0, octets


def check_every_split(validate, octets):
    """State carried from call to call, at every cut and octet by octet."""
    bad, whole = first_bad(octets)
    n = len(octets)
    for cut in range(n + 1):
        state = validate(octets, 0, cut, 0)
        if bad is not None and bad < cut:
            assert state == REJECT
            continue
        assert state >= 0
        state = validate(octets, cut, n - cut, state)
        if bad is not None:
            assert state == REJECT
        else:
            assert (state == 0) == whole and state >= 0
    state = 0
    for i in range(n):
        state = validate(octets, i, 1, state)
        if i == bad:
            assert state == REJECT
            break
        assert state >= 0


TEXTS = (
    b"",
    b"plain",
    "grün €uro 😀 ￿ \U0010ffff \u0080߿ࠀ퟿".encode(),
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xc2",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xe0\xa0\x80",
    b"\xe2\x82",
    b"\xe2\x82\xac",
    b"\xed\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xfe\xff",
    b"\x80",
    b"\xbf",
    b"ok\xf0\x9f\x98",
    b"ok\xf0\x9f\x98\x80\x80",
    b"ok\xf0\x9f\x98X",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
)


def check_all_pairs(validate):
    buf = bytearray(2)
    for first in range(256):
        buf[0] = first
        for second in range(256):
            buf[1] = second
            check(validate, buf)


def check_long_sequences(validate):
    third = (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF)
    fourth = (0x7F, 0x80, 0xBF, 0xC0)
    buf = bytearray(3)
    for lead in range(0xE0, 0xF0):
        buf[0] = lead
        for second in range(256):
            buf[1] = second
            for octet in third:
                buf[2] = octet
                check(validate, buf)
    buf = bytearray(4)
    for lead in range(0xF0, 0xF9):
        buf[0] = lead
        for second in range(0x70, 0xD0):
            buf[1] = second
            for octet in third:
                buf[2] = octet
                for last in fourth:
                    buf[3] = last
                    check(validate, buf)


def check_texts(validate):
    for octets in TEXTS:
        for before in (b"", b"x", b"\xc3\xbc"):
            check_every_split(validate, before + octets)
            check_every_split(validate, before + octets + b"after")


def check_ascii_is_passed_whole_words_at_a_time(validate):
    """One octet past ASCII, wrong or right, anywhere in a long text, at every alignment."""
    for offset in range(4):
        for n in (7, 8, 9, 16, 31, 40):
            for i in range(n):
                for octets, good in ((b"\xff", False), (b"\xc3\xbc", True), (b"\xc3", False)):
                    text = bytearray(b"a" * n)
                    text[i : i + len(octets)] = octets
                    buf = bytearray(b"\xff" * offset + text[:n] + b"\xff\xff")
                    state = validate(buf, offset, n, 0)
                    if i == n - 1 and octets[0] == 0xC3:
                        assert state > 0
                    else:
                        assert state == (0 if good else REJECT)


def check_is_ascii(is_ascii):
    for offset in range(4):
        for n in (0, 1, 2, 3, 4, 5, 15, 16, 17, 20, 33, 50):
            text = "x" * n
            assert is_ascii(text, n) is True
            buf = memoryview(bytearray(b"\xff" * offset + b"a" * n + b"\xff" * 8))[offset:]
            assert is_ascii(buf, n) is True
            for i in range(n):
                buf[i] = 0x80
                assert is_ascii(buf, n) is False
                buf[i] = ord("a")
                wild = "x" * i + "ü" + "x" * (n - i - 1)
                assert is_ascii(wild, len(wild)) is False
                wild = "x" * i + "😀" + "x" * (n - i - 1)
                assert is_ascii(wild, len(wild)) is False


def test_oracle():
    # The oracle itself, against CPython's strict decoder.
    if MICROPYTHON:
        return
    for octets in TEXTS:
        bad, whole = first_bad(octets)
        try:
            octets.decode()
        except UnicodeDecodeError as error:
            if bad is None:
                assert not whole and error.end == len(octets)
            else:
                assert error.start <= bad <= error.end
        else:
            assert bad is None and whole
    for first in range(256):
        for second in range(256):
            for octets in (bytes([first, second]), bytes([first, second, 0x80, 0x80])):
                try:
                    octets.decode()
                    good = True
                except UnicodeDecodeError:
                    good = False
                assert (first_bad(octets) == (None, True)) == good
    for point in range(0x80, 0x110000):
        octets = bytes(encode(point))
        bad = 1 if 0xD800 <= point < 0xE000 else None
        assert first_bad(octets) == (bad, bad is None)


def test_all_pairs():
    check_all_pairs(utf8_portable.validate)


def test_long_sequences():
    check_long_sequences(utf8_portable.validate)


def test_texts():
    check_texts(utf8_portable.validate)


def test_ascii():
    check_ascii_is_passed_whole_words_at_a_time(utf8_portable.validate)


def test_is_ascii():
    check_is_ascii(utf8_portable.is_ascii)


def test_twins_that_are_in_use():
    check_texts(utf8.validate)
    check_is_ascii(utf8.is_ascii)


def test_only_what_is_asked_for_is_looked_at():
    assert utf8_portable.validate(b"\xffok\xff", 1, 2, 0) == 0
    assert utf8.validate(b"\xffok\xff", 1, 2, 0) == 0
    assert utf8.validate(b"\xff", 0, 0, 0) == 0
    state = utf8.validate(b"\xe2", 0, 1, 0)
    assert utf8.validate(b"", 0, 0, state) == state
