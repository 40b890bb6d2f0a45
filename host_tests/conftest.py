"""What pytest needs to know about this project. The parts are in modules of their own:

portable_items.py runs host_tests/portable/ on both interpreters, conformance.py counts the rows
of the conformance table, unix_port.py runs programs on MicroPython.
"""

import functools
import inspect
import signal
from pathlib import Path

import env
import pytest
import runner
from conformance import Conformance
from portable_items import PortableModule
from unix_port import UnixPort

PORTABLE = Path(__file__).parent / "portable"


def pytest_configure(config):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell that runs us in the background ignores it, and with it all that we would start.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.unix_port = functools.cache(find_unix_port)
    config.pluginmanager.register(Conformance(config))


def pytest_pycollect_makemodule(module_path, parent):
    if module_path.parent == PORTABLE:
        return PortableModule.from_parent(parent, path=module_path)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run an async test on an event loop of its own, as runner.py does on MicroPython."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = pyfuncitem._fixtureinfo.argnames
    runner.run_async(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in arguments}))
    return True


def find_unix_port():
    """Looked for when it is first needed. Without one the run ends: half of the tests need it."""
    try:
        return UnixPort(env.micropython())
    except env.EnvError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def micropython(request):
    """The unix port: `.path`, `.env`, `.run(...)` and `with .start(script, ...) as program`."""
    return request.config.unix_port()
