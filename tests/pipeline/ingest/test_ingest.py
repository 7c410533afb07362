"""The real command, start to end: set aside, cut, killed, refused, locked, strict."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import command, digests

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.guard import Guard, Held
from tamis.pipeline.ingest.inputs import expand
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.phase import IngestPhase
from tamis.pipeline.ingest.plan import plan
from tamis.pipeline.schema import DOCUMENTS

Ingest = Callable[..., Any]
Tamis = Callable[..., subprocess.CompletedProcess[str]]
ASIDE = ("--set-aside", "heldout=0.3,reference=0.2", "--seed", 1, "--shard-bytes", 300_000)


def lines(count: int, seed: int = 0) -> list[bytes]:
    """Records of sixty hosts and of two packages; one in a hundred is broken."""
    draw, made = random.Random(seed), []
    for number in range(count):
        text = " ".join(f"{draw.getrandbits(20):x}" for _ in range(draw.randint(1, 100)))
        origin: dict[str, object] = {"url": f"https://host{draw.randrange(60)}.example/{number}"}
        if number % 10 == 0:
            origin = {"package": f"package{draw.randrange(2)}"}
        made.append(json.dumps({"text": text, "number": number, **origin}).encode())
        if number % 100 == 7:
            made.append(b'{"text": broken')
    return made


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 3 MB: JSON lines that are cut, gzip that is cut, text that is gathered, Parquet."""
    root = tmp_path_factory.mktemp("several")
    (root / "plain.jsonl").write_bytes(b"\n".join(lines(3000)) + b"\n")
    (root / "packed.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines(3000, 1)), 1))
    for number in range(40):
        (root / f"{number}.md").write_text(f"# Note {number}\n\nshort")
    (root / "broken.txt").write_bytes(b"\xff\xfe\x00")
    (root / "cut.jsonl.gz").write_bytes((root / "packed.jsonl.gz").read_bytes()[:30_000])
    texts = [line.decode() for line in lines(500, 2)]
    urls = [f"https://host{number % 60}.example/" for number in range(len(texts))]
    table = pa.table({"text": texts, "id": [7] * len(texts), "url": urls})
    pq.write_table(table, root / "ids.parquet")
    return root


@pytest.fixture(scope="module")
def undisturbed(several: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of `several` that one worker made in one go."""
    corpus = tmp_path_factory.mktemp("undisturbed") / "corpus"
    arguments = command("ingest", several, "-o", corpus, "--workers", 1, *ASIDE)
    subprocess.run(arguments, check=True, capture_output=True, timeout=120)
    return corpus


def data_digests(corpus: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(corpus).items() if name != "corpus.json"}


def rows(corpus: Path, place: str) -> list[dict[str, Any]]:
    files = sorted((corpus / place).glob("*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def test_the_law_holds_and_places_lead_back(undisturbed: Path, several: Path) -> None:
    manifest = json.loads((undisturbed / "corpus.json").read_bytes())
    counts = manifest["counts"]
    assert counts["documents"] == len(rows(undisturbed, "documents"))
    lost = Counter[str]()
    for row in rows(undisturbed, "errors"):
        lost[row["reason"]] += row["records"]
    assert counts["errors"] == dict(lost)
    assert set(lost) == {"invalid_json", "invalid_utf8", "truncated_file"}
    assert lost["invalid_json"] > 60
    aside = sum(len(rows(undisturbed, side)) for side in ("heldout", "reference"))
    assert counts["records"] == counts["documents"] + lost.total() + aside
    assert len(manifest["shards"]) > 5
    names = [source["name"] for source in manifest["inputs"]]
    data = (several / "plain.jsonl").read_bytes()
    measured = rows(undisturbed, "signals/ingest")
    checked = 0
    for document, row in zip(rows(undisturbed, "documents"), measured, strict=True):
        assert row["text_bytes"] == len(document["text"].encode())
        if names[row["input"]] == "plain.jsonl":
            record = json.loads(data[row["place"] :].partition(b"\n")[0])
            assert record["text"] == document["text"]
            checked += 1
    assert checked > 500


def test_ids_that_repeat_are_kept_and_counted(undisturbed: Path) -> None:
    counts = json.loads((undisturbed / "corpus.json").read_bytes())["counts"]
    ids = Counter(row["id"] for row in rows(undisturbed, "documents"))
    assert counts["repeated_ids"] == sum(ids.values()) - len(ids) > 100
    assert set(ids) - {"7"} and ids["7"] == counts["repeated_ids"] + 1


def test_whole_hosts_and_packages_are_set_aside(undisturbed: Path) -> None:
    sides = {side: rows(undisturbed, side) for side in ("documents", "heldout", "reference")}
    groups = {side: {group_of(row) for row in found} - {None} for side, found in sides.items()}
    assert not groups["documents"] & groups["heldout"]
    assert not groups["documents"] & groups["reference"]
    assert not groups["heldout"] & groups["reference"]
    assert 10 <= len(groups["heldout"]) <= 27 and 5 <= len(groups["reference"]) <= 20
    places = Counter(
        (row["id"], row["url"], row["meta"], row["text"])
        for found in sides.values()
        for row in found
    )
    assert max(places.values()) == 1, "every document is in one place"
    for path in [*undisturbed.glob("heldout/*"), *undisturbed.glob("reference/*")]:
        assert pq.read_schema(path).equals(DOCUMENTS)


def group_of(row: dict[str, Any]) -> str | None:
    if row["url"]:
        return row["url"].split("/")[2]
    return json.loads(row["meta"] or "{}").get("package")


def test_the_draw_knows_neither_order_nor_shards_but_the_seed(
    tmp_path: Path, read_in: Ingest
) -> None:
    records = lines(1500)
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(records))
    (tmp_path / "b.jsonl").write_bytes(b"\n".join(reversed(records)))
    shares = {"heldout": 0.3, "reference": 0.2}

    def drawn(name: str, **options: Any) -> dict[str, set[str | None]]:
        found = read_in(tmp_path / f"{name[0]}.jsonl", name=name, set_aside=shares, **options)
        return {
            side: {group_of(row) for row in found.rows(side)}
            for side in ("documents", "heldout", "reference")
        }

    first = drawn("a", seed=1)
    assert drawn("b", seed=1) == first
    assert drawn("a-cut", seed=1, shard_bytes=20_000) == first
    assert drawn("a-again", seed=2) != first


@pytest.mark.parametrize("workers", [2, 5])
def test_any_number_of_workers_gives_the_same_bytes(
    tmp_path: Path, tamis: Tamis, several: Path, undisturbed: Path, workers: int
) -> None:
    tamis("ingest", several, "-o", "corpus", "--workers", workers, *ASIDE)
    assert digests(tmp_path / "corpus") == digests(undisturbed)


def test_killed_at_any_moment_and_started_again(
    tmp_path: Path, tamis: Tamis, several: Path, undisturbed: Path
) -> None:
    """Kills come before, among and after the shards, of 1, 2 and 5 workers in turn."""
    corpus, kills, seen = tmp_path / "corpus", 0, set[int]()
    for wanted in (0, 1, 3, 6):
        arguments = command("ingest", several, "-o", corpus, "--workers", (1, 2, 5)[kills % 3])
        process = subprocess.Popen(
            [*arguments, *map(str, ASIDE)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while process.poll() is None and len(done(corpus)) < wanted:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        seen.add(len(done(corpus)))
    assert kills >= 2 and not (corpus / "corpus.json").exists(), "killed too late to prove anything"
    tamis("ingest", several, "-o", corpus, "--workers", 2, *ASIDE)
    assert digests(corpus) == digests(undisturbed)
    assert [path for path in corpus.rglob("*") if path.name.endswith(".tmp")] == []


def done(corpus: Path) -> list[Path]:
    return [p for p in (corpus / "records/ingest").glob("*.json") if p.stem.isdigit()]


def test_it_goes_on_from_another_directory(
    tmp_path: Path, read_in: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative input means the file it meant when the ingest began."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "here/in.md").write_text("text")
    monkeypatch.chdir(tmp_path / "here")
    corpus = read_in("in.md").root
    (corpus / "corpus.json").unlink()
    Corpus(corpus).retract("ingest", "00000")
    monkeypatch.chdir(tmp_path / "there")
    assert read_in("in.md").texts == ["text"]


def test_a_plan_outlives_its_inputs(tmp_path: Path, read_in: Ingest) -> None:
    """With a Parquet file gone, a plan made anew would number the other shards differently."""
    draw = random.Random(1)
    for name in "ab":
        table = pa.table({"text": [draw.randbytes(500).hex() for _ in range(300)]})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=50)
    inputs = (tmp_path / "a.parquet", tmp_path / "b.parquet")
    whole = read_in(*inputs, shard_bytes=60_000)
    texts = whole.texts
    (whole.root / "corpus.json").unlink()
    Corpus(whole.root).retract("ingest", max(whole.root.glob("documents/*")).stem)
    (tmp_path / "a.parquet").write_bytes(b"no longer Parquet")
    assert read_in(*inputs, shard_bytes=60_000).texts == texts


def test_other_inputs_or_options_are_refused_and_named(tmp_path: Path, read_in: Ingest) -> None:
    a, b = tmp_path / "a.md", tmp_path / "b.md"
    a.write_text("a")
    b.write_text("b")
    corpus = read_in(a).root
    assert read_in(a).texts == ["a"]
    with pytest.raises(CallError, match=r"other inputs or options \(b.md is new\): .* another -o"):
        read_in(a, b)
    with pytest.raises(CallError, match=r"a.md is gone; b.md is new"):
        read_in(b)
    with pytest.raises(CallError, match=r"text_key was 'text', is 'body'"):
        read_in(a, text_key="body")
    a.write_text("longer")
    with pytest.raises(CallError, match=r"a.md changed"):
        read_in(a)
    (corpus / "corpus.json").unlink()  # as if it had been interrupted
    with pytest.raises(CallError, match=r"unfinished ingest .*inputs were /.*/a.md"):
        read_in(b)
    with pytest.raises(CallError, match=r"unfinished ingest .*seed was 0, is 3"):
        read_in(a, seed=3)


def test_refusals_exit_with_2(tmp_path: Path, here: Tamis) -> None:
    (tmp_path / "a.md").write_text("a")
    (tmp_path / "empty").mkdir()
    here("ingest", "a.md", "-o", "corpus")
    assert "seed was 0" in here("ingest", "a.md", "-o", "corpus", "--seed", 1, expect=2).stderr
    assert "nothing to read there" in here("ingest", "empty", "-o", "c", expect=2).stderr


def test_strict_names_the_first_error(tmp_path: Path, tamis: Tamis, read_in: Ingest) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a"}\n{"text": "b"}\n{"text": nope}\n')
    said = tamis("ingest", path, "-o", "corpus", "--strict", expect=1).stderr
    assert "in.jsonl, line 3: invalid_json: " in said and "(--strict stops here)" in said
    assert not (tmp_path / "corpus/corpus.json").exists()
    assert [p for p in (tmp_path / "corpus").rglob("*") if p.suffix in (".tmp", ".parquet")] == []
    assert read_in(path).texts == ["a", "b"], "and goes on without it"


def test_a_second_process_is_told_who_is_there(tmp_path: Path, tamis: Tamis) -> None:
    (tmp_path / "a.md").write_text("a")
    with Corpus(tmp_path / "corpus").lock():
        said = tamis("ingest", "a.md", "-o", "corpus", expect=1).stderr
    assert f"in use by process {os.getpid()}" in said
    tamis("ingest", "a.md", "-o", "corpus")


@pytest.mark.parametrize("aside", [{}, {"heldout": 0.5}])
def test_without_a_single_document_there_is_no_corpus(
    tmp_path: Path, read_in: Ingest, aside: dict[str, float]
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("\n \n\r\n")
    with pytest.raises(
        WorkError, match=r"no document could be read \(no records\): they are empty"
    ):
        read_in(path, set_aside=aside)
    path.write_text('{"body": 1}\n')
    with pytest.raises(WorkError, match=r"\(1 no_text\): in.jsonl, line 1: .* \(see --text-key\)"):
        read_in(path, set_aside=aside)
    assert not (tmp_path / "corpus/corpus.json").exists()
    path.write_text('{"text": ""}\n')
    assert len(read_in(path).texts) == 1, "what failed binds nobody"


def test_numbers_of_records_do_not_depend_on_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was killed starts again with some shards done: the suspect is the same row."""
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines(4000)), 1))
    inputs, options = expand([str(path)], list).inputs, IngestOptions(shard_bytes=150_000)
    monkeypatch.setattr("tamis.pipeline.ingest.plan.READ", 1 << 14)
    monkeypatch.setattr("tamis.pipeline.ingest.streams.READ", 1 << 14)
    made = plan(inputs, options.shard_bytes)
    assert len(made.tasks) == 1 and len(made.shards) > 4
    corpus = Corpus(tmp_path / "corpus")
    IngestPhase(corpus, inputs, made, options).work(0, Guard())
    whole = rows(corpus.root, "documents")
    for shard in sorted(corpus.root.glob("documents/*"))[-3:]:
        corpus.retract("ingest", shard.stem)
    condemned = frozenset({Held(0, 0, 4039, 4040)})
    IngestPhase(corpus, inputs, made, options).work(0, Guard(condemned=condemned))
    assert rows(corpus.root, "documents") == whole[:-1]
    killed = [row for row in rows(corpus.root, "errors") if row["reason"] == "killed_worker"]
    assert [(row["input"], row["place"]) for row in killed] == [("in.jsonl.gz", "line 4040")]


def test_many_small_files_are_read_in_a_breath(tmp_path: Path, read_in: Ingest) -> None:
    """Looking up each piece of a shard in turn took minutes for files of a few bytes."""
    (tmp_path / "in").mkdir()
    for number in range(4000):
        (tmp_path / "in" / f"{number}.txt").write_text(str(number))
    started = time.process_time()
    assert len(read_in(tmp_path / "in").texts) == 4000
    assert time.process_time() - started < 10
