"""What the stages are worth on text of known origin: an experiment, its tables in docs/worth.md.

The pool is web pages as `tamis ingest` extracts them, English text from edited to spam, and short
texts in hundreds of languages, copies as they are. Held out by whole source are speeches, news and
encyclopaedic passages.

    .venv/bin/python benchmarks/worth.py OUT [--data DIR] [--tokens N] [-- options of tamis ablate]

OUT gets raw/, held/, corpus/ and experiment/. Interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from texts import DEFAULT_DATA
from worth_page import publish

from tamis.filters.sources.web.page import Unfit, read_page

HELD = {
    "clean_us_presidential_speeches": "speeches",
    "clean_abc_news": "news",
}
ENCYCLOPAEDIC = "wikipedia_squad_paragraph"
"""A source of text_en that is of the kind of the third domain: it is not in the pool."""
LONGEST = 2_000
"""Bytes of a held-out piece of a speech: what an experiment takes of a document."""
REFERENCE = '["gutenberg_book", "python_peps_rst"]'
"""What the perplexity model is trained on: neither speeches, news nor encyclopaedia."""
ASIDE = "{heldout = 0.03, reference = 0.08}"


def main() -> None:
    """Makes what is missing, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--tokens", default="3M")
    asked, more = parser.parse_known_args()
    out: Path = asked.out
    write(out / "raw/pages.jsonl", pages(asked.data))
    write(out / "raw/english.jsonl", english(asked.data))
    write(out / "raw/foreign.jsonl", foreign(asked.data))
    for file, name in HELD.items():
        write(out / f"held/{name}.jsonl", pieces(rows(asked.data / f"text_en/{file}.jsonl.gz")))
    write(out / "held/encyclopaedic.jsonl", passages(asked.data))
    sets = [f"perplexity.reference_sources={REFERENCE}", f"ingest.set_aside={ASIDE}"]
    changed = [part for one in sets for part in ("--set", one)]
    tamis("run", "quickstart", out / "raw", "-o", out / "corpus", *changed)
    experiment = ["-o", out / "experiment", "--heldout", out / "held", "--tokens", asked.tokens]
    tamis("ablate", out / "corpus", *experiment, *(one for one in more if one != "--"))
    publish(out / "experiment")


def tamis(*arguments: object) -> None:
    command = [sys.executable, "-m", "tamis.pipeline.cli.main", *map(str, arguments)]
    if code := subprocess.run(command).returncode:
        sys.exit(code)


def write(path: Path, documents: Iterable[dict[str, Any]]) -> None:
    """Writes JSON lines, once."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.writelines(orjson.dumps(one) + b"\n" for one in documents)
    draft.rename(path)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as file:
        yield from map(orjson.loads, file)


def pages(data: Path) -> Iterator[dict[str, Any]]:
    """Web pages by their main text; those that have none are not there."""
    for path in sorted((data / "html_pages").glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        for row in rows(path):
            raw = row.get("html_b64")
            try:
                text = read_page(base64.b64decode(raw) if raw else row["html"].encode()).text
            except Unfit:
                continue
            yield {"text": text, "url": row.get("url"), "source": name}


def english(data: Path) -> Iterator[dict[str, Any]]:
    """text_en, but for what is held out."""
    for path in sorted((data / "text_en").glob("*.jsonl.gz")):
        if path.name.removesuffix(".jsonl.gz") not in HELD:
            for row in rows(path):
                if row["source"] != ENCYCLOPAEDIC:
                    yield {"text": row["text"], "source": row["source"]}


def foreign(data: Path) -> Iterator[dict[str, Any]]:
    """Sentences, words and articles in hundreds of languages, some English among them."""
    for path in sorted((data / "langid").glob("*.jsonl.gz")):
        for row in rows(path):
            yield {"text": row["text"], "source": row["source"]}


def pieces(documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Documents in pieces at line breaks; those of one document are a group."""
    for row in documents:
        piece = ""
        for line in row["text"].splitlines(keepends=True):
            if piece and len((piece + line).encode()) > LONGEST:
                yield {"text": piece, "group": row["id"], "source": row["source"]}
                piece = ""
            piece += line
        yield {"text": piece, "group": row["id"], "source": row["source"]}


def passages(data: Path) -> Iterator[dict[str, Any]]:
    """The passages of BoolQ, which are of an encyclopaedia; each once."""
    seen = set()
    for row in rows(data / "evalsets/boolq.jsonl.gz"):
        passage = row["query"].removeprefix("Passage: ").rsplit("\nQuestion:", 1)[0]
        if passage not in seen:
            seen.add(passage)
            yield {"text": passage, "source": "boolq"}


if __name__ == "__main__":
    main()
