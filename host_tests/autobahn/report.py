"""Decide whether an Autobahn run passed, more strictly than the testsuite itself does.

wstest exits with 0 whatever happened, so the verdict comes from the files that it leaves:
index.json names every case that ran, and one JSON file per case holds its details. Used here:

    index.json   {agent: {case id: {behavior, behaviorClose, remoteCloseCode, reportfile}}}
    per case     the first three again, and: id, description, expectation, result, resultClose,
                 duration                 ms
                 expectedClose.closeCode  codes that the testsuite accepts in our Close
                 rxFrameStats             {opcode: count} of the frames that we sent

    python3 report.py [--cases PATTERNS] server=DIR client=DIR
"""

import argparse
import json
import re
import sys
import textwrap
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cases

OK = "OK"
INFORMATIONAL = "informational"
NON_STRICT = "non-strict"
WRONG_CODE = "wrong code"
FAILED = "failed"
MISSING = "missing"
VERDICTS = (OK, INFORMATIONAL, NON_STRICT, WRONG_CODE, FAILED, MISSING)
PASSING = (OK, INFORMATIONAL)

# A case that accepts nothing but these codes has sent something illegal (RFC 6455, 7.4.1).
ERROR_CODES = {1002, 1007, 1009}
OPCODE_CLOSE = "8"
MAX_TEXT_CHARS = 200
MISSING_INDENT = {"initial_indent": "    ", "subsequent_indent": "    "}

COLUMN_WIDTHS = {"OK": 5, "info": 5, "lax": 4, "code": 5, "fail": 5, "miss": 5, "time": 8}
LEGEND = (
    "info: left open by the RFC (passes)   lax: non-strict   code: wrong or no close code\n"
    "fail: failed or unclean   miss: no result   time: the testsuite's own, summed over the cases"
)


@dataclass(frozen=True)
class CaseResult:
    """One case in one role; `reason` is empty when it passed. A missing case has no texts."""

    case_id: str
    verdict: str
    reason: str = ""
    description: str = ""
    expectation: str = ""
    duration_ms: int = 0


@dataclass
class RoleReport:
    """All expected cases of one role, and problems that belong to no case."""

    role: str
    results: list[CaseResult] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def bad(self) -> list[CaseResult]:
        return [result for result in self.results if result.verdict not in PASSING]

    @property
    def passed(self) -> bool:
        return bool(self.results) and not self.bad and not self.problems


def load(role: str, directory: Path, expected: tuple[str, ...]) -> RoleReport:
    """Read and judge the report in `directory`; every case in `expected` must be there."""
    report = RoleReport(role)
    entries = _read_index(directory, report.problems)
    surplus = sorted(entries.keys() - set(expected))
    if surplus:
        report.problems.append(f"cases that were not asked for: {', '.join(surplus)}")
    for case_id in expected:
        report.results.append(_load_case(directory, case_id, entries.get(case_id)))
    return report


def judge(case_id: str, case: dict) -> CaseResult:
    """The strict verdict on one case, from the contents of its JSON file."""
    verdict, reason = OK, ""
    behavior, close = case["behavior"], case["behaviorClose"]
    if close == "WRONG CODE":
        verdict, reason = WRONG_CODE, f"sent {case['remoteCloseCode']}; {case['resultClose']}"
    elif behavior not in ("OK", "NON-STRICT", "INFORMATIONAL"):
        verdict, reason = FAILED, f"behavior {behavior}: {case['result']}"
    elif close not in ("OK", "INFORMATIONAL"):
        verdict, reason = FAILED, f"closing {close}: {case['resultClose']}"
    elif code_problem := _close_code_problem(case):
        verdict, reason = WRONG_CODE, code_problem
    elif behavior == "NON-STRICT":
        verdict, reason = NON_STRICT, "allowed by the RFC, but not what a good endpoint does"
    elif "INFORMATIONAL" in (behavior, close):
        verdict = INFORMATIONAL
    texts = (_plain(case["description"]), _plain(case["expectation"]))
    return CaseResult(case_id, verdict, reason, *texts, duration_ms=case["duration"])


def _plain(html: str) -> str:
    """A text of the testsuite without its markup, cut to two lines or so."""
    return textwrap.shorten(re.sub(r"<[^>]*>", " ", html), MAX_TEXT_CHARS)


def _close_code_problem(case: dict) -> str:
    """After a protocol error a Close with a fitting code must have been on the wire.

    The testsuite lets a bare end of TCP and an empty Close pass: `remoteCloseCode` is null in both.
    """
    accepted = case["expectedClose"].get("closeCode", [])
    if not accepted or not ERROR_CODES.issuperset(accepted):
        return ""
    if case["remoteCloseCode"] in accepted:
        return ""
    wanted = " or ".join(map(str, accepted))
    if OPCODE_CLOSE not in case["rxFrameStats"]:
        return f"TCP ended without a Close; it should have said {wanted}"
    return f"the Close said {case['remoteCloseCode'] or 'nothing'}; it should have said {wanted}"


