"""What a command says while it works: lines, and a bar for what takes time.

All of it goes to standard error: standard output is the answer, which a script may be reading.
"""

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

CONSOLE = Console(stderr=True, highlight=False)


def say(text):
    """A line; no markup in it, since it may come from a board."""
    CONSOLE.print(text, markup=False, soft_wrap=True)


def bar():
    """A rich Progress that counts octets; on something that is no terminal, its end only."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    )  # fmt: skip
    return Progress(*columns, console=CONSOLE)
