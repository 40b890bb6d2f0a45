"""monitor: what a board prints, with its tracebacks decoded and the outcomes highlighted."""

import contextlib
import time

import board as boards
import click
import ports
from cli import board_option, port_option
from faults import NoBoard, ToolError, WrongInput
from lines import Lines
from monitoring import Decoder, style
from progress import say
from rich.console import Console
from rich.text import Text

STEP_S = 0.5
FORBIDDEN_S = 5  # udev gives a port to its group after it has appeared


@click.command()
@board_option(required=False)
@port_option()
@click.option(
    "--save",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Append to a file, too, each line with the time of day in front.",
)
@click.option("--until", metavar="TEXT", help="End with the first line that has this in it.")
@click.option("--once", is_flag=True, help="End when the board goes away; don't wait for it.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="End after so long: with status 1 if there was an --until, else with 0.",
)
def command(board: boards.Board, port, save, until, once, timeout_s):
    """Show what a board prints, until Ctrl-C.

    It does not disturb the board, and waits for one that is reset or unplugged.
    """
    if not port and not board:
        raise click.UsageError("name the board, --board, or its port, --port")
    port = ports.find(board, port)
    deadline = time.monotonic() + timeout_s if timeout_s else None
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(log(save)) if save else None
        lines = stack.enter_context(Lines(port))
        if not lines.connected:
            if lines.forbidden_since:
                raise forbidden(port)
            if once:
                raise NoBoard(f"{port} can't be opened", "connect the board; close other programs")
            say(f"{port} is not there yet: waiting for it (Ctrl-C ends this)")
        try:
            follow(lines, Output(file), until, once, deadline)
        except KeyboardInterrupt:
            say("")


def log(path):
    """The file to append to. WrongInput: it can't be opened."""
    try:
        return open(path, "a", encoding="utf-8")
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}", "name another file: --save") from None


def forbidden(port):
    """A NoBoard."""
    return NoBoard(f"you may not open {port}", ports.PERMISSION)


class Output:
    """Shows lines, and saves them."""

    def __init__(self, file):
        self._file = file
        self._decoder = Decoder()
        self._console = Console(highlight=False, soft_wrap=True)

    def line(self, line):
        """Show a line that the board printed."""
        for shown in self._decoder.line(line):
            self._console.print(Text(shown, style=style(shown) or ""))
            if self._file:
                print(time.strftime("%Y-%m-%d %H:%M:%S"), shown, file=self._file, flush=True)


def follow(lines, output, until, once, deadline):
    """Show lines until one of the ends that were asked for.

    ToolError: `until` did not come. NoBoard: the board is back, and may not be opened.
    """
    connected = lines.connected
    while deadline is None or time.monotonic() < deadline:
        line = lines.read(STEP_S)
        if line is not None:
            output.line(line)
            if until and until in line:
                return
        since = lines.forbidden_since
        if since and time.monotonic() - since > FORBIDDEN_S:
            raise forbidden(lines.port)
        if connected != lines.connected:
            connected = lines.connected
            if once and not connected:
                return
            say("connected" if connected else "the board is gone: waiting for it")
    if until:
        raise ToolError(f"no line had {until!r} in it", "look at what was printed instead")
