"""The portable tests on an emulated Pico W: each module on a board of its own, freshly booted.

Two at a time or more, as processes; what they print lies in build/board/.
"""

import concurrent.futures
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from portable_items import UnixRun, parse
from unfit import UNFIT, why_unfit

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOGS = ROOT / "build" / "board"
TIMEOUT_S = 3900  # more than run_portable.py gives a module
PROGRESS_S = 30

MODULES = sorted((ROOT / "host_tests" / "portable").glob("test_*.py"))
RUNS = {path.stem: UnixRun(path) for path in MODULES}
TESTS = [(module, test) for module, run in RUNS.items() for test in run.tests]


@pytest.fixture(scope="session")
def results(uf2, request):
    """A function: the finished run of a module. All the modules that are wanted start at once."""
    wanted = {
        item.callspec.params["module"]
        for item in request.session.items
        if "results" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("skip")
    }
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    LOGS.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = {module: pool.submit(run_module, uf2, module) for module in sorted(wanted)}

        def result(module):
            start_s = time.monotonic()
            while not concurrent.futures.wait([futures[module]], PROGRESS_S).done:
                done = sum(future.done() for future in futures.values())
                with capture.global_and_fixture_disabled():
                    reporter.write_line(
                        f"  {time.monotonic() - start_s:.0f} s: {done}/{len(futures)} modules, "
                        f"{module}: {last_line(module)}"
                    )
            return futures[module].result()

        yield result
        for future in futures.values():
            future.cancel()


def log(module):
    return LOGS / f"{module}.log"


def last_line(module):
    lines = log(module).read_text(errors="replace").splitlines() if log(module).exists() else []
    return lines[-1] if lines else "not yet"


def run_module(uf2, module):
    """Run a module to its end. Returns its UnixRun, with the board's results."""
    run = RUNS[module]
    without = [test for test in run.tests if why_unfit(module, test)]
    run.tests = {test: line for test, line in run.tests.items() if test not in without}
    command = [sys.executable, HERE / "run_portable.py", uf2, f"{module}:{','.join(without)}"]
    with log(module).open("w") as output:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
            )
            run.end = f"ended with status {done.returncode}"
        except subprocess.TimeoutExpired:
            run.end = f"was stopped after {TIMEOUT_S} s"
    run.results, run.last_words = parse(log(module).read_text(errors="replace"))
    return run


def parameter(module, test):
    why = why_unfit(module, test)
    marks = [pytest.mark.skip(reason=f"{module}.{test}: {why}")] if why else []
    return pytest.param(module, test, id=f"{module}.{test}", marks=marks)


@pytest.mark.parametrize("module, test", [parameter(*names) for names in TESTS])
def test_portable(module, test, results):
    failure = results(module).failure(test)
    if failure:
        pytest.fail(failure, pytrace=False)


def test_unfit_tests_exist():
    names = {f"{module}.{test}" for module, test in TESTS} | set(RUNS)
    assert set(UNFIT) <= names
