"""Write the configuration reference from the tables that check the configuration.

    python3 tools/reference.py           write firmware/CONFIG.md
    python3 tools/reference.py --check   exit 1 when that page is not what the tables say

The tables are imported, so what is described is what runs; what a row's comments say is read from
the source: the lines above the row, and the end of its line.
"""

import ast
import importlib
import io
import json
import sys
import tokenize
from pathlib import Path

import generated

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
PAGE = FIRMWARE / "CONFIG.md"

sys.path.insert(0, str(FIRMWARE))

from signalbox import checks, config  # noqa: E402


def comments(path):
    """{name: {key: text}} of the tables in a source file, or of the functions that return one: what
    their rows' comments say.
    """
    source = path.read_text(encoding="utf-8")
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            found[token.start[0]] = (alone, token.string.lstrip("# "))
    tables = {}
    for node in ast.parse(source).body:
        name = None
        if isinstance(node, ast.Assign):
            name = node.targets[0].id
        elif isinstance(node, ast.FunctionDef):
            name = node.name
            node = node.body[-1]
        value = getattr(node, "value", None)
        if name and isinstance(value, ast.Tuple):
            rows = [row for row in value.elts if isinstance(row, ast.Tuple) and row.elts]
            tables[name] = {ast.literal_eval(row.elts[0]): said(row, found) for row in rows}
    return tables


def said(row, found):
    above = []
    line = row.lineno - 1
    while found.get(line, (False, ""))[0]:
        above.insert(0, found[line][1])
        line -= 1
    behind = [found[row.end_lineno][1]] if row.end_lineno in found else []
    return " ".join(above + behind)


def table(rows, texts):
    """Lines of a Markdown table."""
    yield "| key | default | must be | |"
    yield "| --- | --- | --- | --- |"
    for name, default, check in rows:
        cells = [f"`{name}`", shown(default, check), allowed(check), texts.get(name, "")]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def shown(default, check):
    if default is checks.REQUIRED:
        return "*required*"
    if default is None:
        return "none"
    return f"`{json.dumps(list(default) if isinstance(default, tuple) else default)}`"


def allowed(check):
    """What is allowed; of a section, where that is said."""
    many = ""
    if isinstance(check, checks.items) and isinstance(check.check, config.Section):
        many = f"a list of {check.lo} to {check.hi} "
        check = check.check
    for title, kind, _, _ in sections():
        if kind is check:
            anchor = "".join(letter for letter in title.lower().replace(" ", "-") if letter != "`")
            return f"{many}[{title}](#{anchor})"
    return check.allowed


def sections():
    """(title, check, rows, name of the table) of each section, in the order of the file's keys."""
    names = {id(value): name for name, value in vars(config).items() if isinstance(value, tuple)}
    for name, _, check in config.OPTIONS:
        kind = check.check if isinstance(check, checks.items) else check
        if isinstance(kind, config.ModuleSection):
            yield f"`{name}`", kind, None, None
        elif isinstance(kind, config.Section):
            rows = kind.table({}, name, [])
            yield f"`{name}`", kind, rows, names.get(id(rows))


def modules(prefix, others):
    """(name, module, path) of the modules in device/ that a section can name."""
    for path in sorted((FIRMWARE / "signalbox" / "device").glob(prefix + "*.py")):
        if any(path.stem.startswith(other) for other in others):
            continue
        if "options" in comments(path):
            module = importlib.import_module("signalbox.device." + path.stem)
            yield path.stem[len(prefix) :], module, path


def reference():
    """The generated part of the page."""
    texts = comments(Path(config.__file__))
    lines = ["## The file", "", *table(config.OPTIONS, texts["OPTIONS"]), ""]
    prefixes = [k.prefix for _, k, rows, _ in sections() if rows is None and k.prefix]
    for title, kind, rows, name in sections():
        lines += [f"## {title}", ""]
        if rows is not None:
            lines += [*table(rows, texts[name]), ""]
            continue
        own = f"`{kind.key}` says which, and the other keys depend on that:"
        lines += [own, ""]
        others = [prefix for prefix in prefixes if not kind.prefix]
        for name, module, path in modules(kind.prefix, others):
            first, *_ = (module.__doc__ or "").strip().splitlines()
            lines += [f'### {title} with `"{kind.key}": "{name}"`', "", first, ""]
            if rows := module.options():
                lines += [*table(rows, comments(path)["options"]), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    generated.update(PAGE, "reference", reference(), check=sys.argv[1:] == ["--check"])
