"""How often tamis decides as datatrove does: writes docs/heuristics_agreement.md.

    python benchmarks/heuristics_agreement.py [--data DIR] [--out FILE]

DIR holds text_en/, html_pages/, langid/ and toxic_spam/. The four filters of FineWeb run as
published, over spaCy's words and sentences, then over tamis's, and tamis measures the same
documents. Needs spaCy, and uniseg for the last section. What stands in the page below the marker is
written by hand and kept.
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters import (
    c4_filters,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)
from datatrove.utils.word_tokenizers import load_word_tokenizer
from texts import DEFAULT_DATA, ROOT

from tamis.filters.heuristics.c4 import C4
from tamis.filters.heuristics.heuristics import Heuristics
from tamis.filters.kernels.document import WORDS, merge, room_for, segment
from tamis.filters.kernels.sentences import count_sentences
from tamis.filters.kernels.unicode_tables import tables

MOST = 1200  # documents of a set, drawn if there are more
MOST_SHORT = 400  # of sets of messages, which are below any filter's least length
SHORT = ("sms_spam", "tweets_hate_offensive", "comments_surge_toxicity")
BATCH = 256
KEEP = "keep"
MARK = "<!-- by hand below: kept by benchmarks/heuristics_agreement.py -->"


class Bound(NamedTuple):
    """A rule of a published filter: its name there, and how tamis states it."""

    reason: str
    column: str
    least: float | None = None
    most: float | None = None

    def fails(self, value: float | None) -> bool:
        """Bounds are as precise as the columns, which are 32 bit wide."""
        if value is None:
            return False
        low = self.least is not None and value < np.float32(self.least)
        return bool(low or (self.most is not None and value > np.float32(self.most)))


GOPHER_REPETITION = (
    Bound("dup_para_frac", "gopher_duplicate_paragraphs", most=0.3),
    Bound("dup_para_char_frac", "gopher_duplicate_paragraph_chars", most=0.2),
    Bound("dup_line_frac", "gopher_duplicate_lines", most=0.3),
    Bound("dup_line_char_frac", "gopher_duplicate_line_chars", most=0.2),
    *(
        Bound(f"top_{n}_gram", f"gopher_top_{n}gram", most=most)
        for n, most in zip((2, 3, 4), (0.20, 0.18, 0.16), strict=True)
    ),
    *(
        Bound(f"duplicated_{n}_n_grams", f"gopher_duplicate_{n}gram", most=(20 - n) / 100)
        for n in range(5, 11)
    ),
)
GOPHER_QUALITY = (
    Bound("gopher_short_doc", "gopher_words", least=50),
    Bound("gopher_long_doc", "gopher_words", most=100_000),
    Bound("gopher_below_avg_threshold", "gopher_mean_word_length", least=3),
    Bound("gopher_above_avg_threshold", "gopher_mean_word_length", most=10),
    Bound("gopher_too_many_hashes", "gopher_hash_ratio", most=0.1),
    Bound("gopher_too_many_ellipsis", "gopher_ellipsis_ratio", most=0.1),
    Bound("gopher_too_many_bullets", "gopher_bullet_lines", most=0.9),
    Bound("gopher_too_many_end_ellipsis", "gopher_ellipsis_lines", most=0.3),
    Bound("gopher_below_alpha_threshold", "gopher_alpha_words", least=0.8),
    Bound("gopher_enough_stop_words", "gopher_stop_words", least=2),
)
FINEWEB_QUALITY = (
    Bound("line_punct_ratio", "fineweb_end_mark_lines", least=0.12),
    Bound("short_line_ratio", "fineweb_short_lines", most=0.67),
    Bound("char_dup_ratio", "fineweb_duplicate_line_chars", most=0.01),
    Bound("list_ratio", "fineweb_newlines_per_word", most=0.3),
)
# datatrove names the rule whose line comes first, so that only kept and dropped can be compared.
C4_QUALITY = (
    Bound("dropped", "c4_lorem_ipsum", most=0),
    Bound("dropped", "c4_curly_bracket", most=0),
    Bound("dropped", "c4_sentences", least=5),
)
RULES = {
    "GopherRepetitionFilter": GOPHER_REPETITION,
    "GopherQualityFilter": GOPHER_QUALITY,
    "C4QualityFilter": C4_QUALITY,
    "FineWebQualityFilter": FINEWEB_QUALITY,
}
WORD_MODULES: tuple[ModuleType, ...] = (
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)


class Segmenter:
    """tamis's words and sentences of a text."""

    def __init__(self) -> None:
        self._room = room_for(0)
        self._size = 0

    def _read(self, text: str) -> int:
        data = np.frombuffer(text.encode(), np.uint8)
        if len(data) > self._size:
            self._room, self._size = room_for(len(data)), len(data)
        segment(self._room, data, 0, len(data), tables().flags)
        return int(self._room.counts[WORDS])

    def words(self, text: str) -> list[str]:
        self._read(text)
        merge(self._room)
        return self._cut(text)

    def standard(self, text: str) -> list[str]:
        """Addresses in their parts, as DCLM has them."""
        self._read(text)
        return self._cut(text)

    def _cut(self, text: str) -> list[str]:
        found = int(self._room.counts[WORDS])
        pairs = zip(self._room.word_starts[:found], self._room.word_stops[:found], strict=True)
        return [text[start:stop] for start, stop in pairs]

    def sentences(self, text: str) -> range:
        self._read(text)
        return range(count_sentences(self._room.codes, self._room.props, 0, len(text)))


