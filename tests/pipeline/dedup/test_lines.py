"""Lines of a corpus: counted by shard, merged by group and range, taken out row by row."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from reference import lines as reference
from support import command

from tamis.filters.heuristics.c4 import C4
from tamis.filters.lines import Lines, Tables
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup import lines as dedup
from tamis.pipeline.dedup.lines import LinesCountPhase, LinesMergePhase, Shard, layout, spans
from tamis.pipeline.errors import WorkError
from tamis.pipeline.files import remove_below
from tamis.pipeline.guard import Guard
from tamis.pipeline.phase import pending
from tamis.pipeline.rows import RowPhase
from tamis.pipeline.rules import Rule
from tamis.pipeline.signals import ShardReader
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location, Remote

COMMON = [f"This line is number {chr(0x61 + n % 26)} of {chr(0x61 + n // 26)}." for n in range(60)]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five shards of 300 documents, for reading only."""
    root, draw = tmp_path_factory.mktemp("lines"), random.Random(11)
    for name, number in (("a", 220), ("b", 80)):
        with (root / f"{name}.jsonl").open("w") as file:
            for n in range(number):
                own = [f"Only here as {name} in {'x' * (n % 90)} it is." for _ in range(n % 4)]
                picked = draw.choices([*COMMON, "Menu", "", "menu 7"], k=draw.randint(0, 12))
                file.write(json.dumps({"text": "\n".join([*own, *picked, f"End {n}"])}) + "\n")
    inputs, made = (root / "a.jsonl", root / "b.jsonl"), root / "corpus"
    ingest = command("ingest", *inputs, "-o", made, "--shard-bytes", 20_000)
    subprocess.run(ingest, check=True, capture_output=True)
    return made


@pytest.fixture
def corpus(ingested: Path) -> Iterator[Corpus]:
    """A corpus without lines counted."""
    yield Corpus.open(ingested)
    for name in ("signals/lines", "signals/c4", "records/c4", "records/lines"):
        remove_below(ingested / name)
    for phase in ("count", "merge"):
        remove_below(ingested / f"records/lines-{phase}")


def stage_of(**options: Any) -> Stage:
    return Stage("lines", "lines", Lines(**options))


def phases(
    corpus: Corpus, stage: Stage, key: str = "key", earlier: Sequence[Stage] = ()
) -> tuple[LinesCountPhase, LinesMergePhase]:
    shards = [[unit] for unit in range(len(corpus.shards))]
    count = LinesCountPhase(corpus, stage, key, shards, list(earlier))
    merge = LinesMergePhase(corpus, stage, key, [])
    merge.tasks = [[unit] for unit in range(merge.layout.units)]
    return count, merge


def settle(corpus: Corpus, stage: Stage, backwards: bool = False, **others: Any) -> Path:
    """Counts and merges what is not done; gives the tables."""
    for phase in phases(corpus, stage, **others):
        for task in reversed(pending(phase)) if backwards else pending(phase):
            for unit in phase.tasks[task]:
                phase.part(task).work(unit, Guard())
    return dedup.tables(corpus, stage, others.get("key", "key"))


def measured(corpus: Corpus, stage: Stage, earlier: Sequence[Stage] = ()) -> list[list[Any]]:
    """What the rows of every shard have in the columns of the stage after measuring it."""
    prints = {s.name: s.name for s in (*earlier, stage)}
    phase = RowPhase(corpus, list(earlier), [stage], prints, [])
    found = []
    for unit, shard in enumerate(corpus.shards):
        phase.work(unit, Guard())
        found.append(pq.read_table(corpus.signals("lines", shard.name)).to_pylist())
    return found


def texts(corpus: Corpus, shard: str, stages: Sequence[Stage] = ()) -> list[str]:
    with ExitStack() as stack:
        reader = ShardReader(corpus, shard, stages, stack)
        groups = [reader.read(group, ["text"])["text"] for group in range(reader.row_groups)]
    return [text for group in groups for text in group.to_pylist()]


def with_tables(stage: Stage, folder: Path) -> Stage:
    assert isinstance(stage.measure, Lines)
    return Stage("lines", "lines", stage.measure.with_table(folder))


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({}, 1),
        ({"keep": "first", "more_than": 2, "count": "copies"}, 1),
        ({"group_shards": 2}, 3),
        ({"group_shards": 2, "keep": "first", "shortest": 5}, 3),
        ({"group_documents": 150, "more_than": 2}, 3),
    ],
)
def test_a_corpus_is_as_in_plain_python(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], groups: int
) -> None:
    """Over shards, groups of them and several ranges of hashes."""
    monkeypatch.setattr(dedup, "RANGE_BYTES", 10_000)
    stage = stage_of(**options)
    cut = phases(corpus, stage)[0].layout
    assert len(corpus.shards) == 5
    assert (len(cut.groups), cut.ranges > 2) == (groups, True)
    done = with_tables(stage, settle(corpus, stage))
    found = measured(corpus, done)
    assert isinstance(stage.measure, Lines)
    for group in cut.groups:
        came = [text for n in group for text in texts(corpus, corpus.shards[n].name)]
        expected = reference.edited(came, stage.measure)
        got = [row for n in group for row in found[n]]
        assert any(row["text"] for row in got)
        for row, text, (wanted, *numbers) in zip(got, came, expected, strict=True):
            assert row["lines_status"] == 1
            assert (text if row["text"] is None else row["text"]) == wanted
            assert [*row.values()][2:-1] == numbers


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_order_of_work_leaves_no_trace(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedup, "RANGE_BYTES", 30_000)
    stage = stage_of(group_shards=3)
    first = contents(settle(corpus, stage))
    assert first == contents(settle(corpus, stage, backwards=True, key="other"))


