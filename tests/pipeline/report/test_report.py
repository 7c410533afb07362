"""`tamis report`: figures that agree with the ledger, samples that are the nearest, a safe page."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.report.page import page

LOOSE = ("--set", "marks.rules.low.min=0.05")  # lets more documents through to `again`

Content = dict[str, Any]


def signals(content: Content, stage: int = 0) -> dict[str, Content]:
    return {figure["column"]: figure for figure in content["stages"][stage]["signals"]}


def rule(content: Content, name: str) -> Content:
    rules = (rule for stage in content["stages"] for rule in stage["rules"])
    return next(rule for rule in rules if rule["rule"] == name)


def ask(marked: Path, column: str, where: str = "true", stage: str = "marks") -> list[Any]:
    """A signal of the rows that a stage evaluated, as duckdb sees it."""
    found = duckdb.sql(
        f"""SELECT {column} FROM '{marked}/corpus/signals/{stage}/*.parquet'
            WHERE {stage}_status = 1 AND {where}"""
    )
    return [row[0] for row in found.fetchall()]


def test_the_ledger_of_a_report_is_the_corpus_s(marked: Path, reported: Content) -> None:
    """Two tables of the same corpus that disagree are worse than none."""
    assert reported["ledger"] == json.loads((marked / "corpus/ledger.json").read_text())
    assert reported["ledger"]["errors"]["documents"] == 1


def test_every_evaluated_document_is_counted_once(reported: Content) -> None:
    """In a bin, beyond the axis or as null; and those that fail are the ledger's."""
    counted = {stage["name"]: stage for stage in reported["ledger"]["stages"]}
    for stage in reported["stages"]:
        evaluated = counted[stage["name"]]["evaluated"]["documents"]
        for figure in stage["signals"]:
            ends = [figure["below"], figure["above"]] if "edges" in figure else [figure["others"]]
            inner = figure.get("counts") or [word["documents"] for word in figure["top"]]
            counts = sum(inner) + sum(end["documents"] for end in ends)
            assert counts == figure["values"]
            assert counts + figure["nulls"] == evaluated
    rules = counted["marks"]["rules"]
    words = signals(reported)["label"]
    assert sum(w["failing"] for w in words["top"]) == rules["known"]["documents"] > 0
    count = signals(reported)["count"]
    failing = sum(count["failing"]) + count["below"]["failing"] + count["above"]["failing"]
    assert failing == rules["long"]["documents"] > 0


@pytest.mark.parametrize("column", ["share", "count"])
def test_a_bin_holds_what_lies_between_its_edges(
    marked: Path, reported: Content, column: str
) -> None:
    """Counted again, one value at a time: documents at 0.15 are in the bin that begins there."""
    figure = signals(reported)[column]
    values = np.array(ask(marked, column, f"{column} IS NOT NULL"))
    edges = np.array(figure["edges"])
    if column == "share":
        edges = edges.astype(np.float32)
        assert 0.15 in figure["edges"] and (values == np.float32(0.15)).sum() > 100
    pairs = pairwise(edges)
    expected = [int(((values >= low) & (values < high)).sum()) for low, high in pairs]
    assert figure["counts"] == expected
    assert figure["below"]["documents"] == (values < edges[0]).sum()
    assert (figure["least"], figure["greatest"]) == (values.min(), values.max())


def test_both_axes_are_drawn(reported: Content) -> None:
    """The counts have a heavy tail, the shares have none: else half the drawing is untested."""
    assert signals(reported)["count"]["scale"] == "logarithmic"
    assert signals(reported)["share"]["scale"] == "linear"


def sampled(found: Content, side: str, outcome: str) -> list[float]:
    groups = [g for g in found["samples"] if (g["side"], g["outcome"]) == (side, outcome)]
    return [document["value"] for group in groups for document in group["documents"]]


def test_samples_are_the_nearest_on_either_side(marked: Path, reported: Content) -> None:
    """Documents from the middle of the heap say nothing about a threshold."""
    shares = sorted(ask(marked, "share", "share IS NOT NULL"))
    low, high = np.float32(0.15), np.float32(0.9)
    found = rule(reported, "marks.low")
    assert sampled(found, "min", "fails") == [s for s in shares if s < low][:-4:-1]
    assert sampled(found, "min", "passes") == [s for s in shares if s >= low][:3]
    assert sampled(found, "max", "fails") == [s for s in shares if s > high][:3]
    assert sampled(found, "max", "passes") == [s for s in shares if s <= high][:-4:-1]


def test_samples_of_one_bound_are_not_those_of_the_other(marked: Path, reported: Content) -> None:
    """Just above the greatest is not just below the least, though it is rejected and near."""
    shares = sorted(ask(marked, "again_share", "again_share IS NOT NULL", "again"))
    found = rule(reported, "again.narrow")
    low, high = np.float32(0.5), np.float32(0.52)
    assert sampled(found, "min", "fails") == [s for s in shares if s < low][:-4:-1]
    assert sampled(found, "max", "fails") == [s for s in shares if s > high][:3]


def test_samples_of_a_table_are_nearest_to_their_own_bound(reported: Content) -> None:
    """Ten words are few in one language and enough in another."""
    found = rule(reported, "marks.long")
    groups = {group["outcome"]: group["documents"] for group in found["samples"]}
    for document in (*groups["fails"], *groups["passes"]):
        label = json.loads(document["text"].split("\n")[0]).get("label")
        assert document["bound"] == {"a": 10, "b": 20}.get(label, 5)
    assert all(0 < one["bound"] - one["value"] <= 1 for one in groups["fails"])
    assert all(one["bound"] == one["value"] for one in groups["passes"])


