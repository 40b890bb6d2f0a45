"""Joins modules of the firmware into one file, for a board that always loads them together.

Each module costs a board an object, a table of names, and a copy of every name that it imports. In
a bundle what modules give each other are names of one module, and whole numbers are part of the
code. Texts that are rarely said lie beside the bundles, see texts.py. What a function imports later
stays a file of its own, as do native kernels. The names of functions stay as they are, so that a
traceback can be read (of others see mpy_names.py); two modules' different things of the same name
get a number behind it. The source tree is as before, and nobody writes for the bundle, but for
three rules, which end in a BundleError when they are broken:

- a constant (`X = 1`, `_X = const(1)`) is assigned once, at the top of its module;
- a module that is imported as a whole (`from . import strict_json`) is used by its attributes;
- all imports that name firmware are `from … import …`.
"""

import ast
import builtins
import collections
import keyword

import texts
from mpy_names import SHORT

_NEAR = 124  # names that an octet reaches, but for what a file has in front of them
_FREQUENT = 5  # uses, from which on the octets that it costs are won back
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class BundleError(Exception):
    """The source does what can't be bundled."""


class Bundler:
    """`modules`: {name: path} of all the source. `bundles`: {file: its modules, each behind those
    that it imports}; what is in none of them becomes a file under its own name. `reader`: the
    bundle, of those the first to be loaded, that has the function which reads what `texts` has
    after source(); without one no text is taken out, see texts.py.
    """

    def __init__(self, modules, bundles, reader=None):
        self.modules = {name: _Module(name, path) for name, path in modules.items()}
        self.bundles = {**bundles}
        self.texts = texts.Texts()
        self.octets_of_texts = {}  # {file: of texts that it has in `texts`}, after source()
        self._reader = reader
        self._with_texts = set(bundles) if reader else set()
        self._file_of = {name: file for file, names in bundles.items() for name in names}
        for name in modules:
            if name not in self._file_of:
                self._file_of[name] = name
                self.bundles[name] = [name]
        self._names = {}  # (module, global name): name in its file, or ast.Constant
        self._taken = {file: {*dir(builtins), texts.FUNCTION} for file in self.bundles}
        self._imported = {}  # (file, other file, name): name in the file
        for file, names in self.bundles.items():
            self._name(file, [self.modules[name] for name in names])

    def source(self, file):
        """The text of one file."""
        body = []
        for name in self.bundles[file]:
            body += _Rewriter(self, self.modules[name], file).rewritten()
        if file in self._with_texts:
            body = self._without_texts(body, file)
        body = _without_repeated_imports(_without_const(body))
        body = _names_first(body) + body
        return ast.unparse(ast.fix_missing_locations(ast.Module(body, []))) + "\n"

    def _without_texts(self, body, file):
        body, taken = texts.taken_out(body, self.texts)
        self.octets_of_texts[file] = sum(len(text.encode()) for text in taken)
        if file == self._reader:
            return texts.function() + body
        if taken:
            name = self._reader.rpartition(".")[2]
            body.insert(0, ast.ImportFrom(name, [ast.alias(texts.FUNCTION)], 1))
        return body

    @property
    def files(self):
        """The names of the files, as modules."""
        return list(self.bundles)

    def names(self, module):
        """{global name of a module of the source: its name in the file, or an ast.Constant}."""
        own = self._file_of[module]
        found = {}
        for name in self.modules[module].bindings - {"const"}:
            file, there = self.place(module, name)
            if file != own and not isinstance(there, ast.Constant):
                there = self.imported(own, file, there)
            found[name] = there
        return found

    def place(self, module, name):
        """(file, name there) of what a module of the source knows under a global name.

        The name is an ast.Constant when it is part of the code, and there no more.
        """
        module, name = self._origin(self.modules[module], name)
        return self._file_of[module.name], self._names.get((module.name, name), name)

    def imported(self, file, other, name):
        """The name under which a file imports a name of another one."""
        key = (file, other, name)
        if key not in self._imported:
            self._imported[key] = _free(name, self._taken[file])
        return self._imported[key]

    def _name(self, file, modules):
        taken = self._taken[file]
        alone = len(modules) == 1
        used = {name for module in modules for name in module.identifiers}
        for module in modules:
            elsewhere = module.external_names()
            for name in sorted(module.bindings):
                key = module.name, name
                if name in module.constants:
                    self._names[key] = ast.Constant(module.constants[name])
                elif self._origin(module, name) != (module, name):
                    continue  # another module's
                elif name in elsewhere:
                    self._names[key] = self.imported(file, elsewhere[name], name)
                elif alone:
                    self._names[key] = name
                    taken.add(name)
                else:
                    self._names[key] = _free(name, taken, used - {name})

    def _origin(self, module, name):
        # Where it comes from, through any number of imports.
        for node in module.imports:
            source = self.modules.get(module.source_of(node))
            for alias in node.names:
                if (
                    source
                    and (alias.asname or alias.name) == name
                    and alias.name in source.bindings
                ):
                    return self._origin(source, alias.name)
        return module, name


