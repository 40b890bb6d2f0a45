"""Reads an object's members out of JSON text, and lets nothing pass that isn't JSON (RFC 8259).

A relay hands on the text that it received, and a Rust peer takes a mistake in it for fatal.
MicroPython's json.loads overlooks many: commas too few or too many, line breaks in strings, half
surrogate pairs. What it reads it can't write again: a board's floats lose digits, and an object
its order. So text stays text here, and only what a decision needs is decoded.
"""

import json

from ..compat import const
from ..ws.mask import move

_DEEPEST = const(32)  # serde_json gives up at 128, and we put what we relay into a few more
_LONGEST_NUMBER = const(64)  # with an exponent of two digits: no double overflows
_SPACE = b" \t\n\r"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPES = b"bfnrt"
_ESCAPED = b"\b\f\n\r\t"


class Members:
    """The members of a JSON object that have one of the `names`; the others are only checked."""

    def __init__(self, octets, names, at=0):
        """`octets`: of which the object begins at `at`. ValueError for what is no object."""
        self.octets = octets
        self._names = names
        self._values = {}  # name: (start, end) in octets
        try:
            self.end = self._read(at)
        except IndexError:
            raise ValueError("it ends too early")

    def _read(self, at):
        octets = self.octets
        _expect(octets, at, b"{")
        at = _space(octets, at + 1)
        if octets[at] == 0x7D:
            return at + 1
        while True:
            start = at
            at = _string(octets, at)
            name = json.loads(str(octets[start:at], "utf-8"))
            at = _colon(octets, at)
            end = _value(octets, at)
            if name in self._names:
                if name in self._values:
                    raise ValueError("twice: " + name)
                self._values[name] = (at, end)
            at = _space(octets, end)
            if octets[at] == 0x7D:
                return at + 1
            _expect(octets, at, b",")
            at = _space(octets, at + 1)

    def size(self, name):
        """How many octets of JSON the value is; 0 when there is none."""
        start, end = self._values.get(name, (0, 0))
        return end - start

    def text(self, name):
        """The value as JSON text, as it was received; `null` when there is none."""
        if name not in self._values:
            return "null"
        start, end = self._values[name]
        return str(self.octets[start:end], "utf-8")

    def has(self, name):
        """Whether there is a value, if only null."""
        return name in self._values

    def check_string(self, name):
        """ValueError unless the value is a string."""
        if name not in self._values or self.octets[self._values[name][0]] != 0x22:
            raise ValueError("no string: " + name)

    def string(self, name):
        """The value, a str. ValueError when it is anything else, or isn't there.

        To compare, not to send: MicroPython leaves an escaped surrogate pair as two surrogates.
        """
        self.check_string(name)
        return json.loads(self.text(name))

    def optional(self, name):
        """The value, a str, or None for null or none."""
        return None if self.is_null(name) else self.string(name)

    def is_null(self, name):
        """Whether there is no value, or null."""
        return name not in self._values or self.octets[self._values[name][0]] == 0x6E

    def span(self, name):
        """Where the value is in `octets`: (start, end)."""
        return self._values[name]

    def object(self, name, names):
        """The Members `names` of the value. ValueError when it is no object, or isn't there."""
        if name not in self._values:
            raise ValueError("no object: " + name)
        return Members(self.octets, names, self._values[name][0])

    def items(self, name):
        """Where each item of an array begins. ValueError when it is none, or isn't there."""
        octets = self.octets
        if name not in self._values or octets[self._values[name][0]] != 0x5B:
            raise ValueError("no array: " + name)
        at = _space(octets, self._values[name][0] + 1)
        while octets[at] != 0x5D:
            yield at
            at = _space(octets, _value(octets, at))
            if octets[at] == 0x2C:
                at = _space(octets, at + 1)


def parse(octets, names, kind=Members):
    """The Members of `octets`, which are to be a JSON object and nothing else. ValueError."""
    members = kind(octets, names, _space(octets, 0))
    if _space(octets, members.end) != len(octets):
        raise ValueError("more than an object")
    return members


