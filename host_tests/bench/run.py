"""Speed and memory beside other implementations: `make bench`, README.md says how to read it.

    run.py [--short] [--only server,memory] [--plot FILE.svg]

Speed is reported, not judged: the exit status is 1 when something could not be measured, or when
more is allocated than the budgets allow.
"""

import argparse
import contextlib
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "host_tests"), str(ROOT / "tools")]

import contenders  # noqa: E402
import env  # noqa: E402
import light  # noqa: E402
import measure  # noqa: E402
import plot  # noqa: E402
import tables  # noqa: E402

PARTS = ("server", "client", "trips", "kernels", "memory")
KINDS = ((light.BINARY, "binary"), (light.TEXT, "text"))
KERNEL_SIZES = (1024, 16384, 65536)
TRIP_SIZES = (16, 1024, 65536)
SHORT_TEXT_SIZES = (125, 16384)
METERED_SIZE = 16
METERED_MESSAGE = 64  # octets on a 64-bit heap: the bytearray object and what it holds
PROGRESS_S = 5


class Progress:
    """One line that is rewritten on a terminal, a line now and then in a log; on stderr."""

    def __init__(self):
        self._start = self._shown = time.monotonic()
        self._part = ""

    def begin(self, part):
        self._part = part
        self.show("", True)

    def show(self, text, now=False):
        terminal = sys.stderr.isatty()
        moment = time.monotonic()
        if not (terminal or now) and moment - self._shown < PROGRESS_S:
            return
        self._shown = moment
        line = f"[{moment - self._start:3.0f} s] {self._part}" + (f": {text}" if text else "")
        print(
            f"\r{line:<78}" if terminal else line,
            end="" if terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    def clear(self):
        if sys.stderr.isatty():
            print("\r" + " " * 78 + "\r", end="", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, micropython, short, plot_path):
        self._micropython = micropython
        self._short = short
        self._plot_path = plot_path
        self._rounds = 3 if short else 5
        self._duration_s = 0.1 if short else 0.2
        self._progress = Progress()
        self.budgets_kept = True

    def run(self, parts):
        """Returns what could not be measured, as text."""
        failures = []
        for part in parts:
            try:
                getattr(self, part)()
            except (OSError, AssertionError, light.PeerError) as error:
                self._progress.clear()
                failures.append(f"{part}: {error}")
                print(f"\nCould not be measured: {failures[-1]}", flush=True)
        return failures

    def _table(self, what, opcode, sizes, window):
        self._progress.begin(what)
        with contextlib.ExitStack() as stack:
            make, names = (
                (contenders.Client, contenders.CLIENTS)
                if what.startswith("client")
                else (contenders.Server, contenders.SERVERS)
            )
            cells = measure.table(
                [make(stack, self._micropython, name) for name in names],
                opcode,
                sizes,
                window,
                self._rounds,
                self._duration_s,
                self._progress.show,
            )
        self._progress.clear()
        return cells

    def _echo(self, role):
        for opcode, kind in KINDS:
            short = self._short and opcode == light.TEXT
            sizes = SHORT_TEXT_SIZES if short else measure.SIZES
            cells = self._table(f"{role}, {kind}", opcode, sizes, measure.IN_FLIGHT)
            title = f"{role.capitalize()}: CPU per echoed message, µs, {kind}, 32 in flight"
            tables.cpu_table(title, cells, sizes)
            if role == "server" and opcode == light.BINARY:
                self._plot(cells)

    def server(self):
        self._echo("server")

    def client(self):
        self._echo("client")

    def trips(self):
        cells = self._table("round trips", light.BINARY, TRIP_SIZES, 1)
        tables.rate_table(
            "Server: round trips per second, binary, one in flight", cells, TRIP_SIZES
        )

    def kernels(self):
        self._progress.begin("masking and UTF-8")
        trials = "20" if self._short else "60"
        ours = measure.result_of(self._micropython, "kernels.py", trials)
        theirs = measure.result_of(self._micropython, "websockets_kernels.py", trials)
        self._progress.clear()
        for what, native in ours["native"].items():
            if not native:
                print(f"\nThis MicroPython runs the portable twin for {what}, not the native one")
        tables.masking_table(KERNEL_SIZES, ours["masking"], theirs["masking"])
        tables.utf8_table(KERNEL_SIZES, ours["utf8"], theirs["utf8"])

    def memory(self):
        self._progress.begin("memory")
        core = measure.result_of(self._micropython, "core_allocation.py")
        ours, others = measure.allocation(self._micropython, METERED_SIZE, self._progress.show)
        self._progress.clear()
        kept = tables.core_table(measure.SIZES, core["core"], core["keys"])
        self.budgets_kept = (
            tables.wake_up_table(
                METERED_SIZE,
                METERED_MESSAGE,
                measure.BURST_SIZES,
                ours,
                others,
            )
            and kept
        )

    def _plot(self, cells):
        series = {
            contenders.LONG_NAMES.get(name, name): [
                row[size].cpu if size in row else None for size in measure.SIZES
            ]
            for name, row in cells.items()
        }
        self._plot_path.parent.mkdir(parents=True, exist_ok=True)
        self._plot_path.write_text(
            plot.svg(
                "Server CPU per echoed message, in µs, 32 in flight",
                [tables.SIZE_NAMES[size] for size in measure.SIZES],
                series,
            )
        )
        print(f"\nPlot: {os.path.relpath(self._plot_path)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds, < 45 s")
    parser.add_argument("--only", metavar="PART,…", help="some of: " + ", ".join(PARTS))
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.svg", default=ROOT / "build" / "bench.svg"
    )
    options = parser.parse_args()
    parts = options.only.split(",") if options.only else PARTS
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error("no part " + ", ".join(sorted(unknown)))
    try:
        micropython = env.micropython()
    except env.EnvError as error:
        sys.exit(str(error))
    print(
        f"websockets {version('websockets')} on CPython {platform.python_version()}, "
        f"microdot {version('microdot')}; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    )
    bench = Bench(micropython, options.short, options.plot)
    failures = bench.run(parts)
    if failures:
        print(f"\n{len(failures)} of {len(parts)} parts could not be measured")
    if not bench.budgets_kept:
        print("\nMore is allocated than the budgets allow")
    return 0 if bench.budgets_kept and not failures else 1


if __name__ == "__main__":
    sys.exit(main())
