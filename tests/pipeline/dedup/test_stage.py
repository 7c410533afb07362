"""The stage `dedup` in recipes and commands: by whichever way it is asked, the same answer."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from families import JUDGES, Answer, pages, points, save
from inprocess import sift
from support import digests

from tamis.pipeline.dedup.jobs import TASK_BYTES
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.sift import grouped, most_tasks

DEDUP = """
[[stage]]
kind = "dedup"
[stage.rules]
duplicate = { column = "duplicate", max = 0 }
"""
POINTS = """
[[stage]]
kind = "judges:Points"
[stage.rules]
enough = { column = "points", min = 5 }
"""
REST = """
[[stage]]
kind = "judges:Rest"
[stage.rules]
small = { column = "rest", max = 1 }
"""
UPPER = """
[[stage]]
kind = "judges:Points"
name = "points_again"
[stage.rules]
upper = { column = "points_again", quantile = [0.5, 1.0] }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with documents `in`, a recipe and its `corpus`; for reading only."""
    place = tmp_path_factory.mktemp("stage")
    save(place, pages(21, 200), files=2)
    (place / "r.toml").write_text("[ingest]\nshard_bytes = 100000\n" + DEDUP + POINTS + REST)
    sift(place, "run", "r.toml", "in", "-o", "corpus")
    return place


def kept(folder: Path) -> set[str]:
    files = sorted(folder.glob("*.parquet"))
    return {
        name for file in files for name in pq.read_table(file, columns=["id"])["id"].to_pylist()
    }


def test_stage_by_stage_is_the_same_as_run(place: Path) -> None:
    """`run` is a convenience: its answer is that of the commands one after the other."""
    sift(place, "ingest", "in", "-o", "steps", "--recipe", "r.toml")
    for stage in ("dedup", "points", "rest"):
        sift(place, "stage", stage, "steps")
    sift(place, "write", "steps")
    assert digests(place / "steps") == digests(place / "corpus")
    before = digests(place / "steps")
    sift(place, "run", "r.toml", "-o", "steps")  # and once more: nothing changes
    assert digests(place / "steps") == before


def test_all_rows_are_measured_and_the_same_are_kept(place: Path) -> None:
    """What `--all-rows` measures of copies must not bring them back."""
    sift(place, "run", "r.toml", "in", "-o", "all", "--all-rows")
    assert digests(place / "all" / "cleaned") == digests(place / "corpus" / "cleaned")
    assert (place / "all/ledger.json").read_bytes() == (place / "corpus/ledger.json").read_bytes()
    assert all(row["points_status"] == 1 for row in Answer(place / "all").rows)


def test_quantiles_stay_where_the_first_round_put_them(place: Path) -> None:
    """They fall on keepers known before later rules: else each round would move the other's."""
    (place / "q.toml").write_text("[ingest]\nshard_bytes = 100000\n" + DEDUP + REST + UPPER)
    sift(place, "run", "q.toml", "in", "-o", "quantile")
    corpus = place / "quantile"
    found = json.loads((corpus / "signals/points_again/stage.json").read_text())["quantiles"]
    first = Answer(corpus)
    by_id = {row["id"]: row for row in first.rows}
    flags = [
        flag
        for file in sorted((corpus / "signals/dedup/first").glob("*.parquet"))
        for flag in pq.read_table(file)["duplicate"].to_pylist()
    ]
    alive = sorted(
        points(row)
        for row, flag in zip(first.rows, flags, strict=True)
        if not flag and row["rest"] in (0, 1)
    )
    bound = found["upper"]["min"]
    assert bound in alive
    assert sum(value < bound for value in alive) <= len(alive) / 2
    assert all(points(by_id[name]) >= bound for name in first.kept)
    assert any(
        flag and row["id"] in first.kept for row, flag in zip(first.rows, flags, strict=True)
    )


def test_an_arm_without_a_later_stage(place: Path) -> None:
    """Without a rule no keeper fails it: the arm's clusters are settled by its own rules."""
    before = digests(place / "corpus")
    sift(place, "write", "corpus", "--without", "points", "-o", "arm")
    (place / "a.toml").write_text("[ingest]\nshard_bytes = 100000\n" + DEDUP + REST)
    sift(place, "run", "a.toml", "in", "-o", "plain")
    assert kept(place / "arm") == kept(place / "plain" / "cleaned")
    assert digests(place / "corpus") == before
    sift(place, "write", "corpus", "--without", "dedup", "-o", "all_copies")
    found = {row["id"]: row for row in Answer(place / "corpus").rows}
    copies = kept(place / "all_copies")
    assert copies > kept(place / "corpus" / "cleaned") and all(points(found[i]) > 4 for i in copies)


def test_apply(place: Path) -> None:
    """Plain files in and out, and documents of several of them are copies of each other."""
    files = sorted((place / "in").iterdir())
    sift(place, "apply", "dedup,points,rest", *files, "-o", "applied", "--recipe", "r.toml")
    assert kept(place / "applied") == kept(place / "corpus" / "cleaned")
    assert {path.name[0] for path in (place / "applied").glob("*.parquet")} == {"0", "1"}


