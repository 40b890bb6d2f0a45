"""report.py: which runs pass. The data are as small as the testsuite's files may be."""

import json
from pathlib import Path

import pytest
import report

EXPECTED = ("1.1.1", "3.1", "7.13.1")

GOOD = {
    "description": "Send something",
    "expectation": "Something comes back",
    "duration": 500,
    "behavior": "OK",
    "behaviorClose": "OK",
    "result": "as expected",
    "resultClose": "closed properly",
    "remoteCloseCode": 1000,
    "expectedClose": {"closedByMe": True, "closeCode": [1000], "requireClean": True},
    "rxFrameStats": {"1": 1, "8": 1},
}
PROTOCOL_ERROR = GOOD | {
    "remoteCloseCode": 1002,
    "expectedClose": {"closedByMe": False, "closeCode": [1002], "requireClean": False},
}
INFORMATIONAL = GOOD | {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"}


def write_run(directory: Path, run: dict[str, dict], agent: str = "us") -> None:
    """The files that wstest leaves after a run of these cases."""
    index = {}
    for case_id, case in run.items():
        name = f"{agent}_case_{case_id.replace('.', '_')}.json"
        (directory / name).write_text(json.dumps(case | {"id": case_id}))
        keys = ("behavior", "behaviorClose", "remoteCloseCode", "duration")
        index[case_id] = {key: case[key] for key in keys} | {"reportfile": name}
    (directory / "index.json").write_text(json.dumps({agent: index}))


def good_run() -> dict[str, dict]:
    return {"1.1.1": GOOD, "3.1": PROTOCOL_ERROR, "7.13.1": INFORMATIONAL}


def verdict_on(directory: Path, **changes) -> report.CaseResult:
    """The verdict on case 3.1, which expects a protocol error, with some of its fields changed."""
    write_run(directory, good_run() | {"3.1": PROTOCOL_ERROR | changes})
    loaded = report.load("server", directory, EXPECTED)
    assert loaded.passed == (loaded.results[1].verdict in (report.OK, report.INFORMATIONAL))
    return loaded.results[1]


class TestWholeRun:
    def test_all_good(self, tmp_path):
        write_run(tmp_path, good_run())
        loaded = report.load("server", tmp_path, EXPECTED)
        assert loaded.passed
        assert [r.verdict for r in loaded.results] == [report.OK, report.OK, report.INFORMATIONAL]

    def test_case_missing_from_index(self, tmp_path):
        run = good_run()
        del run["3.1"]
        write_run(tmp_path, run)
        loaded = report.load("server", tmp_path, EXPECTED)
        assert not loaded.passed
        assert [(r.case_id, r.verdict) for r in loaded.bad] == [("3.1", report.MISSING)]

    def test_case_file_missing(self, tmp_path):
        write_run(tmp_path, good_run())
        (tmp_path / "us_case_3_1.json").unlink()
        loaded = report.load("server", tmp_path, EXPECTED)
        assert [(r.case_id, r.verdict) for r in loaded.bad] == [("3.1", report.MISSING)]
        assert not loaded.passed

    def test_case_file_of_an_earlier_run(self, tmp_path):
        write_run(tmp_path, good_run() | {"3.1": PROTOCOL_ERROR | {"behavior": "FAILED"}})
        stale = PROTOCOL_ERROR | {"id": "3.1"}
        (tmp_path / "us_case_3_1.json").write_text(json.dumps(stale))
        assert report.load("server", tmp_path, EXPECTED).bad[0].verdict == report.MISSING

    @pytest.mark.parametrize("index", [None, "", "{", "{}", '{"us": {}, "them": {}}'])
    def test_unusable_index(self, tmp_path, index):
        if index is not None:
            (tmp_path / "index.json").write_text(index)
        loaded = report.load("server", tmp_path, EXPECTED)
        assert loaded.problems
        assert len(loaded.bad) == len(EXPECTED)
        assert not loaded.passed

    def test_case_nobody_asked_for(self, tmp_path):
        write_run(tmp_path, good_run() | {"12.1.1": GOOD})
        loaded = report.load("server", tmp_path, EXPECTED)
        assert "12.1.1" in loaded.problems[0]
        assert not loaded.passed

    def test_nothing_expected_is_no_pass(self, tmp_path):
        write_run(tmp_path, {})
        assert not report.load("server", tmp_path, ()).passed


class TestBehavior:
    def test_non_strict(self, tmp_path):
        assert verdict_on(tmp_path, behavior="NON-STRICT").verdict == report.NON_STRICT

    @pytest.mark.parametrize("behavior", ["FAILED", "UNIMPLEMENTED", "anything new"])
    def test_failed(self, tmp_path, behavior):
        result = verdict_on(tmp_path, behavior=behavior, result="no echo")
        assert result.verdict == report.FAILED
        assert "no echo" in result.reason

    @pytest.mark.parametrize("close", ["FAILED", "UNCLEAN", "FAILED BY CLIENT", "NON-STRICT"])
    def test_closing_failed(self, tmp_path, close):
        assert verdict_on(tmp_path, behaviorClose=close).verdict == report.FAILED


class TestCloseCode:
    def test_testsuite_says_wrong(self, tmp_path):
        changes = {"behavior": "FAILED", "behaviorClose": "WRONG CODE", "remoteCloseCode": 1000}
        assert verdict_on(tmp_path, **changes).verdict == report.WRONG_CODE

    def test_tcp_dropped_instead_of_close(self, tmp_path):
        result = verdict_on(tmp_path, remoteCloseCode=None, rxFrameStats={"1": 1})
        assert result.verdict == report.WRONG_CODE
        assert "without a Close" in result.reason

    def test_empty_close(self, tmp_path):
        result = verdict_on(tmp_path, remoteCloseCode=None)
        assert result.verdict == report.WRONG_CODE
        assert "said nothing" in result.reason

    def test_any_accepted_error_code(self, tmp_path):
        expected = PROTOCOL_ERROR["expectedClose"] | {"closeCode": [1002, 1007]}
        assert verdict_on(tmp_path, expectedClose=expected, remoteCloseCode=1007).verdict == "OK"

    def test_empty_reply_where_nothing_illegal_was_sent(self, tmp_path):
        result = verdict_on(tmp_path, expectedClose=GOOD["expectedClose"], remoteCloseCode=None)
        assert result.verdict == report.OK


class TestSummary:
    def test_roles_side_by_side(self, tmp_path):
        for role in ("server", "client"):
            (tmp_path / role).mkdir()
            write_run(tmp_path / role, good_run())
        write_run(tmp_path / "client", good_run() | {"1.1.1": GOOD | {"behavior": "NON-STRICT"}})
        loaded = [report.load(role, tmp_path / role, EXPECTED) for role in ("server", "client")]
        text = report.summary(loaded)
        assert "PASS server: 3 of 3" in text
        assert "FAIL client: 2 of 3" in text
        assert "client 1.1.1 non-strict" in text
        assert "case: Send something" in text
        assert "1.5 s" in text

    def test_families_that_did_not_run_have_no_row(self, tmp_path):
        write_run(tmp_path, good_run())
        text = report.summary([report.load("server", tmp_path, EXPECTED)])
        assert "closing" in text
        assert "fragmentation" not in text
