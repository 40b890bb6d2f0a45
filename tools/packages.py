"""What of the firmware is installed for a feature: for mip, and for custom MicroPython builds.

    python3 tools/packages.py           write firmware/*.json and firmware/packages/*/manifest.py
    python3 tools/packages.py --check   exit 1 when they are not what the imports say

A feature is what its modules import, at once or later. What mip gets is exactly that. A manifest
holds what those that it requires don't, as no file may be frozen twice.
"""

import ast
import json
import sys
from pathlib import Path

import env
import mpy

FIRMWARE = Path(env.ROOT) / "firmware"
VERSION = "0.1.0"
NAME = "signalbox"
# Only for tests on CPython, and for computers.
NOT_FOR_BOARDS = ("_cpython", "_host")
# Its own feature: who has no wss:// needs neither it nor what it depends on.
TLS = "signalbox.net.tls"
# Modules that are not in every MicroPython for these boards: packages of micropython-lib.
MICROPYTHON_LIB = {"ssl": "ssl"}


class Feature:
    """`roots`: the modules that it is for."""

    def __init__(self, description, roots):
        self.description = description
        self.roots = roots


def all_below(package):
    return [name for name in sorted(mpy.sources_of_firmware()) if name.startswith(package + ".")]


# A module that several need is in the manifest of the first of them; the others require that one.
FEATURES = {
    "ws": Feature("RFC 6455 without I/O", all_below("signalbox.ws")),
    "net": Feature("What WebSocket client and server share", ["signalbox.net.endpoint"]),
    "client": Feature("WebSocket client for asyncio", ["signalbox.net.client"]),
    "server": Feature(
        "WebSocket server for asyncio", ["signalbox.net.server", "signalbox.net.access"]
    ),
    "tls": Feature("wss:// for client and server", [TLS]),
    "signalling": Feature("WebRTC signalling without I/O: a peer", ["signalbox.signalling.peer"]),
    "signalling-client": Feature(
        "A peer of a WebRTC signalling server", ["signalbox.signalling_client"]
    ),
    "signalling-server": Feature(
        "A WebRTC signalling server",
        ["signalbox.signalling_server", "signalbox.signalling_local"],
    ),
    "device": Feature("Controls of cameras, heads and lights", all_below("signalbox.device")),
    "all": Feature("WebSocket signalling endpoints for boards", all_below("signalbox")),
}


def files(feature, imports):
    """The modules of a feature, by the alphabet: all that it needs to be imported."""
    found = set()
    for root in FEATURES[feature].roots:
        found.update(mpy.closure(root, imports))
    if feature not in ("tls", "all"):
        found.discard(TLS)
    return sorted(name for name in found if not name.endswith(NOT_FOR_BOARDS) and name != "main")


def owners(imports):
    """{module: the feature whose manifest has it}."""
    found = {}
    for feature in FEATURES:
        for module in files(feature, imports):
            found.setdefault(module, feature)
    return found


def own_files(feature, imports):
    """The modules in its manifest."""
    return sorted(module for module, owner in owners(imports).items() if owner == feature)


def required(feature, imports):
    """The features that its manifest requires, in the order of FEATURES."""
    owner = owners(imports)
    needed = {owner[module] for module in files(feature, imports)} - {feature}
    return [other for other in FEATURES if other in needed]


def dependencies(modules):
    """Packages of micropython-lib that the modules import."""
    sources = mpy.sources_of_firmware()
    found = set()
    for name in modules:
        for node in ast.walk(ast.parse(sources[name].read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module)
    return sorted(MICROPYTHON_LIB[name] for name in found if name in MICROPYTHON_LIB)


def path_of(module):
    """Its file, relative to firmware/."""
    return mpy.sources_of_firmware()[module].relative_to(FIRMWARE).as_posix()


def package_json(feature, imports):
    """The text of what mip reads. URLs are relative: mip takes them from where that file is."""
    modules = files(feature, imports)
    urls = ",\n".join(f'    ["{path_of(module)}", "{path_of(module)}"]' for module in modules)
    deps = json.dumps([[package, "latest"] for package in dependencies(modules)])
    return f'{{\n  "urls": [\n{urls}\n  ],\n  "deps": {deps},\n  "version": "{VERSION}"\n}}\n'


def manifest(feature, imports):
    """The text of a manifest, as those of micropython-lib are."""
    modules = own_files(feature, imports)
    lines = [
        f'"""{FEATURES[feature].description} (made by `make packages`)."""',
        "",
        "metadata(",
        f'    description="{FEATURES[feature].description}",',
        f'    version="{VERSION}",',
        ")",
        "",
    ]
    for other in required(feature, imports):
        lines.append(f'require("{package_name(other)}", library="{NAME}")')
    lines += [f'require("{package}")' for package in dependencies(modules)]
    lines += ["package(", f'    "{NAME}",', *listed(modules)]
    lines += ['    base_path="../..",', "    opt=3,", ")", ""]
    return "\n".join(lines)


def listed(modules):
    """The lines of their tuple, as ruff formats it."""
    paths = [f'"{path_of(module).removeprefix(NAME + "/")}",' for module in modules]
    if len(paths) == 1:
        return [f"    ({paths[0]}),"]
    return ["    (", *(f"        {path}" for path in paths), "    ),"]


def package_name(feature):
    return NAME if feature == "all" else f"{NAME}-{feature}"


def outputs():
    """{path: text} of all that is made here."""
    imports = mpy.imports_of_firmware()
    made = {}
    for feature in FEATURES:
        name = "package" if feature == "all" else feature
        made[FIRMWARE / f"{name}.json"] = package_json(feature, imports)
        path = FIRMWARE / "packages" / package_name(feature) / "manifest.py"
        made[path] = manifest(feature, imports)
    return made


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    wrong = []
    for path, text in outputs().items():
        if not path.exists() or path.read_text() != text:
            wrong.append(path.relative_to(env.ROOT).as_posix())
            if not arguments:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    print("\n".join(wrong) or "up to date")
    return 1 if arguments and wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
