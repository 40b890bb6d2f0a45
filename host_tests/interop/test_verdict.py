"""That a verdict sees what is wrong: a good meeting, spoilt in one respect after the other."""

from dataclasses import replace
from types import SimpleNamespace

import explained
import matrix
import pytest
import scenarios
from capture import conversations
from records import Record, close, frame
from scenarios import OUR_CODE, SCENARIOS, THEIR_CODE, Expected
from verdict import judge

GOOD = {
    "code": THEIR_CODE,
    "reason": "bye",
    "clean": True,
    "initiator": "peer",
    "sent_code": THEIR_CODE,
    "rcvd_code": THEIR_CODE,
    "failed_with": None,
    "undelivered": 0,
    "discarded": 0,
    "timed_out": False,
    "truncated": False,
    "tcp_reset": False,
    "peer_no_echo": False,
}
MESSAGE = frame(0x81, b"1 x")
SAID = MESSAGE + close(THEIR_CODE)
BROKEN = {"code": 1006, "clean": False, "rcvd_code": None}


def record_of(ours, theirs, we_serve=False, end=("ours", "peer"), wait_s=0.001):
    """Their octets, ours, then FINs; `end` holds "RST" for one by the side named before it."""
    record = Record().handshake(we_serve).peer(theirs).ours(ours)
    for i, who in enumerate(end):
        if who != "RST":
            flags = "R" if end[i + 1 : i + 2] == ("RST",) else "AF"
            getattr(record, who)(flags=flags, after_s=wait_s)
    return record


def meeting(
    ours=SAID,
    theirs=SAID,
    role="server",
    scheme="ws",
    end=("ours", "peer"),
    wait_s=0.001,
    outcome=None,
    closed=None,
    report=None,
    expected=None,
    wired=True,
):
    """One in which the peer closed and all went well, but for what is given."""
    record = record_of(ours, theirs, role == "server", end, wait_s)
    their_report = {
        "code": THEIR_CODE,
        "clean": True,
        "received": 1,
        "lost": 0,
        "sent": 1,
        "error": None,
    }
    known = Expected(initiator="peer", their_code=THEIR_CODE)
    return SimpleNamespace(
        cell=SimpleNamespace(role=role, scheme=scheme),
        expected=replace(known, **(expected or {})),
        outcome={
            "received": 1,
            "lost": 0,
            "sent": 1,
            "error": None,
            "outcome": {**GOOD, **(outcome or {})},
            **(closed or {}),
        },
        report=None if report == "none" else {**their_report, **(report or {})},
        conversation=conversations(record.segments)[0] if wired else None,
        unsupported=None,
        stuck=None,
        next_client=None,
    )


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("wired", [True, False])
def test_all_went_well(role, wired):
    end = ("ours", "peer") if role == "server" else ("peer", "ours")
    verdict = judge(meeting(role=role, end=end, wired=wired))
    assert (verdict.faults, verdict.traits, verdict.na) == ([], [], "")


LOCAL = {"initiator": "local", "their_code": OUR_CODE, "our_code": OUR_CODE}
NO_ECHO = {**BROKEN, "initiator": "local", "sent_code": OUR_CODE, "peer_no_echo": True}


@pytest.mark.parametrize(
    ("spoilt", "fault"),
    [
        ({"end": ("ours", "peer", "ours", "RST")}, "a reset (RST) by us"),
        ({"end": ("peer",)}, "no FIN of ours"),
        (
            {"role": "client", "end": ("ours", "peer")},
            "FIN of our client before the server's",
        ),
        (
            {"role": "client", "end": ("peer", "ours"), "wait_s": 2},
            "our client did not notice the server's end",
        ),
        ({"ours": MESSAGE}, "0 Closes of ours on the wire"),
        ({"ours": MESSAGE + 2 * close(THEIR_CODE)}, "2 Closes of ours on the wire"),
        ({"ours": MESSAGE + close(1000)}, "our Close says 1000 and must say 4001"),
        ({"ours": close(THEIR_CODE)}, "1 messages accepted, 0 on the wire"),
        ({"ours": MESSAGE + close(THEIR_CODE) + MESSAGE}, "data of ours behind our Close"),
        ({"ours": MESSAGE + close(4001) + MESSAGE[:3]}, "a frame of ours was not finished"),
        ({"closed": {"sent": 0}}, "0 messages accepted, 1 on the wire"),
        ({"closed": {"received": 0}}, "1 messages on the wire, 0 received"),
        ({"closed": {"lost": 1}}, "1 messages are missing in between"),
        ({"outcome": {"discarded": 1}}, "1 messages were discarded"),
        ({"outcome": {"undelivered": 1}}, "undelivered is 1 and must be 0"),
        ({"outcome": {"code": 1006}}, "code is 1006 and must be 4001"),
        ({"outcome": {"clean": False}}, "clean is False and must be True"),
        ({"outcome": {"initiator": "both"}}, "initiator is 'both' and must be 'peer'"),
        ({"outcome": {"sent_code": None}}, "sent_code is None"),
        ({"outcome": {"failed_with": 1002}}, "failed_with is 1002 and must be None"),
        ({"outcome": {"timed_out": True}}, "timed_out is True and must be False"),
        ({"outcome": {"truncated": True}}, "truncated is True"),
        ({"expected": {"truncated": True}}, "truncated is False"),
        ({"expected": {"unfinished": True}}, "undelivered is 0"),
        (
            {"outcome": {"code": 1006, "rcvd_code": None}},
            "the peer's Close said 4001, and we heard None",
        ),
        ({"outcome": {"code": 1000, "rcvd_code": 1000}}, "said 4001, and we heard 1000"),
        ({"closed": {"outcome": None, "error": "OSError"}}, "did not open: OSError"),
        # A peer that answers our Close with a bare FIN.
        (
            {
                "theirs": MESSAGE,
                "ours": MESSAGE + close(OUR_CODE),
                "end": ("peer", "ours"),
                "expected": LOCAL,
                "outcome": {**NO_ECHO, "peer_no_echo": False},
            },
            "peer_no_echo is False and must be True",
        ),
        (
            {
                "theirs": MESSAGE,
                "ours": MESSAGE + close(OUR_CODE),
                "end": ("peer", "ours"),
                "expected": LOCAL,
                "outcome": {**NO_ECHO, "clean": True},
            },
            "clean is True and must be False",
        ),
        # Without a Close from either.
        (
            {
                "theirs": MESSAGE,
                "ours": MESSAGE + close(1000),
                "expected": {"handshake": False, "initiator": "transport"},
                "outcome": {**BROKEN, "initiator": "transport", "sent_code": None},
            },
            "a Close of ours on the wire",
        ),
        # A reset by the peer excuses what it destroyed, and no untruth.
        ({"end": ("peer", "RST"), "outcome": {"tcp_reset": True, "code": 1006}}, "code is 1006"),
    ],
)
def test_faults_of_ours(spoilt, fault):
    faults = judge(meeting(**spoilt)).faults
    assert any(fault in text for text in faults), faults


