"""board-test: the portable tests on a connected board."""

import board as boards
import click
import deployment
import installed
import portable_tests
import ports
from cli import board_option, port_option
from faults import WrongInput
from progress import say
from rich.console import Console
from rich.table import Table


@click.command()
@board_option()
@port_option()
@click.argument("modules", nargs=-1, metavar="[MODULE]...")
def command(board: boards.Board, port, modules):
    """Run the portable tests on a connected board: all, or those of the modules named.

    Nothing is written to the board, and its application runs again when they are done. The tests
    that host_tests/board/unfit.py lists are left out.
    """
    known = portable_tests.modules()
    for name in modules:
        if name not in known:
            raise WrongInput(f"there is no module {name}", "known: " + ", ".join(known))
    port = ports.find(board, port)
    found = installed.look(port)
    try:
        installed.check(board, found)
        say(f"{port}: {found.describe()}")
        with portable_tests.Runner(board, port) as runner:
            results = [run(runner, name) for name in modules or known]
    finally:
        deployment.restart(port)
    failed = show(results)
    return 1 if failed else 0


def run(runner, module):
    """Run a module, with a line of progress."""
    say(f"{module} …")
    result = runner.run(module, lambda line: None)
    verdict = f"{len(result.failures)} FAILED" if result.failures else "ok"
    say(f"  {verdict}: {result.passed} passed, {len(result.unfit)} unfit, {result.seconds:.0f} s")
    return result


def show(results):
    """The table, and the failures above it. Returns the number of these."""
    console = Console(highlight=False)
    for result in results:
        for test, text in result.failures.items():
            console.rule(f"{result.module}.{test}")
            console.print(text, markup=False)
    table = Table("module", "passed", "failed", "unfit", "seconds")
    for result in results:
        numbers = (result.passed, len(result.failures), len(result.unfit), round(result.seconds))
        style = "bold red" if result.failures else None
        table.add_row(result.module, *map(str, numbers), style=style)
    console.print(table)
    failed = sum(len(result.failures) for result in results)
    passed = sum(result.passed for result in results)
    unfit = sum(len(result.unfit) for result in results)
    console.print(f"{passed} passed, {failed} failed, {unfit} left out")
    return failed
