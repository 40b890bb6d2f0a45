"""What mip and manifests install of the firmware for each feature."""

import http.server
import json
import subprocess
import sys
import threading

import mpy
import packages
import pytest
from unix_port import UnixPort

IMPORTS = mpy.imports_of_firmware()


def test_they_are_what_the_modules_import():
    for path, text in packages.outputs().items():
        assert path.read_text() == text, f"{path}: make packages"


@pytest.mark.parametrize("feature", packages.FEATURES)
def test_a_feature_alone_can_be_imported(feature, micropython, tmp_path):
    """On a MicroPython that has nothing else but what mip installs."""
    name = "package" if feature == "all" else feature
    for path, url in json.loads((packages.FIRMWARE / f"{name}.json").read_text())["urls"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((packages.FIRMWARE / url).read_bytes())
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{tmp_path}:.frozen"
    # hardware.py is for boards: the unix port has neither pins nor UARTs.
    roots = [
        root
        for root in packages.FEATURES[feature].roots
        if not root.endswith(("_native", "_cpython", "_host", "hardware"))
    ]
    code = "".join(f"import {root}\n" for root in roots)
    status, output = port.run("-X", "heapsize=4m", "-c", code, timeout_s=60)
    assert status == 0, output


def test_a_feature_has_no_more_than_it_needs():
    client = packages.files("client", IMPORTS)
    assert "signalbox.net.client" in client and "signalbox.ws.handshake_client" in client
    for other in ("net.server", "ws.handshake_server", "net.tls", "signalling.broker"):
        assert f"signalbox.{other}" not in client
    assert "signalbox.net.client" not in packages.files("server", IMPORTS)


class Manifest:
    """Runs a manifest as MicroPython's tool does, with what it requires. `files`: what it has."""

    def __init__(self, name):
        self.files = []
        self.libraries = []
        self._done = set()
        self._require(name, library=packages.NAME)

    def _require(self, name, library=None):
        if library is None:
            self.libraries.append(name)
        elif name not in self._done:
            self._done.add(name)
            path = packages.FIRMWARE / "packages" / name / "manifest.py"
            names = {"metadata": self._metadata, "require": self._require}
            exec(path.read_text(), {**names, "package": self._package(path.parent)})

    def _metadata(self, description, version):
        assert description and version == packages.VERSION

    def _package(self, directory):
        def package(name, files, base_path, opt):
            assert opt == 3
            for file in files:
                assert (directory / base_path / name / file).is_file()
                self.files.append(f"{name}/{file}")

        return package


@pytest.mark.parametrize("feature", packages.FEATURES)
def test_a_manifest_has_each_file_once(feature):
    manifest = Manifest(packages.package_name(feature))
    assert len(manifest.files) == len(set(manifest.files))
    wanted = {packages.path_of(module) for module in packages.files(feature, IMPORTS)}
    assert wanted <= set(manifest.files)
    more = set()
    for other in packages.required(feature, IMPORTS):
        more.update(packages.path_of(module) for module in packages.files(other, IMPORTS))
    assert set(manifest.files) <= wanted | more
    assert manifest.libraries == (["ssl"] if feature in ("tls", "all") else [])


def mip(board, *arguments):
    command = [sys.executable, "-m", "mpremote", "connect", board.port, "mip", "install"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mip_installs_a_local_package_that_then_works(new_board):
    with new_board() as board:
        board.wait_for(">>> ")
        mip(board, packages.FIRMWARE / "ws.json")
        code = (
            "from signalbox.ws.connection import Connection\n"
            "print('it is', Connection(client=True))"
        )
        command = [sys.executable, "-m", "mpremote", "connect", board.port, "exec", code]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "it is <Connection" in done.stdout, done.stdout + done.stderr


class Index(http.server.BaseHTTPRequestHandler):
    """A package index with one package."""

    def do_GET(self):
        file = self.path.startswith("/file/")
        package = {"hashes": [["ssl.mpy", "ab" * 4]], "version": "0.2.1"}
        self.send_response(200 if file or "/ssl/latest.json" in self.path else 404)
        self.end_headers()
        self.wfile.write(b"M\x06 ssl" if file else json.dumps(package).encode())

    def log_message(self, *_):
        pass


def test_mip_installs_what_it_depends_on(new_board):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with new_board() as board:
            board.wait_for(">>> ")
            index = f"http://127.0.0.1:{server.server_port}"
            mip(board, "--index", index, packages.FIRMWARE / "tls.json")
            assert board.read("/lib/signalbox/net/tls.py")
            assert board.read("/lib/ssl.mpy") == b"M\x06 ssl"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
