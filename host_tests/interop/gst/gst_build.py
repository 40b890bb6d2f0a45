"""Builds and installs the GStreamer WebRTC systems that Signalbox is tested with.

    python3 tools/env.py exec python host_tests/interop/gst/gst_build.py

Everything comes from crates.io, npm, PyPI and Debian, in the versions below, each crate with the
dependencies of its own Cargo.lock. It is kept in SIGNALBOX_CACHE (or ~/.cache/signalbox), under a
name that the versions, the compiler and the options make, so that the second run only looks.
"""

import contextlib
import fcntl
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

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))

import env

HERE = Path(__file__).resolve().parent

# The releases 0.13.7 and 0.15.3 of gst-plugins-rs hold these versions of this crate, which has none
# by those numbers; and the newest.
SERVERS = ("0.13.6", "0.15.2", "0.15.4")
SERVER_CRATE = "gst-plugin-webrtc-signalling"
SERVER = "gst-webrtc-signalling-server"
PLUGIN = "0.15.3"
PLUGIN_CRATE = "gst-plugin-webrtc"
PLUGIN_FILE = "libgstrswebrtc.so"
OLDEST_RUST = (1, 92)
# What is built runs for seconds, so what counts is the time that it takes to build.
PROFILE = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_DEBUG": "false",
}

DEBIAN_PACKAGES = (
    # to build with
    "gcc",
    "libc6-dev",
    "libssl-dev",
    "pkg-config",
    "libgstreamer1.0-dev",
    "libgstreamer-plugins-base1.0-dev",
    "libgstreamer-plugins-bad1.0-dev",
    # to run
    "gstreamer1.0-tools",
    "gstreamer1.0-nice",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "chromium",
    "iproute2",
)

STEP_TIMEOUT_S = 1800
TELL_EVERY_S = 20
TAIL_LINES = 8


class BuildError(Exception):
    """What is missing and what to do about it, for the person who ran the command."""


@dataclass(frozen=True)
class Systems:
    """Where everything is."""

    servers: dict  # by version: the program gst-webrtc-signalling-server
    plugins: Path  # directory with the plugin of webrtcsink and webrtcsrc, for GST_PLUGIN_PATH
    registry: Path  # file for GST_REGISTRY
    api: Path  # gstwebrtc-api, in one script
    python: Path  # directory with Playwright, for sys.path


def systems():
    """Everything, after making what isn't there yet. BuildError."""
    check_platform()
    install_debian_packages()
    rust = rust_version()
    profile = sorted(PROFILE.items())
    parts = {
        version: part(f"server-{version}", build_server(version), rust, profile)
        for version in SERVERS
    }
    gstreamer = output("pkg-config", "--modversion", "gstreamer-1.0")
    plugin = part(f"plugin-{PLUGIN}", build_plugin, rust, profile, gstreamer)
    web_files = [HERE / "page" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    web = part("web", install_web(web_files), *(path.read_text() for path in web_files))
    requirements = HERE / "requirements.txt"
    tag = sys.implementation.cache_tag
    python = part("python", install_python(requirements), requirements.read_text(), tag)
    shutil.rmtree(root() / "target", ignore_errors=True)
    return Systems(
        servers={version: path / "bin" / SERVER for version, path in parts.items()},
        plugins=plugin,
        registry=plugin / f"registry-{platform.machine()}.bin",
        api=next((web / "node_modules" / "gstwebrtc-api" / "dist").glob("*.min.js")),
        python=python,
    )


def root():
    """The directory that holds it all."""
    return Path(env.cache_dir()) / "gst"


def part(name, make, *key):
    """The directory of one part, after `make(directory)` if it isn't there with this `key`."""
    digest = hashlib.sha256(repr((name, key)).encode()).hexdigest()[:12]
    path = root() / f"{name}-{digest}"
    if not (path / "complete").exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent / "lock"):
            if not (path / "complete").exists():  # else another process was quicker
                shutil.rmtree(path, ignore_errors=True)
                path.mkdir()
                make(path)
                (path / "complete").touch()
    return path


@contextlib.contextmanager
def locked(path):
    """One process at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# What has to be there


def check_platform():
    """The plugin is built for Debian's GStreamer, and the tests need network namespaces."""
    if sys.platform != "linux" or not (shutil.which("dpkg-query") and shutil.which("apt-get")):
        raise BuildError("needs Debian (or a relative), for GStreamer and Chromium")
    for tool, package in (("npm", "npm"), ("node", "nodejs")):
        if not shutil.which(tool):
            raise BuildError(f"needs {tool}\nNext: apt-get install {package}")


def install_debian_packages():
    """Install those that are missing; as another user than root only say which."""
    missing = [name for name in DEBIAN_PACKAGES if not is_installed(name)]
    if not missing:
        return
    command = [
        "apt-get",
        "-oDPkg::Lock::Timeout=600",
        "install",
        "--yes",
        "--no-install-recommends",
        *missing,
    ]
    if os.geteuid():
        raise BuildError(f"needs Debian packages\nNext: as root, {shlex.join(command)}")
    log = root() / "debian.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    with locked(log.parent / "lock"):
        log.write_text("")
        hint = "see that apt-get reaches its mirror"
        # An update that fails shows in the installation, if it matters.
        with contextlib.suppress(BuildError):
            step("Debian's package lists", ["apt-get", "update"], log, hint, environ)
        step(f"{len(missing)} Debian packages", command, log, hint, environ)


