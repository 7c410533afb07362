"""Law 4: no cluster is emptied. What has to be kept of thousands is found in plain Python.

Later rules fail documents at random, so that in one corpus there are clusters of every outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from families import JUDGES, Answer, pages, points, rest, save, similar
from inprocess import sift
from support import digests

JUDGED = """
[[stage]]
kind = "judges:Points"
[stage.rules]
enough = { column = "points", min = %d }

[[stage]]
kind = "judges:Rest"
[stage.rules]
small = { column = "rest", max = 1 }
"""
INGEST = "[ingest]\nshard_bytes = 300000\n"
DEDUP = """
[[stage]]
kind = "dedup"
%s
[stage.rules]
duplicate = { column = "duplicate", max = 0 }
"""
GUESS = '[[stage]]\nkind = "judges:Perplexity"\n'
Row = dict[str, Any]


def passes(row: Row, least: int = 5) -> bool:
    return points(row) >= least and rest(row) <= 1


def better(keep: str, row: Row) -> tuple[Any, int]:
    """By what the documents of a cluster are ordered, the best one first."""
    value = 0.0
    if keep == "longest":
        value = -len(row["text"].encode())
    elif keep == "newest":
        value = -row["date"].toordinal() if row["date"] else float("inf")
    elif keep == "perplexity":
        value = row["perplexity"] or float("inf")
    return value, row["number"]


def check(
    answer: Answer,
    passes: Callable[[Row], bool],
    keep: str = "first",
    alike: Callable[[Row, Row], bool] = lambda one, two: similar(one["text"], two["text"]) >= 0.7,
) -> dict[str, int]:
    """Holds an answer against the law; answers how many clusters of which kind there were."""
    kinds = {"alone": 0, "passed": 0, "saved": 0, "lost": 0, "chained": 0}
    number = {row["id"]: row for row in answer.rows}
    for cluster in answer.clusters():
        (keeper,) = [row for row in cluster if not row[answer.column("duplicate")]]
        good = [row for row in cluster if passes(row)]
        best = min(good or cluster, key=lambda row: better(keep, row))
        assert keeper is best, (keeper["id"], best["id"])
        assert [row["id"] for row in cluster if row["id"] in answer.kept] == (
            [keeper["id"]] if good else []
        )
        for row in cluster:
            assert row[answer.column("cluster_size")] == len(cluster)
            if row is keeper:
                assert row[answer.column("duplicate_of")] is None
                assert row[answer.column("duplicate_by")] is None
                continue
            assert row[answer.column("duplicate_of")] == keeper["id"]
            assert row[answer.column("duplicate_cluster")] == keeper["number"]
            assert alike(row, keeper)
            if row[answer.column("duplicate_by")] in ("minhash", "text"):
                found = row[answer.column("duplicate_similarity")]
                assert found == pytest.approx(similar(row["text"], keeper["text"]), abs=1e-6)
        first = min(cluster, key=lambda row: better(keep, row))
        kind = "alone" if len(cluster) == 1 else "passed" if passes(first) else "saved"
        kinds[kind if good or kind == "alone" else "lost"] += 1
        kinds["chained"] += keeper[answer.column("duplicate_chained")]
    assert answer.kept <= number.keys()
    if "url" not in {row[answer.column("duplicate_by")] for row in answer.rows}:
        texts = [number[name]["text"] for name in answer.kept]
        assert len(texts) == len({*texts}), "two documents of one text were kept"
    return kinds


@pytest.mark.parametrize(
    ("seed", "keep"), [(1, "first"), (2, "longest"), (3, "newest"), (4, "perplexity")]
)
def test_clusters_keep_the_best_that_passes(seed: int, keep: str, tmp_path: Path) -> None:
    """A cluster whose only copy went is a text that the model never sees."""
    save(tmp_path, pages(seed, 1200))
    before = GUESS if keep == "perplexity" else ""
    stages = before + DEDUP % f'keep = "{keep}"' + JUDGED % 5
    (tmp_path / "r.toml").write_text(INGEST + stages)
    sift(tmp_path, "run", "r.toml", "in", "-o", "corpus")
    kinds = check(Answer(tmp_path / "corpus"), passes, keep)
    assert min(kinds.values()) > 50, kinds


def run(place: Path, seed: int, recipe: str, *arguments: str, families: int = 400) -> Path:
    """A run of a recipe over documents that lie beside its directory."""
    place.mkdir(exist_ok=True)
    if not (place.parent / "in").exists():
        save(place.parent, pages(seed, families))
    (place / "judges.py").write_text(JUDGES)
    (place / "r.toml").write_text(INGEST + recipe)
    sift(place, "run", "r.toml", place.parent / "in", "-o", "corpus", *arguments)
    return place / "corpus"


def same_page(one: Row, two: Row) -> bool:
    return one["url"].split("//")[1] == two["url"].split("//")[1]


@pytest.mark.parametrize(
    ("methods", "alike"),
    [
        ('["url"]', same_page),
        ('["text"]', lambda one, two: one["text"] == two["text"]),
        (
            '["url", "minhash"]',
            lambda one, two: same_page(one, two) or similar(one["text"], two["text"]) >= 0.7,
        ),
    ],
)
def test_by_other_methods(methods: str, alike: Any, tmp_path: Path) -> None:
    """Pages of one address may differ in everything, and so may what later rules say of them."""
    corpus = run(tmp_path / "a", 5, DEDUP % f"methods = {methods}" + JUDGED % 5)
    kinds = check(Answer(corpus), passes, alike=alike)
    assert min(kinds[name] for name in ("alone", "passed", "saved", "lost")) > 20, kinds


def test_a_later_rule_that_changes_settles_clusters_again(tmp_path: Path) -> None:
    """`write` with another bound answers what a run with it would have."""
    changed = run(tmp_path / "a", 6, DEDUP % "" + JUDGED % 5)
    for least in (8, 2, 5):
        change = ("--set", f"points.rules.enough.min={least}")
        if least == 2:  # documents come to life that the stage behind has to measure
            sift(tmp_path / "a", "stage", "rest", "corpus", *change)
        sift(tmp_path / "a", "write", "corpus", *change)
        fresh = run(tmp_path / f"b{least}", 6, DEDUP % "" + JUDGED % least)
        answer = Answer(changed)
        check(answer, lambda row, least=least: passes(row, least))
        found, expected = digests(changed), digests(fresh)
        different = {path for path in expected if found.get(path) != expected[path]}
        # What was measured of rows that are dead now stays.
        measured = ("signals/points/0", "signals/rest/0")
        assert not [path for path in sorted(different) if not path.startswith(measured)]
        assert found.keys() == expected.keys()


def test_two_stages_of_clusters(tmp_path: Path) -> None:
    """Each stage's keepers answer to the rules up to the next; both answers stand."""
    first = DEDUP % 'name = "page"\nmethods = ["url"]\nkeep = "longest"'
    first = first.replace('"duplicate", max', '"page_duplicate", max')
    points_rule, rest_rule = (JUDGED % 5).split("\n\n")
    recipe = first + points_rule + DEDUP % 'keep = "newest"' + "\n\n" + rest_rule
    corpus = run(tmp_path / "a", 8, recipe, families=800)
    second = Answer(corpus)
    kinds = check(second, lambda row: row["dedup_status"] == 1 and rest(row) <= 1, "newest")
    assert min(kinds.values()) > 10, kinds
    pages = Answer(corpus, "page")
    pages.kept = {row["id"] for row in second.rows if row["dedup_status"] == 1}
    kinds = check(pages, lambda row: points(row) >= 5, "longest", same_page)
    assert min(kinds[name] for name in ("alone", "passed", "saved", "lost")) > 20, kinds
