"""Lines seen too often, in plain Python: CCNet's two passes as published, and all options."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from tamis.filters.lines import Lines

PUNCTUATION = set("，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►")

Found = tuple[str, int, int, int, int, int]
"""The edited text, and the columns before it."""


def normal(line: str, form: str = "ccnet") -> str:
    """A line as it is compared."""
    line = line.strip()
    if form == "exact":
        return line
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


def edited(texts: Sequence[str], measure: Lines) -> list[Found]:
    """All columns, for one group of documents."""
    counts: Counter[str] = Counter()
    firsts: dict[str, tuple[int, int]] = {}
    for number, text in enumerate(texts):
        forms = [normal(text[a:b], measure.form) for a, b in spans(text, measure)]
        counts.update(set(forms) if measure.count == "documents" else forms)
        for place, form in enumerate(forms):
            firsts.setdefault(form, (number, place))
    often = {f for f, n in counts.items() if n > measure.more_than and len(f) >= measure.shortest}
    return [_edited(text, number, often, firsts, measure) for number, text in enumerate(texts)]


def _edited(
    text: str, number: int, often: set[str], firsts: dict[str, tuple[int, int]], measure: Lines
) -> Found:
    where = spans(text, measure)
    forms = [normal(text[a:b], measure.form) for a, b in where]
    gone, again = [], 0
    for place, form in enumerate(forms):
        excepted = measure.keep == "first" and firsts[form] == (number, place)
        listed = form in often and not excepted
        repeated = form in forms[:place] and len(form) >= measure.shortest
        repeated &= measure.count == "documents"
        gone.append(listed or repeated)
        again += repeated and not listed
    left = without(text, where, gone)
    size = sum(
        len(text[a:b].encode()) for (a, b), is_gone in zip(where, gone, strict=True) if is_gone
    )
    return left, len(where), sum(gone), again, size, len(left.encode())


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
            answer += "\n\n" if any(len(g) > 1 for g in gaps[before + 1 : place + 1]) else "\n"
        answer += text[slice(*where[place])]
    return answer + (gaps[-1] if kept and kept[-1] == len(where) - 1 else "")
