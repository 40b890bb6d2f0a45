"""Run Autobahn|Testsuite against our WebSocket client and server, and judge the result.

    python3 run.py --micropython PATH [--role both] [--cases 7.1,9.*.1] [--out DIR]

In the role `server` our echo server is tested by wstest's fuzzing client. In the role `client`
our echo client works through the cases of wstest's fuzzing server, and has it write the report.
Exits with 0 only if every case asked for passed in every role asked for; report.py decides.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cases
import install
import report
from child import Child
from progress import Progress

REPOSITORY = Path(__file__).resolve().parents[2]
# The largest cases send 16 MB messages, which no default heap holds.
SERVER_TESTEE = "{micropython} -X heapsize=192m host_tests/autobahn/echo_server.py {port}"
CLIENT_TESTEE = (
    "{micropython} -X heapsize=192m host_tests/autobahn/echo_client.py ws://127.0.0.1:{port}"
)
MICROPYPATH = "firmware:.frozen"

ROLES = ("server", "client")
POLL_S = 0.1
START_TIMEOUT_S = 20
# The testsuite bounds a case of family 9 by up to 480 s, the others by a few seconds.
STALL_TIMEOUT_S = 60
STALL_TIMEOUT_FAMILY_9_S = 500
ROLE_TIMEOUT_S = 1800


class RunError(Exception):
    """Why a run ended early, for the person who started it."""


def run_server_role(testee_command: str, case_ids: tuple[str, ...], out: Path) -> None:
    """wstest connects to our server once per case and stops when it has written the report."""
    port = free_port()
    ready: list[str] = []
    progress = Progress("server", len(case_ids))
    spec = {"servers": [{"agent": "server", "url": f"ws://127.0.0.1:{port}"}]}
    with start_testee(testee_command, port, out, on_line=ready.append) as testee:
        wait_until(lambda: f"listening on {port}" in ready, testee, f"print 'listening on {port}'")
        with start_wstest("fuzzingclient", spec, case_ids, out, progress) as wstest:
            while wstest.exit_code is None:
                check_limits(progress, testee)
                time.sleep(POLL_S)
            progress.finish()
            if wstest.exit_code:
                raise RunError(f"wstest ended with {wstest.exit_code}. {wstest.last_words()}")
        if testee.exit_code is not None:
            raise RunError(describe_end(testee, progress))


def run_client_role(testee_command: str, case_ids: tuple[str, ...], out: Path) -> None:
    """Our client connects to wstest once per case, asks it for the report and exits with 0."""
    port = free_port()
    progress = Progress("client", len(case_ids))
    spec = {"url": f"ws://127.0.0.1:{port}"}
    with start_wstest("fuzzingserver", spec, case_ids, out, progress) as wstest:
        wait_until(lambda: accepts_connections(port), wstest, f"listen on port {port}")
        with start_testee(testee_command, port, out) as testee:
            while testee.exit_code is None:
                check_limits(progress, testee)
                if wstest.exit_code is not None:
                    raise RunError(f"wstest ended before the client. {wstest.last_words()}")
                time.sleep(POLL_S)
            progress.finish()
            if testee.exit_code:
                raise RunError(describe_end(testee, progress))


def start_testee(command: str, port: int, out: Path, **options) -> Child:
    env = os.environ | {"MICROPYPATH": MICROPYPATH}
    words = shlex.split(command.replace("{port}", str(port)))
    return Child("testee", words, out / "testee.log", cwd=REPOSITORY, env=env, **options)


def start_wstest(
    mode: str, spec: dict, case_ids: tuple[str, ...], out: Path, progress: Progress
) -> Child:
    """wstest in `out`, so that all paths it needs are relative to where it runs."""
    spec |= {"outdir": "reports", "cases": case_ids, "exclude-cases": [], "exclude-agent-cases": {}}
    (out / "spec.json").write_text(json.dumps(spec, indent=2))
    command = [str(install.wstest_command()), "--mode", mode, "--spec", "spec.json"]
    # Without this the fuzzing server also opens a web server on port 8080.
    command += ["--webport", "0"]
    # Python 2 would hold its output back in a pipe, and with it our progress.
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    return Child("wstest", command, out / "wstest.log", progress.on_line, cwd=out, env=env)


def check_limits(progress: Progress, testee: Child) -> None:
    """Show the progress; RunError when a case, or the whole run, takes too long."""
    progress.show()
    family = cases.family(progress.case_id)
    stall_limit_s = STALL_TIMEOUT_FAMILY_9_S if family == "9" else STALL_TIMEOUT_S
    if progress.idle_s() > stall_limit_s:
        raise RunError(
            f"nothing new for {stall_limit_s} s, {progress.position()}. {testee.last_words()}"
        )
    if progress.elapsed_s() > ROLE_TIMEOUT_S:
        raise RunError(f"not done after {ROLE_TIMEOUT_S} s, {progress.position()}")


def wait_until(condition: Callable[[], bool], child: Child, action: str) -> None:
    """Wait until a child that was just started is ready to `action`."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if child.exit_code is not None:
            raise RunError(
                f"{child.name} ended with {child.exit_code} and didn't {action}. "
                f"{child.last_words()}"
            )
        if time.monotonic() > deadline_s:
            raise RunError(
                f"{child.name} didn't {action} within {START_TIMEOUT_S} s. {child.last_words()}"
            )
        time.sleep(POLL_S)


