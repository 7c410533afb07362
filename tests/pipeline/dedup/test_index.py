"""The incremental index: what is published stays, and what is like it goes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from crawls import MONTHS, Months
from support import command
from typer.testing import CliRunner

from tamis.pipeline import files
from tamis.pipeline.cli.app import app
from tamis.pipeline.dedup.index import open_index
from tamis.pipeline.dedup.signatures import Signatures
from tamis.pipeline.errors import CallError, Damaged, Stopped, WorkError
from tamis.pipeline.sift import Sift
from tamis.pipeline.status import status


def published(index: Path, name: str) -> list[str]:
    """The ids of a month in an index."""
    parts = [index / part["file"] for part in open_index(str(index)).of(name)]
    return [i for p in parts for i in Signatures.open(p).ids(range(Signatures.open(p).n))]


def digests(folder: Path) -> dict[str, str]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): files.digest(path) for path in paths}


def test_an_index_has_what_was_published_and_nothing_else(months: Months) -> None:
    """A document that a later rule rejected is nowhere to be read: nothing may go because of it."""
    assert published(months.index, "jan") == ["p", "q", "passed"]
    kept = [*MONTHS["feb"]]
    for gone in ("bridge", "of-p", "of-passed", "new-again"):
        kept.remove(gone)
    assert published(months.index, "feb") == kept
    done = months.appended["feb"]
    assert (done.documents, done.all_documents, done.crawls, done.new) == (20 + 4, 27, 2, True)


def test_a_band_of_an_index_has_the_keys_of_its_rows(months: Months) -> None:
    """Keys that were left behind would join new rows to whoever has their place now."""
    for part in open_index(str(months.index)).paths:
        file = Signatures.open(part)
        for band in file.bands:
            keys, order = file.slice(band, 0, 1 << 64)
            assert sorted(order.tolist()) == list(range(file.n))
            assert keys.tolist() == sorted(keys.tolist())


def test_what_is_like_a_published_document_goes_and_names_it(months: Months) -> None:
    found = months.signals("feb")
    gone = {name: row["duplicate_of"] for name, row in found.items() if row["duplicate"]}
    assert gone == {"bridge": "p", "of-p": "p", "of-passed": "passed", "new-again": "new"}
    for name, row in found.items():
        assert (row["duplicate_by"] == "minhash") == (name in gone)
        assert (row["duplicate_cluster"] or 0) < 0 or gone.get(name, "new") == "new"
        if name in gone:
            assert row["duplicate_similarity"] == pytest.approx(0.84, abs=0.08)
    ledger = json.loads((months.root / "feb/ledger.json").read_text())
    assert ledger["clusters"]["dedup"]["of_published"] == 3


def test_a_new_row_stays_unless_it_is_linked_to_a_keeper(months: Months) -> None:
    """`of-of-p` is like `of-p`, which goes; who went takes nobody along."""
    found = months.signals("feb")
    assert found["of-p"]["duplicate_of"] == "p"
    assert not found["of-of-p"]["duplicate"]
    assert not found["of-gone"]["duplicate"]


def test_a_bridge_between_published_clusters_retracts_neither(months: Months) -> None:
    assert months.signals("feb")["bridge"]["duplicate"]
    assert {"p", "q"} < {*published(months.index, "jan")}
    assert months.signals("mar")["p-at-last"]["duplicate_of"] == "p"


def test_a_crawl_of_what_is_published_keeps_nothing(months: Months) -> None:
    """Its only copy is published: one of its own must not stay for it. By text even when exact."""
    found = months.signals("mar")
    assert all(row["duplicate"] and row["duplicate_cluster"] < 0 for row in found.values())
    assert found["of-new"]["duplicate_of"] == "new"
    assert found["of-first"]["duplicate_of"] == "of-of-p"
    assert (found["p-at-last"]["duplicate_by"], found["p-at-last"]["duplicate_similarity"]) == (
        "text",
        1,
    )
    assert months.appended["mar"].documents == 0


def test_a_crawl_in_the_index_is_held_against_what_was_there_before(months: Months) -> None:
    """Else all of it would be its own copy as soon as it is published."""
    for name in ("feb", "mar"):
        lines = status(months.corpus(name), months.recipe(name))
        assert {line.state for line in lines} == {"done"}
    again = months.append("feb", months.index)
    assert not again.new and again.documents == months.appended["feb"].documents


def test_an_index_that_changed_makes_the_stage_stale(months: Months, tmp_path: Path) -> None:
    other = tmp_path / "index"
    shutil.copytree(months.index, other)
    content = json.loads((other / "index.json").read_bytes())
    content["parts"] = [part for part in content["parts"] if part["name"] == "jan"]
    (other / "index.json").write_text(json.dumps(content))
    recipe = months.recipe("mar", f"dedup.index=['{other}']")
    there, missing = Sift(months.corpus("mar"), recipe).present()
    assert [stage.name for stage in missing] == ["dedup"] and len(there) == 1
    same = months.recipe(
        "mar", f"dedup.index=['{shutil.copytree(months.index, tmp_path / 'same')}']"
    )
    assert not Sift(months.corpus("mar"), same).present()[1]


def test_what_is_there_is_not_added_twice(months: Months, tmp_path: Path) -> None:
    index = tmp_path / "index"
    shutil.copytree(months.index, index)
    before = digests(index)
    done = CliRunner().invoke(app, ["index", str(months.root / "jan"), "-o", str(index)])
    assert done.exit_code == 0 and "has 'jan' already" in done.stderr
    assert "3 documents of 'jan'; 27 in all, of 3 crawls" in done.stdout
    for wrong, words in (
        ({"called": "again"}, "has these documents already, as 'jan'"),
        ({"called": "../up"}, "no name for a crawl"),
    ):
        with pytest.raises(CallError, match=words):
            months.append("jan", index, **wrong)
    _drop(index, "jan")
    with pytest.raises(CallError, match=r"other documents under 'feb'.*--name"):
        months.append("jan", index, called="feb")
    (index / "index.json").write_bytes((months.index / "index.json").read_bytes())
    assert digests(index) == before


def _drop(index: Path, name: str) -> None:
    content = json.loads((index / "index.json").read_bytes())
    content["parts"] = [part for part in content["parts"] if part["name"] != name]
    (index / "index.json").write_text(json.dumps(content))


def test_an_answer_that_is_not_whole_is_not_published(months: Months, tmp_path: Path) -> None:
    """It would be another one a moment later, and what is published stays."""
    out = tmp_path / "index"
    for change, words in (
        ("banning.rules.none.max=1", "not settled.*tamis write"),
        ("dedup.similarity=0.9", "run `tamis dedup"),
        ("banning.only={ source = ['x'] }", "'banning' is missing.*tamis stage banning"),
    ):
        with pytest.raises(WorkError, match=words):
            months.append("jan", out, change)
    assert not out.exists()


def test_an_append_that_is_interrupted_leaves_the_old_index(
    months: Months, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, undisturbed = tmp_path / "index", tmp_path / "undisturbed"
    for folder in (index, undisturbed):
        months.append("jan", folder)
    months.append("feb", undisturbed)
    before = (index / "index.json").read_bytes()

    def stopped(*arguments: Any) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr("tamis.pipeline.dedup.publish.files.write_json", stopped)
        with pytest.raises(Stopped):
            months.append("feb", index)
    assert (index / "index.json").read_bytes() == before
    assert len(open_index(str(index)).paths) == len(open_index(str(undisturbed)).of("jan"))
    (index / "feb" / "99999.arrow").write_bytes(b"of a larger corpus that was here before")
    months.append("feb", index)
    assert digests(index) == digests(undisturbed)


def test_a_folder_of_something_else_is_left_alone(months: Months, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CallError, match=r"mine\.txt"):
        months.append("jan", tmp_path)
    with pytest.raises(CallError, match="is a file"):
        months.append("jan", tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "index.json").write_text('{"some": "thing"}')
    with pytest.raises(Damaged, match="no index of tamis's"):
        months.append("jan", tmp_path)


def test_an_index_that_cannot_be_used_is_a_wrong_call(months: Months, tmp_path: Path) -> None:
    """It is said before anything is read, with the line of the recipe: ingest may take hours."""
    for change, words in (
        (f"dedup.index=['{tmp_path}/none']", "feb/recipe.toml.*no index.*tamis index CORPUS -o"),
        ("dedup.shingle=7", "signatures of size 5, this recipe makes size 7"),
        ("dedup.parameters='fineweb'", "digits keep, bits 32, this recipe makes digits zero, bits"),
        ("dedup.methods=['minhash', 'url']", "no keys for url"),
    ):
        with pytest.raises(CallError, match=words):
            months.recipe("feb", change)
    wrong = command("run", "feb.toml", "x.jsonl", "-o", "out", "--set", "dedup.index=['none']")
    done = subprocess.run(wrong, cwd=months.root, capture_output=True, text=True)
    assert done.returncode == 2 and "none is no index" in done.stderr
    assert "Traceback" not in done.stderr and not (months.root / "out").exists()


def test_a_part_that_is_gone_is_said(months: Months, tmp_path: Path) -> None:
    index = tmp_path / "index"
    shutil.copytree(months.index, index)
    (index / "jan" / "00000.arrow").unlink()
    recipe = months.recipe("mar", f"dedup.index=['{index}']")
    measure: Any = Sift(months.corpus("mar"), recipe).recipe.stage("dedup").measure
    with pytest.raises(Damaged, match=r"00000\.arrow, a part of an index, is gone"):
        measure.parts()
