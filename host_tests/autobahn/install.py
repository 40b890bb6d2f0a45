"""Install Autobahn|Testsuite, unmodified, without root rights and without a compiler.

The testsuite runs on Python 2.7 only. On Debian (amd64) the interpreter is unpacked from the
packages of Debian 11 into a private directory; nothing outside that directory is changed.

    python3 install.py [--prefix DIR]      prints the path of the wstest command

Set WSTEST to the path of another wstest command to use that one instead.
"""

import argparse
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
SUITE = "bullseye"
DEBIAN_PACKAGES = (
    "python2.7-minimal",
    "libpython2.7-minimal",
    "python2.7",
    "libpython2.7-stdlib",
    "libssl1.1",
    "libffi7",
)
# The last versions that support Python 2.7 and build the testsuite's source packages.
PIP = "pip==20.3.4"
BUILD_TOOLS = ("setuptools==44.0.0", "wheel==0.37.1")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
COMMAND_TIMEOUT_S = 600
DOCKER_HINT = (
    "use the Docker image crossbario/autobahn-testsuite instead, through a script that you name "
    "in WSTEST (see host_tests/autobahn/README.md)"
)

APT_CONF = """\
Dir::Etc::SourceList "{apt}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "{apt}/state";
Dir::State::Lists "{apt}/state/lists";
Dir::State::Status "{apt}/state/status";
Dir::Cache "{apt}/cache";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
// As root, apt would download as the user _apt, who can't write into a private directory.
APT::Sandbox::User "root";
// The system's hooks maintain the system's own caches.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""

PYTHON_WRAPPER = """\
#!/bin/sh
root=$(cd "$(dirname "$0")/../root" && pwd) || exit 1
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu"
export PYTHONHOME="$root/usr"
unset PYTHONPATH
exec "$root/usr/bin/python2.7" "$@"
"""

WSTEST_WRAPPER = """\
#!/bin/sh
prefix=$(cd "$(dirname "$0")/.." && pwd) || exit 1
exec "$prefix/bin/python2.7" "$prefix/root/usr/local/bin/wstest" "$@"
"""


class InstallError(Exception):
    """What went wrong and what to do next, for the person who ran the command."""


def default_prefix() -> Path:
    """`$SIGNALBOX_CACHE/autobahn`, else `~/.cache/signalbox/autobahn`."""
    cache = os.environ.get("SIGNALBOX_CACHE")
    return (Path(cache) if cache else Path.home() / ".cache" / "signalbox") / "autobahn"


def wstest_command(prefix: Path | None = None) -> Path:
    """Path of a working wstest: the one that WSTEST names, else ours, installed if need be."""
    chosen = os.environ.get("WSTEST")
    if not chosen:
        prefix = (prefix or default_prefix()).expanduser().resolve()
        try:
            return install(prefix)
        except OSError as error:
            raise InstallError(f"{error}: choose another place with SIGNALBOX_CACHE") from error
    found = shutil.which(chosen)
    if found is None:
        raise InstallError(f"WSTEST={chosen} is not an executable: correct it or unset it")
    return Path(found).resolve()


def install(prefix: Path) -> Path:
    """Install under `prefix` unless it already holds these very versions. Returns wstest's path."""
    stamp = prefix / "stamp"
    wstest = prefix / "bin" / "wstest"
    if stamp.is_file() and stamp.read_text() == pins_hash():
        return wstest
    if prefix.is_dir() and any(prefix.iterdir()) and not stamp.is_file():
        raise InstallError(f"{prefix} is in use: choose another place with SIGNALBOX_CACHE")

    check_system()
    started = time.monotonic()
    print(f"Installing Autobahn|Testsuite into {prefix} (less than a minute, 110 MB)", flush=True)
    prefix.mkdir(parents=True, exist_ok=True)
    stamp.write_text("unfinished")
    for part in ("apt", "debs", "wheels", "root", "bin"):
        shutil.rmtree(prefix / part, ignore_errors=True)

    steps = Steps(prefix / "install.log", total=5)
    install_python(prefix, steps)
    install_testsuite(prefix, steps)
    steps.run(
        "starting wstest",
        [wstest, "--autobahnversion"],
        hint=f"delete {prefix} and try again; else {DOCKER_HINT}",
    )
    for part in ("apt", "debs", "wheels"):
        shutil.rmtree(prefix / part)
    stamp.write_text(pins_hash())
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)
    return wstest


def pins_hash() -> str:
    """Identifies what would be installed: another hash in the stamp means installing anew."""
    pins = (SUITE, *DEBIAN_PACKAGES, PIP, *BUILD_TOOLS, PYTHON_WRAPPER, WSTEST_WRAPPER)
    return hashlib.sha256("\n".join(pins).encode() + REQUIREMENTS.read_bytes()).hexdigest()


def check_system() -> None:
    """Refuse early where the route can't work: it needs Debian's tools, keys and amd64 wheels."""
    if not (shutil.which("apt-get") and shutil.which("dpkg") and KEYRING.is_file()):
        raise InstallError(f"this is not a Debian system: {DOCKER_HINT}")
    if platform.machine() != "x86_64":
        raise InstallError(f"no Python 2.7 wheels for {platform.machine()}: {DOCKER_HINT}")


