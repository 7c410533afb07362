"""Lines seen too often, in plain Python: CCNet's two passes as published, and all options."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from reference.sentences import sentences

from tamis.filters.lines import Lines

PUNCTUATION = set("，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►")

Form = tuple[str, ...]
Found = tuple[str, int, int, int, int, int]
"""The edited text, and the columns before it."""


def normal(line: str, form: str = "ccnet") -> str:
    """A line as it is compared."""
    line = line.strip()
    if form != "ccnet":
        return line if form == "exact" else line.lower()
    zeros = re.sub(r"\d", "0", line.lower())
    return "".join(c for c in zeros if c not in PUNCTUATION and unicodedata.category(c) != "Cc")


def two_passes(texts: Sequence[str]) -> list[str | None]:
    """What CCNet's code makes of one group of documents; None for those that it drops.

    Pass one notes every form that a second document has; repeats within one do not make a second.
    Pass two drops lines with these forms, and then what the document itself repeats.
    """
    seen: set[str] = set()
    twice: set[str] = set()
    for text in texts:
        if text:
            forms = {normal(line) for line in text.split("\n")}
            twice |= forms & seen
            seen |= forms
    answers: list[str | None] = []
    for text in texts:
        fresh = [line for line in text.split("\n") if normal(line) not in twice]
        kept: dict[str, str] = {}
        for line in fresh:
            kept.setdefault(normal(line), line)
        answers.append("\n".join(kept.values()) if text and fresh else None)
    return answers


def spans(text: str, measure: Lines) -> list[tuple[int, int]]:
    """Where the units of a text start and stop."""
    if measure.unit == "sentences":
        return sentences(text)
    found: list[tuple[int, int]] = []
    place, open_ = 0, False
    for line in text.split("\n") if text else []:
        stop = place + len(line)
        if measure.unit == "line":
            if line.strip() or measure.shortest == 0:
                found.append((place, stop))
        elif line.strip():
            found[-1:] = [(found[-1][0], stop)] if open_ else [*found[-1:], (place, stop)]
        open_ = bool(line.strip())
        place = stop + 1
    return found


def shapes(text: str, measure: Lines) -> list[Form | None]:
    """What the units of a text are compared by; None for those that are too short or begin no span
    of three sentences."""
    forms = [normal(text[a:b], measure.form) for a, b in spans(text, measure)]
    width = 3 if measure.unit == "sentences" else 1
    found = [tuple(forms[n : n + width]) for n in range(len(forms))]
    fits = [len(f) == width and sum(map(len, f)) >= measure.shortest for f in found]
    return [form if fit else None for form, fit in zip(found, fits, strict=True)]


def edited(texts: Sequence[str], measure: Lines) -> list[Found]:
    """All columns, for one group of documents."""
    counts: Counter[Form | None] = Counter()
    firsts: dict[Form | None, tuple[int, int]] = {}
    for number, text in enumerate(texts):
        forms = shapes(text, measure)
        counts.update(set(forms) if measure.count == "documents" else forms)
        for place, form in enumerate(forms):
            firsts.setdefault(form, (number, place))
    often = {form for form, count in counts.items() if form and count > measure.more_than}
    return [_edited(text, number, often, firsts, measure) for number, text in enumerate(texts)]


def _edited(
    text: str,
    number: int,
    often: set[Form | None],
    firsts: dict[Form | None, tuple[int, int]],
    measure: Lines,
) -> Found:
    where, forms = spans(text, measure), shapes(text, measure)
    width = 3 if measure.unit == "sentences" else 1
    listed: set[int] = set()
    repeated: set[int] = set()
    for place, form in enumerate(forms):
        covered = range(place, place + width)
        if form in often and (measure.keep == "none" or firsts[form] != (number, place)):
            listed.update(covered)
        elif form and form in forms[:place] and measure.count == "documents":
            repeated.update(covered)
    gone = [place in listed | repeated for place in range(len(where))]
    size = sum(len(text[a:b].encode()) for (a, b), out in zip(where, gone, strict=True) if out)
    left = without(text, where, gone)
    return left, len(where), sum(gone), len(repeated - listed), size, len(left.encode())


def without(text: str, where: Sequence[tuple[int, int]], gone: Sequence[bool]) -> str:
    """A text without some of its units."""
    if not any(gone):
        return text
    stops, starts = [0, *(b for _, b in where)], [*(a for a, _ in where), len(text)]
    gaps = [text[a:b] for a, b in zip(stops, starts, strict=True)]
    kept = [place for place, is_gone in enumerate(gone) if not is_gone]
    answer = ""
    for before, place in zip([None, *kept], kept, strict=False):
        if before is None:
            answer += gaps[0] if place == 0 else ""
        elif before + 1 == place:
            answer += gaps[place]
        else:
            answer += max(gaps[before + 1 : place + 1], key=lambda gap: len(gap.encode()))
        answer += text[slice(*where[place])]
    return answer + (gaps[-1] if kept and kept[-1] == len(where) - 1 else "")
