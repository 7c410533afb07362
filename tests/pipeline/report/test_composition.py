"""What a corpus consists of: shares that add up, clusters as they are, documents by chance."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tamis.pipeline.report import origins
from tamis.pipeline.report.composition import _by_powers, composition

Content = dict[str, Any]


@pytest.fixture(scope="module")
def content(usual: Path) -> Content:
    """report.json of a sifted corpus."""
    found: Content = json.loads((usual / "report.json").read_text())["corpus"]
    return found


def by(content: Content, name: str) -> Content:
    return next(one for one in content["origins"] if one["by"] == name)


@pytest.mark.parametrize("name", ["source", "language", "host"])
def test_every_byte_has_an_origin(content: Content, name: str) -> None:
    """Those listed, the others and those without any are all there are."""
    one = by(content, name)
    parts = [*one["top"], one["others"], one["none"]]
    assert sum(part["documents"] for part in parts) == content["documents"]
    assert sum(part["bytes"] for part in parts) == content["bytes"]
    kept = content["ledger"]["kept"]
    assert sum(part["kept_documents"] for part in parts) == kept["documents"] > 0
    assert sum(part["kept_bytes"] for part in parts) == kept["bytes"]


def test_origins_are_those_of_the_documents(content: Content, sieve: Path) -> None:
    """Counted again by duckdb; a host is the same in capitals."""
    rows = duckdb.sql(
        f"""SELECT lower(regexp_extract(url, '://([^/]+)', 1)) AS host, count(*) AS documents,
            sum(strlen(text)) AS bytes FROM '{sieve}/documents/*.parquet' GROUP BY host"""
    ).fetchall()
    found = {host or None: (documents, int(size)) for host, documents, size in rows}
    one = by(content, "host")
    assert one["none"]["documents"] == found.pop(None)[0] > 0
    assert one["different"] == len(found) > origins.LISTED == len(one["top"])
    for part in one["top"]:
        assert found[part["value"]] == (part["documents"], part["bytes"])
    assert one["others"]["documents"] > 0
    assert {part["value"] for part in by(content, "source")["top"]} == {
        "man",
        "docs",
        "<b>manual</b>",
    }


def test_the_sieve_s_language_is_all_that_is_kept(content: Content) -> None:
    """The recipe keeps two languages: what is kept of the others is nothing."""
    kept = {part["value"] for part in by(content, "language")["top"] if part["kept_bytes"]}
    assert kept == {"en", "de"}
    html = composition(content)
    assert "&lt;b&gt;manual&lt;/b&gt;" in html and "(no address)" in html


def test_too_many_values_are_given_up(
    monkeypatch: pytest.MonkeyPatch, content: Content, sieve: Path
) -> None:
    """Memory has a bound, sums stay right, and the page does not pretend to have counted."""
    from tamis.pipeline import recipe as recipes
    from tamis.pipeline.corpus import Corpus
    from tamis.pipeline.progress import Progress
    from tamis.pipeline.report.build import Report

    monkeypatch.setattr(origins, "MOST", 8)
    made = Report(Corpus(sieve), recipes.load(str(sieve / "recipe.toml")))
    with Progress("report", 1, True) as progress:
        small = made.content(progress)
    one = by(small, "host")
    parts = [*one["top"], one["others"], one["none"]]
    assert one["different"] is None and sum(part["bytes"] for part in parts) == content["bytes"]
    assert "too many to count" in composition(small)


def test_clusters_are_those_of_the_signals(content: Content, sieve: Path) -> None:
    """As many of each size as there are cluster numbers with that many documents."""
    query = f"""SELECT duplicate_cluster, count(*) AS size FROM '{sieve}/signals/dedup/*.parquet'
        WHERE dedup_status = 1 AND cluster_size > 1 GROUP BY duplicate_cluster"""
    sizes = Counter(size for _, size in duckdb.sql(query).fetchall())
    (one,) = content["clusters"]
    assert {int(size): count for size, count in one["sizes"].items()} == sizes
    assert one["clusters"] == sum(sizes.values()) > 5


def test_sizes_are_put_together_by_powers_of_two() -> None:
    """A line for every size of a web corpus would be a thousand."""
    found = _by_powers({2: 5, 3: 1, 4: 2, 7: 1, 8: 1, 1000: 1})
    assert found == [
        ("2", 5, 10),
        ("3", 1, 3),
        ("4 to 7", 3, 15),
        ("8 to 15", 1, 8),
        ("512 to 1,023", 1, 1000),
    ]


def test_documents_by_chance_are_what_they_are_called(
    here, usual: Path, content: Content, sieve: Path
) -> None:
    """Kept ones were kept; rejected ones left in that stage, for the reasons that stand there."""
    drawn = content["drawn"]
    assert len(drawn["kept"]) == 6 and {one["stage"] for one in drawn["rejected"]} == {
        "language",
        "dedup",
        "heuristics",
    }
    for document in drawn["kept"]:
        (why,) = json.loads(here(sieve.parent, "why", "corpus", document["key"], "--json").out)
        assert not why["reasons"] and why["id"] == document["id"]
        assert why["text"].startswith(document["text"])
    for one in drawn["rejected"]:
        assert len(one["documents"]) == 3
        for document in one["documents"]:
            (why,) = json.loads(here(sieve.parent, "why", "corpus", document["key"], "--json").out)
            assert why["reasons"] == document["reasons"]
            assert all(reason.startswith(f"{one['stage']}.") for reason in document["reasons"])
