"""What each recipe rejects of English text of known quality, and which rules reject clean text.

The data is text_en: every file is `clean`, `mixed` or `dirty` by its origin. Every stage measures
every document (as with --all-rows): a rule is judged alone, not by what an earlier one left. Rules
by quantiles, and with them perplexity, are left out: there is no corpus here.
Writes two parts of docs/heuristics.md; --examples N prints N rejected clean documents with reasons.

    .venv/bin/python benchmarks/recipes_on_labels.py --data DIR
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
from heuristics_page import PAGE, put
from texts import DEFAULT_DATA

from tamis.pipeline import recipe, schema
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.rules import Columns, Mask, in_scope
from tamis.pipeline.signals import overlay

RECIPES = ("c4", "c4-paper", "gopher", "fineweb", "fineweb-paper", "dclm", "quickstart")
SHOWN = 0.005
"""Rules that reject a smaller share of the clean text in every recipe are not listed."""


class Labelled(NamedTuple):
    """Documents, the file each is from, and what it is: clean, mixed or dirty."""

    texts: pa.LargeStringArray
    files: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]


def read(data: Path) -> Labelled:
    """The documents of text_en."""
    rows = list(_rows(data))
    return Labelled(
        pa.array([row[2] for row in rows], pa.large_string()),
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
    )


def _rows(data: Path) -> Iterator[tuple[str, str, str]]:
    for path in sorted((data / "text_en").glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            for line in file:
                row = orjson.loads(line)
                yield path.name.removesuffix(".jsonl.gz"), row["quality"], row["text"]


def failures(chosen: Recipe, texts: pa.LargeStringArray) -> dict[str, Mask]:
    """By `stage.rule`, the documents that fail it, every stage measuring all of them."""
    columns: Columns = {"text": texts} | {
        field.name: pa.nulls(len(texts), field.type)
        for field in schema.DOCUMENTS
        if field.name != "text"
    }
    failed: dict[str, Mask] = {}
    for stage in chosen.stages:
        needs = list(stage.measure.needs)
        batch = pa.record_batch([columns[name] for name in needs], names=needs)
        answer = stage.measure.measure(batch)
        given = {stage.given[name]: answer.column(name) for name in answer.schema.names}
        if "text" in given:
            given["text"] = overlay(columns["text"], given["text"])
        columns = {**columns, **given}
        scope = in_scope(stage.only, columns, len(texts))
        for rule in (rule for rule in stage.rules if rule.quantile is None):
            failed[f"{stage.name}.{rule.name}"] = rule.failing(columns) & scope
    return failed


def by_file(found: dict[str, dict[str, Mask]], data: Labelled) -> str:
    """Share rejected of every file by every recipe."""
    lines = [
        f"| file | label | documents | {' | '.join(found)} |",
        f"| --- | --- | {' | '.join(['---:'] * (1 + len(found)))} |",
    ]
    union = {name: np.logical_or.reduce(list(rules.values())) for name, rules in found.items()}
    groups = [
        (name, label) for name, label in sorted(set(zip(data.files, data.labels, strict=True)))
    ]
    groups.sort(key=lambda group: (("clean", "mixed", "dirty").index(group[1]), group[0]))
    for file, label in [*groups, *((f"**all {one}**", one) for one in ("clean", "mixed", "dirty"))]:
        mask = data.labels == label
        if not file.startswith("**"):
            mask &= data.files == file
        shares = " | ".join(f"{100 * failed[mask].mean():.1f}" for failed in union.values())
        lines.append(f"| {file} | {label} | {mask.sum():,} | {shares} |")
    return "\n".join(lines)


def by_rule(found: dict[str, dict[str, Mask]], data: Labelled) -> str:
    """The rules that reject clean text: their share of it, alone in this, and of the dirty."""
    clean, dirty = data.labels == "clean", data.labels == "dirty"
    lines = [
        "| recipe | rule | clean, % | by it alone, % | dirty, % |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, rules in found.items():
        count = np.sum(list(rules.values()), axis=0)
        for rule, failed in sorted(rules.items(), key=lambda item: -item[1][clean].sum()):
            if failed[clean].mean() >= SHOWN:
                alone = failed & (count == 1)
                shares = [failed[clean], alone[clean], failed[dirty]]
                cells = " | ".join(f"{100 * share.mean():.1f}" for share in shares)
                lines.append(f"| {name} | {rule} | {cells} |")
    return "\n".join(lines)


def examples(found: dict[str, dict[str, Mask]], data: Labelled, count: int, name: str) -> None:
    """Prints clean documents that a recipe rejects, and why."""
    union = np.logical_or.reduce(list(found[name].values()))
    rejected = np.flatnonzero(union & (data.labels == "clean"))
    for place in random.Random(0).sample(list(rejected), min(count, len(rejected))):
        reasons = [rule for rule, failed in found[name].items() if failed[place]]
        text = re.sub(r"\n\s*\n", "\n", data.texts[int(place)].as_py())
        print(f"=== {data.files[place]}: {', '.join(reasons)}\n{text[:600]}\n")


def main() -> None:
    """Measures, and writes the page or prints examples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--examples", type=int, metavar="N", help="print instead of writing")
    parser.add_argument("--recipe", default="quickstart", help="whose examples")
    asked = parser.parse_args()
    data = read(asked.data)
    names = (asked.recipe,) if asked.examples else RECIPES
    found = {name: failures(recipe.load(name), data.texts) for name in names}
    if asked.examples:
        examples(found, data, asked.examples, asked.recipe)
        return
    page = put(PAGE.read_text(encoding="utf-8"), "by file", by_file(found, data))
    PAGE.write_text(put(page, "by rule", by_rule(found, data)), encoding="utf-8")


if __name__ == "__main__":
    main()
