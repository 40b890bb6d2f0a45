"""Makes two pytest items of each portable test: name[cpython] and name[unix].

The cpython item is pytest's own. The unix items of a file share one run of runner.py on the unix
port, the first time one of them is wanted, and each takes its result from there. A file that is
named test_*_native.py tests kernels that CPython can't import, and has unix items only.
"""

import ast
import signal

import pytest
import runner

MODULE_TIMEOUT_S = 120


class PortableModule(pytest.Module):
    """A file of host_tests/portable/."""

    def collect(self):
        if not self.path.stem.endswith("_native"):
            for item in super().collect():
                yield pytest.Function.from_parent(
                    self, name=f"{item.name}[cpython]", callobj=item.obj
                )
        run = UnixRun(self.path)
        for name, line in run.tests.items():
            yield UnixItem.from_parent(self, name=f"{name}[unix]", run=run, test=name, line=line)


class UnixItem(pytest.Item):
    """One test's result on the unix port."""

    def __init__(self, *, run, test, line, **kwargs):
        super().__init__(**kwargs)
        self.run = run
        self.test = test
        self.line = line

    def setup(self):
        """The module's run counts as setup: the time of an item's call is nobody else's."""
        self.run.finish(self.config.unix_port())

    def runtest(self):
        failure = self.run.failure(self.test)
        if failure:
            raise UnixTestError(failure)

    def repr_failure(self, excinfo, style=None):
        if excinfo.errisinstance(UnixTestError):
            return str(excinfo.value)  # the traceback in MicroPython; ours would say nothing
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, self.line - 1, self.name


class UnixTestError(Exception):
    """A test failed, or didn't run, on the unix port."""


class UnixRun:
    """One run of a portable module on the unix port."""

    def __init__(self, path):
        self.module = path.stem
        self.tests = {
            node.name: node.lineno
            for node in ast.parse(path.read_bytes(), path.name).body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.name.startswith("test_")
        }
        self.results = None

    def finish(self, port):
        """Run the module, unless that has been done."""
        if self.results is None:
            status, output = port.run(runner.__file__, self.module, timeout_s=MODULE_TIMEOUT_S)
            self.results, self.last_words = parse(output)
            self.end = describe_end(status)

    def failure(self, test):
        """None if `test` passed, else the text of its failure."""
        name = f"{self.module}.{test}"
        if name in self.results:
            return self.results[name]
        if f"{self.module}.import" in self.results:
            return f"{self.module} can't be imported:\n" + self.results[f"{self.module}.import"]
        # runner.py goes by the alphabet: the first one without a result was running.
        missing = [t for t in sorted(self.tests) if f"{self.module}.{t}" not in self.results]
        if test == missing[0]:
            return f"the interpreter {self.end} in this test\n{self.last_words}"
        return f"not run: the interpreter {self.end} in {missing[0]}"


def parse(output):
    """What runner.py's lines say: a dict of the tests' results, and what was printed after them.

    A result is None, or the text of the failure: what the test printed, and the traceback.
    """
    results = {}
    failed = None
    printed = ""
    for line in output.splitlines(keepends=True):
        verdict, _, name = line.rstrip().partition(" ")
        if verdict == "ok":
            results[name] = failed = None
            printed = ""
        elif verdict == "FAIL":
            failed = name
            results[failed] = f"It printed:\n{printed}" if printed else ""
            printed = ""
        elif failed and line.startswith("    "):
            results[failed] += line[4:]
        else:
            printed += line
    return results, printed


def describe_end(status):
    if status is None:
        return f"was stopped after {MODULE_TIMEOUT_S} s"
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