@pytest.mark.parametrize(
    ("spoilt", "trait"),
    [
        ({"end": ("peer", "ours")}, "ends before the server"),
        ({"role": "client", "end": ("ours",), "wait_s": 2}, "does not end"),
        ({"end": ("ours", "peer", "RST")}, "RST"),
        ({"theirs": MESSAGE + 2 * close(THEIR_CODE)}, "more than one Close"),
        ({"theirs": MESSAGE + close(THEIR_CODE) + MESSAGE}, "data behind its Close"),
        ({"report": {"received": 0}}, "lost messages of ours"),
        ({"report": {"lost": 1}}, "lost messages of ours"),
        ({"report": {"sent": 2}}, "lost messages of its own"),
        ({"report": "none"}, "never says that it is over"),
        ({"report": {"code": 1006}}, "reports 1006"),
        ({"report": {"clean": False}}, "reports an unclean end"),
        ({"report": {"error": "broken pipe"}}, "reports an error"),
        ({"expected": {"their_code": 4009}}, "Close says 4001"),
        (
            {
                "theirs": MESSAGE,
                "ours": MESSAGE + close(OUR_CODE),
                "end": ("peer", "ours"),
                "expected": LOCAL,
                "outcome": NO_ECHO,
            },
            "no Close",
        ),
        (
            {
                "theirs": MESSAGE,
                "ours": MESSAGE + close(OUR_CODE),
                "end": ("ours",),
                "expected": LOCAL,
                "outcome": {**NO_ECHO, "peer_no_echo": False, "timed_out": True},
            },
            "goes on as if nothing were",
        ),
        (
            {
                "theirs": MESSAGE + close(65535),
                "ours": MESSAGE + close(1002),
                "outcome": {**BROKEN, "sent_code": 1002, "failed_with": 1002},
            },
            "Close says 65535",
        ),
        (
            {"theirs": MESSAGE + frame(0x01, b"p") + close(4001), "outcome": {"truncated": True}},
            "message broken off",
        ),
    ],
)
def test_traits_of_the_peer(spoilt, trait):
    verdict = judge(meeting(**spoilt))
    assert trait in verdict.traits, verdict
    assert verdict.faults == []


def test_a_reset_that_only_we_know_of_over_tls_is_no_excuse_for_ours():
    verdict = judge(meeting(scheme="wss", outcome={"sent_code": None}))
    assert verdict.faults


def test_stuck_and_unsupported():
    assert judge(SimpleNamespace(unsupported="no fragments", stuck=None)).na == "no fragments"
    assert judge(SimpleNamespace(unsupported=None, stuck="no open")).faults == ["no open"]


# What is explained


def result(traits, scenario="we-close", faults=(), na="", peer="aiohttp", role="client"):
    cell = SimpleNamespace(peer=SimpleNamespace(name=peer), role=role, scheme="ws")
    cell.scenario = scenario
    verdict = SimpleNamespace(faults=list(faults), traits=traits, na=na)
    return matrix.Result(cell, verdict, [], 0, True)


def test_a_trait_fails_its_cell_unless_it_is_explained():
    assert not result(["Close says 1000"]).failed
    assert result(["Close says 1001"]).failed
    assert result(["Close says 1000"], peer="ws").failed
    assert result([], faults=["a reset (RST) by us"]).failed


def test_only_what_is_the_peer_s_alone_may_be_a_race():
    assert result(["Close says 1001"]).may_be_a_race
    assert not result(["Close says 1001"], faults=["a reset (RST) by us"]).may_be_a_race
    assert not result([], faults=["no open"]).may_be_a_race
    assert not result(["Close says 1000"]).may_be_a_race


def test_an_explanation_that_is_not_true_any_more():
    assert matrix.stale([result(["Close says 1000"])]) == []
    (told,) = matrix.stale([result([])])
    assert "did not occur in aiohttp" in told
    assert matrix.stale([result([], na="unsupported")]) == []


def test_an_explanation_that_covers_nothing():
    told = matrix.unseen([])
    assert len(told) == sum(len(entry.traits) for entry in explained.EXPLAINED)


def test_explanations_are_about_scenarios_that_exist():
    for entry in explained.EXPLAINED:
        for pattern in entry.scenarios:
            assert any(explained.fnmatch(name, pattern) for name in SCENARIOS), pattern


def test_every_scenario_says_what_it_does():
    assert all(scenario.__doc__ for scenario in SCENARIOS.values())
    assert scenarios.OPEN_TIMEOUT_MS < 5000