class Published:
    """datatrove's filters with FineWeb's settings, over any words and sentences."""

    def __init__(self) -> None:
        self._filters = {
            "GopherRepetitionFilter": gopher_repetition_filter.GopherRepetitionFilter(),
            "GopherQualityFilter": gopher_quality_filter.GopherQualityFilter(),
            "C4QualityFilter": c4_filters.C4QualityFilter(filter_no_terminal_punct=False),
            "FineWebQualityFilter": fineweb_quality_filter.FineWebQualityFilter(),
        }

    def decide(
        self, text: str, words: list[str], sentences: Callable[[str], Sequence[object]]
    ) -> dict[str, str]:
        """KEEP or the reason of every filter; its last rule where it divides by no words."""
        for module in WORD_MODULES:
            vars(module)["split_into_words"] = lambda text, language: words
        vars(c4_filters)["split_into_sentences"] = lambda line, language: sentences(line)
        found = {}
        for name, one in self._filters.items():
            try:
                answer = one.filter(Document(text=text, id=""))
            except ZeroDivisionError:
                answer = (False, RULES[name][-1].reason)
            found[name] = KEEP if answer is True else answer[1]
        if found["C4QualityFilter"] != KEEP:
            found["C4QualityFilter"] = "dropped"
        return found


@dataclass
class Found:
    """Decisions on the documents of one set, filter by filter."""

    spacy: list[dict[str, str]] = field(default_factory=list)
    fed: list[dict[str, str]] = field(default_factory=list)
    tamis: list[dict[str, str]] = field(default_factory=list)


def main() -> None:
    """Reads the documents, decides three times, writes the page and prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="where text_en/ is")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "heuristics_agreement.md", help="the page"
    )
    asked = parser.parse_args()
    if not (asked.data / "text_en").is_dir():
        parser.error(f"{asked.data} has no folder text_en/: name it with --data")
    if find_spec("spacy") is None:
        parser.error("datatrove takes English words from spaCy: pip install spacy uniseg")
    sets = documents(asked.data)
    found = {name: decide(texts) for name, texts in sets.items()}
    old = asked.out.read_text(encoding="utf-8") if asked.out.exists() else ""
    written = page(sets, found)
    print(written)
    asked.out.write_text(written + MARK + (old.partition(MARK)[2] or "\n"), encoding="utf-8")


def documents(data: Path) -> dict[str, list[str]]:
    """The texts by set; languages' sentences and paragraphs are joined to documents."""
    sets: dict[str, list[str]] = {}
    for path in sorted(data.glob("text_en/*.jsonl.gz")):
        sets[stem(path)] = [row["text"] for row in rows(path)]
    pages = (row for path in sorted(data.glob("html_pages/*.jsonl.gz")) for row in rows(path))
    sets["html_pages"] = [row["gold_text"] for row in pages if row.get("gold_text")]
    for name in ("udhr", "ntrex128", "genesis"):
        parts = defaultdict(list)
        for row in rows(data / "langid" / f"{name}.jsonl.gz"):
            parts[row["lang"], row.get("variant"), row.get("doc")].append(row["text"])
        sets[name] = ["\n".join(lines) for lines in parts.values()]
    for name in SHORT:
        sets[name] = [row["text"] for row in rows(data / "toxic_spam" / f"{name}.jsonl.gz")]
    draw = random.Random(0)
    most = {name: MOST_SHORT if name in SHORT else MOST for name in sets}
    return {
        name: draw.sample(texts, most[name]) if len(texts) > most[name] else texts
        for name, texts in sets.items()
    }


def stem(path: Path) -> str:
    return path.name.partition(".")[0]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as file:
        for line in file:
            yield orjson.loads(line)


def decide(texts: Sequence[str]) -> Found:
    """What datatrove says over spaCy's words, over tamis's, and what tamis says."""
    tokenizer, segmenter, published = load_word_tokenizer("en"), Segmenter(), Published()
    found = Found()
    for text in texts:
        words = tokenizer.word_tokenize(text)
        found.spacy.append(published.decide(text, words, tokenizer.sent_tokenize))
        found.fed.append(published.decide(text, segmenter.words(text), segmenter.sentences))
    for start in range(0, len(texts), BATCH):
        part = pa.array(texts[start : start + BATCH], pa.large_string())
        found.tamis += measured(pa.record_batch([part], names=["text"]))
    return found


