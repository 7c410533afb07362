"""How well pages become text, beside resiliparse and trafilatura: writes docs/extraction.md.

    python benchmarks/extraction.py [--data DIR] [--out FILE] [--rounds N]

DIR holds a folder html_pages/ of pages with their main text. What stands in the page below the
marker is written by hand and kept.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import trafilatura
from measuring import pin_to_one_core
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from resiliparse.parse.html import HTMLTree
from texts import DEFAULT_DATA, ROOT

from tamis.filters.sources.web.page import Unfit, decode, read_page

SETS = {
    "wcxb_dev_1": "WCXB, first half: the rules were chosen on it",
    "wcxb_dev_2": "WCXB, second half: looked at for checking only",
    "scrapinghub_articles": "Scrapinghub's article benchmark",
    "readability_pages": "Mozilla Readability's test pages, gold is that program's own output",
    "trafilatura_eval": "trafilatura's evaluation: snippets only",
}
MARK = "<!-- by hand below: kept by benchmarks/extraction.py -->"
_TOKEN = re.compile(r"\w+")


def tamis(data: bytes, html: str) -> str:
    """What `tamis ingest` does, from bytes to text."""
    try:
        return read_page(data).text
    except Unfit:
        return ""


def bare(data: bytes, html: str) -> str:
    """resiliparse as its manual says, from decoded text."""
    return str(extract_plain_text(HTMLTree.parse(html), main_content=True))


def from_bytes(data: bytes, html: str) -> str:
    """resiliparse with its own guess at the encoding, as for a page of a WARC file."""
    text = bytes_to_str(data, detect_encoding(data) or "utf-8")
    return str(extract_plain_text(HTMLTree.parse(text), main_content=True))


def plain(data: bytes, html: str) -> str:
    """trafilatura with its own defaults."""
    return trafilatura.extract(html) or ""


def precise(data: bytes, html: str) -> str:
    """trafilatura as datatrove calls it, without the memory between pages."""
    return trafilatura.extract(html, favor_precision=True, include_comments=False) or ""


SIDES: dict[str, Callable[[bytes, str], str]] = {
    "tamis": tamis,
    "resiliparse": bare,
    "trafilatura": plain,
    "trafilatura, precise": precise,
}
FROM_BYTES = "resiliparse, bytes"
TIMED = SIDES | {FROM_BYTES: from_bytes}
SLOW = {"trafilatura", "trafilatura, precise"}


@dataclass
class Found:
    """What one side made of a set's pages."""

    texts: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Of CPU, per page: the least over the rounds."""


def main() -> None:
    """Reads the pages, extracts, writes the page and prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="where html_pages/ is")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "extraction.md")
    parser.add_argument("--rounds", type=int, default=3, help="of timing; slow sides have one")
    asked = parser.parse_args()
    folder = asked.data / "html_pages"
    if not folder.is_dir():
        parser.error(f"{asked.data} has no folder html_pages/: name it with --data")
    pin_to_one_core()
    pages = {name: read(folder / f"{name}.jsonl.gz") for name in SETS}
    found = {name: extract(rows, asked.rounds) for name, rows in pages.items()}
    old = asked.out.read_text(encoding="utf-8") if asked.out.exists() else ""
    by_hand = old.partition(MARK)[2] or "\n"
    written = document(pages, found)
    print(written)
    asked.out.write_text(written + MARK + by_hand, encoding="utf-8")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a set, each with its bytes as `data`."""
    with gzip.open(path) as file:
        rows = [orjson.loads(line) for line in file]
    for row in rows:
        raw = row.get("html_b64")
        row["data"] = base64.b64decode(raw) if raw else row["html"].encode()
    return rows


def extract(rows: Sequence[dict[str, Any]], rounds: int) -> dict[str, Found]:
    """Texts and times of every side; the sides take turns page by page, so that noise is shared."""
    found = {name: Found() for name in TIMED}
    for row in rows:
        data: bytes = row["data"]
        html = decode(data)[0]
        for name, side in TIMED.items():
            took = []
            for _ in range(1 if name in SLOW else rounds):
                start = time.process_time()
                text = side(data, html)
                took.append(time.process_time() - start)
            found[name].texts.append(text)
            found[name].seconds.append(min(took))
    return found


def tokens(text: str) -> Counter[str]:
    return Counter(_TOKEN.findall(text.lower()))


def score(text: str, gold: str) -> tuple[float, float, float]:
    """F1, precision and recall of the bag of words; where there is no gold, 1 for no text."""
    have, want = tokens(text), tokens(gold)
    if not want:
        return (float(not have),) * 3
    common = (have & want).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / have.total(), common / want.total()
    return 2 * precision * recall / (precision + recall), precision, recall


def document(pages: dict[str, list[dict[str, Any]]], found: dict[str, dict[str, Found]]) -> str:
    """The generated part of docs/extraction.md."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("resiliparse", "trafilatura"))
    gold = [name for name, rows in pages.items() if "gold_text" in rows[0]]
    parts = [
        "# How well pages become text\n",
        f"""Written by

    .venv/bin/python benchmarks/extraction.py --data DIR

with {libraries}. Words are what `\\w+` finds in the lower-cased text; F1, precision and recall
compare bags of words with the gold text, page by page, and are averaged over pages. A page whose
gold text is empty counts 1 if nothing was extracted and 0 if anything was; such pages are few and
*without empty* leaves them out. *Precise* is `favor_precision=True, include_comments=False`, as
datatrove calls it.
""",
        "\n".join(f"* `{name}`: {what}, {len(pages[name])} pages" for name, what in SETS.items())
        + "\n",
        "## By set\n",
        "F1 (precision / recall).\n",
        table(["set", *SIDES], [_scores(name, pages[name], found[name]) for name in gold]),
        "Without pages whose gold text is empty:\n",
        table(
            ["set", *SIDES],
            [
                _scores(name, pages[name], found[name], lambda row: row["gold_text"].strip())
                for name in gold
            ],
        ),
        "## By type of page\n",
        *(_types(name, pages[name], found[name]) for name in gold if "wcxb" in name),
        "## Snippets\n",
        "Share of the snippets that a text must hold and does, and must not and does.\n",
        table(
            ["set", *SIDES],
            [
                _snippets(name, rows, found[name])
                for name, rows in pages.items()
                if "with" in rows[0]
            ],
        ),
        "## Speed\n",
        "MB of HTML per second of CPU on one core. tamis starts from bytes and guards against "
        "hostile pages; the others start from decoded text, but for *resiliparse, bytes*, which "
        "guesses the encoding as its manual says. The last columns are the speed of tamis as a "
        "share of resiliparse's from text and from bytes.\n",
        table(
            ["set", *TIMED, "of text", "of bytes"],
            [_speed(name, pages[name], found[name]) for name in SETS],
        ),
    ]
    return "\n".join(parts) + "\n"


