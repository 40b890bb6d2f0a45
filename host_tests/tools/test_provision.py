"""provision, with the real mpremote, to a board that is the unix port on a terminal."""

import fcntl
import json
import os
import pty
import select
import shutil
import ssl
import subprocess
import sys
import termios
import time
from pathlib import Path

import cli
import click
import commands.provision as provision_command
import pem
import provisioning
import pytest
import remote
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from faults import WrongInput
from simulated import PICO_W, littlefs_image

sys.path.append(str(Path(__file__).parents[1] / "sockets"))

from certificates import Certificates

SIGNALBOX = Path(cli.__file__).parent / "signalbox.py"
PASSWORD = "correct horse battery"
TOKEN = "server-token-0123456789"
ENV = f"""\
NAME=Door camera
WIFI_SSID=studio
WIFI_PASSWORD="{PASSWORD}"
SERVER_URL=ws://192.168.1.2:8443/
SERVER_TOKEN={TOKEN}
"""
FILL = """
file = open("/full", "wb")
try:
    while True:
        file.write(bytes(512))
        file.flush()
except OSError:
    file.close()
"""
EXPECTED = {
    "name": "Door camera",
    "wifi": [{"ssid": "studio", "password": PASSWORD}],
    "server": {"url": "ws://192.168.1.2:8443/", "token": TOKEN},
    "mode": "client",
}


def provision(board, *more):
    return cli.main(["provision", "--board", "UNIX", "--port", board.port, *map(str, more)])


def holding(config):
    """A flash with this configuration."""
    octets = config if isinstance(config, bytes) else json.dumps(config).encode()
    return littlefs_image.build(PICO_W, {"/config.json": octets}, PICO_W.vfs_size())


def config_of(board):
    return json.loads(board.read("/config.json"))


@pytest.fixture
def env_file(tmp_path):
    """A function: a file with these lines."""

    def write(text=ENV):
        path = tmp_path / "settings.env"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def commands(monkeypatch):
    """The arguments of every program that was started for the board."""
    seen = []
    command = remote._command

    def spy(port, arguments):
        seen.append(command(port, arguments))
        return seen[-1]

    monkeypatch.setattr(remote, "_command", spy)
    return seen


def test_from_a_file_and_the_secrets_are_nowhere_else(new_board, env_file, commands, capfd):
    with new_board() as board:
        assert provision(board, "--env", env_file()) == 0
        assert config_of(board) == EXPECTED
    said = "".join(capfd.readouterr())
    assert "Set mode, name, server, wifi" in said
    assert len(commands) > 2
    for secret in (PASSWORD, TOKEN):
        assert secret not in said
        assert secret not in str(commands)


def test_it_is_merged_with_what_is_there(new_board, env_file, capsys):
    old = {**EXPECTED, "name": "Old", "watchdog": False, "device": {"driver": "simulated"}}
    with new_board(holding(old)) as board:
        assert (
            provision(board, "--env", env_file("NAME=New\nWIFI_SSID=hall\nWIFI_PASSWORD=\n")) == 0
        )
        network = {"ssid": "hall", "password": ""}
        assert config_of(board) == {**old, "name": "New", "wifi": [network, *old["wifi"]]}
    assert "Set name, wifi;" in capsys.readouterr().err


def test_more_keys_from_json(new_board, env_file, tmp_path):
    more = tmp_path / "device.json"
    more.write_text('{"device": {"driver": "simulated"}, "control": {"rate": 10}}')
    with new_board(holding({**EXPECTED, "control": {"idle_ms": 5000}})) as board:
        assert provision(board, "--env", env_file("NAME=x"), "--config", more) == 0
        assert config_of(board)["control"] == {"idle_ms": 5000, "rate": 10}
        assert config_of(board)["device"] == {"driver": "simulated"}


def test_what_the_firmware_refuses_is_not_written(new_board, env_file, capsys):
    with new_board(holding(EXPECTED)) as board:
        before = board.flash.read_bytes()
        assert provision(board, "--env", env_file("WIFI_SSID=studio\nWIFI_PASSWORD=short7!\n")) == 2
        said = capsys.readouterr().err
        assert "wifi[0].password: must be" in said and "short7!" not in said
        assert board.flash.read_bytes() == before


@pytest.mark.parametrize("text, words", [
    ("WIFI=studio", "there is no setting WIFI"),
    ("NAME", "NAME has no value"),
    ("WIFI_PASSWORD=12345678", "WIFI_PASSWORD without WIFI_SSID"),
])  # fmt: skip
def test_a_file_that_is_wrong(new_board, env_file, capsys, text, words):
    with new_board() as board:
        assert provision(board, "--env", env_file(text)) == 2
        assert words in capsys.readouterr().err