def measured(batch: pa.RecordBatch) -> list[dict[str, str]]:
    """KEEP or the first rule that fails, by filter, from tamis's columns."""
    columns: dict[str, list[float | None]] = {}
    for stage in (Heuristics(sets=("gopher", "fineweb")), C4(min_words=3, need_end_mark=False)):
        made = stage.measure(batch)
        columns |= {name: made.column(name).to_pylist() for name in made.schema.names}
    empty = [not text.as_py().strip() for text in batch.column("text")]
    return [
        {
            name: rules[0].reason if nothing else first(rules, columns, row)
            for name, rules in RULES.items()
        }
        for row, nothing in enumerate(empty)
    ]


def first(rules: Iterable[Bound], columns: dict[str, list[float | None]], row: int) -> str:
    failed = (rule.reason for rule in rules if rule.fails(columns[rule.column][row]))
    return next(failed, KEEP)


def page(sets: dict[str, list[str]], found: dict[str, Found]) -> str:
    """The generated part of docs/heuristics_agreement.md."""
    total = sum(map(len, sets.values()))
    characters = sum(len(text) for texts in sets.values() for text in texts)
    parts = [
        "# How often tamis decides as datatrove does\n",
        f"""Written by

    .venv/bin/python benchmarks/heuristics_agreement.py --data DIR

with datatrove {version("datatrove")} and spaCy {version("spacy")}: {total:,} documents,
{characters / 1e6:.1f} million characters. datatrove's four filters of FineWeb, with its settings,
decide over spaCy's words and sentences, as published, and over those of tamis; tamis's rules decide
over its columns. A decision is to keep or to drop; *same reason* asks for the same rule, too.
""",
        "## Per filter\n",
        summary(found),
        "## Per set\n",
        "Per cent of decisions of tamis that are those of datatrove over spaCy's words.\n",
        by_set(found),
        "## Kinds of difference\n",
        "The first rule that drops a document as published and in tamis, and how many "
        "documents that is.\n",
        kinds(found),
    ]
    if find_spec("uniseg"):
        parts += ["## Words of UAX #29\n", standard_words(sets)]
    return "\n".join(parts) + "\n"


def pairs(found: Iterable[Found], side: str, name: str) -> list[tuple[str, str]]:
    """What a side and tamis say on every document."""
    return [
        (one[name], own[name])
        for part in found
        for one, own in zip(getattr(part, side), part.tamis, strict=True)
    ]


def equal(decisions: Sequence[tuple[str, str]]) -> float:
    """Per cent of pairs in which both keep or both drop."""
    return 100 * sum((a == KEEP) == (b == KEEP) for a, b in decisions) / len(decisions)


def summary(found: dict[str, Found]) -> str:
    header = ["filter", "kept, as published", "kept by tamis", "same decision", "same reason"]
    lines = []
    for name in RULES:
        spacy, fed = (pairs(found.values(), side, name) for side in ("spacy", "fed"))
        other = sum((a == KEEP) != (b == KEEP) for a, b in fed)
        same_reason = 100 * sum(a == b for a, b in spacy) / len(spacy)
        lines.append(
            [
                f"`{name}`",
                *(f"{100 * np.mean([pair[i] == KEEP for pair in spacy]):.1f} %" for i in (0, 1)),
                f"{equal(spacy):.2f} %",
                f"{same_reason:.2f} %",
                f"{other} of {len(fed):,}",
            ]
        )
    return table([*header, "other decisions if fed the same words"], lines)


def by_set(found: dict[str, Found]) -> str:
    lines = [
        [
            f"`{set_name}`",
            str(len(part.tamis)),
            *(f"{equal(pairs([part], 'spacy', name)):.1f}" for name in RULES),
        ]
        for set_name, part in found.items()
    ]
    return table(["set", "documents", *(f"`{name}`" for name in RULES)], lines)


def kinds(found: dict[str, Found]) -> str:
    lines = []
    for name in RULES:
        decisions = pairs(found.values(), "spacy", name)
        counts = Counter(pair for pair in decisions if KEEP in pair and pair != (KEEP, KEEP))
        lines += [[f"`{name}`", a, b, str(count)] for (a, b), count in counts.most_common()]
    return table(["filter", "as published", "tamis", "documents"], lines)


def standard_words(sets: dict[str, list[str]]) -> str:
    """How many documents have the words of UAX #29 that DCLM takes from uniseg."""
    from uniseg.wordbreak import words

    segmenter, same, seen = Segmenter(), 0, 0
    for text in (text for texts in sets.values() for text in texts[::8]):
        theirs = [word for word in words(text) if word[0].isalnum()]
        same += theirs == [word for word in segmenter.standard(text) if word[0].isalnum()]
        seen += 1
    return (
        f"Of every eighth document the words that begin with a letter or digit are those of "
        f"uniseg {version('uniseg')}, which DCLM uses, in {same:,} of {seen:,}.\n"
    )


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table and an empty line."""
    made = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in made) + "\n"


if __name__ == "__main__":
    main()