def is_installed(package):
    """Whether dpkg has it, completely."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    done = subprocess.run(query, capture_output=True, text=True)
    return done.stdout == "installed"


def rust_version():
    """What rustc calls itself. BuildError if it is missing or too old."""
    oldest = ".".join(map(str, OLDEST_RUST))
    hint = f"Next: install Rust {oldest} or newer (rustc and cargo)"
    if not (shutil.which("cargo") and shutil.which("rustc")):
        raise BuildError(f"needs cargo and rustc\n{hint}")
    text = output("rustc", "--version")
    found = re.match(r"rustc (\d+)\.(\d+)", text)
    if not found or tuple(map(int, found.groups())) < OLDEST_RUST:
        raise BuildError(f"{text} is too old\n{hint}")
    return text


def output(*command):
    """The first line that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise BuildError(f"{shlex.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


# What is made


def build_server(version):
    """The upstream signalling server."""

    def make(path):
        command = ["cargo", "install", "--locked", "--no-track", "--version", version]
        command += ["--target-dir", str(root() / "target"), "--root", str(path), SERVER_CRATE]
        run_cargo(f"{SERVER} {version}", command, path / "log")

    return make


def build_plugin(path):
    """The plugin with webrtcsink and webrtcsrc.

    The crate is a library, which `cargo install` refuses; so it is built where cargo unpacked it.
    """
    log = path / "log"
    run_cargo("source of the plugin", ["cargo", "info", f"{PLUGIN_CRATE}@{PLUGIN}"], log)
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    sources = sorted(cargo.glob(f"registry/src/*/{PLUGIN_CRATE}-{PLUGIN}"))
    if not sources:
        raise BuildError(f"cargo didn't unpack {PLUGIN_CRATE} in {cargo}/registry/src: see {log}")
    target = root() / "target"
    command = ["cargo", "build", "--locked", "--release", "--lib", "--no-default-features"]
    command += ["--target-dir", str(target), "--manifest-path", str(sources[-1] / "Cargo.toml")]
    run_cargo(f"webrtcsink and webrtcsrc {PLUGIN}", command, log)
    shutil.copy(target / "release" / PLUGIN_FILE, path)


def run_cargo(what, command, log):
    environ = dict(os.environ, CARGO_TERM_COLOR="never", **PROFILE)
    # Not in a directory whose own settings cargo would take.
    step(what, command, log, "see that cargo reaches crates.io", environ, cwd=log.parent)


def install_web(files):
    """gstwebrtc-api, for a browser."""

    def make(path):
        for file in files:
            shutil.copy(file, path)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        step("gstwebrtc-api", command, path / "log", "see that npm reaches its registry", cwd=path)

    return make


def install_python(requirements):
    """Playwright, which drives the browser."""

    def make(path):
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
        command += ["--no-deps", "--target", str(path), "-r", str(requirements)]
        environ = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
        hint = "see that pip reaches its package index"
        step("Playwright", command, path.with_suffix(".log"), hint, environ)

    return make


def step(what, command, log, hint, environ=None, cwd=None):
    """Run a command into the log, telling every now and then how far it is. BuildError."""
    say(f"  {what} ...")
    started = time.monotonic()
    with log.open("a") as file:
        print("$", shlex.join(command), file=file, flush=True)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environ, cwd=cwd
        )
        problem = None
        while True:
            try:
                status = process.wait(TELL_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                spent = time.monotonic() - started
                if spent > STEP_TIMEOUT_S:
                    process.kill()
                    process.wait()
                    problem = f"took longer than {STEP_TIMEOUT_S} s"
                    break
                say(f"    {spent:.0f} s: {last_lines(log, 1).strip()[:70]}")
    if problem is None and status:
        problem = f"failed ({status})"
    if problem:
        raise BuildError(
            f"{shlex.join(command)} {problem}:\n{last_lines(log, TAIL_LINES)}\n"
            f"Next: {hint}, and try again. All of the output: {log}"
        )
    say(f"  {what}: {time.monotonic() - started:.0f} s")


def last_lines(path, n):
    return "\n".join(path.read_text(errors="replace").splitlines()[-n:])


def say(text):
    """Progress goes to stderr: stdout is the answer."""
    print(text, file=sys.stderr, flush=True)


def main():
    """Make everything, and print where it is."""
    try:
        made = systems()
    except (BuildError, OSError) as error:
        say(f"gst_build.py: {error}")
        return 1
    for version, path in made.servers.items():
        print(f"{SERVER} {version}: {path}")
    print(f"webrtcsink and webrtcsrc {PLUGIN}: {made.plugins}")
    print(f"gstwebrtc-api: {made.api}")
    print(f"Playwright: {made.python}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
