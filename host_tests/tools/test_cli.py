"""signalbox.py: its commands, its exit statuses, and how it says what is wrong."""

import subprocess
import sys
from pathlib import Path

import cli
import click
import faults
import pytest

SIGNALBOX = Path(cli.__file__).parent / "signalbox.py"


@pytest.fixture
def failing(monkeypatch):
    """A function: has a command `failing` raise what it is given."""

    def install(error):
        @click.command()
        def command():
            raise error

        monkeypatch.setattr(cli.Commands, "get_command", lambda self, context, name: command)

    return install


def test_every_file_in_commands_is_a_command_with_a_help():
    listed = cli.cli.list_commands(None)
    files = [path.stem for path in cli.COMMANDS.glob("*.py")]
    assert sorted(name.replace("-", "_") for name in listed) == sorted(files)
    for name in listed:
        assert cli.cli.get_command(None, name).help, name


@pytest.mark.parametrize(
    "error, status",
    [
        (faults.ToolError("it broke", "mend it"), 1),
        (faults.WrongInput("it broke", "mend it"), 2),
        (faults.NoBoard("it broke", "mend it"), 3),
        (faults.Refused("it broke", "mend it"), 4),
        (faults.Unavailable("it broke", "mend it"), 5),
    ],
)
def test_a_failure_says_cause_and_cure_and_has_its_status(failing, capsys, error, status):
    failing(error)
    assert cli.main(["failing"]) == status
    assert capsys.readouterr().err == "signalbox: it broke\nNext: mend it\n"


def test_ctrl_c_has_a_status_of_its_own(failing, capsys):
    failing(KeyboardInterrupt())
    assert cli.main(["failing"]) == 130
    assert "Next: " in capsys.readouterr().err


def test_the_documented_statuses_are_those_of_the_errors():
    documented = {line.split("|")[1].strip() for line in faults.__doc__.splitlines() if "|" in line}
    kinds = (faults.ToolError, faults.WrongInput, faults.NoBoard, faults.Refused)
    assert {str(kind.status) for kind in (*kinds, faults.Unavailable)} < documented


def test_a_name_that_is_no_command(capsys):
    assert cli.main(["flahs"]) == 2
    assert "flahs" in capsys.readouterr().err


def test_a_name_that_is_no_board_lists_the_boards(capsys):
    assert cli.main(["doctor", "--board", "RPI_PICO_V"]) == 2
    said = capsys.readouterr().err
    assert "there is no board RPI_PICO_V" in said
    assert "did you mean RPI_PICO_W?" in said
    assert "ESP32_GENERIC_S3" in said


def test_run_as_a_program_from_anywhere(tmp_path):
    done = subprocess.run(
        [sys.executable, SIGNALBOX, "--help"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout
