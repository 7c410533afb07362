"""How well perplexity tells clean from dirty English text, by source: docs/perplexity.md.

Half of the clean documents of text_en, by whole books, train a model; the other half and all others
are scored by it. A source's figure is the area under the ROC curve: how often a clean document that
the model has not seen is less surprising than a document of a dirty source. The drawing shows the
buckets of every source when head and tail are cut at the 30th and 60th percentile of all of them.

    .venv/bin/python benchmarks/perplexity_quality.py --data DIR
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
from texts import DEFAULT_DATA, ROOT

from tamis.filters.ngram.model import load
from tamis.filters.ngram.model_training import train
from tamis.filters.ngram.settings import Training

PAGE, DRAWING = ROOT / "docs/perplexity.md", ROOT / "docs/perplexity_buckets.svg"
BEGIN, END = "<!-- measured: benchmarks/perplexity_quality.py -->", "<!-- end -->"
SHARES = (30, 60)
VARIANTS = {
    "pieces, lines apart (the default)": Training(),
    "pieces, lines glued (`ccnet`)": Training(form="ccnet"),
    "words, lines apart": Training(tokens="words"),
}
COLOURS = {"head": "#2a9d8f", "middle": "#e9c46a", "tail": "#e76f51"}

Doubles = npt.NDArray[np.float64]


class Document(NamedTuple):
    """A text, its file, and whether a model is trained on it."""

    text: str
    source: str
    trains: bool


def read(data: Path) -> list[Document]:
    """All documents of text_en."""
    return [
        Document(row["text"], name, name.startswith("clean") and _half(row))
        for name, row in _rows(data)
        if row["text"].strip()
    ]


def _rows(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((data / "text_en").glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            for line in file:
                yield path.name.removesuffix(".jsonl.gz"), orjson.loads(line)


def _half(row: dict[str, Any]) -> bool:
    """Whether a document is of the half that trains; sections of one book stay together."""
    whole = str(row.get("book") or row["id"])
    return hashlib.blake2b(whole.encode(), digest_size=1).digest()[0] < 128


def scored(documents: list[Document], training: Training) -> Doubles:
    """The perplexity of every document by a model of those that train."""
    texts = pa.array([d.text for d in documents if d.trains], pa.large_string())
    with tempfile.TemporaryDirectory() as folder:
        train(lambda: [texts], training, Path(folder) / "lm")
        model = load(str(Path(folder) / "lm"))
        found: Doubles = model.perplexity(pa.array([d.text for d in documents], pa.large_string()))
        load.cache_clear()
    return found


def area(clean: Doubles, dirty: Doubles) -> float:
    """How often a clean value is below a dirty one; equal ones count half."""
    ranks = np.searchsorted(np.sort(dirty), clean, side="left")
    ties = np.searchsorted(np.sort(dirty), clean, side="right") - ranks
    return float(1 - (ranks + ties / 2).sum() / (len(clean) * len(dirty)))


def areas(values: dict[str, Doubles]) -> Iterator[tuple[str, float]]:
    """Of every dirty source against all clean text, of every clean one against all dirty text."""
    clean = np.concatenate([v for name, v in values.items() if name.startswith("clean")])
    dirty = np.concatenate([v for name, v in values.items() if name.startswith("dirty")])
    yield "all clean against all dirty", area(clean, dirty)
    for name, found in values.items():
        if name.startswith("dirty"):
            yield f"all clean against {name}", area(clean, found)
    for name, found in values.items():
        if name.startswith("clean"):
            yield f"{name} against all dirty", area(found, dirty)


def by_source(documents: list[Document], values: Doubles) -> dict[str, Doubles]:
    """The values of what trained nothing."""
    sources = sorted({d.source for d in documents})
    names = np.array([d.source for d in documents])
    unseen = np.array([not d.trains for d in documents]) & ~np.isnan(values)
    return {source: values[(names == source) & unseen] for source in sources}


def composition(values: dict[str, Doubles]) -> dict[str, list[float]]:
    """The shares of head, middle and tail in every source."""
    cuts = np.percentile(np.concatenate(list(values.values())), SHARES, method="inverted_cdf")
    found = {}
    for name, mine in values.items():
        buckets = np.bincount(np.searchsorted(cuts, mine, side="left"), minlength=3)
        found[name] = (buckets / len(mine)).tolist()
    return found


def drawing(shares: dict[str, list[float]]) -> str:
    """Stacked bars, a source each, as SVG."""
    row, left, width = 26, 250, 420
    height = row * len(shares) + 64
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 40} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{left + width + 40}" height="{height}" fill="#ffffff"/>',
    ]
    for number, (name, colour) in enumerate(COLOURS.items()):
        at = left + 90 * number
        parts.append(f'<rect x="{at}" y="12" width="14" height="14" fill="{colour}"/>')
        parts.append(f'<text x="{at + 20}" y="24" fill="#222222">{name}</text>')
    for number, (source, found) in enumerate(shares.items()):
        top, at = 40 + row * number, float(left)
        parts.append(
            f'<text x="{left - 10}" y="{top + 15}" text-anchor="end" fill="#222222">{source}</text>'
        )
        for share, colour in zip(found, COLOURS.values(), strict=True):
            size = width * share
            parts.append(
                f'<rect x="{at:.1f}" y="{top}" width="{size:.1f}" height="{row - 6}" '
                f'fill="{colour}"/>'
            )
            if share >= 0.08:
                parts.append(
                    f'<text x="{at + size / 2:.1f}" y="{top + 15}" text-anchor="middle" '
                    f'fill="#222222">{100 * share:.0f} %</text>'
                )
            at += size
    return "\n".join([*parts, "</svg>", ""])


def table(documents: list[Document]) -> tuple[str, dict[str, Doubles]]:
    """The figures as Markdown, and the values of the default."""
    found = {name: by_source(documents, scored(documents, t)) for name, t in VARIANTS.items()}
    columns = {name: dict(areas(values)) for name, values in found.items()}
    default = found[next(iter(VARIANTS))]
    sizes = {name: len(values) for name, values in default.items()}
    lines = [
        "| | documents | " + " | ".join(VARIANTS) + " |",
        "|---|---:|" + "---:|" * len(VARIANTS),
    ]
    for what in next(iter(columns.values())):
        counted = sum(size for name, size in sizes.items() if name in what)
        shown = " | ".join(f"{columns[variant][what]:.3f}" for variant in VARIANTS)
        lines.append(f"| {what} | {counted or sum(sizes.values()):,} | {shown} |")
    lines += ["", "| source | head | middle | tail | median |", "|---|---:|---:|---:|---:|"]
    for source, shares in composition(default).items():
        cells = " | ".join(f"{100 * share:.0f} %" for share in shares)
        lines.append(f"| {source} | {cells} | {np.median(default[source]):,.0f} |")
    return "\n".join(lines), default


def main() -> None:
    """Measures, and writes the page's tables and the drawing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    documents = read(parser.parse_args().data)
    written, default = table(documents)
    print(written)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(
        f"{before}{BEGIN}\n\n{written}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8"
    )
    DRAWING.write_text(drawing(composition(default)), encoding="utf-8")


if __name__ == "__main__":
    main()
