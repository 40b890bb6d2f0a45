"""Takes what is rarely said out of the code, into a file beside it: until then it is only in flash.

A text costs a 64-bit heap 32 octets, its own, rounded up to 32, and a place in a table, for as long
as the code is loaded. In the code stands a call instead, which opens the file, reads the text, and
fills in its values. When that fails, for want of memory or of the file, what is said is `text N`
and the values, N being the text's place in the file, or `no memory`: it never raises.

Taken out are, of functions, the texts of `raise` and of calls in RARE. They stay where there is no
memory to read them in, in a handler of MemoryError. A peer can provoke as many reads as it makes
mistakes; that is no more than it can have otherwise. On the unix port, with a littlefs on a block
device in Python, a read takes 0.16 ms, and checking one message of 18 KB, which any peer may send,
4.5 ms.
"""

import ast

from mpy_names import SHORT

NAME = "texts"
FUNCTION = "_read_text"
RARE = {"print", "_refuse"}
_MOST = 255  # octets
# A board may have any directory on its search path, so the file is where this one is.
_SOURCE = f"""
def {FUNCTION}(place, *values):
    try:
        with open(__file__.rpartition("/")[0] + "/{NAME}", "rb") as file:
            file.seek(place >> 8)
            text = str(file.read(place & 255), "utf-8")
            return text % values if values else text
    except Exception:
        try:
            return "text %d %r" % (place >> 8, values)
        except MemoryError:
            return "no memory"
"""


class Texts:
    """The file. `octets`: what it consists of."""

    def __init__(self):
        self.octets = b""
        self._places = {}

    def place(self, text):
        """Where it is: its first octet * 256 + how many they are."""
        if text not in self._places:
            octets = text.encode()
            self._places[text] = len(self.octets) << 8 | len(octets)
            self.octets += octets
        return self._places[text]


def function():
    """The statements that define FUNCTION."""
    return ast.parse(_SOURCE).body


def taken_out(body, texts):
    """(the statements with calls of FUNCTION, the texts that they had)."""
    take_out = _TakeOut(texts)
    return [take_out.visit(statement) for statement in body], take_out.taken


class _TakeOut(ast.NodeTransformer):
    def __init__(self, texts):
        self.taken = set()
        self._texts = texts
        self._in_function = False
        self._is_rare = False

    def visit_FunctionDef(self, node):
        before = self._in_function, self._is_rare
        self._in_function, self._is_rare = True, False
        node.body = [self.visit(statement) for statement in node.body]
        self._in_function, self._is_rare = before
        return node

    def visit_AsyncFunctionDef(self, node):
        return self.visit_FunctionDef(node)

    def visit_ExceptHandler(self, node):
        names = {n.id for n in ast.walk(node.type or node) if isinstance(n, ast.Name)}
        return node if "MemoryError" in names else self.generic_visit(node)

    def visit_Raise(self, node):
        return self._rare(node)

    def visit_Call(self, node):
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        return self._rare(node) if name in RARE else self.generic_visit(node)

    def _rare(self, node):
        before = self._is_rare
        self._is_rare = self._in_function
        self.generic_visit(node)
        self._is_rare = before
        return node

    def visit_JoinedStr(self, node):
        return node

    def visit_BinOp(self, node):
        if not (isinstance(node.op, ast.Mod) and self._goes(node.left)):
            return self.generic_visit(node)
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return self._call(node.left, [self.visit(value) for value in values])

    def visit_Constant(self, node):
        return self._call(node, []) if self._goes(node) else node

    def _goes(self, node):
        return (
            self._is_rare
            and isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and len(node.value) > SHORT  # others are names, which cost less
            and len(node.value.encode()) <= _MOST
        )

    def _call(self, node, values):
        self.taken.add(node.value)
        place = ast.Constant(self._texts.place(node.value))
        return ast.Call(ast.Name(FUNCTION, ast.Load()), [place, *values], [])
