"""The environment behind every make target, and where the unix port of MicroPython comes from.

    python3 tools/env.py exec COMMAND ...   run a command in the environment
    python3 tools/env.py venv               print the environment's directory
    python3 tools/env.py micropython        print the path of the unix port

Each makes sure first that the environment is there: a virtual environment in SIGNALBOX_CACHE (or
~/.cache/signalbox), named after the interpreter and the pinned requirements, so that all clones
with the same pins share it. Runs on any python3, with nothing but the standard library: an
interpreter that is too old gets a message, not a SyntaxError.
"""

import fcntl
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENTS = os.path.join(ROOT, "host_tests", "requirements.txt")
STUB_REQUIREMENTS = os.path.join(ROOT, "host_tests", "requirements-stubs.txt")
OLDEST_PYTHON = (3, 10)
OLDEST_MICROPYTHON = (1, 28)
PIP_TIMEOUT_S = 900

# The wheel's `micropython` is a Python script around an extension module. This one does without
# site, user and environment settings: half the time to start, and it keeps its process id.
LAUNCHER = """\
#!/bin/sh
exec {python} -IS -c 'import sys
sys.path.append(sys.argv.pop(1))
sys.argv[0] = "micropython"
from micropython_run import run_main
sys.exit(run_main(sys.argv))' {packages} "$@"
"""


class EnvError(Exception):
    """What is missing and what to do about it, for the person who ran the command."""


def cache_dir():
    """Where everything lives that is built or downloaded: `$SIGNALBOX_CACHE`, or in the home."""
    chosen = os.environ.get("SIGNALBOX_CACHE") or os.path.join("~", ".cache", "signalbox")
    return os.path.abspath(os.path.expanduser(chosen))


def venv_dir():
    """The environment's directory for this interpreter and these requirements."""
    pins = hashlib.sha256(LAUNCHER.encode())
    for path in (REQUIREMENTS, STUB_REQUIREMENTS):
        with open(path, "rb") as file:
            pins.update(file.read())
    name = "-".join((sys.implementation.cache_tag, platform.machine(), pins.hexdigest()[:12]))
    return os.path.join(cache_dir(), "env", name)


def stubs_dir():
    """One directory per package of requirements-stubs.txt: they overlap, so can't be installed."""
    return os.path.join(venv_dir(), "stubs")


def venv():
    """The environment's directory, after creating the environment if it isn't there."""
    path = venv_dir()
    if is_complete(path):
        return path
    check_venv()
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
            if not is_complete(path):  # else another process was quicker
                create(path)
    except OSError as error:
        raise EnvError(
            "%s\nNext: set SIGNALBOX_CACHE to a directory with room that you may write to" % error
        ) from None
    return path


def is_complete(path):
    """False also when the interpreter that it was made from has gone."""
    return os.path.exists(os.path.join(path, "complete")) and os.access(
        os.path.join(path, "bin", "python"), os.X_OK
    )


def check_version():
    """Refuse an interpreter that is too old, before anything fails obscurely."""
    if sys.version_info < OLDEST_PYTHON:
        oldest = "%d.%d" % OLDEST_PYTHON
        raise EnvError(
            "%s is Python %s, and %s or newer is needed\nNext: install a newer Python and name it: "
            "make PYTHON=/path/to/python3" % (sys.executable, platform.python_version(), oldest)
        )


def check_venv():
    """Debian and its relatives leave a part of Python's library to a package of its own."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise EnvError(
            "%s can't make virtual environments (no module %s)\n"
            "Next: install the package for it, on Debian and Ubuntu: apt install python3-venv"
            % (sys.executable, error.name)
        ) from None


def create(path):
    """Make the environment in place, as its scripts hold its path; `complete` is written last."""
    say("Setting up the environment in %s (once; about a minute, 420 MB)" % path)
    started = time.monotonic()
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    python = os.path.join(path, "bin", "python")
    log = os.path.join(path, "install.log")
    step("virtual environment", [sys.executable, "-m", "venv", path], log)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    step("packages", [*pip, "install", "--no-deps", "-r", REQUIREMENTS], log)
    wheels = os.path.join(path, "wheels")
    step("board stubs", [*pip, "download", "--no-deps", "-d", wheels, "-r", STUB_REQUIREMENTS], log)
    for wheel in os.listdir(wheels):
        with zipfile.ZipFile(os.path.join(wheels, wheel)) as archive:
            archive.extractall(os.path.join(path, "stubs", wheel.split("-")[0]))
    shutil.rmtree(wheels)
    install_launcher(path, python)
    with open(os.path.join(path, "complete"), "w"):
        pass
    say("Set up in %d s" % (time.monotonic() - started))


def install_launcher(path, python):
    """Put LAUNCHER in the place of the wheel's own script, if there is a wheel here."""
    script = os.path.join(path, "bin", "micropython")
    if os.path.exists(script):
        version = "python%d.%d" % sys.version_info[:2]
        packages = os.path.join(path, "lib", version, "site-packages")
        with open(script, "w") as file:
            file.write(LAUNCHER.format(python=shlex.quote(python), packages=shlex.quote(packages)))


