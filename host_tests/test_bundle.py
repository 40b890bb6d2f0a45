"""What is deployed, bundles and all: the portable tests against it, and what bundling keeps.

The tests name modules that no board has. So each of those gets a stand-in, which finds its names,
and sets them, where they are now: see programs/bundled_runner.py. The tests themselves are
compiled, to have the private names of what is deployed.
"""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import bundle
import mpy
import mpy_names
import portable_items
import pytest
from mpy_file import MpyFile
from unix_port import UnixPort

HERE = Path(__file__).parent
sys.path.append(str(HERE / "memory"))

import heap64  # noqa: E402

PORTABLE_TESTS = sorted(path.stem for path in (HERE / "portable").glob("test_*.py"))
STAND_INS = HERE / "programs" / "bundled_runner.py"


@pytest.fixture(scope="module")
def board(tmp_path_factory, micropython):
    """The unix port as a board: with what is deployed, and no other firmware but the twins."""
    directory = tmp_path_factory.mktemp("board")
    arch = heap64.host_arch(micropython)
    mpy.deployed(arch, directory)
    compiled = tmp_path_factory.mktemp("compiled")
    mpy.compile_for(arch, compiled)
    for twin in compiled.rglob("*_portable.mpy"):
        target = directory / twin.relative_to(compiled)
        if not target.exists():
            twin.rename(target)
    bundler = mpy.bundler_for(arch)
    # They look at attributes that nobody else sees.
    private = mpy.private_names(bundler, mpy.names_in_rom())
    names = {name: entry for name, entry in private.items() if name.startswith("_")}
    tests = tmp_path_factory.mktemp("tests")
    for path in (HERE / "portable").glob("*.py"):
        target = (tests / path.name).with_suffix(".mpy")
        mpy.cross_compile(path, target, path.name, [])
        file = MpyFile(target.read_bytes())
        file.entries = mpy_names.replaced(file, names)
        target.write_bytes(file.octets)
    stand_ins = {}
    for name in bundler.modules:
        if name not in bundler.files:
            names = bundler.names(name)
            stand_ins[name] = {
                "file": bundler.place(name, "")[0],
                "names": {n: there for n, there in names.items() if isinstance(there, str)},
                "constants": {n: c.value for n, c in names.items() if not isinstance(c, str)},
            }
    (directory / "stand_ins.json").write_text(json.dumps(stand_ins))
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{directory}:{tests}:.frozen"
    port.stand_ins = directory / "stand_ins.json"
    return port


