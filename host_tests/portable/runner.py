"""Runs the portable tests on the interpreter at hand: MicroPython, on a board too, or CPython.

    micropython runner.py test_close test_frame

A test is a function test_<row>_<what>() that asserts, plain or async; nothing is skipped. Prints
`ok <module>.<test>`, or `FAIL <module>.<test>` and the indented traceback, for each test in
alphabetical order (MicroPython's modules don't keep the order of the source), and last
`done <passed> <failed>`. Modules are loaded one at a time and dropped afterwards: a board's heap
is small.
"""

import asyncio
import gc
import io
import sys

ASYNC_TIMEOUT_S = 30
# The last two are no Exception, and would end the run instead of the test.
FAILURES = (Exception, SystemExit, asyncio.CancelledError)


def main(modules, without=()):
    """Run every test of the modules but those that are named in `without`.

    Returns the exit status: 0 when all passed.
    """
    passed = failed = 0
    for module in modules:
        for ok in run_module(module, without):
            if ok:
                passed += 1
            else:
                failed += 1
    print("done", passed, failed)
    return 1 if failed else 0


def run_module(name, without):
    """Yield True or False per test. A module that can't be imported is one failure."""
    known = set(sys.modules)
    try:
        module = load(name)
    except FAILURES as error:
        report_failure(name + ".import", error)
        yield False
    else:
        for attribute in sorted(dir(module)):
            if attribute.startswith("test_") and attribute not in without:
                yield run_test(name + "." + attribute, getattr(module, attribute))
        module = None
    for loaded in set(sys.modules) - known:
        del sys.modules[loaded]
    gc.collect()


def load(name):
    """Import a module as start.py does it: what imports leave would else part a board's heap."""
    if not hasattr(gc, "threshold"):
        return __import__(name)
    before = gc.threshold()
    gc.threshold(8192)
    try:
        return __import__(name)
    finally:
        gc.threshold(before)


def run_test(name, function):
    """Run one test and print its line. Returns whether it passed."""
    try:
        result = function()
        if hasattr(result, "send"):  # a coroutine
            run_async(result)
    except FAILURES as error:
        report_failure(name, error)
        return False
    else:
        print("ok", name)
        return True
    finally:
        gc.collect()


def run_async(coroutine):
    """Run a coroutine on a fresh event loop, for ASYNC_TIMEOUT_S at most."""
    if sys.implementation.name == "micropython":
        asyncio.new_event_loop()  # else the tasks that the last test left there would go on
    asyncio.run(supervise(coroutine))


async def supervise(coroutine):
    """Await a coroutine; raise, too, when a task died in the background and nobody asked for it."""
    died = []

    def on_death(loop, context):
        died.append(context.get("exception") or RuntimeError(context["message"]))

    asyncio.get_event_loop().set_exception_handler(on_death)
    await asyncio.wait_for(coroutine, ASYNC_TIMEOUT_S)
    gc.collect()  # CPython notices when the task is collected
    if died:
        raise died[0]


def report_failure(name, error):
    """Print the failure's line and the traceback, each line of it indented."""
    print("FAIL", name)
    try:
        if hasattr(sys, "print_exception"):
            text = io.StringIO()
            sys.print_exception(error, text)
            lines = text.getvalue().split("\n")
        else:
            import traceback

            lines = "".join(traceback.format_exception(error)).split("\n")
    except MemoryError:
        lines = [type(error).__name__ + ", and no memory for more"]
    for line in lines:
        if line:
            print("    " + line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
