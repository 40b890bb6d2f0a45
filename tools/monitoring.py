"""What a board prints, for people: tracebacks with files, functions and lines of the source.

The firmware is compiled without line numbers and with short names of files (see mpy.py), so that a
traceback of it says `File "net/endpoint.py", line 1, in _read` wherever in _read it was.
"""

import ast
import re

import application
import env
import mpy

FRAME = re.compile(r'^(\s*)File "([^"]+)", line (\d+)(?:, in (\S+))?$')
BANNER = re.compile(r"^slots: [ab], version (\S+) ")
OUTCOME = re.compile(r"\bcode=\d+ clean=(True|False)")
TROUBLE = re.compile(r"^(Traceback|\w*(Error|Exception)\b|slots: [ab] failed)")


class Decoder:
    """Makes lines of source out of a traceback's frames. Says when the source is another one."""

    def __init__(self):
        self._functions = {}
        self._told = None

    def line(self, line):
        """The lines to show for a line that was printed."""
        frame = FRAME.match(line)
        if frame:
            return [self._frame(*frame.groups()) or line]
        banner = BANNER.match(line)
        if banner and banner[1] != self._told:
            self._told = banner[1]
            here = application.source_version()
            if here != self._told:
                return [line, f"(the files and lines of tracebacks are those of {here})"]
        return [line]

    def text(self, lines):
        """The lines to show for all of these."""
        return [shown for line in lines for shown in self.line(line)]

    def _frame(self, indent, file, number, function):
        paths = find_sources(file)
        if paths == [mpy.FIRMWARE / "main.py"]:  # has its lines
            return f'{indent}File "firmware/main.py", line {number}, in {function or "<module>"}'
        found = [
            f"{path.relative_to(env.ROOT).as_posix()}{place}"
            for path in paths
            for place in self._places(path, function)
        ]
        return f"{indent}{' or '.join(found)}" if found else None

    def _places(self, path, function):
        """`:first-last name` of the functions of that name in a file."""
        if not function or function == "<module>":
            return [", when it is imported"]
        if path not in self._functions:
            found = self._functions[path] = {}
            collect(ast.parse(path.read_text()), "", found)
        return self._functions[path].get(function) or self._functions[path].get(
            function.rstrip("0123456789"),
            [],  # of two in a bundle the second has a number
        )


def collect(node, prefix, found):
    """Add the functions below a node of the syntax tree, lambdas included."""
    for child in ast.iter_child_nodes(node):
        name = getattr(child, "name", "<lambda>" if isinstance(child, ast.Lambda) else None)
        within = prefix
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            within = f"{prefix}{name}."
            if not isinstance(child, ast.ClassDef):
                place = f":{child.lineno}-{child.end_lineno} {prefix}{name}"
                found.setdefault(name, []).append(place)
        collect(child, within, found)


def find_sources(file):
    """The files of the firmware that a traceback's file can be: several for a bundle."""
    file = re.sub(r"^/slot_[ab]/", "", file).lstrip("/")
    name = ".".join([mpy.PACKAGE, *file.removesuffix(".py").removesuffix(".mpy").split("/")])
    modules = mpy.bundles(mpy.imports_of_firmware()).get(name)
    if modules:
        sources = mpy.sources_of_firmware()
        return [sources[module] for module in modules]
    for root in (mpy.FIRMWARE / mpy.PACKAGE, mpy.FIRMWARE):
        path = (root / file).with_suffix(".py")
        if path.is_file() and mpy.FIRMWARE in path.resolve().parents:
            return [path]
    return []


def style(line):
    """How a line is shown: a style of rich's, or None."""
    outcome = OUTCOME.search(line)
    if outcome:
        return "green" if outcome[1] == "True" else "bold yellow"
    if TROUBLE.match(line):
        return "bold red"
    return "cyan" if line.startswith("slots: ") else None