def test_dry_run_writes_nothing(new_board, env_file, capsys):
    with new_board(holding(EXPECTED)) as board:
        before = board.flash.read_bytes()
        assert provision(board, "--env", env_file("NAME=New"), "--dry-run") == 0
        assert "Would set name" in capsys.readouterr().err
        assert board.flash.read_bytes() == before


def test_what_is_there_is_no_configuration(new_board, env_file, capsys):
    with new_board(holding(b"{broken")) as board:
        assert provision(board, "--env", env_file()) == 4
        assert "--replace" in capsys.readouterr().err
        assert board.read("/config.json") == b"{broken"
        assert provision(board, "--env", env_file(), "--replace") == 0
        assert config_of(board) == EXPECTED


WRONG_SHAPES = [
    ({"wifi": {"ssid": "studio"}}, "wifi must be a list of objects"),
    ({"wifi": ["studio"]}, "wifi must be a list of objects"),
    ({"server": "ws://192.168.1.2:8443/"}, "server must be an object"),
    ({"listen": ["0123456789abcdef"]}, "listen must be an object"),
    ([], "it must be an object"),
]


@pytest.mark.parametrize("value, words", WRONG_SHAPES)
def test_what_is_there_has_another_shape(new_board, env_file, capsys, value, words):
    before = {**EXPECTED, **value} if isinstance(value, dict) else value
    with new_board(holding(before)) as board:
        assert provision(board, "--env", env_file()) == 4
        said = capsys.readouterr().err
        assert words in said and "--replace" in said
        assert config_of(board) == before


@pytest.mark.parametrize("value, words", WRONG_SHAPES)
def test_more_keys_of_another_shape(tmp_path, capsys, value, words):
    more = tmp_path / "more.json"
    more.write_text(json.dumps(value))
    command = ["provision", "--board", "UNIX", "--port", "none", "--config", str(more)]
    assert cli.main(command) == 2
    said = capsys.readouterr().err
    assert f"{more}: {words}" in said and "CONFIG.md" in said


def test_a_value_of_another_kind_is_not_offered(monkeypatch):
    """As it is, click would take it for the answer's type."""
    offered = {}

    def prompt(text, default=None, **_):
        offered[text] = default
        return ""

    monkeypatch.setattr(click, "prompt", prompt)
    found = {"name": 5, "wifi": [{"ssid": ["studio"]}], "server": {"url": {}}}
    provision_command.ask(found, token="0123456789abcdef")
    assert set(offered.values()) == {""}


def test_a_board_that_was_a_server_becomes_a_client_of_the_one_that_is_named(
    new_board, env_file, tmp_path, capsys
):
    old = {"name": "d", "mode": "server", "wifi": [], "listen": {"token": "0123456789abcdef"}}
    url = "SERVER_URL=ws://192.168.1.2:8443/\n"
    with new_board(holding(old)) as board:
        assert provision(board, "--env", env_file(url)) == 0
        assert "Set mode, server;" in capsys.readouterr().err
        assert config_of(board)["mode"] == "client"
        # One that is named stays.
        for more in ('{"mode": "both"}', '{"mode": "server"}'):
            path = tmp_path / "more.json"
            path.write_text(more)
            text = url.replace("192.168.1.2", "a") if "both" in more else url
            assert provision(board, "--env", env_file(text), "--config", path) == 0
            assert config_of(board)["mode"] == json.loads(more)["mode"]
        text = url.replace("192.168.1.2", "b") + "MODE=server\n"
        assert provision(board, "--env", env_file(text)) == 0
        assert config_of(board)["mode"] == "server"
        # The same server again is no wish for another mode.
        assert provision(board, "--env", env_file(text.split("\n")[0] + "\nNAME=e\n")) == 0
        assert config_of(board)["mode"] == "server"


def test_a_file_that_is_not_utf_8(tmp_path, capsys):
    path = tmp_path / "settings.env"
    path.write_bytes("NAME=Tür\n".encode("latin-1"))
    assert cli.main(["provision", "--board", "UNIX", "--port", "none", "--env", str(path)]) == 2
    assert "is not UTF-8" in capsys.readouterr().err


def test_a_token_for_which_there_is_no_place(tmp_path, capsys):
    token = tmp_path / "none" / "token"
    command = ["provision", "--board", "UNIX", "--port", "none", "--generate-token", str(token)]
    assert cli.main(command) == 2
    assert f"there is no folder {token.parent}" in capsys.readouterr().err
    with pytest.raises(WrongInput, match="nothing was written"):
        provision_command.save_token(tmp_path, "0123456789abcdef")


