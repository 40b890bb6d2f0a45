"""Each command that a guide shows is one that the program takes."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import board as boards
import cli
import env
import pytest

ROOT = Path(env.ROOT)
GUIDES = [ROOT / "README.md", *sorted(boards.BOARDS.rglob("README.md"))]
COMMANDS = "|".join(cli.cli.list_commands(None))
SHOWN = re.compile(rf"^    (make (?:{COMMANDS})\b[^#\n]*)", re.MULTILINE)
FROM_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS", "BOARD", "PORT")
FILES = re.compile(r"[\w./-]+\.(?:uf2|hex|littlefs|json|bin)\b")


def shown():
    return [(guide, line.strip()) for guide in GUIDES for line in SHOWN.findall(guide.read_text())]


def test_there_are_some():
    """From a bare board to a registered camera in five commands at most, and the rest."""
    guide = (boards.BOARDS / "README.md").read_text()
    first = guide.split("## From a bare board")[1].split("\n## ")[0]
    steps = SHOWN.findall(first.split("At any\ntime")[0])
    assert [step.split()[1] for step in steps] == ["flash", "provision", "deploy", "monitor"]
    assert len(shown()) > 8


def test_an_option_that_a_message_names_is_one():
    commands = [cli.cli.get_command(None, name) for name in COMMANDS.split("|")]
    options = {opt for command in commands for each in command.params for opt in each.opts}
    named = {
        (path.name, option)
        for path in (ROOT / "tools").rglob("*.py")
        for option in re.findall(r"ARGS='?(--?[a-z-]+)", path.read_text())
    }
    assert len(named) > 4
    assert [each for each in named if each[1] not in options] == []


@pytest.mark.parametrize("guide, line", shown())
def test_a_command_is_taken(guide, line, tmp_path, monkeypatch):
    """As make would run it, up to where it would begin."""
    for name in FILES.findall(line):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    # What a make around this test was told is not for this one.
    environ = {name: v for name, v in os.environ.items() if name not in FROM_MAKE}
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", *shlex.split(line)[1:]],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout)
    command, *arguments = words[words.index("tools/signalbox.py") + 1 :]
    monkeypatch.chdir(tmp_path)
    cli.cli.get_command(None, command).make_context(command, arguments)