def test_samples_of_a_list_are_what_it_rejects(here, marked: Path, reported: Content) -> None:
    """A word that passes would be shown as turned away."""
    (group,) = rule(reported, "marks.known")["samples"]
    assert len(group["documents"]) == 6
    assert {one["value"] for one in group["documents"]} <= {"d", "<b>d</b>"}
    shown = group["documents"][0]
    (found,) = json.loads(here(marked, "why", "corpus", shown["key"], "--json").out)
    assert found["id"] == shown["id"] and shown["text"] == found["text"][:600]
    assert len(shown["text"]) <= 600 <= max(one["characters"] for one in group["documents"])


def test_bounds_are_those_that_were_applied(reported: Content) -> None:
    """Quantiles as the values that they fell on; of a table one for every key."""
    lines = {line["label"]: line for line in signals(reported)["share"]["bounds"]}
    resolved = next(line for label, line in lines.items() if "quantile 0.25" in label)
    assert rule(reported, "marks.best")["bound"] == f"share >= {resolved['at']:g}"
    assert "quantile" in rule(reported, "marks.best")["written"]
    table = [(line["label"], line["at"]) for line in signals(reported)["count"]["bounds"]]
    assert table == [("min 10 a", 10), ("min 20 b", 20), ("min 5 others", 5)]
    foreign = signals(reported, 1)["text_bytes"]
    assert [line["at"] for line in foreign["bounds"]] == [900] and sum(foreign["failing"]) > 0


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_documents_cannot_speak_to_the_browser(marked: Path, reported: Content) -> None:
    """A crawled page must not run, load or hide anything on the screen of whoever judges it."""
    html = (marked / "page/index.html").read_text(encoding="utf-8")
    found = Tags(html)
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "iframe", "link", "em"})
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert attributes.get("href", "#").startswith("#")
    assert "<script>alert(1)</script>" in found.text and "&amp;" in found.text
    assert "\u202e" not in html and "\x1b" not in html
    assert "\\u{202e}" in found.text and "\\x1b" in found.text
    assert "<b>d</b>" in found.text and "Marks & <em>rules</em>" in found.text
    assert "default-src 'none'" in html and len(html) < 2_000_000


def test_the_page_is_made_of_report_json_alone(marked: Path, reported: Content) -> None:
    """Whoever has the figures can draw the page again; whoever has the page can check it."""
    assert json.loads((marked / "page/report.json").read_text()) == reported
    assert page(reported) == (marked / "page/index.html").read_text(encoding="utf-8")


def test_same_corpus_same_bytes(here, marked: Path, reported: Content, tmp_path: Path) -> None:
    """Law 2: another place, another day, another directory to write into."""
    shutil.copytree(marked, tmp_path / "moved", ignore=shutil.ignore_patterns("page"))
    said = here(tmp_path / "moved", "report", "corpus")
    assert "corpus/report/index.html" in said.err and said.out == ""
    for name in ("report.json", "index.html"):
        made = (tmp_path / "moved/corpus/report" / name).read_bytes()
        assert made == (marked / "page" / name).read_bytes()
        assert str(tmp_path).encode() not in made and str(marked).encode() not in made


def test_documents_that_were_never_measured_are_said(here, marked: Path, tmp_path: Path) -> None:
    """A looser rule asked about: the figures of the stages after it lack those it lets through."""
    said = here(marked, "report", "corpus", *LOOSE, "-o", tmp_path / "loose", "--json")
    left = json.loads(said.out)["stages"][1]["not_measured"]
    assert left > 0 and f"'again' has not measured {left} documents" in said.err
    html = (tmp_path / "loose/index.html").read_text(encoding="utf-8")
    assert "figures are incomplete" in html and "not the one whose answer" in html


def test_what_another_recipe_measured_is_left_out(
    here, loosened: Path, marked: Path, reported: Content, tmp_path: Path
) -> None:
    """Signals of rows that the recipe rejects earlier are there; they are no part of its answer."""
    own = ["--recipe", marked / "corpus/recipe.toml"]
    here(loosened, "report", "corpus", *own, "-o", tmp_path / "own")
    made = json.loads((tmp_path / "own/report.json").read_text())
    assert (
        made["stages"] == reported["stages"]
        and made["ledger"]["stages"][1]["entered"] == (reported["ledger"]["stages"][1]["entered"])
    )


def test_a_corpus_without_signals_has_a_page(here, tamis, marked: Path, tmp_path: Path) -> None:
    """What there is, and what is missing with the command that measures it."""
    tamis("ingest", marked / "in.jsonl", "-o", "bare")
    said = here(tmp_path, "report", "bare", "--recipe", "quickstart").err
    assert "language" in said and "tamis language bare" in said
    html = (tmp_path / "bare/report/index.html").read_text(encoding="utf-8")
    assert "Stage language has no signals" in html and "1,501" in html
    tamis("ingest", marked / "in.jsonl", "-o", "empty", "--set-aside", "heldout=1")
    here(tmp_path, "report", "empty", "--recipe", "quickstart")


def test_wrong_calls_are_answered(here, marked: Path, tmp_path: Path) -> None:
    """Exit codes and words as for every other command."""
    assert "is not a corpus" in here(tmp_path, "report", "nowhere", expect=2).err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/index.html").write_text("my home page")
    said = here(marked, "report", "corpus", "-o", tmp_path / "mine", expect=2).err
    assert "choose another directory" in said
    assert (tmp_path / "mine/index.html").read_text() == "my home page"


def test_a_corpus_in_use_is_left_alone(here, marked: Path, tmp_path: Path) -> None:
    """Two that write into a corpus at once: the second is told to wait, or to write elsewhere."""
    with Corpus(marked / "corpus").lock():
        assert "in use" in here(marked, "report", "corpus", expect=1).err
        here(marked, "report", "corpus", "-o", tmp_path / "beside")
    assert not (marked / "corpus/report").exists()