def step(what, command, log):
    """Run a command into the log, with a line of progress; EnvError with its last words."""
    say("  %s ... " % what, end="")
    started = time.monotonic()
    # A user's own pip settings must not lead the packages elsewhere.
    environ = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    with open(log, "a") as file:
        try:
            done = subprocess.run(
                command, stdout=file, stderr=file, env=environ, timeout=PIP_TIMEOUT_S
            )
            problem = "failed (%d)" % done.returncode if done.returncode else ""
        except subprocess.TimeoutExpired:
            problem = "took longer than %d s" % PIP_TIMEOUT_S
    if problem:
        with open(log, errors="replace") as file:
            last_words = "".join(file.readlines()[-8:])
        raise EnvError(
            "\n%s %s:\n%s\nNext: check that there is room for it, and that pip reaches its package "
            "index (pip config list); try again. All of the output: %s"
            % (" ".join(map(shlex.quote, command)), problem, last_words, log)
        )
    say("%.1f s" % (time.monotonic() - started))


def micropython():
    """Absolute path of the unix port: MICROPYTHON's, else the PATH's if recent, else the wheel's.

    One that MICROPYTHON names must work; one on the PATH that is too old is passed over.
    """
    chosen = os.environ.get("MICROPYTHON")
    if chosen:
        path = shutil.which(chosen)
        fault = micropython_fault(path) if path else "is not an executable"
        if fault:
            raise EnvError("MICROPYTHON=%s %s\nNext: correct or unset it" % (chosen, fault))
        return os.path.abspath(path)

    own = os.path.join(venv(), "bin")
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(os.path.abspath(directory), "micropython")
        if directory != own and os.access(path, os.X_OK) and not micropython_fault(path):
            return path

    path = os.path.join(own, "micropython")
    if not os.path.exists(path):
        raise EnvError(
            "the package index has no MicroPython for %s on %s %s\nNext: build MicroPython's unix "
            "port (1.28 or newer) and name it: make MICROPYTHON=/path/to/micropython"
            % (sys.implementation.cache_tag, platform.system(), platform.machine())
        )
    fault = micropython_fault(path)
    if fault:
        raise EnvError("%s %s\nNext: delete %s and try again" % (path, fault, venv_dir()))
    return path


def micropython_fault(path):
    """Why `path` can't run Signalbox; None if it can."""
    code = "import asyncio, sys; print(sys.implementation.name, *sys.implementation.version[:2])"
    try:
        done = subprocess.run(
            [path, "-c", code], capture_output=True, text=True, errors="replace", timeout=20
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "can't be run: %s" % error
    answer = done.stdout.split()
    if len(answer) != 3 or answer[0] != "micropython":
        return "is not a MicroPython with asyncio: %s" % (done.stderr.strip() or done.stdout)
    version = (int(answer[1]), int(answer[2]))
    if version < OLDEST_MICROPYTHON:
        return "is MicroPython %d.%d, and %d.%d or newer is needed" % (version + OLDEST_MICROPYTHON)
    return None


def run(command):
    """Become `command`, with the environment's programs before all others."""
    path = venv()
    environ = dict(os.environ, VIRTUAL_ENV=path)
    environ["PYTHONDONTWRITEBYTECODE"] = "1"  # firmware/ holds what goes onto a board
    environ["PATH"] = os.path.join(path, "bin") + os.pathsep + os.environ.get("PATH", "")
    try:
        os.execvpe(command[0], command, environ)
    except OSError as error:
        raise EnvError("%s: %s" % (command[0], error.strerror)) from None


def say(text, end="\n"):
    """Progress goes to stderr: stdout is the answer, which a shell may be reading."""
    print(text, end=end, file=sys.stderr, flush=True)


def main(arguments):
    try:
        check_version()
        if arguments == ["venv"]:
            print(venv())
        elif arguments == ["micropython"]:
            print(micropython())
        elif arguments[:1] == ["exec"] and arguments[1:]:
            run(arguments[1:])
        else:
            say(__doc__)
            return 2
    except EnvError as error:
        say("env.py: %s" % error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
