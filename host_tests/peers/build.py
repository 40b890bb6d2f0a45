"""Make the peer programs that are not in Python, outside the clone.

    python3 build.py            build or install what is missing
    python3 build.py --check    only say what is missing

Each kit goes into a directory of its own in SIGNALBOX_CACHE (or ~/.cache/signalbox), named after
its sources, its lock files and the versions of its tools, so that all clones with the same ones
share it. Whatever its package manager downloads comes from where the system has it look.
"""

import argparse
import contextlib
import fcntl
import functools
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from table import BuildError, Peer

HERE = Path(__file__).resolve().parent
BUILD_TIMEOUT_S = 1800
TOOL_TIMEOUT_S = 60


@dataclass(frozen=True)
class Tool:
    """A command that a kit needs, and the Debian package that has it."""

    command: str
    package: str
    version: tuple = ("--version",)  # the arguments that make it tell; none if nothing does
    oldest: tuple = ()  # the oldest version that will do

    def told_version(self):
        """What it says; None where there is none."""
        if not self.version:
            return shutil.which(self.command)
        return ask(self.command, *self.version)

    def fault(self):
        """Why it won't do; None if it will."""
        told = self.told_version()
        if told is None:
            return f"no {self.command}"
        found = re.search(r"\d+(\.\d+)+", told)
        if self.oldest and (not found or tuple(map(int, found.group().split("."))) < self.oldest):
            needed = ".".join(map(str, self.oldest))
            return f"{self.command} {needed} or newer is needed, and it says: {told}"
        return None


@dataclass(frozen=True)
class Kit:
    """The programs that are made together, from the sources in the directory of its name."""

    name: str
    tools: tuple
    steps: (
        object  # of the directory to be made: yields (what, command), run in a copy of the sources
    )
    expectation: str  # how long it takes, and how much room

    def directory(self):
        """Where the finished programs are."""
        key = hashlib.sha256()
        for path in self.sources():
            name = path.relative_to(HERE).as_posix()
            key.update(b"%s\0%s\0" % (name.encode(), path.read_bytes()))
        for tool in self.tools:
            key.update(b"%s\0" % str(tool.told_version()).encode())
        return cache_dir() / "peers" / f"{self.name}-{platform.machine()}-{key.hexdigest()[:12]}"

    def sources(self):
        """All files of the kit, in order."""
        paths = sorted((HERE / self.name).rglob("*"))
        return [path for path in paths if path.is_file() and path.suffix != ".pyc"]

    def is_complete(self):
        """Whether nothing needs to be done."""
        return (self.directory() / "complete").exists()

    def faults(self):
        """What keeps it from being built."""
        return [fault for tool in self.tools if (fault := tool.fault())]

    def build(self):
        """Make the programs unless they are there. BuildError."""
        if self.is_complete():
            return
        self.install_tools()
        directory = self.directory()  # the tools have their versions now
        directory.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{directory}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
            if not self.is_complete():  # else another process was quicker
                self.make(directory)

    def install_tools(self):
        """As root on Debian, install what is missing; else say what is."""
        packages = sorted({tool.package for tool in self.tools if tool.told_version() is None})
        if packages and os.geteuid() == 0 and shutil.which("apt-get"):
            log = cache_dir() / "peers" / "apt.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            say(f"peers: installing {' '.join(packages)}")
            # An update that fails shows in the installation, if it matters.
            with contextlib.suppress(BuildError):
                run("package lists", ["apt-get", "update"], log)
            environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
            install = [
                "apt-get",
                "-oDPkg::Lock::Timeout=600",
                "install",
                "--yes",
                "--no-install-recommends",
                *packages,
            ]
            run("Debian packages", install, log, env=environ)
            ask.cache_clear()
        if faults := self.faults():
            every = " ".join(sorted({tool.package for tool in self.tools}))
            raise BuildError(
                f"{self.name}: {'; '.join(faults)}\n"
                f"Next: install what these Debian packages hold, recent enough: {every}"
            )

    def make(self, directory):
        """Build in a copy of the sources; the stamp comes last."""
        say(f"peers: {self.name} into {directory} (once; {self.expectation})")
        shutil.rmtree(directory, ignore_errors=True)
        log = directory / "build.log"
        source = directory / "source"
        started = time.monotonic()
        directory.mkdir()
        shutil.copytree(HERE / self.name, source, ignore=shutil.ignore_patterns("__pycache__"))
        for what, command in self.steps(directory):
            run(what, command, log, cwd=source)
        (directory / "complete").touch()
        say(f"peers: {self.name} after {time.monotonic() - started:.1f} s")


def run(what, command, log, **more):
    """Run a command into the log, with a line of progress; BuildError with its last words."""
    say(f"  {what} ... ", end="")
    started = time.monotonic()
    command = list(map(str, command))
    with open(log, "a") as file:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                timeout=BUILD_TIMEOUT_S, **more,
            )  # fmt: skip
            problem = f"failed ({done.returncode})" if done.returncode else ""
        except subprocess.TimeoutExpired:
            problem = f"took longer than {BUILD_TIMEOUT_S} s"
        except OSError as error:
            problem = str(error)
    if problem:
        last_words = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-8:])
        raise BuildError(
            f"\n{shlex.join(command)}: {problem}:\n{last_words}\nNext: check that {command[0]} "
            f"reaches its packages, and try again. All of the output: {log}"
        )
    say(f"{time.monotonic() - started:.1f} s")


