"""The commands of signalbox.py, their common options, and how a failure is told.

A command is a file in commands/, found by its name (board_test.py is `board-test`): it holds
`command`, a click command, which raises what faults.py has, or returns an exit status other than 0.
"""

import importlib
import sys
from pathlib import Path

import board
import click
import env
from faults import ToolError

COMMANDS = Path(__file__).parent / "commands"
INTERRUPTED = 130


class Commands(click.Group):
    """Every file of commands/, imported when its command is wanted."""

    def list_commands(self, context):
        """By the alphabet."""
        return sorted(path.stem.replace("_", "-") for path in COMMANDS.glob("[!_]*.py"))

    def get_command(self, context, name):
        """None for a name that is not there: click then lists those that are like it."""
        if name not in self.list_commands(context):
            return None
        return importlib.import_module("commands." + name.replace("-", "_")).command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli():
    """Flash a board, deploy Signalbox to it, and look after it."""


class BoardType(click.ParamType):
    """The name of a folder in boards/, or the path of a folder like those; becomes a Board."""

    name = "board"

    def convert(self, value, param, context):
        """A wrong name is an error of the command line, with the right ones listed."""
        if isinstance(value, board.Board):
            return value
        try:
            return board.load(value)
        except ToolError as error:
            self.fail(f"{error.cause}\nNext: {error.cure}", param, context)

    def shell_complete(self, context, param, incomplete):
        """The names that begin so."""
        return [
            click.shell_completion.CompletionItem(name)
            for name in board.names()
            if name.startswith(incomplete)
        ]


def board_option(required=True):
    """`--board`: a board.Board."""
    return click.option(
        "--board",
        type=BoardType(),
        required=required,
        metavar="BOARD",
        help=f"A folder of boards/: {', '.join(board.names())}; or a path of one like them.",
    )


def port_option():
    """`--port`: what ports.find() gets."""
    return click.option(
        "--port",
        metavar="PORT",
        help="The board's serial port, or a URL of pySerial's; found by its USB ids if not given.",
    )


def dry_run_option():
    """`--dry-run`: the command says what it would write, and writes nothing."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done, write nothing.")


def main(arguments=None):
    """Run the command line. Returns the exit status; never raises."""
    try:
        return cli.main(arguments, prog_name="signalbox", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted", "run it again: it begins where that does no harm")
        return INTERRUPTED
    except ToolError as error:
        complain(error.cause, error.cure)
        return error.status
    except env.EnvError as error:
        print(f"signalbox: {error}", file=sys.stderr)
        return 5
    except OSError as error:  # of this computer's files: a board's are told as one of those above
        complain(
            f"{error.filename or 'a file'}: {error.strerror}",
            "make room, or name places where you may write: TMPDIR, SIGNALBOX_CACHE",
        )
        return ToolError.status


def complain(cause, cure):
    """One form for all failures, on standard error: what happened, and what to do next."""
    print(f"signalbox: {cause}\nNext: {cure}", file=sys.stderr, flush=True)
