"""How often the bundled language model is right, language by language: writes docs/languages.md.

    python benchmarks/language_accuracy.py [--data DIR] [--out FILE]

DIR holds a folder langid/ of labelled text. Every answer of the stage is compared with fastText's
own on the same text first.
"""

from __future__ import annotations

import argparse
import gzip
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from bench_language import own_answers
from iso import CODES, NAMES, NOTES, SCRIPTS
from texts import DEFAULT_DATA, ROOT

from tamis.filters.language import BUNDLED, BUNDLED_SHA256, Language

SETS = {
    "lingua_sentences": ("sentences", "sentences of web crawls and newspapers, from Lingua"),
    "ntrex128": ("news", "sentences of translated news, from NTREX-128"),
    "udhr": ("rights", "paragraphs of the Universal Declaration of Human Rights, from NLTK"),
    "genesis": ("Genesis", "sentences of the Book of Genesis, from NLTK"),
    "lingua_word_pairs": ("two words", "pairs of words, from Lingua"),
    "lingua_single_words": ("one word", "single words, from Lingua"),
}
THRESHOLDS = (0.5, 0.65, 0.8)
LENGTHS = (1, 11, 21, 41, 81, 161, 321)
BATCH = 4096


@dataclass
class Answers:
    """Texts of one set: the language each is in, and what the model said."""

    code: list[str] = field(default_factory=list)
    expected: list[str | None] = field(default_factory=list)
    """The model's code for it, None where the model does not know the language."""
    variant: list[str | None] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    score: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.code)


def main() -> None:
    """Reads the data, checks the answers, writes the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="where langid/ is")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "languages.md")
    asked = parser.parse_args()
    if not (asked.data / "langid").is_dir():
        parser.error(f"{asked.data} has no folder langid/: name it with --data")
    names = dict(NAMES)
    answers = {name: read(asked.data / "langid" / f"{name}.jsonl.gz", names) for name in SETS}
    asked.out.write_text(page(answers, names), encoding="utf-8")
    print(f"{sum(map(len, answers.values())):,} answers, all equal to fastText's own: {asked.out}")


def read(path: Path, names: dict[str, str]) -> Answers:
    """The answers for one file; names takes the names of languages that the data knows."""
    answers = Answers()
    texts: list[str] = []
    with gzip.open(path) as file:
        for line in file:
            row = orjson.loads(line)
            code = row["lang"]
            answers.code.append(code)
            answers.expected.append(CODES.get(code))
            answers.variant.append(SCRIPTS.get((row.get("variant") or "").lower()))
            answers.letters.append(len(row["text"]))
            if code not in CODES and row.get("name"):
                names.setdefault(code, row["name"].partition(" (")[0])
            texts.append(row["text"])
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        batch = pa.record_batch([pa.array(part, pa.large_string())], names=["text"])
        found = Language().measure(batch).to_pydict()
        pairs = zip(found["language_score"], found["language"], strict=True)
        if list(pairs) != own_answers(part):
            raise SystemExit(f"{path.name}: an answer differs from fastText's own")
        answers.label += found["language"]
        answers.score += found["language_score"]
    return answers


def page(answers: dict[str, Answers], names: dict[str, str]) -> str:
    """docs/languages.md."""
    known, unknown = joined(answers.values(), True), joined(answers.values(), False)
    lingua = joined([part for name, part in answers.items() if "lingua" in name], True)
    parts = [
        "# Which languages the `language` stage knows, and how well\n",
        introduction(answers, known, unknown),
        "## By length\n",
        f"Characters of text, in the sets from Lingua, {len(lingua):,} texts in known languages.\n",
        by_length(lingua),
        "## By score\n",
        'A rule such as `{ column = "language_score", min = 0.65 }` keeps part of the texts '
        "(coverage) and is right on part of those (precision). Texts in known languages, then what "
        f"the same rule lets through of {len(unknown):,} texts in languages that the model does "
        "not know, all of them under a wrong name.\n",
        by_score(answers, unknown),
        "## By language\n",
        "Per cent right of each set; *most often instead* is the wrong answer given most often, "
        "with its share of all texts of the language.\n",
        by_language(answers, names),
        *(f"{note}\n" for note in NOTES),
        "## By script\n",
        "Languages that the data has in several scripts or spellings.\n",
        by_script(answers, names),
        "## Languages the model does not know\n",
        "ISO 639-3 codes as in the data. The texts, and what the model takes most of them for.\n",
        strangers(unknown, names),
    ]
    return "\n".join(parts)


def introduction(answers: dict[str, Answers], known: Answers, unknown: Answers) -> str:
    """What was measured, with what, and the short of it."""
    found = {short: known_of(answers[name]) for name, (short, _) in SETS.items()}
    sets = table(
        ["set", "what", "texts", "in known languages", "right of these, %"],
        [
            [
                f"**{short}**",
                what,
                f"{len(answers[name]):,}",
                f"{len(part):,}",
                f"{right(part):.1f}",
            ]
            for (name, (short, what)), part in zip(SETS.items(), found.values(), strict=True)
        ],
    )
    return f"""Measured with the model that tamis uses unless told otherwise, `{BUNDLED}`
