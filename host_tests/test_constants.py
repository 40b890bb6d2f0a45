"""Constants that are written down in several modules, as importing them costs a board octets.

Each says whose it is: `_SHUT = const(3)  # close._SHUT`. In the module itself, `_CLOSE` is `CLOSE`.
"""

import importlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    path.stem: ".".join(path.relative_to(ROOT / "firmware").with_suffix("").parts)
    for path in sorted((ROOT / "firmware").glob("signalbox/ws/*.py"))
    if path.stem != "__init__" and not path.stem.endswith("_native")
}
COPY = re.compile(r"^(\w+) = (?:const\()?([-\w]+?)\)?  # (\w+)\.(_?[A-Z_]+)$", re.MULTILINE)


def copies():
    """(file, name here, value here, module and name of the original) of every copy."""
    for path in (
        *sorted((ROOT / "firmware").rglob("*.py")),
        *sorted((ROOT / "host_tests" / "portable").glob("*.py")),
    ):
        for name, value, module, original in COPY.findall(path.read_text(encoding="utf-8")):
            yield path.name, name, int(value, 0), module, original


def test_copies_are_equal_to_the_original():
    found = list(copies())
    assert {"connection.py", "endpoint.py", "message.py", "output.py", "test_frame.py"} <= {
        file for file, *_ in found
    }
    for file, name, value, module, original in found:
        actual = getattr(importlib.import_module(MODULES[module]), original)
        assert value == actual, f"{file}: {name} is {value}, {module}.{original} is {actual}"


def test_private_twins_are_equal_to_the_public_name():
    twins = 0
    for name in MODULES.values():
        module = importlib.import_module(name)
        for public, value in vars(module).items():
            if public.isupper() and isinstance(value, int) and hasattr(module, "_" + public):
                twins += 1
                assert getattr(module, "_" + public) == value, f"{name}: _{public}"
    assert twins > 10
