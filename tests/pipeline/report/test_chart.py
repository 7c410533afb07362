"""The drawing: bounds stand where their values are, bars are as high as their counts."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from tamis.pipeline.report.chart import LEFT, PLOT, RIGHT, WIDTH, histogram
from tamis.pipeline.report.look import escaped, short

Figure = dict[str, Any]


def figure(edges: list[float], counts: list[int], **more: Any) -> Figure:
    nothing = {"documents": 0, "failing": 0}
    made = {
        "column": "signal",
        "type": "float",
        "scale": "linear",
        "edges": edges,
        "counts": counts,
        "failing": [0] * len(counts),
        "below": nothing,
        "above": nothing,
        "zeros": 0,
        "bounds": [],
    }
    return made | more


def bound(at: float, side: str = "min", label: str = "here") -> Figure:
    return {"rule": "s.r", "side": side, "at": at, "label": label}


def paths(svg: str, name: str) -> list[str]:
    tree = ElementTree.fromstring(svg)  # and so it is XML
    return [path.attrib["d"] for path in tree.iter("path") if path.attrib["class"] == name]


def bars(svg: str, name: str) -> list[tuple[float, float, float]]:
    """Left, width and height of every bar."""
    number = r"(-?[\d.]+)"
    found = re.findall(rf"M{number} {number}h{number}v{number}", "".join(paths(svg, name)))
    return [(float(x), float(w), -float(h)) for x, _, w, h in found]


def lines(svg: str) -> list[float]:
    return [float(re.match(r"M([\d.]+)", path)[1]) for path in paths(svg, "bound")]


def test_a_bound_stands_between_the_bars_it_parts() -> None:
    """A line beside the bar it cuts off says that the wrong documents are lost."""
    svg = histogram(figure([0, 0.25, 0.5, 0.75, 1], [1, 2, 3, 4], bounds=[bound(0.75)]))
    drawn = bars(svg, "bar passes")
    assert lines(svg) == [pytest.approx(drawn[3][0], abs=0.1)]
    heights = [height for _, _, height in drawn]
    assert heights == pytest.approx([PLOT / 4, PLOT / 2, 3 * PLOT / 4, PLOT], abs=0.1)


def test_bounds_on_a_logarithmic_axis() -> None:
    """At the logarithm of the value, like the bars."""
    made = figure([1, 10, 100, 1000], [5, 6, 7], scale="logarithmic")
    svg = histogram(made | {"bounds": [bound(100), bound(10**1.5)]})
    drawn = bars(svg, "bar passes")
    middle = (drawn[1][0] + drawn[2][0]) / 2
    assert lines(svg) == pytest.approx([middle, drawn[2][0]], abs=0.1)


@pytest.mark.parametrize(("side", "bar"), [("min", 2), ("max", 3)])
def test_bounds_of_integers_stand_beside_their_value(side: str, bar: int) -> None:
    """At least 2 lets the bar of 2 pass, and at most 2 too: the line is on its other side."""
    made = figure([-0.5, 0.5, 1.5, 2.5, 3.5], [4, 4, 4, 4], type="int32")
    svg = histogram(made | {"bounds": [bound(2, side)]})
    assert lines(svg) == [pytest.approx(bars(svg, "bar passes")[bar][0], abs=0.1)]


def test_a_bound_out_of_view_is_at_the_edge_with_an_arrow() -> None:
    """Drawn nowhere, it would look like a rule without a bound."""
    far = [bound(99, label="far"), bound(-99, label="low")]
    svg = histogram(figure([0, 1, 2], [1, 2], bounds=far))
    assert sorted(lines(svg)) == pytest.approx([LEFT + 2, WIDTH - RIGHT], abs=0.1)
    assert "far \u2192" in svg and "\u2190 low" in svg


def test_a_table_of_many_bounds_is_a_band() -> None:
    """Forty lines would be a wall."""
    band = {"rule": "s.r", "side": "max", "from": 0.25, "to": 0.75, "label": "many"}
    svg = histogram(figure([0, 0.25, 0.5, 0.75, 1], [1, 2, 3, 4], bounds=[band]))
    drawn = bars(svg, "bar passes")
    (found,) = paths(svg, "span")
    left, right = re.match(r"M([\d.]+) [\d.]+H([\d.]+)", found).groups()
    assert (float(left), float(right)) == pytest.approx((drawn[1][0], drawn[3][0]), abs=0.1)


def test_what_fails_is_its_share_of_the_bar() -> None:
    """Half of the documents, half of the bar."""
    svg = histogram(figure([0, 1, 2], [10, 4], failing=[5, 0]))
    assert bars(svg, "bar fails") == [pytest.approx((LEFT + 2, 181.4, PLOT / 2), abs=0.2)]
    assert bars(svg, "bar passes")[0][2] == pytest.approx(PLOT / 2, abs=0.1)
    (fails,), (passes, _) = (
        [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)h", paths(svg, f"bar {outcome}")[0])]
        for outcome in ("fails", "passes")
    )
    assert fails - passes == pytest.approx(PLOT / 2, abs=0.2)


def test_what_lies_beyond_the_axis_has_its_own_bars() -> None:
    """A tail that is cut off without a trace is a wrong histogram."""
    ends = {"below": {"documents": 2, "failing": 0}, "above": {"documents": 3, "failing": 3}}
    svg = histogram(figure([0, 1], [6], **ends))
    assert len(bars(svg, "bar beyond passes")) == len(bars(svg, "bar beyond fails")) == 1
    assert ">less<" in svg and ">more<" in svg
    left, width, _ = bars(svg, "bar passes")[0]
    assert left > LEFT + 10 and left + width < WIDTH - RIGHT - 10


def test_labels_do_not_cover_each_other() -> None:
    """Two bounds side by side are read as one number."""
    near = [bound(0.5, label="a long label"), bound(0.51, label="another label")]
    svg = histogram(figure([0, 0.5, 1], [1, 1], bounds=near))
    rows = re.findall(r'y="(\d+)" class="mid label"', svg)
    assert len(set(rows)) == 2


def test_words_of_strangers_on_a_drawing() -> None:
    """A label comes from a recipe, a column from anybody's stage."""
    made = figure([0, 1], [1], column="<script>", bounds=[bound(0.5, label="</svg>")])
    assert "<script>" not in histogram(made) and "&lt;/svg&gt;" in histogram(made)
    ElementTree.fromstring(histogram(made))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<b", "a&lt;b"),
        ("tab\there", "tab    here"),
        ("\u202eabc\u2066", "\\u{202e}abc\\u{2066}"),
        ("\x00\x1b\x7f\x9b", "\\x00\\x1b\\x7f\\x9b"),
        ("\u200bjoined\u200d\u3000wide", "\\u{200b}joined\u200d\u3000wide"),
        ("日本語 العربية\n", "日本語 العربية\n"),
    ],
)
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    """A text that reads otherwise than it is written deceives whoever judges it."""
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.05, "0.05"), (1500, "1.5k"), (2e7, "20M"), (-300, "-300")]
)
def test_figures_on_axes_are_short(value: float, shown: str) -> None:
    """Seven digits at every tick run into each other."""
    assert short(value) == shown
