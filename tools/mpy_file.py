"""The parts of a .mpy file, as MicroPython's py/persistentcode.c reads them."""

_HEADER = 4  # octets
_NULL_TERMINATED = (5, 6)  # objects: str, bytes
_DIGITS = (7, 8, 9)  # int, float, complex
_TUPLE = 10


class MpyFile:
    """`entries`: [(text of a name, or None if it is one that MicroPython has a number for; its
    octets)]. `code`: the octets behind the objects. Entries may become others, and code, too.
    """

    def __init__(self, octets):
        count, at = number(octets, _HEADER)
        objects, at = number(octets, at)
        self._head = octets[:at]
        self.entries = []
        for _ in range(count):
            text, end = _name(octets, at)
            self.entries.append((text, octets[at:end]))
            at = end
        start = at
        for _ in range(objects):
            at = _end_of_object(octets, at)
        self._objects = octets[start:at]
        self.code = octets[at:]

    @property
    def octets(self):
        """The file."""
        names = b"".join(octets for _, octets in self.entries)
        return self._head + names + self._objects + self.code


def number(octets, at):
    """(the number there, its end)."""
    n = 0
    while True:
        octet = octets[at]
        at += 1
        n = n << 7 | octet & 0x7F
        if not octet & 0x80:
            return n, at


def number_octets(n):
    """Its octets."""
    octets = [n & 0x7F]
    while n > 0x7F:
        n >>= 7
        octets.insert(0, 0x80 | n & 0x7F)
    return bytes(octets)


def name_octets(text):
    """The octets of an entry."""
    octets = text.encode()
    return number_octets(len(octets) << 1) + octets + b"\0"


def _name(octets, at):
    n, at = number(octets, at)
    if n & 1:
        return None, at
    end = at + (n >> 1)
    # A test's may have half a surrogate pair.
    return octets[at:end].decode(errors="replace"), end + 1


def _end_of_object(octets, at):
    kind = octets[at]
    at += 1
    if kind not in (*_NULL_TERMINATED, *_DIGITS, _TUPLE):
        return at
    n, at = number(octets, at)
    if kind == _TUPLE:
        for _ in range(n):
            at = _end_of_object(octets, at)
        return at
    return at + n + (kind in _NULL_TERMINATED)
