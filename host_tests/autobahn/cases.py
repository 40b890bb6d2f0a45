"""The Autobahn cases that apply to us, known independently of what a run reports.

A run that silently skips cases would otherwise look complete. Families 12 and 13 test compression
(RFC 7692), which Signalbox doesn't offer; 8 and 11 hold no cases.
Source: the case list of autobahntestsuite 25.10.1.
"""

from argparse import ArgumentTypeError
from fnmatch import fnmatchcase

FAMILIES = {
    "1": "framing",
    "2": "ping, pong",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "limits, speed",
    "10": "auto-fragmentation",
}

# Group: how many cases it has, numbered from 1.
GROUPS = {
    "1.1": 8, "1.2": 8,
    "2": 11,
    "3": 7,
    "4.1": 5, "4.2": 5,
    "5": 20,
    "6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2, "6.9": 4,
    "6.10": 3, "6.11": 5, "6.12": 8, "6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5,
    "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8, "6.22": 34, "6.23": 7,
    "7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2,
    "9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6,
    "10.1": 1,
}  # fmt: skip

ALL_CASES = tuple(f"{group}.{n}" for group, count in GROUPS.items() for n in range(1, count + 1))


def family(case_id: str) -> str:
    """The first number of a case id: "7.9.3" belongs to family "7"."""
    return case_id.partition(".")[0]


def select(patterns: str) -> tuple[str, ...]:
    """Case ids that match any of the comma-separated patterns, in the testsuite's order.

    A pattern is a case ("7.1.5"), a whole group ("7.1", "7") or a wildcard ("9.*.1"); the empty
    string selects all. Made to be an argparse type: a pattern that matches nothing is an error.
    """
    if not patterns:
        return ALL_CASES
    wanted = patterns.split(",")
    for pattern in wanted:
        if not any(_matches(case_id, pattern) for case_id in ALL_CASES):
            raise ArgumentTypeError(f"no case matches {pattern!r}: try 7.1.5, 7.1, 7 or '9.*.1'")
    return tuple(c for c in ALL_CASES if any(_matches(c, pattern) for pattern in wanted))


def _matches(case_id: str, pattern: str) -> bool:
    return case_id.startswith(f"{pattern}.") or fnmatchcase(case_id, pattern)