@functools.cache
def ask(*command):
    """A command's answer; None if it has none, or if there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def cache_dir():
    """As tools/env.py has it."""
    return Path(os.environ.get("SIGNALBOX_CACHE") or "~/.cache/signalbox").expanduser().absolute()


def say(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def go_steps(directory):
    # No toolchain but the one that is installed.
    go = ["env", "GOTOOLCHAIN=local", "go", "build", "-trimpath", "-o", directory]
    yield "go build", [*go, "./gorilla", "./coder"]


def node_steps(_):
    yield "npm ci", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]


def rust_steps(directory):
    target = directory / "target"
    cargo = ["cargo", "build", "--release", "--locked", "--jobs", "2"]
    yield "cargo build", [*cargo, "--target-dir", target]
    yield "programs", ["cp", *(target / "release" / name for name in RUST_PROGRAMS), directory]
    yield "tidying up", ["rm", "-r", target]


def chromium_steps(directory):
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={directory}/profile"]
    yield "an empty page", ["chromium", *flags, "--dump-dom", "about:blank"]
    yield "tidying up", ["rm", "-r", directory / "profile"]


RUST_PROGRAMS = ("tungstenite-0-21", "tungstenite", "async-tungstenite")

GO = Kit(
    "go",
    (Tool("go", "golang-go", ("version",), oldest=(1, 23)),),
    go_steps,
    "half a minute, 20 MB",
)
NODE = Kit(
    "node",
    (Tool("node", "nodejs", oldest=(18, 3)), Tool("npm", "npm")),
    node_steps,
    "seconds",
)
RUST = Kit(
    "rust",
    # The oldest is what tungstenite asks for; a C compiler is for ring.
    (Tool("cargo", "cargo", oldest=(1, 85)), Tool("rustc", "rustc"), Tool("cc", "gcc")),
    rust_steps,
    "two minutes, 10 MB",
)
CHROMIUM = Kit(
    "chromium",
    # certutil puts the tests' authority where Chromium looks.
    (Tool("chromium", "chromium"), Tool("certutil", "libnss3-tools", version=())),
    chromium_steps,
    "seconds",
)
KITS = (GO, NODE, RUST, CHROMIUM)


def peers():
    """For the table."""
    return [*rust_peers(), *go_peers(), *node_peers(), chromium_peer()]


def rust_peers():
    newest = pinned(RUST, "Cargo.toml", r'\ntungstenite = "=(\S+)"')
    tokio = pinned(RUST, "Cargo.toml", r'async-tungstenite = .*?"=([^"]+)"')
    old = pinned(RUST, "Cargo.toml", r'tungstenite_0_21 = .* version = "=([^"]+)"')
    return [
        rust("tungstenite-0.21", old, "tungstenite-0-21"),
        rust("tungstenite", newest, "tungstenite"),
        rust("tungstenite-leave-at-close", newest, "tungstenite", "--leave-at-close"),
        rust("async-tungstenite", tokio, "async-tungstenite"),
        rust("async-tungstenite-gst", tokio, "async-tungstenite", "--gst"),
    ]


def rust(name, version, program, *flags):
    command = (str(RUST.directory() / program), *flags)
    return Peer(name, version, command, build=RUST.build)


def go_peers():
    gorilla = pinned(GO, "go.mod", r"gorilla/websocket v(\S+)")
    coder = pinned(GO, "go.mod", r"coder/websocket v(\S+)")
    return [
        go("gorilla", gorilla, "gorilla"),
        go("gorilla-read-once", gorilla, "gorilla", "--read-once"),
        go("coder", coder, "coder"),
    ]


def go(name, version, program, *flags):
    return Peer(name, version, (str(GO.directory() / program), *flags), build=GO.build)


def node_peers():
    version = pinned(NODE, "package.json", r'"ws": "(\S+)"')
    program = NODE.directory() / "source" / "ws.js"
    return [Peer("ws", version, ("node", str(program)), build=NODE.build)]


def chromium_peer():
    version = CHROMIUM.tools[0].told_version() or "none"
    return Peer(
        "chromium",
        re.sub(r"^\D*|(?<=\d) .*", "", version),
        (sys.executable, str(HERE / "chromium" / "chromium_peer.py")),
        roles=("client",),
        build=CHROMIUM.build,
        start_timeout_s=60,
    )


def pinned(kit, file, pattern):
    """A version, from the file that pins it."""
    return re.search(pattern, (HERE / kit.name / file).read_text()).group(1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only say what is missing")
    check = parser.parse_args().check
    failed = 0
    for kit in KITS:
        if check:
            state = "built" if kit.is_complete() else "; ".join(kit.faults()) or "can be built"
            failed += not kit.is_complete()
            print(f"{kit.name}: {state}")
            continue
        try:
            kit.build()
        except BuildError as error:
            failed += 1
            print(f"build.py: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
