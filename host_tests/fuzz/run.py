"""Fuzzes the core for a while: `make fuzz`, or run.py [--seconds N] [--seed N] [--kinds pair].

Two processes take turns at the kinds of plan.py. Exit status 1, and a new file in vectors/, when
there is a finding; README.md beside this file says what that is.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / name) for name in ("host_tests", "firmware", "tools")]

import env  # noqa: E402
from fuzz import oracle, pair, plans, session  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from unix_port import UnixPort  # noqa: E402

VECTORS = HERE / "vectors"
PROCESSES = 2
PROGRESS_S = 5
ROUND = 300  # executions
SHRINK_S = 30
UNIX_TIMEOUT_S = 120
UNIX = "unix"  # plans of all kinds, replayed on the unix port: the native kernels
TURNS = ("session", "parse", "session", "pair", "session", "parse", UNIX)


class Enough(BaseException):
    """Ends hypothesis' search for a simpler plan. It catches every Exception."""


def execute(plan):
    """Carry out a plan on CPython, with wsproto as the judge. Returns an explained difference."""
    if plan["kind"] == "parse":
        return oracle.check_parse(plan)[1]
    if plan["kind"] == "session":
        return oracle.check_session(session.run(plan))
    return pair.run(plan)


def run_round(kind, number, executions):
    """In a process of its own: executions of one kind. Returns {"kind", "count", "explained", ...}.

    With a finding: also "plan", the simplest that was found to fail, and "why".
    """
    if kind == UNIX:
        return run_unix_round(number, executions)
    done = {"kind": kind, "count": 0, "explained": Counter()}
    failed_at = None

    @seed(number)
    @settings(**SETTINGS, max_examples=executions, phases=[Phase.generate, Phase.shrink])
    @given(plans.PLANS[kind])
    def search(plan):
        nonlocal failed_at
        done["count"] += 1
        try:
            difference = execute(plan)
        except Exception:
            failed_at = failed_at or time.monotonic()
            if "plan" not in done or len(json.dumps(plan)) < len(json.dumps(done["plan"])):
                done["plan"] = plan
                done["why"] = traceback.format_exc()
            if time.monotonic() - failed_at > SHRINK_S:
                raise Enough from None
            raise
        if difference:
            done["explained"][difference] += 1

    try:
        search()
    except (Exception, Enough):
        if "plan" not in done:
            raise  # a fault of the fuzzer
    return done


def run_unix_round(number, executions):
    """The same plans as run_round() makes, on the unix port; what fails there is not simplified."""
    made = []
    for kind in plans.PLANS:
        made += collect(kind, number, executions // len(plans.PLANS))
    done = {"kind": UNIX, "count": len(made), "explained": Counter()}
    output = replay(made)
    if not output.startswith("ok "):
        words = output.split()
        done["why"] = output
        done["plan"] = made[int(words[1])] if words[0] == "FAIL" else {"kind": UNIX, "plans": made}
    return done


def collect(kind, number, executions):
    """Plans that are not carried out here; a wire comes with what CPython makes of it."""
    made = []

    @seed(number)
    @settings(**SETTINGS, max_examples=executions, phases=[Phase.generate])
    @given(plans.PLANS[kind])
    def take(plan):
        if kind == "parse":
            plan["expect"] = oracle.expectation(plan)
        made.append(plan)

    take()
    return made


def replay(made):
    """What replay.py on the unix port prints for a list of plans."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        # MicroPython reads the escapes of a surrogate pair as two characters.
        json.dump(made, file, ensure_ascii=False)
        file.flush()
        port = UnixPort(env.micropython())
        status, output = port.run(
            "-X", "heapsize=64M", HERE / "replay.py", file.name, timeout_s=UNIX_TIMEOUT_S
        )
    return output if status in (0, 1) and output else f"ended with {status}: {output}"


SETTINGS = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "report_multiple_bugs": False,
    "print_blob": False,
}


def keep(finding):
    """Write the plan of a finding into vectors/. Returns its path."""
    plan = {"note": finding["why"].strip().split("\n")[-1], **finding["plan"]}
    text = json.dumps(plan, ensure_ascii=False)
    name = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = VECTORS / f"{plan['kind']}-{name}.json"
    path.write_text(text + "\n", encoding="utf-8")
    return path


class Totals:
    """Counts, and says so now and then."""

    def __init__(self, base):
        self._base = base
        self._started = self._told = time.monotonic()
        self._counts = Counter()
        self._explained = Counter()
        self.findings = []

    def add(self, done):
        self._counts[done["kind"]] += done["count"]
        self._explained += done["explained"]
        if "plan" in done:
            self.findings.append(done)

    def tell(self, now=False):
        seconds = time.monotonic() - self._started
        if now or time.monotonic() - self._told > PROGRESS_S:
            self._told = time.monotonic()
            count = self._counts.total()
            kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(self._counts.items()))
            print(
                f"{seconds:4.0f} s  {count} executions, {count / seconds:.0f}/s ({kinds});"
                f" findings {len(self.findings)}; seed {self._base}",
                flush=True,
            )

    def explain(self):
        for name, count in sorted(self._explained.items()):
            print(f"  explained: {name} {count} (differences.py)")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=os.environ.get("FUZZ_SECONDS") or 60)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=TURNS)
    options = parser.parse_args(arguments)
    try:
        env.micropython()
    except env.EnvError as error:
        print(f"Without the unix port: {error}")
        options.kinds = [kind for kind in options.kinds if kind != UNIX]
    totals = Totals(options.seed)
    end = time.monotonic() + options.seconds
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        running = set()
        turn = 0
        while running or (time.monotonic() < end and not totals.findings):
            while len(running) < PROCESSES and time.monotonic() < end and not totals.findings:
                kind = options.kinds[turn % len(options.kinds)]
                running.add(pool.submit(run_round, kind, options.seed + turn, ROUND))
                turn += 1
            finished, running = concurrent.futures.wait(
                running, PROGRESS_S, concurrent.futures.FIRST_COMPLETED
            )
            for future in finished:
                totals.add(future.result())
            totals.tell()
    totals.tell(now=True)
    totals.explain()
    for finding in totals.findings:
        print(f"\n{finding['why'][-3000:]}\nkept as {keep(finding)}")
    return 1 if totals.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