def test_every_name_stands_for_something(tmp_path):
    # What no portable test runs must find its names, too. Native kernels have names of their own.
    bundler = mpy.bundler_for(None)
    for name in bundler.files:
        (tmp_path / f"{name}.py").write_text(bundler.source(name))
    command = ["ruff", "check", "--isolated", "--select=F821", "--output-format=concise", tmp_path]
    check = subprocess.run(command, capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("module", PORTABLE_TESTS)
def test_portable(board, module):
    _, output = board.run(
        STAND_INS, board.stand_ins, module, timeout_s=portable_items.MODULE_TIMEOUT_S
    )
    results, last_words = portable_items.parse(output)
    failures = "".join(f"{name}\n{text}" for name, text in results.items() if text)
    assert not failures
    assert f"done {len(results)} 0" in output, last_words
    assert len(results) == len(portable_items.UnixRun(HERE / "portable" / f"{module}.py").tests)


def test_a_session_and_nothing_but_files_of_a_board(tmp_path, micropython):
    """Without the source tree and without twins, a client connects, echoes and closes."""
    arch = heap64.host_arch(micropython)
    mpy.deployed(arch, tmp_path, roles={"signalbox.client": ("signalbox.net.client",)})
    program = (HERE / "memory" / "programs" / "echo_session.py").read_text()
    (tmp_path / "echo_session.py").write_text(program.replace(".net.client", ".client"))
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{tmp_path}:.frozen"
    assert heap64.session_fits(port, heap64.LARGEST_KB, tmp_path / "echo_session.py")


def test_what_only_some_need_is_a_file_of_its_own():
    imports = mpy.imports_of_firmware()
    bundles = mpy.bundles(imports)
    assert set(bundles) == {mpy.CORE, *mpy.ROLES}
    bundled = [name for names in bundles.values() for name in names]
    assert len(bundled) == len(set(bundled))
    assert "signalbox.ws.connection" in bundles[mpy.CORE]
    assert "signalbox.net.server" in bundles["signalbox.server"]
    assert "signalbox.net.client" in bundles["signalbox.client"]
    for name in ("signalbox.net.tls", "signalbox.signalling.peer", "signalbox.signalling_local"):
        assert name not in bundled
    for names in bundles.values():
        for place, name in enumerate(names):
            later = set(names[place:])
            assert not later & set(imports[name][0]), name


def test_nobody_loads_a_role_that_is_not_its_own():
    """A bundle is loaded whole, for whatever is wanted of it."""
    bundler = mpy.bundler_for("any")
    loads = {
        file
        for file in bundler.files
        for line in bundler.source(file).splitlines()
        if line.startswith(("from .client", "from .server", "from ..client", "from ..server"))
    }
    assert loads == {"signalbox.web", "signalbox.web_server"}  # of servers only


def test_a_traceback_names_the_function(tmp_path, micropython):
    mpy.deployed(None, tmp_path)
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{tmp_path}:.frozen"
    _, output = port.run(
        "-c", "import signalbox.client as c; c.connect('http://host')", timeout_s=10
    )
    assert '"client.py"' in output
    assert "in __init__" in output
    assert "ValueError: a WebSocket URL begins with ws:// or wss://, not 'http://host'" in output


def test_an_error_is_the_same_without_its_text(tmp_path, micropython):
    mpy.deployed(None, tmp_path)
    (tmp_path / "signalbox" / "texts").unlink()
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{tmp_path}:.frozen"
    _, output = port.run(
        "-c", "import signalbox.client as c; c.connect('http://host')", timeout_s=10
    )
    assert re.search(r"^ValueError: text \d+ \('http://host',\)$", output, re.MULTILINE), output


class Sources:
    """Modules of a package `p`, from their texts, and what becomes of them."""

    def __init__(self, directory, **texts):
        self._directory = directory
        self.paths = {"p": self._write("p/__init__.py", "")}
        for name, text in texts.items():
            self.paths[f"p.{name}"] = self._write(f"p/{name}.py", text)

    def _write(self, name, text):
        path = self._directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def bundled(self, *names, reader=None):
        return bundle.Bundler(self.paths, {"p.all": [f"p.{name}" for name in names]}, reader)

    def run(self, *names):
        """The globals of the bundle, run by CPython: `const` and imports of `p` aside."""
        code = self.bundled(*names).source("p.all")
        space = {"__name__": "p.all"}
        exec(compile(code, "p.all", "exec"), space)
        return space


def test_the_same_name_for_different_things(tmp_path):
    sources = Sources(
        tmp_path,
        a="def size(x):\n    return 1\n\ndef a():\n    size2 = 5\n    return size(0) + size2\n",
        b="from .a import a as other\nsize = [2]\n\ndef b():\n    return size + [other()]\n",
    )
    space = sources.run("a", "b")
    assert space["a"]() == 6
    assert space["b"]() == [2, 6]


def test_what_hides_a_global_hides_it(tmp_path):
    sources = Sources(
        tmp_path,
        a="x = [1]\ny = [2]\n",
        b="""
from .a import x, y
z = []

class C:
    x = x
    y = [x, y]
    def z(self, y, *x, **more):
        return [x, y, more, [z for z in x if z], lambda y=y: (y, z), z]

def f(y=y):
    global z
    z = x
    def g():
        nonlocal y
        y = y + x
        for x2 in y:
            pass
        return y
    return g(), {x: y for x in y}, [x for y in x]
""",
    )
    space = sources.run("a", "b")
    assert space["C"].x == [1]
    assert space["C"].y == [[1], [2]]
    x, y, more, some, function, z = space["C"]().z(7, 8, m=9)
    assert (x, y, more, some, function(), z) == ((8,), 7, {"m": 9}, [8], (7, []), [])
    assert space["f"]() == ([2, 1], {2: [2, 1], 1: [2, 1]}, [[1]])


def test_constants_are_part_of_the_code(tmp_path):
    sources = Sources(
        tmp_path,
        a="""
from micropython import const
_A = const(3)
B = 1 << _A
NAME = 'ab'
LONG = 'x' * 20
""",
        b="""
from .a import B, NAME
from . import a
def f(n=B):
    return n + a.B, NAME, a.LONG
""",
        c="from .a import B\nC = B + 1\n\ndef c():\n    from .b import f\n    return f(C)\n",
    )
    text = sources.bundled("a", "b").source("p.all")
    assert "_A" not in text and "B" not in text.replace("LONG", "") and "const" not in text
    space = sources.run("a", "b", "c")
    assert space["f"]() == (16, "ab", "x" * 20)
    assert space["c"]() == (17, "ab", "x" * 20)
    # A module that stays one keeps its own public ones: somebody may ask for them by name.
    assert "C = 8 + 1" in sources.bundled("a", "b").source("p.c")


def test_one_of_two_ways_to_come_by_a_name(tmp_path):
    text = "try:\n    from .{} import f\nexcept ImportError:\n    from .slow import f\n"
    sources = Sources(
        tmp_path, slow="def f():\n    return 1\n", a=text.format("fast"), b="from .a import f\n"
    )
    source = sources.bundled("a", "b").source("p.all")
    assert "from .fast import f" in source
    assert "from .slow import f" in source


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("from micropython import const\n_X = const(1)\n_X = const(2)\n", "_X is no constant"),
        ("from . import a\nprint(a)\n", "used as an object"),
        ("import p.a\n", "from … import"),
        ("from .a import x as other\n\ndef f(x):\n    return other\n", "hides x"),
        ("def f():\n    from . import a\n    return a.x\n", "in a function"),
    ],
)
def test_what_can_not_be_bundled(tmp_path, text, complaint):
    sources = Sources(tmp_path, a="x = []\n", b=text)
    with pytest.raises(bundle.BundleError, match=complaint):
        sources.bundled("a", "b").source("p.all")


