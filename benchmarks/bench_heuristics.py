"""Heuristics: every published signal, against datatrove's FineWeb chain over the same documents.

The chain is datatrove's four filters as its FineWeb example has them, over spaCy's words; it stops
at the first rule that a document fails. tamis measures everything of every document.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import texts
from measuring import Row, Sample, in_process, median, plain, rate

from tamis.filters.heuristics.c4 import C4
from tamis.filters.heuristics.heuristics import Heuristics
from tamis.filters.heuristics.refinedweb import RefinedWeb

MEGABYTES = 40.0
SHARE = 20  # of the documents, one in so many is what datatrove is given
BATCH = 512
SPEED, RATIO, HOSTILE = 25.0, 80.0, 5.0
HOSTILE_BYTES = 20_000_000
EVERYTHING = (Heuristics(), C4(), RefinedWeb())
FINEWEB = (Heuristics(sets=("gopher", "fineweb")), C4())


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    documents = _drawn(data, (megabytes or MEGABYTES) * 1e6)
    part = documents[::SHARE]
    sides: dict[str, Callable[[], object]] = {
        "everything": partial(_measure, EVERYTHING, _batches(documents)),
        "fineweb": partial(_measure, FINEWEB, _batches(documents)),
    }
    if find_spec("spacy"):
        sides["datatrove"] = partial(_sift, _chain(), part)
    else:
        print(
            "heuristics: no spaCy, so nothing to compare with: pip install spacy", file=sys.stderr
        )
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    _measure(EVERYTHING, _batches(part[:5]))  # compiles
    for _ in range(rounds):
        for name, work in sides.items():
            samples[name].append(in_process(work))
    found = {name: median(taken) for name, taken in samples.items()}
    sizes = {name: _size(part if name == "datatrove" else documents) for name in sides}
    details = {"text_mb": sizes, "samples": plain(samples)}
    kinds = f"{len(documents):,} documents, {sizes['everything']:.0f} MB"
    return [
        _row(f"all signals, C4, RefinedWeb included, {kinds}", "everything", sizes, found, details),
        _row("signals of C4, Gopher and FineWeb alone", "fineweb", sizes, found, {}),
        *(_hostile(name, text) for name, text in hostile().items()),
    ]


def _drawn(data: Path | None, size: float) -> list[str]:
    """Real documents as they are, in an order drawn once, up to so many bytes."""
    directory = data or (texts.DEFAULT_DATA if texts.DEFAULT_DATA.is_dir() else None)
    found = list(texts.of_directory(directory) if directory else texts.of_installed())
    random.Random(texts.SEED).shuffle(found)
    total, number = 0, 0
    while number < len(found) and total < size:
        total += len(found[number].encode())
        number += 1
    return found[:number]


def _size(documents: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in documents) / 1e6


def _batches(documents: Sequence[str]) -> list[pa.RecordBatch]:
    """The documents as stages are given them."""
    starts = range(0, len(documents), BATCH)
    parts = (pa.array(documents[start : start + BATCH], pa.large_string()) for start in starts)
    return [pa.record_batch([part], names=["text"]) for part in parts]


def _measure(measures: Sequence[Any], batches: Sequence[pa.RecordBatch]) -> None:
    for batch in batches:
        for measure in measures:
            measure.measure(batch)


def _chain() -> list[Any]:
    """FineWeb's filters with the settings of datatrove's example."""
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    return [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]


def _sift(chain: list[Any], documents: Sequence[str]) -> int:
    from datatrove.data import Document

    kept = 0
    for number, text in enumerate(documents):
        document = Document(text, str(number))
        kept += all(_passes(step.filter(document)) for step in chain)
    return kept


def _passes(answer: object) -> bool:
    return answer is True or (isinstance(answer, tuple) and answer[0] is True)


def _row(
    what: str, name: str, sizes: dict[str, float], found: dict[str, Sample], details: dict[str, Any]
) -> Row:
    ours = sizes[name] / found[name].cpu
    if "datatrove" not in found:
        met = ours >= SPEED
        return Row(what, rate(sizes[name], found[name]), "", "", f">= {SPEED:g} MB/s", met, details)
    ratio = ours / (sizes["datatrove"] / found["datatrove"].cpu)
    return Row(
        what + "; other: datatrove's chain of four",
        rate(sizes[name], found[name]),
        rate(sizes["datatrove"], found["datatrove"]),
        f"{ratio:.0f}x",
        f">= {SPEED:g} MB/s and {RATIO:g}x",
        ours >= SPEED and ratio >= RATIO,
        details,
    )


def hostile() -> dict[str, str]:
    """Documents of 20 MB that could make something quadratic."""
    distinct = " ".join(f"w{number:x}" for number in range(HOSTILE_BYTES // 7))
    return {
        "one repeated word": "word " * (HOSTILE_BYTES // 5),
        "all words distinct": distinct[:HOSTILE_BYTES],
        "one line": "The quick brown fox jumps over the lazy dog. " * (HOSTILE_BYTES // 45),
        "only newlines": "\n" * HOSTILE_BYTES,
    }


def _hostile(name: str, text: str) -> Row:
    took = in_process(partial(_measure, EVERYTHING, _batches([text])))
    speed = _size([text]) / took.cpu
    what = f"all signals of one document of 20 MB: {name}"
    return Row(what, rate(_size([text]), took), "", "", f">= {HOSTILE:g} MB/s", speed >= HOSTILE)
