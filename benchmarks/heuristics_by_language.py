"""How much of Gopher's bounds is English: the same texts in a hundred languages, as tamis counts.

Writes two parts of docs/heuristics.md; --toml prints the tables of the recipe fineweb2 that follow
from the first. Stop words are judged on documents of four sentences.

    .venv/bin/python benchmarks/heuristics_by_language.py --data DIR
"""

from __future__ import annotations

import argparse
import gzip
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import pyarrow as pa
from heuristics_page import PAGE, put
from iso import CODES, NAMES
from texts import DEFAULT_DATA

from tamis.filters.heuristics.heuristics import Heuristics
from tamis.filters.heuristics.stop_words import STOP_WORDS

SETS = ("ntrex128", "udhr", "lingua_sentences")
SENTENCES = 4


class Size(NamedTuple):
    """A language beside English: non-symbol words, their mean length, share of alphabetic ones."""

    words: float
    length: float
    letters: float


class Bounds(NamedTuple):
    """Gopher's bounds for a language: those of English times its sizes."""

    words: int
    shortest: float
    longest: float
    letters: float
    newlines: float


def bounds(size: Size) -> Bounds:
    """At least 50 words to the nearest five; a mean length of 3 to 10 rounded outwards to a half.

    80 % of words with a letter, at most; and FineWeb's 0.3 newlines per word.
    """
    return Bounds(
        5 * round(50 * size.words / 5),
        math.floor(2 * 3 * size.length) / 2,
        math.ceil(2 * 10 * size.length) / 2,
        min(0.8, round(0.8 * size.letters, 2)),
        min(0.3, round(0.3 / size.words, 2)),
    )


def read(data: Path, name: str) -> Iterator[dict[str, str]]:
    """The rows of a set in languages of the model, their code under `code`."""
    with gzip.open(data / "langid" / f"{name}.jsonl.gz") as file:
        for line in file:
            row = orjson.loads(line)
            if code := CODES.get(row["lang"]):
                yield row | {"code": code}


def sizes(data: Path) -> dict[str, Size]:
    """Sizes by language, from the news that NTREX-128 has in all of them; of variants the first."""
    texts = defaultdict(list)
    for row in read(data, "ntrex128"):
        texts[row["code"], row["lang"], row["variant"] or ""].append(row["text"])
    keys = sorted(texts)
    found = _measure(["\n".join(texts[key]) for key in keys], [key[0] for key in keys])
    english = next(row for key, row in zip(keys, found, strict=True) if key[1:] == ("eng", ""))
    columns = ("gopher_words", "gopher_mean_word_length", "gopher_alpha_words")
    answer: dict[str, Size] = {}
    for key, row in zip(keys, found, strict=True):
        answer.setdefault(key[0], Size(*(row[column] / english[column] for column in columns)))
    return answer


def recall(data: Path) -> dict[str, tuple[int, float]]:
    """By language: short documents, and the share of them with two different stop words."""
    texts, codes = [], []
    for name in SETS:
        waiting = defaultdict(list)
        for row in read(data, name):
            key = row["code"], row["lang"], row.get("variant")
            waiting[key].append(row["text"])
            if len(waiting[key]) == SENTENCES:
                texts.append("\n".join(waiting.pop(key)))
                codes.append(row["code"])
    found = _measure(texts, codes)
    hits: dict[str, list[bool]] = defaultdict(list)
    for code, row in zip(codes, found, strict=True):
        if row["gopher_stop_words"] is not None:
            hits[code].append(row["gopher_stop_words"] >= 2)
    return {code: (len(one), sum(one) / len(one)) for code, one in hits.items()}


def strangers(data: Path) -> dict[str, float]:
    """By list of stop words: the share of NTREX documents in other languages that pass it."""
    texts, codes = [], []
    waiting = defaultdict(list)
    for row in read(data, "ntrex128"):
        key = row["lang"], row["variant"]
        waiting[key].append(row["text"])
        if len(waiting[key]) == SENTENCES:
            texts.append("\n".join(waiting.pop(key)))
            codes.append(row["code"])
    shares = {}
    for code in STOP_WORDS:
        others = [text for text, other in zip(texts, codes, strict=True) if other != code]
        found = _measure(others, [code] * len(others))
        shares[code] = sum(row["gopher_stop_words"] >= 2 for row in found) / len(found)
    return shares


def _measure(texts: list[str], codes: list[str]) -> list[dict[str, float]]:
    batch = pa.record_batch(
        {"text": pa.array(texts, pa.large_string()), "language": pa.array(codes, pa.string())}
    )
    rows: list[dict[str, float]] = (
        Heuristics(sets=("gopher",), language_column="language").measure(batch).to_pylist()
    )
    return rows


def sizes_table(found: dict[str, Size]) -> str:
    """A row for every language."""
    lines = [
        "| code | language | words | length | letters | words, at least | mean length "
        "| letters, at least | newlines per word |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for code, size in sorted(found.items()):
        own = bounds(size)
        lines.append(
            f"| `{code}` | {NAMES[code]} | {size.words:.2f} | {size.length:.2f} "
            f"| {size.letters:.2f} | {own.words} | {own.shortest:g} to {own.longest:g} "
            f"| {own.letters:g} | {own.newlines:g} |"
        )
    return "\n".join(lines)


def stop_words_table(own: dict[str, tuple[int, float]], others: dict[str, float]) -> str:
    """A row for every list of stop words."""
    lines = [
        "| code | language | stop words | documents | with two of them, % "
        "| documents in other languages with two, % |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    names = NAMES | {"or": "Odia", "sh": "Serbo-Croatian"}
    for code, words in sorted(STOP_WORDS.items()):
        count, share = own.get(code, (0, 0.0))
        mine = f"{count} | {100 * share:.0f}" if count else "0 | "
        lines.append(
            f"| `{code}` | {names[code]} | {' '.join(words)} | {mine} | {100 * others[code]:.0f} |"
        )
    return "\n".join(lines)


def toml(found: dict[str, Size]) -> str:
    """The values of tables by language, where they are not those of English."""
    own = {code: bounds(size) for code, size in sorted(found.items())}
    english = own["en"]
    return "\n".join(
        f"# {name}, default {getattr(english, name):g}\n"
        + ", ".join(
            f"{code} = {getattr(one, name):g}"
            for code, one in own.items()
            if getattr(one, name) != getattr(english, name)
        )
        for name in Bounds._fields
    )


def main() -> None:
    """Measures, and writes the page or prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--toml", action="store_true", help="print what a recipe needs")
    asked = parser.parse_args()
    found = sizes(asked.data)
    if asked.toml:
        print(toml(found))
        return
    page = put(PAGE.read_text(encoding="utf-8"), "sizes", sizes_table(found))
    table = stop_words_table(recall(asked.data), strangers(asked.data))
    PAGE.write_text(put(page, "stop words", table), encoding="utf-8")


if __name__ == "__main__":
    main()