def test_what_is_used_most_comes_first_in_a_large_file(tmp_path):
    many = "".join(f"def f{i}(x):\n    return x.a{i} + x.often\n\n" for i in range(200))
    sources = Sources(tmp_path, a=many, b="def g(x):\n    return x.often\n")
    first, second = sources.bundled("a", "b").source("p.all").splitlines()[:2]
    assert first == "if not __name__:"
    assert second.startswith("    __name__.") and "often" in second
    assert "a199" not in second
    space = sources.run("a", "b")
    assert space["g"](type("X", (), {"often": 3})) == 3
    assert "__name__" not in sources.bundled("b").source("p.all")


def test_texts_that_are_rarely_said_are_in_a_file(tmp_path):
    sources = Sources(
        tmp_path,
        a="""
SHOWN = "a text of the module"

def f(x, y):
    said = "a text that is returned"
    if x is None:
        raise ValueError("a text without values")
    if x == 1:
        raise ValueError("a text with %r" % y)
    if x == 2:
        raise ValueError("a text with %d and %d" % (y, y))
    if x == 3:
        raise ValueError("a text and then " + y)
    if x == 4:
        print(y, "a text with an ä", "short", f"a text with {y}, formatted")
    try:
        return said[y]
    except (IndexError, MemoryError):
        raise ValueError("a text with no memory")
""",
    )
    bundler = sources.bundled("a", reader="p.all")
    code = bundler.source("p.all")
    assert bundler.texts.octets.decode() == (
        "a text without valuesa text with %ra text with %d and %da text and then a text with an ä"
    )
    assert bundler.octets_of_texts == {"p.all": len(bundler.texts.octets)}
    space = {"__name__": "p.all", "__file__": str(tmp_path / "all.py")}
    exec(compile(code, "p.all", "exec"), space)

    def said(*arguments):
        try:
            return space["f"](*arguments)
        except ValueError as error:
            return str(error)

    (tmp_path / "texts").write_bytes(bundler.texts.octets)
    assert said(None, 0) == "a text without values"
    assert said(1, None) == "a text with None"
    assert said(2, 7) == "a text with 7 and 7"
    assert said(3, "more") == "a text and then more"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        said(4, 0)
    assert printed.getvalue() == "0 a text with an ä short a text with 0, formatted\n"
    assert said(5, 99) == "a text with no memory"
    (tmp_path / "texts").write_bytes(b"another")
    assert said(2, 7) == "text 35 (7, 7)"
    (tmp_path / "texts").unlink()
    assert said(None, 0) == "text 0 ()"
    assert said(3, "more") == "text 56 ()more"


def test_on_a_full_heap_reading_a_text_does_not_fail(board):
    program = """
import micropython
from signalbox.core import _read_text
text = None
micropython.heap_lock()
text = _read_text(9)
micropython.heap_unlock()
print(text, len(_read_text(9)))
"""
    assert board.run("-c", program, timeout_s=10) == (0, "no memory 9\n")


def test_texts_in_tuples_that_are_spelt_like_names_become_names(tmp_path):
    many = "".join(f"def f{i}(x):\n    return x.a{i}\n\n" for i in range(260))
    sources = Sources(
        tmp_path,
        a=many + "from collections import namedtuple\n"
        "Pair = namedtuple('Pair', ('left', 'right'))\n"
        "NAMES = ('in', 'tuple_of', 'not one')\n",
    )
    source = sources.bundled("a").source("p.all")
    chain = source.splitlines()[1].strip().split(".")
    assert "tuple_of" in chain
    assert not {"in", "left"} & set(chain)
    assert "namedtuple('Pair', 'left right')" in source
    assert sources.run("a")["Pair"](1, 2).right == 2