def test_what_is_there_is_empty(new_board, env_file):
    with new_board(holding(b"")) as board:
        assert provision(board, "--env", env_file()) == 0
        assert config_of(board) == EXPECTED


def test_a_generated_token_is_in_a_file_and_on_the_board(new_board, env_file, tmp_path, capsys):
    path = tmp_path / "token"
    settings = env_file("NAME=x\nWIFI_SSID=studio\nWIFI_PASSWORD=12345678\n")
    with new_board() as board:
        assert provision(board, "--env", settings, "--generate-token", path) == 0
        token = path.read_text().strip()
        assert len(token) >= 32 and path.stat().st_mode & 0o777 == 0o600
        assert config_of(board)["listen"] == {"token": token}
        assert config_of(board)["mode"] == "server"
        assert token not in capsys.readouterr().err
        assert provision(board, "--env", settings, "--generate-token", path) == 2
        assert path.read_text().strip() == token


def test_secrets_stay_out_of_the_repository(new_board, capsys):
    root = SIGNALBOX.parent.parent
    path = root / "host_tests" / "tools" / "provision-test.txt"
    path.write_text(ENV)
    try:
        assert cli.main(["provision", "--board", "UNIX", "--port", "none", "--env", str(path)]) == 2
        assert "git does not ignore it" in capsys.readouterr().err
    finally:
        path.unlink()


def test_secrets_stay_out_of_any_repository(tmp_path, monkeypatch, capsys):
    if not shutil.which("git"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no git")
    repository = tmp_path / "other"
    subprocess.run(["git", "init", "-q", repository], check=True)
    (repository / ".gitignore").write_text("*.env\n")
    for name in ("door.txt", "door.env"):
        (repository / name).write_text("NAME=door")
    command = ["provision", "--board", "UNIX", "--port", "none", "--env"]
    assert cli.main([*command, str(repository / "door.txt")]) == 2
    assert "git does not ignore it" in capsys.readouterr().err
    provisioning.refuse_in_repository(repository / "door.env")
    # Without git, only what is in no repository can't be committed.
    monkeypatch.setenv("PATH", "")
    assert cli.main([*command, str(repository / "door.env")]) == 2
    assert "there is no git to ask" in capsys.readouterr().err
    provisioning.refuse_in_repository(tmp_path / "door.env")


def test_certificates_become_part_of_the_configuration(new_board, tmp_path, capfd):
    with new_board(holding(EXPECTED)) as board:
        for form in ("PEM", "DER"):
            issued = Certificates(tmp_path, form=form)
            assert provision(board, "--ca", issued.ca_file) == 0
            ca = config_of(board)["server"]["ca"]
            assert ssl.PEM_cert_to_DER_cert(ca) == der(issued.ca_file)
            assert config_of(board)["server"]["url"] == EXPECTED["server"]["url"]
        more = tmp_path / "listen.json"
        more.write_text('{"listen": {"open": true}}')
        issued = Certificates(tmp_path, form="DER")
        files = ("--cert", issued.cert_file, "--key", issued.key_file)
        assert provision(board, "--config", more, *files) == 0
        listen = config_of(board)["listen"]
        assert ssl.PEM_cert_to_DER_cert(listen["cert"]) == der(issued.cert_file)
        assert listen["key"].startswith("-----BEGIN PRIVATE KEY-----\n")
        issued = Certificates(tmp_path, between=1)
        files = ("--cert", issued.cert_file, "--key", issued.key_file)
        assert provision(board, "--config", more, *files) == 0
        listen = config_of(board)["listen"]
        assert listen["cert"] == Path(issued.cert_file).read_text()
        assert listen["cert"].count("-----BEGIN CERTIFICATE-----") == 2
        assert listen["key"] == Path(issued.key_file).read_text()
        assert config_of(board)["server"]["ca"] == ca
    said = "".join(capfd.readouterr())
    assert "Set server.ca;" in said and listen["key"][40:80] not in said


def test_only_the_certificates_of_a_file_are_taken(tmp_path):
    issued = Certificates(tmp_path)
    plain = Path(issued.ca_file).read_text()
    path = tmp_path / "described.pem"
    path.write_text("Certificate:\n  Data:\n" + plain.replace("\n", "\r\n").rstrip() + "\r\nend")
    assert pem.authority(path) == plain


def test_certificates_that_are_wrong(tmp_path, capsys):
    issued = Certificates(tmp_path)
    (tmp_path / "other").mkdir()
    other = Certificates(tmp_path / "other")
    p256 = ec.generate_private_key(ec.SECP256R1())
    password = serialization.BestAvailableEncryption(b"password")
    encrypted = key_file(tmp_path / "encrypted", p256, password)
    edwards = key_file(tmp_path / "edwards", ed25519.Ed25519PrivateKey.generate())
    brainpool = key_file(tmp_path / "brainpool", ec.generate_private_key(ec.BrainpoolP256R1()))
    for arguments, words in (
        (("--ca", issued.key_file), "there is no certificate in it"),
        (("--ca", Path(__file__)), "give a file with certificates, PEM or DER"),
        (("--cert", issued.cert_file), "--cert and --key belong together"),
        (("--cert", issued.cert_file, "--key", other.key_file), "is no key for"),
        (("--cert", issued.cert_file, "--key", issued.cert_file), "no private key in it"),
        (("--cert", issued.cert_file, "--key", encrypted), "it is encrypted"),
        (("--cert", issued.cert_file, "--key", edwards), "of this kind (Ed25519PublicKey)"),
        (("--cert", issued.cert_file, "--key", brainpool), "of this kind (brainpoolP256r1)"),
    ):
        command = ["provision", "--board", "UNIX", "--port", "none", *map(str, arguments)]
        assert cli.main(command) == 2
        assert words in capsys.readouterr().err


def test_a_configuration_that_would_be_too_large(new_board, tmp_path, capsys):
    many = tmp_path / "many.pem"
    many.write_text("".join(Path(Certificates(tmp_path).ca_file).read_text() for _ in range(40)))
    with new_board(holding(EXPECTED)) as board:
        assert provision(board, "--ca", many) == 2
        assert "give fewer certificates" in capsys.readouterr().err
        assert config_of(board) == EXPECTED


def der(path):
    octets = Path(path).read_bytes()
    return ssl.PEM_cert_to_DER_cert(octets.decode()) if b"-----" in octets else octets


def key_file(path, key, encryption=None):
    """Write the private key there, as PEM."""
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            encryption or serialization.NoEncryption(),
        )
    )
    return path


