"""Questions about one text: the nearest documents, and why one of a cluster went."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from crawls import MONTHS, B, C, Months, P, near, text
from typer.testing import CliRunner

from tamis.pipeline.cli.app import app
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup import lsh
from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.dedup.similar import question, similar
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.sift import Sift
from tamis.pipeline.why import why

FEB = MONTHS["feb"]


def shingles(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[place : place + 5]) for place in range(len(words) - 4)}


def jaccard(one: list[str], other: list[str]) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def test_the_nearest_come_with_their_similarity(months: Months) -> None:
    """Similarities are of the texts, not of their signatures; the sure ones are all found."""
    asked = near(P, 5)
    answer = similar(months.corpus("feb"), months.recipe("feb"), " ".join(asked), 3)
    found = {one.id: one.similarity for one in answer.nearest}
    assert [*found.values()] == sorted(found.values(), reverse=True)
    assert {"bridge", "of-p"} <= {*found} <= {"bridge", "of-p", "of-of-p"}
    for name, value in found.items():
        assert value == pytest.approx(jaccard(asked, FEB[name]))
    assert all(abs(one.estimate - one.similarity) < 0.15 for one in answer.nearest)
    assert (answer.signed, answer.candidates) == (len(FEB), len(found))
    alone = similar(months.corpus("feb"), months.recipe("feb"), " ".join(asked), 1)
    assert alone.nearest == answer.nearest[:1] and alone.candidates == answer.candidates


def test_who_was_kept_is_said(months: Months) -> None:
    answer = similar(months.corpus("jan"), months.recipe("jan"), " ".join(MONTHS["jan"]["gone"]))
    (one,) = answer.nearest
    assert (one.id, one.similarity, one.kept) == ("gone", 1, False)
    answer = similar(months.corpus("feb"), months.recipe("feb"), " ".join(C))
    assert [(one.id, one.kept) for one in answer.nearest] == [("new", True), ("new-again", False)]
    assert [one.key for one in answer.nearest] == ["00000:5", "00001:0"]


def test_datasketch_finds_the_same_candidates(months: Months) -> None:
    """Bands as datasketch draws them over the same values: an oracle for our keys and files."""
    sift = Sift(months.corpus("feb"), months.recipe("feb"))
    measure = sift.recipe.stage("dedup").measure
    assert isinstance(measure, Dedup) and measure.banding.bits == 32
    index = lsh.load(sift, "dedup")
    hit = 0
    for words in (*FEB.values(), near(P, 5), near(C, 3), text(77), B[:100]):
        asked = question(" ".join(words), measure)
        theirs = index.query(lsh.minhash(asked, measure.banding))
        ours = similar(sift.corpus, sift.recipe, " ".join(words), 100).nearest
        assert {*theirs} == {one.key for one in ours}
        hit += len(ours) > 1
    assert hit >= 5
    loose = lsh.load(sift, "dedup", 0.3)
    assert loose.b > measure.banding.bands


def test_the_command_names_documents(months: Months) -> None:
    feb, asked = str(months.root / "feb"), " ".join(near(C, 2))
    done = CliRunner().invoke(app, ["similar", feb, "-", "-n", "1", "--json"], input=asked)
    answer = json.loads(done.stdout)
    assert answer["candidates"] == 2 and len(answer["nearest"]) == 1
    done = CliRunner().invoke(app, ["similar", feb, "-"], input=asked)
    lines = done.stdout.splitlines()
    assert any("new-again" in line and "rejected" in line for line in lines)
    assert "2 of 28 documents share a band" in done.stderr
    done = CliRunner().invoke(app, ["similar", feb, "-"], input="nothing at all is like this")
    assert done.exit_code == 0 and "0 of 28" in done.stderr


def test_wrong_questions(months: Months, tmp_path: Path) -> None:
    feb, latin = str(months.root / "feb"), tmp_path / "latin.txt"
    latin.write_bytes("café".encode("latin-1"))
    for file, given, words in (
        (str(latin), "", r"latin.txt is not UTF-8 \(byte 3\)"),
        (str(tmp_path), "", "cannot read"),
        (str(tmp_path / "none.txt"), "", "none.txt: No such file"),
        ("-", "", "has no words"),
        ("-", "... !!", "has no words"),
    ):
        done = CliRunner().invoke(app, ["similar", feb, file], input=given)
        assert isinstance(done.exception, CallError)
        with pytest.raises(CallError, match=words):
            raise done.exception
    corpus = months.corpus("feb")
    for wrong, change, kind, words in (
        (None, "dedup.rows=7", WorkError, "signatures of something else.*`tamis dedup "),
        ("banning", "dedup.keep='first'", CallError, "'banning' is of the kind.*--stage: dedup"),
        ("none", "dedup.keep='first'", CallError, "no stage 'none'"),
    ):
        recipe = months.recipe("jan", change)
        with pytest.raises(kind, match=words):
            similar(months.corpus("jan"), recipe, "some words", 1, wrong)
    with pytest.raises(CallError, match="it has no stage of the kind 'dedup'"):
        similar(corpus, months.recipe("feb").without("dedup"), "some words")
    measure: Any = Dedup(methods=("url",))
    with pytest.raises(CallError, match="url alone"):
        question("some words", measure)


def test_a_corpus_without_signatures_is_told_how_to_get_them(
    months: Months, tmp_path: Path
) -> None:
    shutil.copy(months.root / "jan" / "corpus.json", tmp_path)
    with pytest.raises(WorkError, match=r"has no signatures of stage 'dedup'.*tamis dedup"):
        similar(Corpus(tmp_path), months.recipe("jan"), "some words")


def test_why_names_the_keeper_and_what_differs(months: Months) -> None:
    corpus, recipe = months.corpus("feb"), months.recipe("feb")
    (copy,) = why(corpus, recipe, "new-again")
    (found,) = copy["clusters"]
    (keeper,) = why(corpus, recipe, "new")
    assert found["keeper"] == {"id": "new", "key": keeper["key"]}
    assert (found["is_keeper"], found["size"], found["others"]) == (False, 2, [])
    assert found["similarity"] == pytest.approx(jaccard(C, near(C, 0)))
    changes = found["difference"]["changes"]
    assert [change["op"] for change in changes] == ["changed"] * 4
    assert [(c["here"], c["there"]) for c in changes] == [
        (a, b) for a, b in zip(near(C, 0), C, strict=True) if a != b
    ]
    (seen,) = keeper["clusters"]
    assert seen["is_keeper"] and seen["difference"] is None
    assert seen["others"] == [{"id": "new-again", "key": copy["key"]}]
    assert not why(corpus, recipe, "alone")[0]["clusters"]


def test_why_names_the_crawl_that_published_the_keeper(months: Months) -> None:
    for name, identifier, keeper, crawl in (
        ("feb", "of-passed", "passed", "jan"),
        ("mar", "of-new", "new", "feb"),
        ("mar", "of-first", "of-of-p", "feb"),  # the first row of a part
        ("mar", "p-at-last", "p", "jan"),
    ):
        (one,) = why(months.corpus(name), months.recipe(name), identifier)
        (found,) = one["clusters"]
        where = {"index": str(months.index), "crawl": crawl}
        assert found["keeper"] == {"id": keeper, "key": None, **where}
        assert found["difference"] is None
    done = CliRunner().invoke(app, ["why", str(months.root / "feb"), "bridge"])
    assert f"dedup: a copy of p, published in jan ({months.index})" in done.stdout.replace("\n", "")
    assert "others: of-p (" in done.stdout


def test_why_shows_differences(months: Months) -> None:
    done = CliRunner().invoke(app, ["why", str(months.root / "jan"), "p-again"])
    assert "dedup: a copy of p  (00000:0)" in done.stdout
    place = 20 + 10 * 2
    assert "- here: elsewhere20" in done.stdout and f"+ kept: {P[place]}" in done.stdout
