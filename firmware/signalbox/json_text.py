"""Reads JSON that a person has written (RFC 8259), and says where it is wrong.

MicroPython's json.loads takes what is missing commas or names a member twice, and says no place.
"""

import json

from .compat import const
from .signalling import strict_json
from .ws.utf8 import validate

MAX_SIZE = 16384  # octets

_DEEPEST = const(8)


class JsonError(ValueError):
    """What is wrong, with `line` and `column`, both from 1."""

    def __init__(self, line, column, what):
        super().__init__("line %d, column %d: %s" % (line, column, what))
        self.line = line
        self.column = column


def loads(octets):
    """The value of a whole JSON text, a bytearray. JsonError."""
    if octets[:3] == b"\xef\xbb\xbf":
        octets = octets[3:]  # Windows' editors put it in front
    reader = _Reader(octets)
    try:
        if validate(octets, 0, len(octets), 0):
            _find_bad_text(reader)
        value = reader.value(0)
        reader.at = strict_json._space(octets, reader.at)
        if reader.at != len(octets):
            raise ValueError("nothing may follow here: the text has ended")
        return value
    except IndexError:
        reader.at = len(octets)
        what = "the text ends too early: a bracket or quotation mark is not closed"
    except ValueError as error:
        what = str(error)
    before = octets[: reader.at]
    line_start = before.rfind(b"\n") + 1
    # Octets that continue a character are none of their own.
    column = len([octet for octet in before[line_start:] if octet & 0xC0 != 0x80])
    raise JsonError(before.count(b"\n") + 1, column + 1, what)


def _find_bad_text(reader):
    # Only now, as it takes a call for each octet.
    state = 0
    for at in range(len(reader.octets)):
        state = validate(reader.octets, at, 1, state)
        reader.at = at
        if state < 0:
            break
    raise ValueError("this is no UTF-8: save the file as UTF-8")


class _Reader:
    # `at`: where the next thing begins, or what is wrong.
    def __init__(self, octets):
        self.octets = octets
        self.at = 0

    def _peek(self):
        self.at = strict_json._space(self.octets, self.at)
        return self.octets[self.at]

    def _take(self, end):
        start = self.at
        self.at = end
        return self.octets[start:end]

    def value(self, depth):
        first = self._peek()
        if depth == _DEEPEST:
            raise ValueError("too deep")
        if first == 0x7B:
            return self._object(depth + 1)
        if first == 0x5B:
            return self._array(depth + 1)
        if first == 0x22:
            return self._string()
        if first == 0x27:
            raise ValueError('text stands in double quotes: "')
        if first in b"/#":
            raise ValueError("JSON has no comments")
        if first not in b"-0123456789tfn":
            raise ValueError("a value is missing here: text in double quotes, a number, true …")
        # The text may end behind a number.
        end = strict_json._scalar(self.octets + b" ", self.at)
        return json.loads(str(self._take(end), "utf-8"))

    def _string(self):
        piece = self._take(strict_json._string(self.octets, self.at))
        end = strict_json.unescape(piece, 0, len(piece))
        return str(piece[1:end], "utf-8")

    def _more(self, closer):
        # Whether a comma comes before the closer.
        if self._peek() == closer:
            self.at += 1
            return False
        if self.octets[self.at] != 0x2C:
            raise ValueError('"," or "%s" is missing here' % chr(closer))
        self.at += 1
        if self._peek() == closer:
            raise ValueError("no comma behind the last one")
        return True

    def _array(self, depth):
        self.at += 1
        items = []
        more = self._peek() != 0x5D or self._more(0x5D)
        while more:
            items.append(self.value(depth))
            more = self._more(0x5D)
        return items

    def _object(self, depth):
        self.at += 1
        members = {}
        more = self._peek() != 0x7D or self._more(0x7D)
        while more:
            if self._peek() != 0x22:
                raise ValueError('a key stands in double quotes: "')
            start = self.at
            key = self._string()
            if key in members:
                self.at = start
                raise ValueError('"%s" is there twice' % key)
            if self._peek() != 0x3A:
                raise ValueError('":" is missing here')
            self.at += 1
            members[key] = self.value(depth)
            more = self._more(0x7D)
        return members
