"""deploy, with the real mpremote, to a board that is the unix port on a terminal."""

import json
import socket
import subprocess
import sys

import application
import board as boards
import cli
import deployment
import littlefs_image
import mpy
import pytest
from applications import EXITS, RAISES, UNCONFIRMED, files, install
from simulated import PICO_W, PROGRAMS, SimulatedBoard

WAIT = ("--wait", "100")


def deploy(board, *more):
    return cli.main(["deploy", "--board", "UNIX", "--port", board.port, *(more or WAIT)])


def mpremote(board, *arguments):
    command = [sys.executable, "-m", "mpremote", "connect", board.port, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read(board, path):
    return board.read(path).decode()


def state(board):
    return json.loads(read(board, "/slots.json"))


@pytest.fixture(scope="module")
def flash_with_one(flash_port, tmp_path_factory):
    """What deploy leaves on an empty board, and a configuration."""
    scratch = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        install(patch, files("one"))
        empty = littlefs_image.build(PICO_W, {"/config.json": b"secret"}, PICO_W.vfs_size())
        with SimulatedBoard(flash_port, scratch, empty) as board:
            assert deploy(board) == 0, text(board)
            board.wait_for("the application one runs")
            assert state(board) == {"slot": "a"}
        return board.flash.read_bytes()


@pytest.fixture
def running(new_board, flash_with_one, next_application):
    """A board on which the application `one` runs, and has confirmed itself."""
    next_application(files("one"))
    with new_board(flash_with_one) as board:
        board.wait_for("the application one runs")
        yield board


def put(path, expression):
    """Code that writes a file."""
    return f"with open({path!r}, 'wb') as file: file.write({expression})"


def text(board):
    return board.output.decode(errors="replace")


def runs_again(running):
    """The first application does, since somebody was at the board's prompt."""
    running.wait_for("the application one runs", running.output.rindex(b"raw REPL"))


def test_first_deploy_and_the_next(running, next_application, capsys):
    version = next_application(files("two"))
    assert deploy(running) == 0, text(running)
    running.wait_for("slots: b is confirmed")
    running.wait_for("the application two runs")
    said = capsys.readouterr().err
    assert f"{version} runs, and has confirmed itself" in said
    assert state(running) == {"slot": "b"}
    assert read(running, "/config.json") == "secret"
    assert read(running, "/main.py") == (mpy.FIRMWARE / "main.py").read_text()


def test_what_is_there_is_not_written_again(running, capsys):
    before = running.flash.read_bytes()
    starts = running.starts
    assert deploy(running) == 0
    assert "is there already" in capsys.readouterr().err
    assert running.flash.read_bytes() == before
    assert running.starts > starts  # it had been interrupted, and runs again
    runs_again(running)


def test_dry_run_writes_nothing(running, next_application, capsys):
    version = next_application(files("two"))
    before = running.flash.read_bytes()
    assert deploy(running, "--dry-run") == 0
    said = capsys.readouterr().err
    assert f"Would write {version}" in said and "into slot b" in said
    assert running.flash.read_bytes() == before


@pytest.mark.parametrize("what, words", [
    (RAISES, "ValueError: broken"), (EXITS, "ended with status 1")
])  # fmt: skip
def test_broken_one_is_given_up_after_three_starts(running, next_application, capsys, what, words):
    version = next_application(files("broken", what))
    assert deploy(running) == 1
    said = capsys.readouterr().err
    assert f"{version} failed to start three times; the version before it runs again" in said
    assert words in said
    running.wait_for("back to the other")
    running.wait_for("slots: a, version", text(running).index("back to the other"))
    assert text(running).count("slots: b, version") == 3
    assert state(running) == {"slot": "a", "failed": "b"}
    # Its last words were asked for, and that took a reset; then a better one goes into its place.
    runs_again(running)
    next_application(files("mended"))
    assert deploy(running) == 0
    assert state(running) == {"slot": "b"}


def test_without_slots_what_fails_is_reset_and_starts_again(new_board):
    # As where the application is frozen: nobody comes to the prompt of a board in a ceiling.
    main = (mpy.FIRMWARE / "main.py").read_bytes()
    once = b"""\
import os
try:
    os.stat("/again")
except OSError:
    open("/again", "w").close()
    raise ValueError("broken")

def main(arguments):
    print("it runs")
"""
    contents = {"/main.py": main, "/lib/signalbox/start.py": once}
    with new_board(littlefs_image.build(PICO_W, contents, PICO_W.vfs_size())) as board:
        board.wait_for("ValueError: broken")
        board.wait_for("it runs")
        assert "ValueError: broken" in read(board, "/crash.txt")


def test_hanging_one_is_given_up_by_its_watchdog(running, next_application):
    hangs = "import machine\n    machine.WDT(timeout=1000)\n    while True: pass"
    next_application(files("hangs", hangs))
    assert deploy(running) == 1
    assert state(running) == {"slot": "a", "failed": "b"}


def test_not_confirmed_is_said_and_is_a_failure(running, next_application, capsys):
    next_application(files("lonely", UNCONFIRMED))
    assert deploy(running, "--wait", "8") == 1
    assert "has not confirmed itself" in capsys.readouterr().err


def test_one_that_is_on_trial_is_replaced_and_not_the_good_one(running, next_application):
    next_application(files("lonely", UNCONFIRMED))
    assert deploy(running, "--wait", "0") == 0
    running.wait_for("the application lonely runs")
    next_application(files("two"))
    assert deploy(running) == 0
    assert state(running) == {"slot": "b"}
    assert "v1" in read(running, "/slot_a/version")


def test_without_a_configuration_it_is_enough_to_start(new_board, next_application, capsys):
    next_application(files("fresh", UNCONFIRMED))
    with new_board() as board:
        assert deploy(board) == 0
        assert "make provision BOARD=UNIX" in capsys.readouterr().err
        assert state(board) == {"slot": "a", "starts": 1}


def test_without_a_configuration_one_that_fails_is_seen(new_board, next_application, capsys):
    next_application(files("broken", RAISES))
    with new_board() as board:
        assert deploy(board) == 1
        assert "has not confirmed itself" in capsys.readouterr().err


def test_the_report_on_the_board_when_nothing_was_heard(running, next_application, capsys):
    """As on a board with USB of its own, whose port is gone while it starts."""
    fails = "with open('/crash.txt', 'w') as f: f.write('ValueError: unheard')\n    return 1"
    next_application(files("broken", fails))
    assert deploy(running) == 1
    assert "ValueError: unheard" in capsys.readouterr().err
    runs_again(running)


@pytest.mark.parametrize("octets", [3000, 6000, 12000])
def test_cable_pulled_on_the_way(running, next_application, capsys, octets):
    """The board comes back by itself with the version it had; the next run does the rest."""
    running.watchdog_pace = 60
    next_application(files("two"))
    running.pull_after = octets
    assert deploy(running) in (1, 3)
    said = capsys.readouterr().err
    assert "Next: " in said and "Traceback" not in said
    assert running.pull_after == 0
    runs_again(running)
    running.watchdog_pace = 1
    running.plug()
    assert deploy(running) == 0
    running.wait_for("slots: b is confirmed")


def test_full_flash_is_refused_and_nothing_lost(running, next_application, capsys):
    mpremote(running, "exec", put("/full", "bytes(190 * 4096)"))
    next_application(files("two", more={"large": bytes(40000)}))
    before = text(running).count("the application one runs")
    assert deploy(running) == 4
    said = capsys.readouterr().err
    assert "the board's flash is full" in said and "KiB are free" in said
    runs_again(running)
    assert text(running).count("the application one runs") > before
    mpremote(running, "fs", "rm", ":/full")
    assert deploy(running) == 0


def test_flash_that_fills_up_on_the_way(running, next_application, capsys, monkeypatch):
    monkeypatch.setattr(deployment.Deployment, "blocks", lambda self: 0)
    mpremote(running, "exec", put("/full", "bytes(190 * 4096)"))
    next_application(files("two", more={"large": bytes(90000)}))
    assert deploy(running) == 1
    assert "the board's flash is full" in capsys.readouterr().err
    runs_again(running)


@pytest.mark.parametrize("implementation, status, words", [
    ({"_machine": "Raspberry Pi Pico W with RP2040"}, 3, "this is a RP2040"),
    ({"_machine": "Generic ESP32 module with ESP32", "platform": "esp32"}, 3, "this is a ESP32"),
    ({"version": [1, 27, 0, ""]}, 4, "1.28 or newer is needed"),
])  # fmt: skip
def test_wrong_board_is_refused(new_board, capsys, implementation, status, words):
    says = {"name": "micropython", "version": [1, 29, 0, ""], "_machine": "linux", "_mpy": 2822}
    says.update(implementation)
    if "RP2040" in says["_machine"]:
        says["platform"] = "rp2"
    with new_board(implementation=says) as board:
        board.wait_for(">>> ")
        before = board.flash.read_bytes()
        assert deploy(board) == status
        said = capsys.readouterr().err
        assert words in said and "nothing was written" in said
        assert board.flash.read_bytes() == before


def test_state_that_is_damaged_is_mended(running, next_application):
    mpremote(running, "exec", put("/slots.json", "'{'"))
    next_application(files("two"))
    assert deploy(running) == 0
    assert state(running) == {"slot": "b"}


def test_leftovers_of_other_versions_go(running, next_application):
    next_application(files("two", more={"signalbox/old/gone.py": b"", "signalbox/old.py": b""}))
    assert deploy(running) == 0
    next_application(files("three"))
    assert deploy(running) == 0
    next_application(files("four"))
    assert deploy(running) == 0
    for path in ("/slot_b/signalbox/old.py", "/slot_b/signalbox/old/gone.py"):
        with pytest.raises(KeyError):
            running.read(path)


def test_no_board(capsys, tmp_path):
    assert cli.main(["deploy", "--board", "UNIX", "--port", str(tmp_path / "none")]) == 3
    assert "Next: " in capsys.readouterr().err


def test_power_cut_at_every_change(
    new_board, flash_with_one, flash_port, next_application, tmp_path, tmp_path_factory
):
    """From the first change of the flash by a deploy to the one that confirms the new version."""
    firmware = application.tree(boards.load("UNIX"))  # so that there is as much to write
    version = next_application({**firmware, **files("two")})
    with new_board(flash_with_one, journal=True) as board:
        board.wait_for("the application one runs")
        assert deploy(board) == 0
        board.wait_for("the application two runs")
    (tmp_path / "before.bin").write_bytes(flash_with_one)
    status, output = flash_port.run(
        "-X", "heapsize=16m", PROGRAMS / "replay.py",
        tmp_path / "before.bin", board.journal, 212, 256, timeout_s=600,
    )  # fmt: skip
    assert status == 0, output
    ran = [line.split(" ", 2)[2] for line in output.splitlines() if line.startswith("cut ")]
    assert len(ran) == 2 and ran[1] == version, output  # the old one, then the new one
    changes = board.changes()
    assert f"cuts {2 * len(changes)}\n" in output
    assert len(changes) > 200
    # And the next deploy goes on from there.
    for number in (len(changes) // 3, len(changes) * 3 // 4):
        flash = bytearray(flash_with_one)
        for at, octets in changes[:number]:
            flash[at : at + len(octets)] = octets
        with SimulatedBoard(flash_port, tmp_path_factory.mktemp("cut"), flash) as board:
            board.wait_for("runs")
            assert deploy(board) == 0
            assert state(board) == {"slot": "b"}


def test_the_real_application_is_confirmed(new_board):
    """The firmware itself, as a signalling server on the loopback."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    config = {
        "name": "one",
        "mode": "server",
        "wifi": [],
        "ntp_server": "",
        "watchdog": False,
        "listen": {"host": "127.0.0.1", "port": port, "open": True},
    }
    octets = json.dumps(config).encode()
    contents = littlefs_image.build(PICO_W, {"/config.json": octets}, PICO_W.vfs_size())
    with new_board(contents) as board:
        assert deploy(board) == 0, text(board)
        board.wait_for("listening on")
        with socket.create_connection(("127.0.0.1", port), 30) as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = sock.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200"), text(board)[-1500:]
