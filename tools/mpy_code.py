"""Bytecode in .mpy files that is of no use to a board, and goes.

It is where code begins, so that nothing jumps across it, and the rest stays as it is:

- every class is given `__module__` and `__qualname__`, which nothing in MicroPython asks for; on a
  64-bit heap they take 32 octets of each class;
- what bundle.py writes to put names in order is never run; see _names_first() there.

For the format see MicroPython's py/persistentcode.c, py/bc.h and py/bc0.h.
"""

from mpy_file import number, number_octets

NAMES = ("__module__", "__name__", "__qualname__")

_BYTECODE = 0  # native code is of other kinds
_LOAD_CONST_STRING = 0x10  # it, and the next two, are followed by a name's place
_LOAD_NAME = 0x11
_STORE_NAME = 0x16
_POP_JUMP_IF_TRUE = 0x43  # followed by a distance


def without_idle_heads(file, in_rom):
    """The code of a MpyFile of bytecode without them. `in_rom`: {each of NAMES: its entry}."""
    names = {entry: name for name, entry in in_rom.items() if name in NAMES}
    heads = _Heads([names.get(octets) for _, octets in file.entries])
    code, end = heads.without(file.code, 0)
    assert end == len(file.code), "more than code"
    return code


class _Heads:
    def __init__(self, names):
        self._names = names  # by their places in the file

    def without(self, code, at):
        """(the function that begins there, with those in it, without them; its end)."""
        head, at = number(code, at)
        assert head & 3 == _BYTECODE, "native code"
        end = at + (head >> 3)
        own = self._without_own(code[at:end])
        new = number_octets(len(own) << 3 | head & 7) + own
        if head & 4:
            count, at = number(code, end)
            new += code[end:at]
            end = at
            for _ in range(count):
                inner, end = self.without(code, end)
                new += inner
        return new, end

    def _without_own(self, code):
        start = _prelude(code)
        head = ((_LOAD_NAME, "__name__"), (_STORE_NAME, "__module__"), (_LOAD_CONST_STRING, None))
        end = self._after(code, start, *head, (_STORE_NAME, "__qualname__"))
        if not end:
            end = self._after(code, start, (_LOAD_NAME, "__name__"))
            if not end or code[end] != _POP_JUMP_IF_TRUE:
                return code
            end = _target(code, end + 1)
        return code[:start] + code[end:]

    def _after(self, code, at, *instructions):
        # The end of these, or None.
        for instruction, name in instructions:
            if code[at] != instruction:
                return None
            place, at = number(code, at + 1)
            if name and self._names[place] != name:
                return None
        return at


def _prelude(code):
    # Its end. First come the sizes of the stack and the arguments, then those of what follows.
    at = 0
    while code[at] & 0x80:
        at += 1
    at += 1
    names = cells = shift = 0
    while True:
        octet = code[at]
        at += 1
        cells |= (octet & 1) << shift
        names |= (octet >> 1 & 0x3F) << 6 * shift
        shift += 1
        if not octet & 0x80:
            return at + names + cells


def _target(code, at):
    # Of the jump whose distance stands there.
    if code[at] & 0x80:
        return at + 2 + (code[at] & 0x7F | code[at + 1] << 7) - 0x4000
    return at + 1 + code[at] - 0x40