def _read_index(directory: Path, problems: list[str]) -> dict:
    """The index entries by case id; empty, with a problem noted, where there is no usable index."""
    try:
        index = json.loads((directory / "index.json").read_text())
    except (OSError, ValueError) as error:
        problems.append(
            "no usable index.json (wstest writes it at the end of a run, or when a client asks for "
            f"updateReports): {error}"
        )
        return {}
    if len(index) != 1:
        names = ", ".join(index) or "none"
        problems.append(f"results of exactly one agent expected, found: {names}")
        return {}
    return next(iter(index.values()))


def _load_case(directory: Path, case_id: str, entry: dict | None) -> CaseResult:
    if entry is None:
        return CaseResult(case_id, MISSING, "not in index.json: the case did not run to its end")
    try:
        case = json.loads((directory / entry["reportfile"]).read_text())
    except (OSError, ValueError) as error:
        return CaseResult(case_id, MISSING, f"its file can't be read: {error}")
    agreed = ("behavior", "behaviorClose", "remoteCloseCode")
    if case["id"] != case_id or any(case[key] != entry[key] for key in agreed):
        return CaseResult(case_id, MISSING, "its file is not the one that index.json was made from")
    return judge(case_id, case)


def table(reports: list[RoleReport]) -> str:
    """One row per case family, with a block of columns per role."""
    header = "".join(f"{name:>{width}}" for name, width in COLUMN_WIDTHS.items())
    lines = [
        f"{'':25}" + "".join(f"  {report.role:^{len(header)}}" for report in reports),
        f"{'family':25}" + f"  {header}" * len(reports),
    ]
    for number, name in cases.FAMILIES.items():
        blocks = [
            _cells([r for r in report.results if cases.family(r.case_id) == number])
            for report in reports
        ]
        if any(map(str.strip, blocks)):
            lines.append(f"{number:>2} {name:22}" + "".join(f"  {block}" for block in blocks))
    lines.append(f"{'all':25}" + "".join(f"  {_cells(report.results)}" for report in reports))
    return "\n".join(line.rstrip() for line in [*lines, LEGEND])


def _cells(results: list[CaseResult]) -> str:
    """The counts per verdict, as wide as the header; blank when there are no cases."""
    widths = list(COLUMN_WIDTHS.values())
    if not results:
        return " " * sum(widths)
    counts = Counter(result.verdict for result in results)
    cells = [str(counts[verdict] or "·") for verdict in VERDICTS]
    cells.append(f"{sum(result.duration_ms for result in results) / 1000:.1f} s")
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def summary(reports: list[RoleReport]) -> str:
    """The table, then every problem and every bad case, then one line per role."""
    lines = [table(reports)]
    for report in reports:
        lines += [f"\n{report.role}: {problem}" for problem in report.problems]
        missing = defaultdict(list)
        for result in report.bad:
            if result.verdict == MISSING:
                missing[result.reason].append(result.case_id)
                continue
            lines.append(f"\n{report.role} {result.case_id} {result.verdict}: {result.reason}")
            lines.append(f"    case: {result.description}")
            lines.append(f"    expected: {result.expectation}")
        for reason, case_ids in missing.items():
            all_of_them = len(case_ids) == len(report.results)
            listed = "all of them" if all_of_them else ", ".join(case_ids)
            lines.append(f"\n{report.role} missing, {len(case_ids)} cases: {reason}")
            lines.append(textwrap.fill(listed, 96, **MISSING_INDENT))
    lines.append("")
    for report in reports:
        good = len(report.results) - len(report.bad)
        verdict = "PASS" if report.passed else "FAIL"
        lines.append(f"{verdict} {report.role}: {good} of {len(report.results)} cases passed")
    return "\n".join(lines)


def _role_directory(text: str) -> tuple[str, Path]:
    role, separator, directory = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR, such as server=reports")
    return role, Path(directory)


def main() -> int:
    parser = argparse.ArgumentParser(description="Judge the reports of Autobahn runs.")
    parser.add_argument(
        "--cases", type=cases.select, default="", help="those of the run, if not all"
    )
    parser.add_argument("report", nargs="+", type=_role_directory, metavar="NAME=DIR")
    args = parser.parse_args()
    reports = [load(role, directory, args.cases) for role, directory in args.report]
    print(summary(reports))
    return 0 if all(report.passed for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