def unescape(octets, start, end):
    """Decode a string that was checked, octets[start:end] with its quotes, in place.

    Returns the end of its text, UTF-8 that begins at `start` + 1.
    """
    at = to = start + 1
    end -= 1
    while True:
        slash = octets.find(b"\\", at, end)
        if slash < 0:
            slash = end
        if to < at:
            move(octets, to, octets, at, slash - at)
        to += slash - at
        if slash == end:
            return to
        code = octets[slash + 1]
        at = slash + 2
        if code != 0x75:
            i = _ESCAPES.find(bytes((code,)))
            octets[to] = code if i < 0 else _ESCAPED[i]
            to += 1
            continue
        code = _hex(octets, at)
        at += 4
        if 0xD800 <= code < 0xDC00:
            code = 0x10000 + ((code & 0x3FF) << 10 | _hex(octets, at + 2) & 0x3FF)
            at += 6
        for octet in chr(code).encode():
            octets[to] = octet
            to += 1


# Each of these takes the position where something begins and returns the one behind it. Reading
# past the end is an IndexError.


def _space(octets, at):
    while at < len(octets) and octets[at] in _SPACE:
        at += 1
    return at


def _expect(octets, at, octet):
    if octets[at] != octet[0]:
        raise ValueError("%r expected" % octet)


def _colon(octets, at):
    at = _space(octets, at)
    _expect(octets, at, b":")
    return _space(octets, at + 1)


def _value(octets, at):
    closers = bytearray()  # of the arrays and objects that are open: no recursion on a board
    while True:
        first = octets[at]
        if first == 0x7B or first == 0x5B:
            if len(closers) == _DEEPEST:
                raise ValueError("too deep")
            closers.append(first + 2)
            at = _space(octets, at + 1)
            if octets[at] != first + 2:
                if first == 0x7B:
                    at = _colon(octets, _string(octets, at))
                continue
        else:
            at = _scalar(octets, at)
        while True:
            if not closers:
                return at
            at = _space(octets, at)
            if octets[at] != closers[-1]:
                break
            closers = closers[:-1]
            at += 1
        _expect(octets, at, b",")
        at = _space(octets, at + 1)
        if closers[-1] == 0x7D:
            at = _colon(octets, _string(octets, at))


def _scalar(octets, at):
    first = octets[at]
    if first == 0x22:
        return _string(octets, at)
    for word in (b"true", b"false", b"null"):
        if octets[at : at + len(word)] == word:
            return at + len(word)
    return _number(octets, at)


def _string(octets, at):
    _expect(octets, at, b'"')
    at += 1
    start = at
    end = octets.find(b'"', at)
    while True:
        if end < 0:
            raise ValueError("it ends in a string")
        slash = octets.find(b"\\", at, end)
        if slash < 0:
            break
        at = _escape(octets, slash + 1)
        if at > end:
            end = octets.find(b'"', at)
    if end > start and min(memoryview(octets)[start:end]) < 0x20:
        raise ValueError("control character in a string")
    return end + 1


def _escape(octets, at):
    if octets[at] != 0x75:
        if octets[at] not in b'"\\/bfnrt':
            raise ValueError("no such escape")
        return at + 1
    unit = _hex(octets, at + 1)
    at += 5
    if 0xD800 <= unit < 0xDC00:
        if octets[at : at + 2] != b"\\u" or not 0xDC00 <= _hex(octets, at + 2) < 0xE000:
            raise ValueError("half a surrogate pair")
        return at + 6
    if 0xDC00 <= unit < 0xE000:
        raise ValueError("half a surrogate pair")
    return at


def _hex(octets, at):
    for i in range(at, at + 4):
        if octets[i] not in _HEX:
            raise ValueError("no hexadecimal digit")
    return int(str(octets[at : at + 4], "utf-8"), 16)


def _number(octets, at):
    start = at
    if octets[at] == 0x2D:
        at += 1
    at = at + 1 if octets[at] == 0x30 else _digits(octets, at)
    if octets[at] == 0x2E:
        at = _digits(octets, at + 1)
    if octets[at] in b"eE":
        at += 1
        if octets[at] in b"+-":
            at += 1
        exponent = at
        at = _digits(octets, at)
        if at - exponent > 2:
            raise ValueError("number too large or too small")
    if at - start > _LONGEST_NUMBER:
        raise ValueError("number too long")
    return at


def _digits(octets, at):
    start = at
    while octets[at] in _DIGITS:
        at += 1
    if at == start:
        raise ValueError("no value")
    return at
