"""Language identification, against fastText's own predict in a loop over ready strings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import eq
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
from bench_noop import corpus_of, phase, stage
from measuring import Row, Sample, in_process, median, plain, rate

from tamis.filters import language
from tamis.pipeline.corpus import Corpus

MEGABYTES = 40.0
BATCH = 256
TARGET = 0.98  # a ratio of 1 within noise
SHARE = 0.05
RECIPE = 'description = "Languages."\n\n[[stage]]\nkind = "language"\n'


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    corpus = corpus_of(data, megabytes or MEGABYTES)
    size = corpus.manifest.counts["bytes"] / 1e6
    batches = list(_batches(corpus))
    strings = [batch.column("text").to_pylist() for batch in batches]
    samples = _in_turns(batches, strings, rounds)
    ours, other = median(samples["stage"]), median(samples["fasttext"])
    ratio = other.cpu / ours.cpu
    documents = sum(map(len, strings))
    speed = Row(
        f"Language.measure, {documents:,} documents, {size:.0f} MB; other: fastText's predict",
        rate(size, ours),
        rate(size, other),
        f"{ratio:.3f}x",
        f">= 1x within noise ({TARGET:g})",
        ratio >= TARGET,
        {"text_mb": size, "samples": plain(samples)},
    )
    return [speed, _equality(batches, strings), _share(corpus, size, rounds)]


def _in_turns(
    batches: list[pa.RecordBatch], strings: list[list[str]], rounds: int
) -> dict[str, list[Sample]]:
    """Both sides over every batch in turns, each going first as often: what disturbs hits both."""
    measure = language.Language()
    samples: dict[str, list[Sample]] = {"stage": [], "fasttext": []}
    for _ in range(rounds):
        totals = {name: Sample(0.0, 0.0) for name in samples}
        for number, (batch, texts) in enumerate(zip(batches, strings, strict=True)):
            sides = {
                "stage": partial(measure.measure, batch),
                "fasttext": partial(own_answers, texts),
            }
            for name in sorted(sides, reverse=bool(number % 2)):
                took = in_process(sides[name])
                totals[name] = Sample(totals[name].wall + took.wall, totals[name].cpu + took.cpu)
        for name, total in totals.items():
            samples[name].append(total)
    return samples


def own_answers(strings: list[str]) -> list[tuple[float, str]]:
    """Score and label of every text by the library itself."""
    predict = language._load(str(language.bundled_model())).f.predict
    found = (predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")[0] for text in strings)
    return [(min(score, 1.0), label.removeprefix(language.LABEL)) for score, label in found]


def _equality(batches: list[pa.RecordBatch], strings: list[list[str]]) -> Row:
    """Whether labels and scores are the library's own."""
    same = total = 0
    for batch, texts in zip(batches, strings, strict=True):
        answer = language.Language().measure(batch).to_pydict()
        found = zip(answer["language_score"], answer["language"], strict=True)
        same += sum(map(eq, found, own_answers(texts)))
        total += len(texts)
    return Row(
        "labels and scores equal to fastText's own",
        f"{same:,} of {total:,}",
        "",
        f"{same / total:.4%}",
        "all",
        same == total,
    )


def _share(corpus: Corpus, size: float, rounds: int) -> Row:
    """The part of the stage's time that is not spent inside the library."""
    work = phase(corpus, RECIPE)
    clock = {"wall": 0.0, "cpu": 0.0}
    wholes: list[Sample] = []
    inside: list[Sample] = []
    with _timed_predict(clock):
        for _ in range(rounds):
            clock.update(wall=0.0, cpu=0.0)
            wholes.append(stage(work))
            inside.append(Sample(clock["wall"], clock["cpu"]))
    outside = [
        Sample(1 - part.wall / whole.wall, 1 - part.cpu / whole.cpu)
        for whole, part in zip(wholes, inside, strict=True)
    ]
    share = median(outside)
    return Row(
        f"language stage over {size:.0f} MB, Parquet included; other: its predict calls alone",
        rate(size, median(wholes)),
        rate(size, median(inside)),
        f"{share.cpu:.2%} outside ({share.wall:.2%} by the clock)",
        f"< {SHARE:.0%} outside",
        share.cpu < SHARE and share.wall < SHARE,
        {"text_mb": size, "samples": plain({"stage": wholes, "inside": inside})},
    )


@contextmanager
def _timed_predict(clock: dict[str, float]) -> Iterator[None]:
    """Adds up the time of the library's predict calls."""
    predict = language._load(str(language.bundled_model())).f.predict

    def timed(*arguments: Any) -> Any:
        wall, cpu = time.perf_counter(), time.thread_time()
        answer = predict(*arguments)
        clock["cpu"] += time.thread_time() - cpu
        clock["wall"] += time.perf_counter() - wall
        return answer

    model = SimpleNamespace(f=SimpleNamespace(predict=timed))
    with patch.object(language, "_load", lambda path: model):
        yield


def _batches(corpus: Corpus) -> Iterator[pa.RecordBatch]:
    """The documents' text, some at a time."""
    for shard in corpus.shards:
        with pq.ParquetFile(corpus.documents(shard.name)) as file:
            yield from file.iter_batches(BATCH, columns=["text"], use_threads=False)
