"""The names in .mpy files, and what else they can be.

A .mpy begins with the names that it uses, attributes, functions and parameters, and all its code
refers to them by number. A board has each in its heap once, unless MicroPython has it in ROM, so
what nobody outside sees can have a name that is there already:

- an attribute with an underscore takes one that the .mpy format has a number for, as every
  MicroPython has it: an exception's, or of a function or method that is built in;
- a parameter of a function that only its module knows, which is never given by its name, is `_`.

And what stands among the names needn't be one. A text in the code is an object for each place it
stands in, of 64 octets at least on a 64-bit heap, if it has more than SHORT characters; a shorter
one is a name, which takes its length and 12. So the compiler gets a short one, and the .mpy then
the text.

The functions, classes and globals keep their names: a traceback has those. Who looks at the
attributes of an object on a board sees odd ones, though. Source that is put on a board without
being deployed with the rest must not set attributes of such names on the firmware's objects.
"""

import ast
import builtins
import itertools
import keyword

import mpy_code
from mpy_file import MpyFile, name_octets

SHORT = 10  # characters of a text that mpy-cross takes for a name
_MOST = 255  # octets of a name
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
# Methods of str and dict that nobody would call an attribute of something else.
_METHODS = {
    "endswith", "isalpha", "isdigit", "islower", "isspace", "isupper", "lstrip", "popitem", "rfind",
    "rindex", "rpartition", "rsplit", "rstrip", "setdefault", "splitlines", "startswith",
}  # fmt: skip
# What may be known to every MicroPython.
_CANDIDATES = sorted(
    {"_", *mpy_code.NAMES, *_METHODS, *(name for name in dir(builtins) if name[0] != "_")}
    - set(keyword.kwlist)
)


def replaced(file, names):
    """The entries of a MpyFile with other names. `names`: {name: the octets in its place}."""
    return [(text, names.get(text, octets)) for text, octets in file.entries]


def entries_in_rom(compiled):
    """{name: its octets} of names that are numbers. `compiled(source)`: the octets of a .mpy."""
    names = {f"before_{name}": name for name in _CANDIDATES}
    file = MpyFile(compiled("_" + "".join(f".{a}.{b}" for a, b in names.items())))
    found = {}
    for (before, _), (text, octets) in itertools.pairwise(file.entries):
        if before in names and text is None:
            found[names[before]] = octets
    return found


def with_short_texts(source):
    """(source, {name in it: the octets of the text that it is to become})."""
    tree = ast.parse(source)
    shorten = _Shorten()
    tree = shorten.visit(tree)
    return ast.unparse(tree) + "\n", {
        short: name_octets(text) for text, short in shorten.names.items()
    }


class _Shorten(ast.NodeTransformer):
    def __init__(self):
        self.names = {}

    def visit_Expr(self, node):
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_JoinedStr(self, node):
        return node

    def visit_Tuple(self, node):
        # If it is constant, it is an object with all that is in it.
        node.elts = [
            part if isinstance(part, ast.Constant) else self.visit(part) for part in node.elts
        ]
        return node

    def visit_Constant(self, node):
        text = node.value
        if isinstance(text, str) and len(text) > SHORT and len(text.encode()) <= _MOST:
            node = ast.Constant(self.names.setdefault(text, f"~{len(self.names)}"))
        return node


def private_names(trees, in_rom):
    """{name: the octets for it} for what nobody outside sees.

    `trees`: of all the source, what is loaded most often first. `in_rom`: see entries_in_rom().
    """
    uses = _Uses()
    for tree in trees:
        uses.visit(tree)
    taken = uses.attributes.keys() | uses.others | uses.strings
    free = [n for name, n in in_rom.items() if name not in taken and not name.startswith("_")]
    private = [
        name
        for name, is_own in uses.attributes.items()
        if is_own and name.startswith("_") and not name.startswith("__")
        if name not in uses.others | uses.strings
    ]
    names = dict(zip(private, free, strict=False))
    for name in uses.parameters - uses.public - taken - set(dir(builtins)):
        names[name] = in_rom["_"]
    return names


class _Uses(ast.NodeVisitor):
    """What the names of the source are names of."""

    def __init__(self):
        self.attributes = {}  # name: whether objects of ours have it
        self.parameters = set()
        self.public = set()  # parameters, too
        self.others = {"self"}
        self.strings = set()
        self._scopes = []

    def visit_Attribute(self, node):
        is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
        is_set = is_own and not isinstance(node.ctx, ast.Load)
        self.attributes[node.attr] = self.attributes.get(node.attr, False) or is_set
        self.generic_visit(node)

    def visit_Name(self, node):
        scope = self._scopes[-1] if self._scopes else None
        if isinstance(scope, ast.ClassDef) and isinstance(node.ctx, ast.Store):
            self.attributes[node.id] = True
        elif not isinstance(scope, _FUNCTIONS):
            self.others.add(node.id)

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def visit_keyword(self, node):
        self.others.add(node.arg)
        self.generic_visit(node)

    def visit_ImportFrom(self, node):
        self.others |= set((node.module or "").split("."))
        self.generic_visit(node)

    def visit_alias(self, node):
        self.others |= {*node.name.split("."), node.asname}

    def visit_Global(self, node):
        self.others |= set(node.names)

    def visit_ExceptHandler(self, node):
        if not any(isinstance(scope, _FUNCTIONS) for scope in self._scopes):
            self.others.add(node.name)
        self.generic_visit(node)

    def visit_ClassDef(self, node):
        self.others.add(node.name)
        self._in_this_scope(node.decorator_list, node.bases)
        self._in_scope(node, node.body)

    def visit_FunctionDef(self, node):
        self.others.add(node.name)
        self._in_this_scope(node.decorator_list)
        self._function(node, node.name, node.body)

    def visit_AsyncFunctionDef(self, node):
        return self.visit_FunctionDef(node)

    def visit_Lambda(self, node):
        self._function(node, "_", [node.body])

    def _function(self, node, name, body):
        arguments = node.args
        self._in_this_scope(arguments.defaults, filter(None, arguments.kw_defaults))
        names = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}
        self.parameters |= names
        is_private = name.startswith("_") and not name.startswith("__")
        if not is_private and not any(isinstance(scope, _FUNCTIONS) for scope in self._scopes):
            self.public |= names
        self._in_scope(node, body)

    def _in_this_scope(self, *lists):
        for nodes in lists:
            for node in nodes:
                self.visit(node)

    def _in_scope(self, node, body):
        self._scopes.append(node)
        self._in_this_scope(body)
        self._scopes.pop()
