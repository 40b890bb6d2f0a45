"""Replays vectors/: on CPython with wsproto as the judge, and on the unix port without.

Also that plans.py makes plans that can be carried out: a few of each kind, always the same.
"""

import json
from pathlib import Path

import pytest
from fuzz import differences, plans, run

VECTORS = sorted(run.VECTORS.glob("*.json"))


def plan_of(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path):
    plan = plan_of(path)
    assert run.execute(plan) == plan.get("difference")


def test_vectors_on_the_unix_port(micropython):
    replay = Path(run.__file__).with_name("replay.py")
    status, output = micropython.run(replay, *VECTORS, timeout_s=60)
    assert (status, output) == (0, f"ok {len(VECTORS)}\n")


@pytest.mark.parametrize("kind", plans.PLANS)
def test_plans(kind):
    done = run.run_round(kind, number=1, executions=30)
    assert "plan" not in done, done["why"]
    assert done["count"] >= 30


def test_every_difference_has_a_vector():
    explained = {plan_of(path).get("difference") for path in VECTORS}
    assert explained - {None} == {difference.__name__ for difference in differences.ALL}


def test_a_difference_explains_nothing_else():
    plan = {"wire": "810161", "client": True, "settings": {"max_message": 5}}
    assert differences.explain(plan, [["text", "a"]], [["text", "b"]]) is None
    assert differences.explain(plan, [["failed", 1009]], [["text", "a"]]) is None
    assert differences.explain(plan, [["close", 1014, ""]], [["close", 1000, ""]]) is None
    text = {"wire": "0182000000006180", "client": False, "settings": {"max_message": 5}}
    assert differences.explain(text, [["failed", 1007]], []) is None
    assert differences.explain_sent([["close", 1000, ""]], [["close", 1001, ""]]) is None


def test_a_finding_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "VECTORS", tmp_path)
    path = run.keep({"why": "Traceback ...\nFinding: lost", "plan": {"kind": "pair", "steps": []}})
    assert path.name.startswith("pair-")
    assert plan_of(path) == {"note": "Finding: lost", "kind": "pair", "steps": []}
