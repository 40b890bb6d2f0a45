"""deploy: the application onto a board that runs MicroPython."""

import board as boards
import click
import deployment
import installed
import ports
from cli import board_option, dry_run_option, port_option
from faults import ToolError
from monitoring import Decoder
from progress import say

WAIT_S = 120


@click.command()
@board_option()
@port_option()
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 3600),
    default=WAIT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the new version to confirm itself; 0: not at all.",
)
@dry_run_option()
def command(board: boards.Board, port, wait_s, dry_run):
    """Bring the application onto a board that runs MicroPython.

    The version that is there goes on until the new one is whole. One that fails to start three
    times is given up for it. The board's configuration is never touched.
    """
    port = ports.find(board, port)
    found = installed.look(port)
    say(f"{port}: {found.describe()}")
    restarted = False
    try:
        plan = deployment.Deployment(board, port, found)
        if plan.is_there() and not found.on_trial:
            say(f"{plan.version} is there already")
            return
        if dry_run:
            say(
                f"Would write {plan.version}, {len(plan.files)} files of "
                f"{sum(map(len, plan.files.values()))} octets, into slot {plan.slot}, and start it"
            )
            return
        slot = plan.slot
        if plan.is_there():  # and was not confirmed
            slot = found.state["slot"]
        else:
            plan.copy()
            say(f"{plan.version} is in slot {slot}, and all of it is what was sent")
        restarted = True
        watch = deployment.start(port, slot, wait_s, found.configured)
    finally:
        if not restarted:
            deployment.restart(port)
    if wait_s:
        report(port, plan, watch)


def report(port, plan, watch):
    """Say how it ended. ToolError if that was not with a confirmation."""
    if watch.outcome == "confirmed":
        say(f"{plan.version} runs, and has confirmed itself")
        return
    if watch.outcome == "started":
        say(f"{plan.version} runs, and waits for its configuration")
        say(f"Next: make provision BOARD={plan.board.name}")
        return
    if watch.outcome == "back":
        words = watch.last_words
        if not watch.has_traceback():  # it went by before the port was there again
            words = deployment.crash_report(port) or words
            deployment.restart(port)
        crash = "\n".join(Decoder().text(words))
        raise ToolError(
            f"{plan.version} failed to start three times; the version before it runs again. "
            f"The last words of the new one:\n{crash}",
            "correct it, and run: make deploy",
        )
    started = "has not confirmed itself" if watch.started else "was not seen starting"
    raise ToolError(
        f"{plan.version} is on the board, and {started}",
        f"make monitor BOARD={plan.board.name} says what it waits for: Wi-Fi, a server",
    )