class _Module:
    """One module of the source."""

    def __init__(self, name, path):
        self.name = name
        self._package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
        self.tree = ast.parse(path.read_text(), str(path))
        self.tree.body = _on_a_board(self.tree.body)
        self.bindings = _bound(self.tree.body)
        inner = list(_same_scope(self.tree.body))
        self.imports = [node for node in self.tree.body if isinstance(node, ast.ImportFrom)]
        self._imports_from = [n for n in inner if isinstance(n, ast.ImportFrom)]
        self._other_imports = [node for node in inner if isinstance(node, ast.Import)]
        self.constants = self._constants()
        nodes = list(ast.walk(self.tree))
        self.identifiers = {n.id for n in nodes if isinstance(n, ast.Name)}
        self.identifiers |= {n.arg for n in nodes if isinstance(n, ast.arg)}

    def source_of(self, node):
        """The full name of the module that an ast.ImportFrom names."""
        if not node.level:
            return node.module
        above = self._package[: len(self._package) + 1 - node.level]
        return ".".join([*above, node.module] if node.module else above)

    def external_names(self):
        """{name: where from} of what is imported at the top, wherever from."""
        found = {}
        for node in self._other_imports:
            found.update({alias.asname or alias.name: alias.name for alias in node.names})
        for node in self._imports_from:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{self.source_of(node)} {alias.name}"
        return found

    def _constants(self):
        stored = [n.id for n in _same_scope(self.tree.body) if _is_store(n)]
        changed = {
            name for n in ast.walk(self.tree) if isinstance(n, ast.Global) for name in n.names
        }
        found = {}
        for node in self.tree.body:
            if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
                continue
            name = node.targets[0].id
            value = _value(node.value, found)
            is_const = isinstance(node.value, ast.Call) and _is_const(node.value)
            if value is None or name in changed or stored.count(name) > 1:
                if is_const:
                    raise BundleError(f"{self.name}: {name} is no constant")
            else:
                found[name] = value
        return found


