"""tables.py: what is said to be met, missed and over budget. plot.py: what is drawn."""

import xml.dom.minidom

import measure
import plot
import pytest
import tables
from contenders import OURS, RAW, WEBSOCKETS


def cell(*cpu_us):
    made = measure.Cell()
    for us in cpu_us:
        made.add(1, us * 1000, 1)
    return made


@pytest.mark.parametrize(
    ("ours", "verdicts"), [(4.0, ["met", "met"]), (8.0, ["met", "missed"]), (12.0, ["missed"] * 2)]
)
def test_ratio_to_websockets_is_judged(capsys, ours, verdicts):
    cells = {OURS: {16: cell(ours)}, RAW: {16: cell(2.0)}, WEBSOCKETS: {16: cell(10.0)}}
    tables.cpu_table("CPU", cells, [16])
    words = capsys.readouterr().out.split()
    assert [word for word in words if word in ("met", "missed")] == verdicts


def test_median_of_the_rounds_counts():
    assert cell(3.0, 90.0, 4.0).cpu == 4.0


@pytest.mark.parametrize(("spent", "kept"), [(0, True), (1, False)])
def test_core_may_allocate_nothing(capsys, spent, kept):
    assert tables.core_table([16, 125], {"server": [0, spent]}, 8.5) is kept
    assert ("OVER" in capsys.readouterr().out) is not kept


@pytest.mark.parametrize(("spent", "kept"), [(256, True), (257, False)])
def test_wake_up_has_a_budget_beside_the_messages(capsys, spent, kept):
    ours = {("server", "nowait"): [(64 + 2 * spent, 2), (4 * 64 + 256, 1)]}
    assert tables.wake_up_table(16, 64, [1, 4], ours, {}) is kept
    capsys.readouterr()


def test_plot_has_a_bar_for_every_value_and_none_for_a_gap():
    drawn = plot.svg("A < B", ["16 B", "1 KiB"], {"one": [3.0, 40.0], "two": [200.0, None]})
    document = xml.dom.minidom.parseString(drawn)
    bars = [r for r in document.getElementsByTagName("rect") if r.getAttribute("width") == "23"]
    heights = [float(bar.getAttribute("height")) for bar in bars]
    assert len(bars) == 3
    assert heights[0] < heights[2] < heights[1]  # 3, then 200 beside it, then 40
