"""cases.py: the list is complete, and patterns select what they say."""

from argparse import ArgumentTypeError

import cases
import pytest


def test_number_of_cases():
    assert len(cases.ALL_CASES) == len(set(cases.ALL_CASES)) == 301
    assert sum(cases.family(case_id) != "9" for case_id in cases.ALL_CASES) == 247
    assert {cases.family(case_id) for case_id in cases.ALL_CASES} == set(cases.FAMILIES)


@pytest.mark.parametrize(
    ("patterns", "selected"),
    [
        ("", cases.ALL_CASES),
        ("7.1.5", ("7.1.5",)),
        ("10", ("10.1.1",)),
        ("9.1", tuple(f"9.1.{n}" for n in range(1, 7))),
        ("7.*.1,3.1", ("3.1", "7.1.1", "7.3.1", "7.5.1", "7.7.1", "7.9.1", "7.13.1")),
    ],
)
def test_select(patterns, selected):
    assert cases.select(patterns) == selected


@pytest.mark.parametrize("patterns", ["12", "7.1.7", "3,", "1.1.1;2"])
def test_pattern_without_a_case(patterns):
    with pytest.raises(ArgumentTypeError, match="no case matches"):
        cases.select(patterns)