class _Rewriter(ast.NodeTransformer):
    """Makes of a module's tree what stands for it in `file`."""

    def __init__(self, bundler, module, file):
        self._bundler = bundler
        self._module = module
        self._file = file
        self._scopes = []  # (whether of a class, the names that are bound in it)
        self._modules = {}  # name: the module of the firmware that was imported under it
        self._here = {}  # name that a function imports: what it is in this file

    def rewritten(self):
        """The statements."""
        return self._statements(self._module.tree.body) or []

    def visit(self, node):
        """As any NodeVisitor does; four of its names are one thing here."""
        return (
            self._comprehension(node) if isinstance(node, _COMPREHENSIONS) else super().visit(node)
        )

    def _statements(self, body):
        new = []
        for statement in body:
            done = self.visit(statement)
            new += done if isinstance(done, list) else [done] if done else []
        return new

    # Imports

    def visit_ImportFrom(self, node):
        source = self._module.source_of(node)
        new = []
        for alias in node.names:
            bound = alias.asname or alias.name
            whole = f"{source}.{alias.name}"
            if whole in self._bundler.modules and (self._is_bundled(whole) or not self._scopes):
                if self._scopes:
                    raise BundleError(f"{self._module.name}: {whole} imported in a function")
                self._modules[bound] = whole
                for name in sorted(self._used_of(bound)):
                    new += self._import_name(whole, name, None)
            elif source not in self._bundler.modules:
                name = bound if self._scopes else self._resolved(bound)
                new.append(self._import_from(source, alias.name, name))
            elif node in self._module.imports or self._scopes:
                new += self._import_name(source, alias.name, bound)
            else:
                # One of several ways to come by the name.
                other, name = self._bundler.place(source, alias.name)
                new.append(self._import_from(other, name, self._resolved(bound)))
        return new or (ast.Pass() if self._scopes else None)

    def _is_bundled(self, module):
        return self._bundler.place(module, "")[0] != module

    def _used_of(self, alias):
        return {
            node.attr
            for node in ast.walk(self._module.tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == alias
        }

    def _import_name(self, module, name, bound):
        # `bound`: in a function, the local name.
        other, value = self._bundler.place(module, name)
        if self._scopes and bound:
            if not isinstance(value, ast.Constant) and other != self._file:
                return [self._import_from(other, value, bound)]
            if bound in self._module.bindings:
                raise BundleError(f"{self._module.name}: {bound} imported in a function, too")
            # It is here already: no local name, then.
            self._scopes[-1][1].discard(bound)
            self._here[bound] = value
            return []
        if isinstance(value, ast.Constant) or other == self._file:
            return []
        return [self._import_from(other, value, self._bundler.imported(self._file, other, value))]

    def _import_from(self, source, name, bound):
        # Relative where it can be: that is shorter.
        package = self._file.split(".")[:-1]
        path = source.split(".")
        same = 0
        while same < min(len(package), len(path)) and package[same] == path[same]:
            same += 1
        level = len(package) - same + 1 if same else 0
        rest = ".".join(path[same:] if same else path) or None
        return ast.ImportFrom(rest, [ast.alias(name, None if bound == name else bound)], level)

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name in self._bundler.modules:
                raise BundleError(f"{self._module.name}: from … import, not import {alias.name}")
            if not self._scopes:
                bound = self._resolved(alias.asname or alias.name)
                alias.asname = None if bound == alias.name else bound
        return node

    # Names

    def _resolved(self, name):
        # What stands for a global name.
        if name in self._here:
            return self._here[name]
        if name not in self._module.bindings:
            return name
        other, value = self._bundler.place(self._module.name, name)
        if isinstance(value, ast.Constant) or other == self._file:
            return value
        return self._bundler.imported(self._file, other, value)

    def _is_local(self, name):
        return (bool(self._scopes) and self._scopes[-1][0] and name in self._scopes[-1][1]) or any(
            name in names for is_class, names in self._scopes if not is_class
        )

    def visit_Name(self, node):
        if self._scopes and self._scopes[-1][0] and not isinstance(node.ctx, ast.Load):
            self._scopes[-1][1].add(node.id)
        if self._is_local(node.id):
            return node
        if node.id in self._modules:
            raise BundleError(f"{self._module.name}: the module {node.id} used as an object")
        new = self._resolved(node.id)
        if isinstance(new, ast.Constant):
            return new
        self._check_visible(new)
        return ast.Name(new, node.ctx)

    def _check_visible(self, name):
        if self._is_local(name):
            raise BundleError(f"{self._module.name}: a local name hides {name} of the bundle")

    def visit_Attribute(self, node):
        value = node.value
        if (
            isinstance(value, ast.Name)
            and value.id in self._modules
            and not self._is_local(value.id)
        ):
            other, new = self._bundler.place(self._modules[value.id], node.attr)
            if isinstance(new, ast.Constant):
                return new
            if other != self._file:
                new = self._bundler.imported(self._file, other, new)
            self._check_visible(new)
            return ast.Name(new, node.ctx)
        self.generic_visit(node)
        return node

    def visit_Global(self, node):
        node.names = [self._resolved(name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node):
        if node.name and not self._scopes:
            node.name = self._resolved(node.name)
        self.generic_visit(node)
        return node

    def visit_Call(self, node):
        # A tuple of constants stays on the heap, with all that is in it.
        if isinstance(node.func, ast.Name) and node.func.id == "namedtuple":
            names = ast.literal_eval(node.args[1])
            node.args[1] = ast.Constant(" ".join(names))
        return self.generic_visit(node)

    def visit_Assign(self, node):
        if not self._scopes and isinstance(node.targets[0], ast.Name):
            value = self._resolved(node.targets[0].id)
            if isinstance(value, ast.Constant):
                # Of a module that stays one, somebody may ask for its public constants by name.
                private = node.targets[0].id.startswith("_")
                return None if private or self._is_bundled(self._module.name) else node
        # In a class, `x = x` gives it the global x.
        node.value = self.visit(node.value)
        node.targets = [self.visit(target) for target in node.targets]
        return node

    # Scopes

    def _bind(self, node):
        if not self._scopes:
            node.name = self._resolved(node.name)
        elif self._scopes[-1][0]:
            self._scopes[-1][1].add(node.name)

    def visit_FunctionDef(self, node):
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        self._bind(node)
        self._defaults(node.args)
        local = _arguments(node.args) | _bound(node.body)
        for inner in _same_scope(node.body):
            if isinstance(inner, (ast.Global, ast.Nonlocal)):
                local -= set(inner.names)
        self._scopes.append((False, local))
        node.body = self._statements(node.body)
        self._scopes.pop()
        return node

    def visit_AsyncFunctionDef(self, node):
        return self.visit_FunctionDef(node)

    def visit_Lambda(self, node):
        self._defaults(node.args)
        self._scopes.append((False, _arguments(node.args)))
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def _defaults(self, args):
        args.defaults = [self.visit(default) for default in args.defaults]
        args.kw_defaults = [default and self.visit(default) for default in args.kw_defaults]

    def visit_ClassDef(self, node):
        node.bases = [self.visit(base) for base in node.bases]
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        self._bind(node)
        self._scopes.append((True, set()))
        node.body = self._statements(node.body)
        self._scopes.pop()
        return node

    def _comprehension(self, node):
        first = node.generators[0]
        first.iter = self.visit(first.iter)
        local = {n.id for g in node.generators for n in ast.walk(g.target) if _is_store(n)}
        self._scopes.append((False, local))
        for generator in node.generators:
            if generator is not first:
                generator.iter = self.visit(generator.iter)
            generator.ifs = [self.visit(test) for test in generator.ifs]
        for field in {"elt", "key", "value"} & set(node._fields):
            setattr(node, field, self.visit(getattr(node, field)))
        self._scopes.pop()
        return node


def _is_store(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _arguments(args):
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {arg.arg for arg in every if arg}


def _same_scope(body):
    """The nodes of a scope, without what is inside the functions, classes and comprehensions."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def _bound(body):
    """The names that statements bind in their scope."""
    names = set()
    for node in _same_scope(body):
        if _is_store(node):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


def _on_a_board(body):
    # compat.py asks which interpreter this is; here it is known.
    new = []
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "MICROPYTHON":
            new += node.body
        else:
            new.append(node)
    return new


def _is_const(call):
    return isinstance(call.func, ast.Name) and call.func.id == "const"


def _value(node, known):
    """What a constant expression amounts to: a whole number or a short text; else None."""
    if isinstance(node, ast.Call) and _is_const(node):
        node = node.args[0]
    if any(isinstance(n, (ast.Call, ast.Attribute, ast.Compare)) for n in ast.walk(node)):
        return None
    try:
        code = compile(ast.Expression(node), "constant", "eval")
        value = eval(code, {"__builtins__": {}}, known)
    except (NameError, TypeError, ValueError):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return value if isinstance(value, str) and len(value) <= SHORT else None


def _free(name, taken, used=()):
    new = name
    number = 1
    while new in taken or (new != name and new in used):
        number += 1
        new = f"{name}{number}"
    taken.add(new)
    return new


def _names_first(body):
    """What puts names in front of a file's table of names: it is never run, and mpy_code.py takes
    it out when the table is made.

    Bytecode refers to a name by its place there, in one octet up to the 128th, so those that are
    used most come first. Then texts that are in tuples: if it is a name, too, it is no object.
    """
    uses = collections.Counter(_uses(body, ()))
    if len(uses) <= 2 * _NEAR:
        return []
    names = [name for name, count in uses.most_common(_NEAR) if count >= _FREQUENT]
    names += sorted(_texts_like_names(body) - uses.keys())
    chain = "".join(f".{name}" for name in names if name.isidentifier())
    return ast.parse(f"if not __name__:\n    __name__{chain}").body


def _texts_like_names(body):
    """The texts in tuples that are spelt like a name; in the code, see mpy_names.py."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    texts = [e for node in nodes if isinstance(node, ast.Tuple) for e in node.elts]
    texts = [e.value for e in texts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    return {text for text in texts if text.isidentifier() and not keyword.iskeyword(text)}


def _uses(body, local):
    """The names that bytecode refers to, each as often as it does."""
    for node in _same_scope(body):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name) and node.id not in local:
            yield node.id
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.ClassDef):
            yield node.name
            yield from _uses(node.body, ())
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = _arguments(node.args)
            yield from (node.name, node.name, *arguments)
            yield from _uses(node.body, arguments | _bound(node.body))


def _without_const(body):
    # All of them are part of the code now.
    return [
        node
        for node in body
        if not (isinstance(node, ast.ImportFrom) and node.names[0].name == "const")
    ]


def _without_repeated_imports(body):
    seen = set()
    new = []
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            text = ast.unparse(node)
            if text in seen:
                continue
            seen.add(text)
        new.append(node)
    return new