def describe_end(testee: Child, progress: Progress) -> str:
    """For a testee that ended by itself."""
    return f"testee ended with {testee.exit_code}, {progress.position()}. {testee.last_words()}"


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def accepts_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def run_role(role: str, testee: str, case_ids: tuple[str, ...], out: Path) -> report.RoleReport:
    """Run one role in `out` and judge the report; a run that ended early adds its reason to it."""
    out.mkdir(parents=True, exist_ok=True)
    reports = out / "reports"
    if reports.exists():
        shutil.rmtree(reports)
    run = run_server_role if role == "server" else run_client_role
    problem = ""
    try:
        run(testee, case_ids, out)
    except (RunError, OSError) as error:
        problem = str(error)
    judged = report.load(role, reports, case_ids)
    if problem:
        judged.problems.insert(0, problem)
    return judged


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run Autobahn|Testsuite against Signalbox.")
    parser.add_argument("--role", choices=(*ROLES, "both"), default="both")
    parser.add_argument(
        "--cases",
        type=cases.select,
        default="",
        metavar="PATTERNS",
        help="such as 7.1.5 or 2,7.1,9.*.1 (default: all of 1 to 10)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=REPOSITORY / "build" / "autobahn",
        help="where reports and logs go (default: build/autobahn in the repository)",
    )
    parser.add_argument(
        "--micropython",
        default=os.environ.get("MICROPYTHON"),
        help="the unix port's interpreter (default: $MICROPYTHON)",
    )
    parser.add_argument("--server-command", default=SERVER_TESTEE, help="default: %(default)s")
    parser.add_argument("--client-command", default=CLIENT_TESTEE, help="default: %(default)s")
    args = parser.parse_args()
    args.roles = ROLES if args.role == "both" else (args.role,)
    for role in args.roles:
        command = getattr(args, f"{role}_command")
        if "{micropython}" in command and not args.micropython:
            parser.error("which interpreter? Give --micropython PATH or set MICROPYTHON")
    if args.micropython:
        found = shutil.which(args.micropython)
        if not found:
            parser.error(f"--micropython {args.micropython} is not an executable")
        args.micropython = str(Path(found).absolute())
    return args


def main() -> int:
    args = parse_arguments()
    # Ended from outside, still leave no child process behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        install.wstest_command()
    except install.InstallError as error:
        print(f"\nAutobahn|Testsuite can't be installed: {error}", file=sys.stderr)
        return 1
    out = args.out.resolve()
    reports = []
    for role in args.roles:
        command = getattr(args, f"{role}_command")
        command = command.replace("{micropython}", shlex.quote(args.micropython or ""))
        reports.append(run_role(role, command, args.cases, out / role))
    print(f"\n{report.summary(reports)}")
    for role in args.roles:
        details = out / role / "reports" / "index.html"
        if details.exists():
            print(f"Details of {role}: {details}")
    return 0 if all(judged.passed for judged in reports) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
