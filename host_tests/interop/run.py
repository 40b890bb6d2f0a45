"""Runs the matrix: the firmware against every peer.

    run.py [--peers websockets,aiohttp] [--scenarios they-close,kill] [--role client]
           [--scheme ws] [--jobs 2] [--write] [--verbose]

A line for each cell as it ends, then the matrix; it goes to MATRIX.md, too, when nothing was left
out, or with --write. What the programs said, and every TCP segment, is in build/interop/, a file
for each cell. The status is 1 when a cell failed. A role is the firmware's.
"""

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT / name)
    for name in (
        "host_tests/interop",
        "host_tests/peers",
        "host_tests/sockets",
        "host_tests",
        "tools",
    )
]

import cable  # noqa: E402
import env  # noqa: E402
import table  # noqa: E402
from certificates import Certificates  # noqa: E402
from matrix import NOT_APPLICABLE, Matrix, Result, stale, title, unseen  # noqa: E402
from meeting import Cell, Meeting  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from unix_port import UnixPort  # noqa: E402
from verdict import Verdict, judge  # noqa: E402

LOGS = ROOT / "build" / "interop"
PAGE = ROOT / "host_tests" / "interop" / "MATRIX.md"
ROLES = ("client", "server")
SCHEMES = ("ws", "wss")
FIRST_PORT = 20000
PORTS = 20000


def main():
    given = arguments()
    all_peers = table.peers()
    peers = chosen("peer", given.peers, {peer.name: peer for peer in all_peers})
    scenarios = chosen("scenario", given.scenarios, {name: name for name in SCENARIOS})
    wired = ready_for_cables()
    micropython = UnixPort(env.micropython())
    cells = [
        cell
        for cell in every_cell(peers)
        if cell.scenario in scenarios
        and given.role in (None, cell.role)
        and given.scheme in (None, cell.scheme)
    ]
    build(peers)
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        names = (cable.OURS, cable.PEER, "127.0.0.1")
        tls = Certificates(Path(directory), names)
        results = run_all(cells, given, wired, micropython, tls)
    report = Matrix(peers, results)
    print(f"\n{len(results)} cells in {time.monotonic() - started:.0f} s\n")
    for line in report.text():
        print(line)
    (LOGS / "traits.json").write_text(
        json.dumps({title(result.cell): result.traits for result in results}, indent=1)
    )
    whole = len(results) == len(every_cell(all_peers))
    complaints = stale(results)
    failed = [result for result in results if result.failed]
    for result in failed:
        print(f"✗ {title(result.cell)}: {'; '.join(result.faults)}")
    for line in complaints:
        print(f"✗ {line}")
    for result in results:
        if result.once and not result.failed:
            print(f"· {title(result.cell)}, met twice: only once {'; '.join(result.once)}")
    for line in unseen(results) if whole else []:
        print(f"· {line}")
    if given.write or (whole and wired):
        PAGE.write_text(report.page())
        print(f"written: {PAGE.relative_to(ROOT)}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or complaints or len(results) != len(cells) else 0


def every_cell(peers):
    """All that these peers can do, in the order of the matrix."""
    return [
        Cell(peer, role, scheme, scenario)
        for peer in peers
        for role, theirs in zip(ROLES, reversed(ROLES), strict=True)
        for scheme in SCHEMES
        for scenario in SCENARIOS
        if theirs in peer.roles
        and scheme in peer.schemes
        and scenario in (peer.scenarios or SCENARIOS)
    ]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default="", help="names, as in the matrix; all by default")
    parser.add_argument("--scenarios", default="", help="names; all by default")
    parser.add_argument("--role", choices=ROLES, help="the firmware's; both by default")
    parser.add_argument("--scheme", choices=SCHEMES, help="both by default")
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time")
    parser.add_argument("--write", action="store_true", help="write the page in any case")
    parser.add_argument("--verbose", action="store_true", help="what the programs said, always")
    return parser.parse_args()


def chosen(what, names, known):
    """The values of `known` for these names, or all of them."""
    if not names:
        return list(known.values())
    for name in names.split(","):
        if name not in known:
            sys.exit(f"run.py: no {what} {name!r}\nNext: choose from {', '.join(known)}")
    return [known[name] for name in names.split(",")]


def ready_for_cables():
    """Whether cells get a wire that records. Installs `ip` if it can; in CI there is no way out."""
    fault = cable.why_not()
    if not fault and not shutil.which("ip"):
        fault = "needs the command `ip` (Debian's package iproute2)"
        if shutil.which("apt-get"):
            print("Installing iproute2", file=sys.stderr, flush=True)
            install = [
                "apt-get",
                "-oDPkg::Lock::Timeout=600",
                "install",
                "--yes",
                "--no-install-recommends",
                "iproute2",
            ]
            environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(install, capture_output=True, text=True, env=environ)
            fault = None if done.returncode == 0 else f"{fault}: {done.stderr}"
    if fault and os.environ.get("CI"):
        sys.exit(f"run.py: the record of the wire {fault}")
    if fault:
        print(f"No record of the wire, so nothing about FIN, RST and frames: {fault}")
    return not fault


def build(peers):
    """Make the programs that are not there."""
    for peer in peers:
        if peer.build:
            try:
                peer.build()
            except table.BuildError as error:
                sys.exit(f"run.py: {peer.name}: {error}")


def run_all(cells, given, wired, micropython, tls):
    """The Results of all cells, in their order, `jobs` at a time."""
    waiting = queue.Queue()
    for i, cell in enumerate(cells):
        waiting.put((i, cell))
    results = {}
    lock = threading.Lock()

    def work():
        wire = cable.Cable() if wired else None
        while True:
            try:
                i, cell = waiting.get_nowait()
            except queue.Empty:
                break
            result = run_cell(cell, FIRST_PORT + i % PORTS, wire, micropython, tls)
            if result.may_be_a_race:
                once = result.faults
                port = FIRST_PORT + (i + len(cells)) % PORTS
                result = run_cell(cell, port, wire, micropython, tls)
                result.once = once
            with lock:
                results[i] = result
                tell(result, len(results), len(cells), given.verbose)
        if wire:
            wire.close()

    threads = [threading.Thread(target=work) for _ in range(given.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[i] for i in sorted(results)]


def run_cell(cell, port, wire, micropython, tls):
    """The Result of one cell; a fault of this program is one of the cell."""
    began = time.monotonic()
    meeting = Meeting(cell, port, wire, micropython, tls)
    try:
        meeting.run()
        verdict = judge(meeting)
    except Exception as error:
        verdict = Verdict(faults=[f"the harness: {error!r}"])
    watched = meeting.conversation is not None
    return Result(cell, verdict, meeting.log, time.monotonic() - began, watched)


def tell(result, n, total, verbose):
    state = NOT_APPLICABLE if result.na else "✗" if result.failed else "✓"
    words = result.na or "; ".join(result.faults or result.traits)
    line = f"{n}/{total} {state} {title(result.cell)} {result.seconds:.1f} s {words}"
    print(line.rstrip(), flush=True)
    log = LOGS / ("-".join((result.cell.peer.name, *result.cell[1:])) + ".txt")
    log.write_text("\n".join(result.log) + "\n")
    if verbose:
        print(*result.log, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
