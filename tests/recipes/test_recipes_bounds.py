"""Recipes that follow a publication: a text on each side of every bound, made to measure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import count, islice, product
from pathlib import Path
from string import ascii_lowercase

import pyarrow as pa
import pytest

from tamis.pipeline import recipe
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.rules import ByTable

Sides = tuple[str, str]  # a text that passes and one that does not


@cache
def loaded(name: str) -> Recipe:
    return recipe.load(name)


def fails(name: str, rule: str, text: str, language: str = "en") -> bool:
    """Whether a text as a stage gets it fails `stage.rule` of a recipe."""
    stage_name, rule_name = rule.split(".")
    stage = loaded(name).stage(stage_name)
    given = {"text": pa.array([text], pa.large_string()), "language": pa.array([language])}
    needs = list(stage.measure.needs)
    answer = stage.measure.measure(pa.record_batch([given[n] for n in needs], names=needs))
    columns = {stage.given[n]: answer.column(n) for n in answer.schema.names}
    chosen = next(one for one in stage.rules if one.name == rule_name)
    return bool(chosen.failing({**given, **columns})[0])


def words(number: int, length: int = 5) -> list[str]:
    """Different words, of letters alone."""
    return ["".join(letters) for letters in islice(product(ascii_lowercase, repeat=length), number)]


def text(number: int, length: int = 5) -> str:
    return " ".join(words(number, length))


def lines(number: int, marked: int, mark: str, end: str = "") -> str:
    """Different lines, of which some begin and end with a mark."""
    parts = [f"{mark}{word} {word}{end}" for word in words(marked)]
    return "\n".join(parts + [f"{word} line" for word in words(number)[marked:]])


def copies(number: int, separator: str, more: int) -> str:
    """So many pieces in all, the first of them `more` times again."""
    first, *others = [f"{word} piece" for word in words(number - more)]
    return separator.join([first, *others, *([first] * more)])


def around(piece: str, separator: str, size: int) -> str:
    """A piece, one long word and the piece again, so many characters in all."""
    rest = size - 2 * len(piece) - 2 * len(separator)
    return separator.join([piece, "x" * rest, piece])


def repeat(n: int, size: int) -> str:
    """n words of two letters, twice, in a text of so many characters."""
    return around(text(n, 2), " ", size)


def letters(n: int, size: int) -> str:
    """The same in a text of so many letters."""
    return repeat(n, size + 2 * (n - 1) + 2)


QUALITY: dict[str, Sides] = {
    "words": (text(50), text(49)),
    "mean_word_length": (text(10, 3), f"{text(9, 3)} zz"),
    "bullet_lines": (lines(10, 9, "- "), lines(10, 10, "- ")),
    "ellipsis_lines": (lines(10, 3, "", "..."), lines(10, 4, "", "...")),
}
GOPHER = QUALITY | {
    "hashes": (f"{text(9)} #", f"{text(8)} #"),
    "ellipses": (f"{text(9)} ...", f"{text(8)} ..."),
    "alpha_words": (f"{text(8)} 12 34", f"{text(7)} 12 34"),
    "stop_words": ("the mill of old", "the mill the old"),
    "duplicate_lines": (copies(10, "\n", 3), copies(10, "\n", 4)),
    "duplicate_line_chars": (around(text(4), "\n", 115), around(text(4), "\n", 114)),
    "duplicate_paragraphs": (copies(10, "\n\n", 3), copies(10, "\n\n", 4)),
    "duplicate_paragraph_chars": (around(text(4), "\n\n", 115), around(text(4), "\n\n", 114)),
    # All copies with the blanks in them: 2 x (3n - 1) characters.
    "top_2gram": (repeat(2, 50), repeat(2, 49)),
    "top_3gram": (repeat(3, 89), repeat(3, 88)),
    "top_4gram": (repeat(4, 138), repeat(4, 137)),
    # The second copy without blanks: 2n characters.
    "duplicate_5gram": (repeat(5, 67), repeat(5, 66)),
    "duplicate_6gram": (repeat(6, 86), repeat(6, 85)),
    "duplicate_7gram": (repeat(7, 108), repeat(7, 107)),
    "duplicate_8gram": (repeat(8, 134), repeat(8, 133)),
    "duplicate_9gram": (repeat(9, 164), repeat(9, 163)),
    "duplicate_10gram": (repeat(10, 200), repeat(10, 199)),
}
DCLM = QUALITY | {
    "symbols": (f"{text(9)} #", f"{text(8)} #"),
    "non_alpha_words": (f"{text(8)} 12 34", f"{text(7)} 12 34"),
    "stop_words": ("The mill, the flour", "The mill, a flour"),
    "bullet_lines": (lines(10, 9, "* "), lines(10, 10, "* ")),
    "ellipsis_lines": (lines(10, 3, "", ". . ."), lines(10, 4, "", ". . .")),
    "duplicate_lines": (copies(10, "\n", 2), copies(10, "\n", 3)),  # with the first
    "duplicate_line_chars": (around("ab cd efgh", "\n", 102), around("ab cd efgh", "\n", 101)),
    "duplicate_paragraphs": (copies(10, "\n\n", 2), copies(10, "\n\n", 3)),
    "duplicate_paragraph_chars": (
        around("ab cd efgh", "\n\n", 104),
        around("ab cd efgh", "\n\n", 103),
    ),
    # All copies of 2n letters each.
    "top_2gram": (letters(2, 40), letters(2, 39)),
    "top_3gram": (letters(3, 67), letters(3, 66)),
    "top_4gram": (letters(4, 100), letters(4, 99)),
    "duplicate_5gram": (letters(5, 134), letters(5, 133)),
    "duplicate_6gram": (letters(6, 172), letters(6, 171)),
    "duplicate_7gram": (letters(7, 216), letters(7, 215)),
    "duplicate_8gram": (letters(8, 267), letters(8, 266)),
    "duplicate_9gram": (letters(9, 328), letters(9, 327)),
    "duplicate_10gram": (letters(10, 400), letters(10, 399)),
}
SENTENCES = [f"There stands {word} today." for word in words(6)]
C4: dict[str, Sides] = {
    "c4.sentences": ("\n".join(SENTENCES[:5]), "\n".join(SENTENCES[:4])),
    "c4.lorem_ipsum": ("Lorem, then ipsum, stand here.", "Then lorem ipsum stands here."),
    "c4.curly_bracket": ("What stands here (so) it is.", "What stands here {so} it is."),
}
LONG = "so many letters are in a long line"
FINEWEB: dict[str, Sides] = C4 | {
    "fineweb.end_mark_lines": (lines(25, 3, "", "."), lines(25, 2, "", ".")),
    "fineweb.short_lines": (
        "\n".join([*words(67), *(f"{LONG} {word}" for word in words(33))]),
        "\n".join([*words(68), *(f"{LONG} {word}" for word in words(32))]),
    ),
    "fineweb.newlines_per_word": ("a b c d\ne\nf\ng h i j", "a b c d\ne\nf\ng h i"),
}


def repeated_line(size: int) -> str:
    """A line of ten characters twice in so many characters, newlines not counted."""
    return around("x y z stay", "\n", size + 2)


def cases() -> Iterator[tuple[str, str, Sides]]:
    for name in ("gopher", "fineweb", "fineweb-paper", "crawl"):
        yield from ((name, f"heuristics.{rule}", sides) for rule, sides in GOPHER.items())
    yield from (("dclm", f"heuristics.{rule}", sides) for rule, sides in DCLM.items())
    for name in ("fineweb", "fineweb-paper", "crawl"):
        newlines = "fineweb.newlines_per_word"
        rules = FINEWEB if name != "fineweb-paper" else {**FINEWEB, newlines: None}
        yield from ((name, rule, sides) for rule, sides in rules.items() if sides)
    repeated = "fineweb.duplicate_line_chars"
    yield "fineweb", repeated, (repeated_line(1000), repeated_line(999))
    yield "fineweb-paper", repeated, (repeated_line(100), repeated_line(99))
    yield "crawl", repeated, (repeated_line(100), repeated_line(99))
    removed = (f"{text(19)}\nalone", f"{text(18)}\nalone")
    yield "dclm", "refinedweb.removed_words", removed
    for name in ("gopher", "dclm"):
        yield name, "heuristics.words", (text(100_000, 4), text(100_001, 4))
        yield name, "heuristics.mean_word_length", (text(10, 10), f"{text(9, 10)} {'z' * 11}")


CASES = list(cases())


@pytest.mark.parametrize(("name", "rule", "sides"), CASES, ids=[f"{a}-{b}" for a, b, _ in CASES])
def test_each_side_of_a_bound(name: str, rule: str, sides: Sides) -> None:
    """A bound that is off by one, or a rule on another column, is another recipe."""
    assert [fails(name, rule, side) for side in sides] == [False, True]


@pytest.mark.parametrize("name", ["gopher", "fineweb", "fineweb-paper", "dclm", "crawl"])
def test_every_rule_has_its_texts(name: str) -> None:
    """A rule that is added without a text on each side fails here.

    But of stages that look at all documents: no text alone is a copy.
    """
    tested = {rule for case, rule, _ in CASES if case == name}
    rules = {
        f"{stage.name}.{rule.name}"
        for stage in loaded(name).stages
        for rule in stage.rules
        if stage.name != "language" and stage.scope == "rows"
    }
    assert rules == tested


def test_nothing_is_rejected_where_the_code_does() -> None:
    """Empty texts, blank ones, and those of which an edit left nothing: their shares are null."""
    for name in ("gopher", "fineweb", "fineweb-paper", "crawl", "dclm", "fineweb2"):
        assert fails(name, "heuristics.duplicate_lines", ""), name
        assert fails(name, "heuristics.words", " \n \n"), name
    assert fails("dclm", "heuristics.duplicate_lines", " \n \n")
    for name in ("fineweb", "fineweb-paper", "crawl"):
        for blank in ("", " \n \n"):
            assert fails(name, "fineweb.end_mark_lines", blank)
    assert fails("fineweb2", "heuristics.end_mark_lines", "\n")
    assert not fails("gopher", "heuristics.top_2gram", "")  # the rule on words has it


CHINESE = "".join(map(chr, islice(count(0x4E00), 85)))
BY_LANGUAGE: dict[str, tuple[str, Sides]] = {
    "words, German": ("de", (text(50), text(49))),
    "words, Finnish": ("fi", (text(35), text(34))),
    "words, Chinese": ("zh", (CHINESE, CHINESE[1:])),
    "words, Klingon": ("tlh", (text(50), text(49))),
    "mean_word_length, German": ("de", (text(10, 15), f"{text(9, 15)} {'z' * 16}")),
    "mean_word_length, Chinese": ("zh", ("的 abcd", "的 abcde")),
    "duplicate_5gram, Chinese": ("zh", (repeat(5, 30), "")),
    "duplicate_5gram, French": ("fr", (repeat(5, 67), repeat(5, 66))),
    "alpha_words, Polish": ("pl", (f"{text(8)} 12 34 56", f"{text(7)} 12 34 56")),
    "stop_words, German": ("de", ("der Hund und sie", "the dog of und")),
    "stop_words, Klingon": ("tlh", ("the dog", "")),
    "end_mark_lines, Spanish": ("es", (lines(10, 3, "", "."), lines(10, 2, "", "."))),
    "end_mark_lines, German": ("de", (lines(10, 0, ""), "")),
    "newlines_per_word, Thai": ("th", ("\n" + "ก" * 15, "\n" + "ก" * 14)),
    "duplicate_line_chars, any": ("xx", (repeated_line(100), repeated_line(99))),
}


@pytest.mark.parametrize("case", BY_LANGUAGE)
def test_bounds_of_fineweb2_go_by_language(case: str) -> None:
    """An empty second text stands for a rule that nothing can fail."""
    language, (passes, rejected) = BY_LANGUAGE[case]
    rule = f"heuristics.{case.partition(',')[0]}"
    assert not fails("fineweb2", rule, passes, language)
    assert not rejected or fails("fineweb2", rule, rejected, language)


def test_fineweb2_has_the_lengths_that_were_measured() -> None:
    """The recipe's table and the page's are of one measurement."""
    page = (Path(__file__).parents[2] / "docs/heuristics.md").read_text(encoding="utf-8")
    sizes = page.partition("<!-- sizes -->")[2].partition("<!-- end of sizes -->")[0]
    rows = [line.split("|")[1:-1] for line in sizes.splitlines() if line.startswith("| `")]
    (rule,) = (r for r in loaded("fineweb2").stage("heuristics").rules if r.name == "words")
    assert isinstance(rule.min, ByTable) and len(rows) > 90
    for code, _, _, _, _, least, *_ in rows:
        assert rule.min.values.get(code.strip(" `"), rule.min.default) == int(least), code
