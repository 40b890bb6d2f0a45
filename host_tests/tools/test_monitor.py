"""monitor: what a board prints, decoded; at a board that is the unix port on a terminal."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import application
import board as boards
import cli
import commands.monitor as command
import monitoring
import mpy
import pytest
import serial
from applications import files, installed_flash
from faults import NoBoard
from lines import Lines
from unix_port import Program, UnixPort

SIGNALBOX = Path(cli.__file__).parent / "signalbox.py"
TALKS = "print('peer 7 closed: code=1000 clean=True initiator=peer')\n    slots.confirm()"


def monitor(board, *more):
    return cli.main(["monitor", "--port", board.port, *map(str, more)])


@pytest.fixture
def talking(new_board):
    """A board whose application prints an outcome."""
    with new_board(installed_flash(files("one", TALKS))) as board:
        board.wait_for("the application one runs")
        yield board


@contextlib.contextmanager
def again_and_again(action):
    """Do it every few seconds: whoever waits for its effect may begin late."""
    over = threading.Event()

    def run():
        while not over.wait(4):
            action()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_until_a_line_and_what_was_printed_before(talking, tmp_path, capsys):
    log = tmp_path / "log"
    with again_and_again(talking.power_cycle):
        until = ["--until", "one runs", "--timeout", "60"]
        assert monitor(talking, *until, "--save", log) == 0
    shown = capsys.readouterr().out
    assert "peer 7 closed: code=1000 clean=True" in shown
    saved = log.read_text().splitlines()
    assert [line[20:] for line in saved] == shown.splitlines()
    assert saved[0][:2] == "20"


def test_a_line_that_does_not_come(talking, capsys):
    assert monitor(talking, "--until", "never printed", "--timeout", "1") == 1
    assert "no line had 'never printed' in it" in capsys.readouterr().err


def test_a_reset_and_a_pulled_cable_are_waited_for(talking, tmp_path, capsys):
    link = tmp_path / "port"
    link.symlink_to(talking.port)

    def unplug_and_plug():
        talking.pull()
        talking.plug()
        link.unlink()
        link.symlink_to(talking.port)

    with Lines(str(link)) as lines:
        unplug_and_plug()
        with again_and_again(talking.power_cycle):
            seen = []
            while "the application one runs" not in seen:
                line = lines.read(60)
                assert line is not None, seen
                seen.append(line)


def test_once_ends_when_the_board_goes(talking):
    with again_and_again(talking.pull):
        assert monitor(talking, "--once", "--timeout", "60") in (0, 3)  # 3: it was gone already
    assert cli.main(["monitor", "--port", talking.port, "--once"]) == 3


def no_permission(*_, **__):
    raise serial.SerialException(errno.EACCES, "could not open port: Permission denied")


def test_a_port_that_may_not_be_opened(monkeypatch, capsys):
    monkeypatch.setattr(serial, "serial_for_url", no_permission)
    assert cli.main(["monitor", "--port", "/dev/ttyACM0", "--timeout", "60"]) == 3
    said = capsys.readouterr().err
    assert "you may not open /dev/ttyACM0" in said and "usermod -a -G dialout" in said


def test_a_port_that_comes_and_may_not_be_opened(monkeypatch, capsys):
    """At first that is so of any: a port gets its group when it is there already."""
    monkeypatch.setattr(command, "FORBIDDEN_S", 0.2)
    with Lines("/dev/none") as lines:
        monkeypatch.setattr(serial, "serial_for_url", no_permission)
        started = time.monotonic()
        with pytest.raises(NoBoard, match="you may not open /dev/none"):
            command.follow(lines, None, None, False, started + 60)
        assert time.monotonic() - started > 0.2


def test_a_url_that_is_none(capsys):
    assert cli.main(["monitor", "--port", "http://192.0.2.1", "--timeout", "1"]) == 2
    said = capsys.readouterr().err
    assert "http://192.0.2.1: invalid URL" in said and "Next: name the board's port" in said


def test_a_file_that_can_not_be_saved(tmp_path, capsys):
    path = tmp_path / "none" / "log"
    assert cli.main(["monitor", "--port", "/dev/none", "--save", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}: No such file or directory" in said and "name another file" in said


def test_ctrl_c_ends_it_cleanly_and_leaves_the_board_alone(talking):
    program = Program(
        subprocess.Popen(
            [sys.executable, SIGNALBOX, "monitor", "--port", talking.port],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    )
    try:
        with again_and_again(talking.power_cycle):
            program.wait_for_line("the application one runs")
        starts = talking.starts
        os.kill(program.pid, signal.SIGINT)
        assert program.wait(30) == 0
        assert "Traceback" not in program.output
    finally:
        program.stop()
    assert talking.starts == starts and b"KeyboardInterrupt" not in talking.output


def test_a_port_or_a_board_is_needed(capsys):
    assert cli.main(["monitor"]) == 2


def test_a_real_traceback_names_source_and_lines(micropython, tmp_path):
    """Of the firmware as it is deployed: without line numbers, with short names, in bundles."""
    for path, octets in application.tree(boards.load("UNIX")).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(octets)
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{tmp_path}:.frozen"
    code = "from signalbox.checks import integer\ninteger(0, 1)(5)"
    _, output = port.run("-c", code, timeout_s=30)
    assert 'File "checks.py", line 1, in __call__' in output
    decoded = "\n".join(monitoring.Decoder().text(output.splitlines()))
    [line] = [line for line in decoded.splitlines() if "__call__" in line]
    first, last = line.split("checks.py:")[1].split(" ")[0].split("-")
    source = (mpy.FIRMWARE / "signalbox" / "checks.py").read_text().splitlines()
    assert any("raise ValueError" in each for each in source[int(first) - 1 : int(last)])
    assert "ValueError: a whole number from 0 to 1" in decoded


def test_a_bundle_is_searched(monkeypatch):
    line = '  File "core.py", line 1, in close_for_sure2'
    monkeypatch.setattr(mpy, "bundles", lambda imports: {"signalbox.core": ["signalbox.ws.close"]})
    decoder = monitoring.Decoder()
    assert decoder.line(line) == [line]  # no such function: as it was
    close = mpy.FIRMWARE / "signalbox" / "ws" / "close.py"
    decoder._functions[close] = {"close_for_sure": [":3-9 close_for_sure"]}
    assert decoder.line(line) == ["  firmware/signalbox/ws/close.py:3-9 close_for_sure"]


def test_frames_of_others_stay_as_they_are():
    for line in (
        '  File "<stdin>", line 2, in <module>',
        '  File "asyncio/core.py", line 1, in run',
    ):
        assert monitoring.Decoder().line(line) == [line]


def test_main_py_keeps_its_lines():
    assert monitoring.Decoder().line('  File "main.py", line 91, in run') == [
        '  File "firmware/main.py", line 91, in run'
    ]


def test_another_version_than_this_source_is_said(monkeypatch):
    monkeypatch.setattr(application, "source_version", lambda: "v2")
    line = "slots: a, version v1 0123456789ab, confirmed"
    decoder = monitoring.Decoder()
    assert decoder.line(line) == [line, "(the files and lines of tracebacks are those of v2)"]
    assert decoder.line(line) == [line]  # once
    assert decoder.line(line.replace("v1", "v2")) == [line.replace("v1", "v2")]


@pytest.mark.parametrize("line, shown", [
    ("peer 7 closed: code=1000 clean=True initiator=peer", "green"),
    ("peer 7 closed: code=1006 clean=False initiator=peer", "bold yellow"),
    ("Traceback (most recent call last):", "bold red"),
    ("ValueError: broken", "bold red"),
    ("slots: b failed to start 3 times, back to the other", "bold red"),
    ("slots: b is confirmed", "cyan"),
    ("listening on 8443", None),
])  # fmt: skip
def test_styles(line, shown):
    assert monitoring.style(line) == shown