def _mean(values: Iterable[tuple[float, float, float]]) -> str:
    columns = list(zip(*values, strict=True))
    f1, precision, recall = (statistics.fmean(column) for column in columns)
    return f"{f1:.3f} ({precision:.2f} / {recall:.2f})"


def _scores(
    name: str,
    rows: Sequence[dict[str, Any]],
    found: dict[str, Found],
    wanted: Callable[[dict[str, Any]], object] = bool,
) -> list[str]:
    return [
        f"`{name}`",
        *(
            _mean(
                score(text, row["gold_text"])
                for text, row in zip(side.texts, rows, strict=True)
                if wanted(row)
            )
            for side in (found[one] for one in SIDES)
        ),
    ]


def _types(name: str, rows: Sequence[dict[str, Any]], found: dict[str, Found]) -> str:
    kinds = Counter(row["page_type"] for row in rows)
    lines = []
    for kind, count in kinds.most_common():
        cells = _scores(name, rows, found, lambda row, kind=kind: row["page_type"] == kind)
        lines.append([kind, str(count), *cells[1:]])
    return f"`{name}`\n\n" + table(["type", "pages", *SIDES], lines)


def _snippets(name: str, rows: Sequence[dict[str, Any]], found: dict[str, Found]) -> list[str]:
    cells = [f"`{name}`"]
    for side in (found[one] for one in SIDES):
        counts: dict[str, list[bool]] = defaultdict(list)
        for text, row in zip(side.texts, rows, strict=True):
            flat = " ".join(text.split())
            for kind in ("with", "without"):
                counts[kind] += [" ".join(one.split()) in flat for one in row.get(kind) or []]
        shares = [100 * statistics.fmean(counts[kind]) for kind in ("with", "without")]
        cells.append(f"{shares[0]:.1f} % / {shares[1]:.1f} %")
    return cells


def _speed(name: str, rows: Sequence[dict[str, Any]], found: dict[str, Found]) -> list[str]:
    size = sum(len(row["data"]) for row in rows) / 1e6
    rates = {side: size / sum(what.seconds) for side, what in found.items()}
    cells = [f"{rate:.1f}" for rate in rates.values()]
    shares = [f"{rates['tamis'] / rates[other]:.2f}" for other in ("resiliparse", FROM_BYTES)]
    return [f"`{name}`", *cells, *shares]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table and an empty line."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
