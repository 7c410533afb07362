"""Ingest: .jsonl.gz to documents, against datatrove's reader with each of its writers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import texts
from measuring import Row, Sample, command, interleave, median, plain, rate, side, tamis

MEGABYTES = 200.0
TARGET = 60.0


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    (source,) = texts.files(texts.pool(data), megabytes or MEGABYTES)
    size = texts.text_bytes([source]) / 1e6
    samples = interleave(_sides(source), rounds)
    found = {name: median(taken) for name, taken in samples.items()}
    whole, alone = found["tamis"], found["tamis-ingest"].inner
    assert alone is not None
    result = []
    for kind, name in (("Parquet", "datatrove-parquet"), ("JSONL gz", "datatrove-jsonl")):
        other, other_alone = found[name], found[name].inner
        assert other_alone is not None
        label = f"ingest .jsonl.gz, {size:.0f} MB of text; other: datatrove to {kind}"
        details = {"text_mb": size, "samples": plain(samples)}
        result.append(_row(f"{label}; whole command", size, whole, other, details))
        result.append(_row(f"{label}; the work alone", size, alone, other_alone, details))
    return result


def _row(what: str, size: float, ours: Sample, other: Sample, details: dict[str, object]) -> Row:
    return Row(
        what,
        rate(size, ours),
        rate(size, other),
        f"{other.cpu / ours.cpu:.2f}x",
        f">= {TARGET:g} MB/s",
        size / ours.cpu >= TARGET,
        details,
    )


def _sides(source: Path) -> dict[str, Callable[[], Sample]]:
    def run(*arguments: str | Path, out: Path) -> Sample:
        texts.fresh(out)
        return command(arguments)

    out = texts.SCRATCH / "ingest"
    whole = tamis("ingest", source, "-o", out / "tamis", "--workers", "1")
    sides: dict[str, Callable[[], Sample]] = {"tamis": partial(run, *whole, out=out / "tamis")}
    for name in ("tamis-ingest", "datatrove-parquet", "datatrove-jsonl"):
        sides[name] = partial(run, *side(name, source, out / name), out=out / name)
    return sides