def run(place: Path, rows: list[dict[str, Any]], recipe: str, **options: str) -> Path:
    """A run over documents in a directory of their own."""
    (place / "judges.py").write_text(JUDGES)
    (place / "r.toml").write_text("[ingest]\nshard_bytes = 1000\n" + recipe)
    (place / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sift(place, "run", "r.toml", "in.jsonl", "-o", "corpus")
    return place / "corpus"


def test_no_two_documents_are_alike(tmp_path: Path) -> None:
    """A corpus without copies is what everybody hopes for."""
    corpus = run(tmp_path, [{"id": "a", "text": "one document"}], DEDUP + POINTS)
    (row,) = Answer(corpus).rows
    assert (row["duplicate"], row["cluster_size"], row["duplicate_cluster"]) == (False, 1, None)


def test_nobody_is_left_before(tmp_path: Path) -> None:
    """A stage that everybody fails leaves shards without anything to sign."""
    rows = [{"id": f"{n}", "text": "the same text " * 9, "source": "p0"} for n in range(9)]
    corpus = run(tmp_path, rows, POINTS + DEDUP + REST)
    assert {row["dedup_status"] for row in Answer(corpus).rows} == {0}
    assert kept(corpus / "cleaned") == set()


SHORT = {
    "nothing": ["", "   ", "!?! ...", "\u0301"],
    "one": ["a", "A!", "(a)"],
    "two": ["\0x \0\0 y", "x y"],
    "four": ["four short words here", "Four, short words: here."],
    "accent": ["é", "e\u0301", "E"],
}


@pytest.mark.parametrize("verify", ["exact", "estimate"])
def test_short_documents(verify: str, tmp_path: Path) -> None:
    """Fewer words than a shingle has: all of them are one. Without words no two are alike."""
    rows = [
        {"id": f"{kind}{n}", "text": text} for kind in SHORT for n, text in enumerate(SHORT[kind])
    ]
    corpus = run(tmp_path, rows, DEDUP.replace('"dedup"', f'"dedup"\nverify = "{verify}"'))
    answer = Answer(corpus)
    found = {row["id"]: row for row in answer.rows}
    assert all(found[f"nothing{n}"]["dedup_status"] == 2 for n in range(4))
    assert answer.kept == {"one0", "two0", "four0", "accent0", *(f"nothing{n}" for n in range(4))}
    for name, row in found.items():
        if name not in answer.kept:
            assert row["duplicate_of"] == name[:-1] + "0" and row["duplicate_similarity"] == 1


ODD_URLS = [None, "", "http://[::1", "//", ":", "\0", "http://a:99999/", "not a url"]
ODD_DATES = [None, "garbage", "0001-01-01", "9999-12-31", "2020-02-30", "2020-01-01"]


@pytest.mark.parametrize("keep", ["newest", "first"])
def test_odd_fields_and_repeated_ids(keep: str, tmp_path: Path) -> None:
    """Addresses and dates are whatever was found on the web; ids are what somebody wrote."""
    rows = [
        {"id": "same", "text": f"text {n} of its own", "url": url, "date": ODD_DATES[n % 6]}
        for n, url in enumerate(ODD_URLS * 3)
    ]
    corpus = run(
        tmp_path, rows, DEDUP.replace('"dedup"', f'"dedup"\nmethods = ["url"]\nkeep = "{keep}"')
    )
    answer = Answer(corpus)
    alone = [row for row in answer.rows if row["cluster_size"] == 1]
    assert len(alone) == 6 and not any(row["url"] for row in alone)
    clusters = [cluster for cluster in answer.clusters() if len(cluster) > 1]
    assert all(len(cluster) == 3 for cluster in clusters) and len(clusters) == 6
    for cluster in clusters:
        (keeper,) = [row for row in cluster if not row["duplicate"]]
        dates = [row["date"] for row in cluster if row["date"]]
        if keep == "newest" and dates:
            assert keeper["date"] == max(dates)
        else:
            assert keeper is cluster[0]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ('keep = "best"', "'first', 'longest', 'newest'"),
        ('methods = ["minhsh"]', "minhash"),
        ("methods = []", "methods"),
        ("similarity = 0", "similarity"),
        ("similarity = 1.5", "similarity"),
        ("bands = 0", "bands"),
        ("rows = -1", "rows"),
        ("shingle = 0", "shingle"),
        ("centres = 0", "centres"),
        ('parameters = "finweb"', "fineweb"),
        ('keep = "perplexity"', "perplexity"),
        ('index = ["nowhere"]', "no index"),
    ],
)
def test_wrong_options_are_said(option: str, said: str, tmp_path: Path) -> None:
    """An option that is not there is found before any document is read, with what there is."""
    with pytest.raises(CallError) as raised:
        run(tmp_path, [{"text": "x"}], DEDUP.replace('"dedup"', f'"dedup"\n{option}'))
    assert said in str(raised.value), str(raised.value)
    assert "dedup" in str(raised.value) or "index" in str(raised.value)