def debian_mirror() -> str:
    """The mirror the system itself uses for Debian's main archive."""
    wanted = "$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)"
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", wanted],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
    )
    for line in listing.stdout.splitlines():
        origin, component, release, uri = line.split("|", 3)
        if (origin, component) == ("Debian", "main") and not release.endswith("-security"):
            return uri
    raise InstallError(
        "apt knows no Debian mirror: run `apt-get update` once as root and try again; "
        f"on another distribution {DOCKER_HINT}"
    )


def install_python(prefix: Path, steps: "Steps") -> None:
    """Unpack Python 2.7 and the libraries that newer Debian releases no longer carry."""
    apt = prefix / "apt"
    for directory in ("state/lists/partial", "cache/archives/partial"):
        (apt / directory).mkdir(parents=True)
    (apt / "state" / "status").touch()
    (apt / "apt.conf").write_text(APT_CONF.format(apt=apt))
    mirror = debian_mirror()
    (apt / "sources.list").write_text(
        f"deb [arch=amd64 target=Packages signed-by={KEYRING}] {mirror} {SUITE} main\n"
    )
    apt_get = ["apt-get", "--config-file", apt / "apt.conf"]
    hint = f"check that {mirror} is reachable and still has {SUITE}; else {DOCKER_HINT}"
    steps.run(f"reading the package list of {SUITE}", [*apt_get, "update"], hint)

    debs = prefix / "debs"
    debs.mkdir()
    steps.run("downloading Python 2.7", [*apt_get, "download", *DEBIAN_PACKAGES], hint, cwd=debs)
    for deb in sorted(debs.glob("*.deb")):
        steps.check(["dpkg", "-x", deb, prefix / "root"], f"see that {prefix} has 150 MB free")

    (prefix / "bin").mkdir()
    for name, text in (("python2.7", PYTHON_WRAPPER), ("wstest", WSTEST_WRAPPER)):
        wrapper = prefix / "bin" / name
        wrapper.write_text(text)
        wrapper.chmod(0o755)


def install_testsuite(prefix: Path, steps: "Steps") -> None:
    """Install the pinned packages with a pip of Python 2.7's time, run from inside its wheel."""
    wheels = prefix / "wheels"
    hint = f"check that pip reaches its package index (`pip config list`); else {DOCKER_HINT}"
    download = [*system_pip(), "download", "--no-deps", "--only-binary=:all:"]
    download += ["--python-version", "2.7", "--dest", wheels, PIP, *BUILD_TOOLS]
    steps.run("downloading pip for Python 2.7", download, hint)

    pip_wheel = next(wheels.glob("pip-*.whl"))
    pip_install = [prefix / "bin" / "python2.7", pip_wheel / "pip", "install"]
    pip_install += ["--no-deps", "--no-warn-script-location"]
    # A user's own pip settings must not lead the packages elsewhere.
    env = os.environ | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    steps.check([*pip_install, "--no-index", "--find-links", wheels, *BUILD_TOOLS], hint, env=env)
    steps.run(
        "installing the testsuite's packages", [*pip_install, "-r", REQUIREMENTS], hint, env=env
    )


def system_pip() -> list[str]:
    """A pip of the host: this interpreter's, else the one on the PATH."""
    own_pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*own_pip, "--version"], capture_output=True).returncode == 0:
        return own_pip
    if shutil.which("pip3"):
        return ["pip3"]
    raise InstallError("pip is missing: install python3-pip or use a Python that has pip")


class Steps:
    """Runs commands one after the other, with a line of progress per step and a log of all."""

    def __init__(self, log: Path, total: int):
        self.log = log
        self.total = total
        self.number = 0
        log.write_text("")

    def run(self, title: str, command: list, hint: str, **options) -> None:
        """Announce a step, run its command, and say how long it took."""
        self.number += 1
        print(f"  [{self.number}/{self.total}] {title} ... ", end="", flush=True)
        started = time.monotonic()
        self.check(command, hint, **options)
        print(f"{time.monotonic() - started:.1f} s", flush=True)

    def check(self, command: list, hint: str, **options) -> None:
        """Run a command; InstallError with its last words and `hint` if it fails."""
        shown = shlex.join(map(str, command))
        with self.log.open("a") as log:
            print(f"$ {shown}", file=log, flush=True)
            try:
                done = subprocess.run(
                    command, stdout=log, stderr=log, timeout=COMMAND_TIMEOUT_S, **options
                )
                problem = f"failed ({done.returncode})" if done.returncode else ""
            except subprocess.TimeoutExpired:
                problem = f"took longer than {COMMAND_TIMEOUT_S} s"
            except OSError as error:
                problem = f"could not be started ({error})"
        if problem:
            last_words = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise InstallError(f"{shown} {problem}:\n{last_words}\nNext: {hint}. Log: {self.log}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Install Autobahn|Testsuite.")
    parser.add_argument(
        "--prefix", type=Path, help=f"where to install (default {default_prefix()})"
    )
    try:
        print(wstest_command(parser.parse_args().prefix))
    except InstallError as error:
        print(f"\ninstall.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