(SHA-256 `{BUNDLED_SHA256[:16]}...`, 176 languages), version {Language.version} of the stage,
each text as a document of its own, by

    .venv/bin/python benchmarks/language_accuracy.py --data DIR

Labels and scores of all {sum(map(len, answers.values())):,} texts equal those of fastText itself.

A text is right when the model's answer is the language it is labelled with, or the macrolanguage
that this one belongs to. {len(known):,} texts are in one of {len(set(known.expected))} languages
that the model knows, and of these {right(known):.1f} % are right; {len(unknown):,} texts are in
{len(set(unknown.code))} languages that it does not know.

{sets}
The first and the last two sets are of the same {len(set(found["sentences"].expected))} known
languages: right are {right(found["sentences"]):.0f} % of the sentences,
{right(found["two words"]):.0f} % of the pairs of words and {right(found["one word"]):.0f} % of the
single words. A score is no measure of length: many short texts have a high one.

The labels are not free of errors, single words may belong to several languages, and the
declaration is one text in every language, which a model may have seen.

The model answers every text: where it recognises nothing, as in digits alone or an empty text, it
says `en` with a score of 0.12. A rule on `language` needs one on `language_score` beside it.
"""


def by_length(part: Answers) -> str:
    """Accuracy and score by number of characters."""
    letters, score = np.array(part.letters), np.array(part.score)
    hits = _hits(part)
    rows = []
    for low, high in zip(LENGTHS, [*LENGTHS[1:], None], strict=True):
        mask = (letters >= low) & (letters < (high or np.inf))
        if mask.any():
            span = f"{low} to {high - 1}" if high else f"{low} and more"
            middle = np.median(score[mask])
            rows.append(
                [span, f"{mask.sum():,}", f"{100 * hits[mask].mean():.1f}", f"{middle:.2f}"]
            )
    return table(["characters", "texts", "right, %", "median score"], rows)


def by_score(answers: dict[str, Answers], unknown: Answers) -> str:
    """Coverage and precision at thresholds, by set."""
    header = ["set", "texts", "right, %"]
    for threshold in THRESHOLDS:
        header += [f"{threshold:g}: coverage, %", "precision, %"]
    rows = []
    for name, (short, _) in SETS.items():
        part = known_of(answers[name])
        rows.append([short, f"{len(part):,}", f"{right(part):.1f}", *_thresholds(part)])
    everything = joined(answers.values(), True)
    rows.append(
        ["**all**", f"{len(everything):,}", f"{right(everything):.1f}", *_thresholds(everything)]
    )
    rows.append(["unknown languages", f"{len(unknown):,}", "0.0", *_thresholds(unknown)])
    return table(header, rows)


def _thresholds(part: Answers) -> list[str]:
    score, hits = np.array(part.score), _hits(part)
    cells = []
    for threshold in THRESHOLDS:
        kept = score >= threshold
        precision = f"{100 * hits[kept].mean():.1f}" if kept.any() else ""
        cells += [f"{100 * kept.mean():.1f}", precision]
    return cells


def by_language(answers: dict[str, Answers], names: dict[str, str]) -> str:
    """Accuracy of every language that the model knows and the data has."""
    header = ["code", "language", "texts", *(short for short, _ in SETS.values())]
    everything = joined(answers.values(), True)
    rows = []
    for language in sorted({code for code in everything.expected if code}):
        cells = [f"`{language}`", names[language], ""]
        total = 0
        for part in answers.values():
            mask = [expected == language for expected in part.expected]
            total += sum(mask)
            cells.append(f"{right(_chosen(part, mask)):.1f}" if any(mask) else "")
        cells[2] = f"{total:,}"
        mine = _chosen(everything, [expected == language for expected in everything.expected])
        rows.append([*cells, _instead(mine)])
    return table([*header, "most often instead"], rows)


def by_script(answers: dict[str, Answers], names: dict[str, str]) -> str:
    """Accuracy of a language in each of its scripts."""
    everything = joined(answers.values(), True)
    kinds = Counter(
        (expected, variant)
        for expected, variant in zip(everything.expected, everything.variant, strict=True)
        if expected and variant
    )
    several = Counter(language for language, _ in kinds)
    rows = []
    for language, variant in sorted(kinds):
        if several[language] > 1:
            pairs = zip(everything.expected, everything.variant, strict=True)
            mine = _chosen(everything, [pair == (language, variant) for pair in pairs])
            cells = [f"`{language}`", names[language], variant, f"{len(mine):,}"]
            rows.append([*cells, f"{right(mine):.1f}", _instead(mine)])
    header = ["code", "language", "script", "texts", "right, %", "most often instead"]
    return table(header, rows)


def strangers(unknown: Answers, names: dict[str, str]) -> str:
    """The languages that the model does not know, and what it says instead."""
    rows = []
    for code in sorted(set(unknown.code)):
        mine = _chosen(unknown, [one == code for one in unknown.code])
        sure = 100 * (np.array(mine.score) >= THRESHOLDS[1]).mean()
        cells = [f"`{code}`", names.get(code, ""), str(len(mine)), _instead(mine)]
        rows.append([*cells, f"{sure:.1f}"])
    header = ["code", "language", "texts", "taken for", f"score {THRESHOLDS[1]:g} or more, %"]
    return table(header, rows)


def _instead(part: Answers) -> str:
    """The most frequent wrong answer and its share, `no 48 %`."""
    wrong = Counter(
        label
        for label, expected in zip(part.label, part.expected, strict=True)
        if label != expected
    )
    if not wrong:
        return ""
    label, count = min(wrong.items(), key=lambda item: (-item[1], item[0]))
    return f"`{label}` {100 * count / len(part):.1f} %"


def right(part: Answers) -> float:
    """The share of right answers, in per cent."""
    return float(100 * _hits(part).mean())


def _hits(part: Answers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([a == b for a, b in zip(part.label, part.expected, strict=True)], np.bool_)


def known_of(part: Answers) -> Answers:
    """The texts in languages that the model knows."""
    return _chosen(part, [expected is not None for expected in part.expected])


def joined(parts: Iterable[Answers], known: bool) -> Answers:
    """The texts of several sets in languages that the model knows, or does not."""
    whole = Answers()
    for part in parts:
        chosen = _chosen(part, [(expected is not None) == known for expected in part.expected])
        for name, column in vars(chosen).items():
            getattr(whole, name).extend(column)
    return whole


def _chosen(part: Answers, mask: Sequence[bool]) -> Answers:
    return Answers(
        **{
            name: [value for value, chosen in zip(column, mask, strict=True) if chosen]
            for name, column in vars(part).items()
        }
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table and an empty line."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