def test_counts_are_gone_once_they_are_merged(corpus: Corpus) -> None:
    stage = stage_of()
    folder = settle(corpus, stage)
    (folder / "00007-00000.arrow").write_bytes(b"of other groups")
    dedup.clean(corpus, stage)
    assert [*contents(folder)] == ["00000-00000.arrow"]
    assert not any(map(pending, phases(corpus, stage))), "nothing is counted again"
    assert all(map(pending, phases(corpus, stage, "other"))), "but for other rows or options"
    with pytest.raises(WorkError, match="not counted"):
        dedup.tables(corpus, stage, "other")


def test_a_count_that_is_gone_is_said(corpus: Corpus) -> None:
    count, merge = phases(corpus, stage_of())
    for unit in range(len(corpus.shards)):
        count.work(unit, Guard())
    assert isinstance(corpus.root, Path)
    lost = corpus.root / "signals/lines/lines/counts-00002.arrow"
    lost.write_bytes(lost.read_bytes()[:100])
    with pytest.raises(WorkError, match="damaged"):
        merge.work(0, Guard())
    lost.unlink()
    with pytest.raises(WorkError, match="gone"):
        merge.work(0, Guard())


def test_what_earlier_stages_left_is_counted(corpus: Corpus) -> None:
    """Lines that C4 takes out and documents that its rule rejects make no other line a repeat."""
    c4 = Stage("c4", "c4", C4(), (Rule("six", "c4_lines_kept", min=6),))
    rows = RowPhase(corpus, [], [c4], {"c4": "c4"}, [])
    for unit in range(len(corpus.shards)):
        rows.work(unit, Guard())
    stage = stage_of()
    done = with_tables(stage, settle(corpus, stage, earlier=[c4]))
    found = [row for shard in measured(corpus, done, [c4]) for row in shard]
    came = [text for shard in corpus.shards for text in texts(corpus, shard.name, [c4])]
    kept = [len(text.split("\n")) >= 6 for text in came]
    assert 50 < sum(kept) < 280
    left = [text for text, alive in zip(came, kept, strict=True) if alive]
    expected = iter(reference.edited(left, Lines()))
    for row, text, alive in zip(found, came, kept, strict=True):
        if alive:
            assert (text if row["text"] is None else row["text"]) == next(expected)[0]
        else:
            assert row["lines_status"] == 0


def test_rows_outside_the_scope_are_not_counted(corpus: Corpus) -> None:
    stage = Stage("lines", "lines", Lines(), only={"input": ("1",)})
    table = Tables(settle(corpus, stage)).table(0, 0)
    assert set(table["input"].tolist()) == {1}


def test_a_corpus_on_a_server(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same tables, fetched to where they are mapped."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(dedup, "RANGE_BYTES", 30_000)
    stage, root = stage_of(group_shards=3), Remote("memory://lines/corpus")
    assert isinstance(corpus.root, Path)
    for path in sorted(corpus.root.rglob("*")):
        if path.is_file():
            (root / path.relative_to(corpus.root).as_posix()).upload(path)
    there = Corpus.open(root)
    fetched = contents(settle(there, stage))
    settle(corpus, stage)
    dedup.clean(corpus, stage)
    dedup.clean(there, stage)
    assert fetched == contents(corpus.root / "signals/lines/lines")
    place: Location = root / "signals" / "lines" / "lines"
    assert sorted(path.name for path in place.iterdir()) == sorted(fetched)


def test_groups_of_shards_and_documents() -> None:
    shards = [Shard(f"{n:05d}", rows, 0, 100, "") for n, rows in enumerate([40, 30, 50, 90, 10])]
    assert layout(shards, Lines()).groups == (range(5),)
    assert layout(shards, Lines(group_shards=2)).groups == (range(2), range(2, 4), range(4, 5))
    by_documents = layout(shards, Lines(group_documents=70)).groups
    assert by_documents == (range(2), range(2, 3), range(3, 4), range(4, 5))
    assert layout([], Lines()).units == 0


def test_ranges_grow_with_the_text() -> None:
    for size, bits in ((0, 0), (1 << 28, 0), ((1 << 28) + 1, 1), (1 << 32, 4), (1 << 50, 12)):
        assert layout([Shard("00000", 1, 0, size, "")], Lines()).bits == bits


def test_rows_of_interleaved_files_have_their_group(tmp_path: Path) -> None:
    """Of a dataset every second file is another shard's: places above 32 bits number the files."""
    rows = [
        (np.array([0, 0, 0, 3]), np.array([0 << 32 | 5, 2 << 32, 2 << 32 | 9, 7])),
        (np.array([0, 0]), np.array([1 << 32, 3 << 32 | 4])),
    ]
    assert [c.tolist() for c in spans(rows[:1])] == [
        [0, 0, 3],
        [5, 2 << 32, 7],
        [5, 2 << 32 | 9, 7],
    ]
    dedup.write(tmp_path / "00000-00000.arrow", dedup.merged([]), said=layout_of(2))
    for group, part in enumerate(rows):
        dedup.write_spans(tmp_path / f"{group:05d}-places.arrow", spans([part]))
    tables = Tables(tmp_path)
    for group, (inputs, places) in enumerate(rows):
        assert tables.groups_of(inputs, places).tolist() == [group] * len(inputs)
    with pytest.raises(ValueError, match="other documents"):
        tables.groups_of(np.array([3]), np.array([8]))


def layout_of(groups: int) -> dedup.Layout:
    return dedup.Layout(tuple(range(n, n + 1) for n in range(groups)), 0)
