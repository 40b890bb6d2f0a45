"""What is replaced in .mpy files, and that they do as before."""

import ast
from pathlib import Path

import mpy
import mpy_code
import mpy_names
import pytest
from mpy_file import MpyFile
from unix_port import UnixPort

PROGRAM = """
import sys

class Base:
    _of_class = 3
    _hidden = None

    def __init__(self, given, by_name=7):
        self._hidden_thing = given
        self._asked_for = by_name
        self.seen = [self._of_class, self._hidden, by_name]

    @staticmethod
    def _helper(only_here, of_both=5):
        return only_here + of_both

    def run(self):
        self._hidden = self._helper(1)
        del self._of_own
        return self._hidden, self._hidden_thing, getattr(self, "_asked_for")

class Derived(Base):
    _of_own = 1

    def __init__(self):
        super().__init__("a text that is long enough", by_name="and such a text, too")
        self._of_own = 2

def _nobody(told, *rest):
    def inner(given_in):
        return [given_in, told, rest, len(rest)]
    return inner(1)

def anybody(given):
    return given

d = Derived()
print(d.seen, d.run(), d._of_own, _nobody(1, 2, told2=3) if 0 else _nobody(1, 2))
print(anybody(given=4), ("a text that is long enough", "short"), "a text that is long enough"[2])
print("%s, %r" % ("a text that is as long as two octets are needed for, " * 2, "ä text ähnlich"))
"""


@pytest.fixture
def compiled(tmp_path):
    """A function: the octets of the .mpy of a source."""

    def compiled(source):
        path = tmp_path / "program.py"
        path.write_text(source)
        mpy.cross_compile(path, path.with_suffix(".mpy"), "program.py", ["-O3"])
        path.unlink()
        return path.with_suffix(".mpy").read_bytes()

    return compiled


def test_a_program_with_other_names_runs_as_before(compiled, micropython, tmp_path):
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = str(tmp_path)
    before = compiled(PROGRAM)
    expected = port.run("-m", "program", timeout_s=10)
    assert expected[0] == 0, expected[1]
    names = mpy_names.private_names([ast.parse(PROGRAM)], mpy_names.entries_in_rom(compiled))
    assert names.keys() == {
        "_of_class", "_hidden", "_hidden_thing", "_of_own", "only_here", "of_both", "told",
        "given_in",
    }  # fmt: skip
    source, texts = mpy_names.with_short_texts(PROGRAM)
    file = MpyFile(compiled(source))
    file.entries = mpy_names.replaced(file, {**names, **texts})
    after = file.octets
    (tmp_path / "program.mpy").write_bytes(after)
    assert port.run("-m", "program", timeout_s=10) == expected
    assert all(name.encode() in before for name in names)
    # An object in a tuple remains one, beside the name.
    assert not any(b"%s\0" % name.encode() in after for name in names)
    assert after.count(b"a text that is long enough") == 2
    assert len(after) < len(before)


@pytest.mark.parametrize(
    "use",
    [
        "def use(x):\n    return getattr(x, '_hidden')\n",
        "def _hidden():\n    pass\n",
        "def use(x):\n    return x(_hidden=1)\n",
        "_hidden = 5\n",
        "from .other import _hidden\n",
        "def use():\n    global _hidden\n    _hidden = 1\n",
        "class C:\n    x = [_hidden]\n",
    ],
)
def test_a_name_that_is_another_things_too_stays(compiled, use):
    own = "class A:\n    def __init__(self):\n        self._hidden = 1\n"
    in_rom = mpy_names.entries_in_rom(compiled)
    assert mpy_names.private_names([ast.parse(own)], in_rom).keys() == {"_hidden"}
    assert not mpy_names.private_names([ast.parse(own), ast.parse(use)], in_rom)


@pytest.mark.parametrize(
    "use",
    [
        "def use(x):\n    return x.told\n",
        "def use(x):\n    return x(told=1)\n",
        "def use(told):\n    return told\n",
        "class C:\n    def use(self, told):\n        return told\n",
        "told = 1\n",
        "class C:\n    told = 1\n",
        "from .told import x\n",
        "def use():\n    import told\n",
        "def use(x):\n    return {'told': x}\n",
    ],
)
def test_a_parameter_that_is_another_things_name_stays(compiled, use):
    own = "def _private(told):\n    return told\n"
    in_rom = mpy_names.entries_in_rom(compiled)
    assert mpy_names.private_names([ast.parse(own)], in_rom).keys() == {"told"}
    assert not mpy_names.private_names([ast.parse(own), ast.parse(use)], in_rom)


def test_what_is_deployed_has_none_of_the_private_names(tmp_path):
    names = mpy.private_names(mpy.bundler_for("armv6m"), mpy.names_in_rom())
    assert len(names) > 80
    mpy.deployed("armv6m", tmp_path)
    for path in Path(tmp_path).rglob("*.mpy"):
        octets = path.read_bytes()
        assert not [name for name in names if b"\0%s\0" % name.encode() in octets], path


CLASSES = """
if not __name__:
    __name__.never.run

class Empty:
    pass

class Full(Empty):
    "Says nothing."
    x = 1
    y = [x for x in range(3)]

    class Inner:
        def __init__(self):
            self.z = 5

    def run(self, n=2):
        class Local(Exception):
            w = n
        for i in range(300):
            if i > n:
                break
        return i, Local.w, Local("a").args, self.x, self.y, self.Inner().z

def outer():
    return lambda: Full

print(outer()()().run(), Empty().__class__)
print("__module__" in dir(Full), "__qualname__" in dir(Full.Inner))
""" + "".join(f"a{i} = {i}\nif a{i} == {i + 1}:\n    print('no')\n" for i in range(200))


def test_without_the_idle_heads_it_runs_as_before(compiled, micropython, tmp_path):
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = str(tmp_path)
    in_rom = mpy_names.entries_in_rom(compiled)
    file = MpyFile(compiled(CLASSES))
    said = "(3, 2, ('a',), 1, [0, 1, 2], 5) <class 'Empty'>\n"
    assert port.run("-m", "program", timeout_s=10) == (0, said + "True True\n")
    assert MpyFile(file.octets).octets == file.octets
    code = file.code
    file.code = mpy_code.without_idle_heads(file, in_rom)
    # Of four classes, and of what is never run: its jump, and three names.
    assert len(code) - len(file.code) >= 4 * 8 + 8
    (tmp_path / "program.mpy").write_bytes(file.octets)
    assert port.run("-m", "program", timeout_s=10) == (0, said + "False False\n")
    assert mpy_code.without_idle_heads(file, in_rom) == file.code


def test_the_same_code_without_anything_idle(compiled):
    in_rom = mpy_names.entries_in_rom(compiled)
    file = MpyFile(compiled("if __name__:\n    x = 1\n\ndef f(a, *b, c=5):\n    return g(a)\n"))
    assert mpy_code.without_idle_heads(file, in_rom) == file.code