@pytest.mark.parametrize("harm", ["gone", "cut", "noise"])
def test_signatures_that_are_harmed_between_rounds(harm: str, place: Path, tmp_path: Path) -> None:
    """Disks lose files: which, and what to do, has to be said; then the answer is the same."""
    corpus = tmp_path / "corpus"
    shutil.copytree(place / "corpus", corpus)
    shutil.copy(place / "judges.py", tmp_path)
    harmed = corpus / "signals/dedup/signatures/00000.arrow"
    data = harmed.read_bytes()
    harmed.unlink()
    if harm != "gone":
        harmed.write_bytes(data[: len(data) // 2] if harm == "cut" else b"\1" * len(data))
    change = ("--set", "points.rules.enough.min=7")
    if harm == "noise":  # of the same size: nobody looks into it before it is read
        with pytest.raises(WorkError, match=r"00000\.arrow is not a whole file.*delete it and run"):
            sift(tmp_path, "write", "corpus", *change)
        harmed.unlink()
    sift(tmp_path, "write", "corpus", *change)
    assert harmed.read_bytes() == data
    (place / "r7.toml").write_text((place / "r.toml").read_text().replace("min = 5", "min = 7"))
    sift(place, "run", "r7.toml", "in", "-o", f"fresh-{harm}")
    assert kept(corpus / "cleaned") == kept(place / f"fresh-{harm}" / "cleaned")


def test_a_stage_before_that_came_later(place: Path) -> None:
    """Clusters of all documents are stale once an earlier stage has rejected some of them."""
    (place / "late.toml").write_text("[ingest]\nshard_bytes = 100000\n" + POINTS + DEDUP + REST)
    sift(place, "ingest", "in", "-o", "late", "--recipe", "late.toml")
    for stage in ("dedup", "points", "dedup", "rest"):
        sift(place, "stage", stage, "late")
    sift(place, "write", "late")
    sift(place, "run", "late.toml", "in", "-o", "in_order")
    assert kept(place / "late" / "cleaned") == kept(place / "in_order" / "cleaned")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


def test_a_corpus_that_is_for_reading_only(place: Path, tmp_path: Path) -> None:
    """Where clusters cannot be settled for other rules, writing without would empty some."""
    handler = functools.partial(_Quiet, directory=str(place / "corpus"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    shutil.copy(place / "judges.py", tmp_path)
    try:
        sift(tmp_path, "write", url, "-o", "out")
        assert kept(tmp_path / "out") == kept(place / "corpus" / "cleaned")
        with pytest.raises(WorkError, match=r"stage 'dedup' are not settled .* for reading only"):
            sift(tmp_path, "write", url, "-o", "other", "--set", "points.rules.enough.min=7")
        assert not (tmp_path / "other").exists()
    finally:
        server.shutdown()
        server.server_close()


def test_documents_out_of_scope_stay_and_are_counted(tmp_path: Path) -> None:
    """A stage for one source must not ask for the others to be measured, for ever."""
    texts = [" ".join(f"word{n}" for n in range(60))] * 4
    rows = [{"id": f"p{n}", "text": t, "source": "ab"[n % 2]} for n, t in enumerate(texts)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    only = 'kind = "dedup"\nonly = { source = ["a"] }'
    looser = '[[stage]]\nkind = "noop"\n'
    (tmp_path / "r.toml").write_text(DEDUP.replace('kind = "dedup"', only) + looser)
    sift(tmp_path, "run", "r.toml", "in.jsonl", "-o", "corpus")
    sift(tmp_path, "write", "corpus", "--set", "dedup.rules.duplicate.max=0.5")
    ledger = json.loads((tmp_path / "corpus/ledger.json").read_text())
    (stage,) = (stage for stage in ledger["stages"] if stage["name"] == "dedup")
    amounts = {k: stage[k]["documents"] for k in ("entered", "evaluated", "not_applicable")}
    assert amounts == {"entered": 4, "evaluated": 2, "not_applicable": 2}
    assert kept(tmp_path / "corpus/cleaned") == {"p0", "p1", "p3"}


@pytest.mark.parametrize("sizes", [[], [5], [0] * 9, [40_000_000] * 7, [10**9, 1] * 2000])
def test_tasks_are_no_more_than_a_cluster_was_promised(sizes: list[int]) -> None:
    """Slurm is told how long an array is before anything has run."""
    tasks = grouped(sizes, TASK_BYTES)
    assert [unit for task in tasks for unit in task] == list(range(len(sizes)))
    assert len(tasks) <= most_tasks(len(sizes)) or not sizes
    assert len(tasks) >= min(most_tasks(len(sizes)), sum(sizes) // TASK_BYTES) // 2