def test_full_flash_leaves_the_old_one(new_board, capsys, tmp_path):
    large = tmp_path / "large.json"
    origins = [f"https://{'o' * 500}{i}.example" for i in range(8)]
    large.write_text(json.dumps({"mode": "both", "listen": {"open": True, "origins": origins}}))
    with new_board(holding(EXPECTED)) as board:
        remote.run(board.port, "exec", FILL)
        assert provision(board, "--config", large) == 1
        assert "the old one is as it was" in capsys.readouterr().err
        assert config_of(board) == EXPECTED


def test_questions(new_board):
    """On a terminal: secrets are not echoed, what is there is offered."""
    with new_board(holding({**EXPECTED, "name": "Old"})) as board:
        terminal = Terminal(["provision", "--board", "UNIX", "--port", board.port])
        terminal.answer("Name of the device [Old]: ", "Door camera")
        terminal.answer("Wi-Fi network [studio]: ", "hall")
        terminal.answer("Its password: ", "another password")
        terminal.answer("one) [ws://192.168.1.2:8443/]: ", "")
        terminal.answer("[as it is]: ", "")
        assert terminal.wait() == 0, terminal.seen
        assert "another password" not in terminal.seen and TOKEN not in terminal.seen
        networks = [{"ssid": "hall", "password": "another password"}, *EXPECTED["wifi"]]
        assert config_of(board) == {**EXPECTED, "wifi": networks}


class Terminal:
    """signalbox.py on a terminal of its own."""

    def __init__(self, arguments):
        self._end, inside = pty.openpty()

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self._process = subprocess.Popen(
            [sys.executable, SIGNALBOX, *arguments],
            stdin=inside, stdout=inside, stderr=inside, preexec_fn=own_terminal,
        )  # fmt: skip
        os.close(inside)
        self.seen = ""

    def answer(self, prompt, text):
        """Wait for a prompt, and answer it."""
        deadline = time.monotonic() + 60
        while not self.seen.endswith(prompt):
            assert self._read(deadline - time.monotonic()), self.seen
        os.write(self._end, text.encode() + b"\n")

    def wait(self):
        """Its exit status."""
        while self._read(60):
            pass
        os.close(self._end)
        return self._process.wait(60)

    def _read(self, timeout_s):
        if not select.select([self._end], [], [], max(0, timeout_s))[0]:
            return False
        try:
            octets = os.read(self._end, 4096)
        except OSError:  # the other end is closed
            return False
        self.seen += octets.decode().replace("\r", "")
        return bool(octets)
