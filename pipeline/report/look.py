"""How things are written on a page: numbers, and text from strangers."""

from __future__ import annotations

import html
import unicodedata
from typing import Any

JOINED = "&NoBreak;"
MINUS, UNKNOWN = "\u2212", "\u2013"
_SHOWN_AS_THEY_ARE = {"\n", "\u200c", "\u200d"}  # the two joiners belong to spelling


def escaped(value: Any) -> str:
    """Text as HTML that shows just that text: no markup, nothing invisible, nothing that turns the
    direction of what follows."""
    return html.escape("".join(map(_visible, str(value))))


def _visible(character: str) -> str:
    if character.isprintable() or character in _SHOWN_AS_THEY_ARE:
        return character
    if unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    if character == "\t":
        return "    "
    return f"\\x{code:02x}" if code < 256 else f"\\u{{{code:x}}}"


def number(value: Any) -> str:
    """A figure for reading: integers with commas, others to four digits; words as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return escaped(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def short(value: float) -> str:
    """A figure for an axis: 1.5k, 20M, 0.05."""
    size = abs(value)
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{value / unit:.4g}{name}"
    return f"{value:.4g}"


def share(part: float, whole: float) -> str:
    """Percent with two digits."""
    return f"{100 * part / whole:.2f} %" if whole else "-"


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.2f}"


def track(parts: tuple[int, int], whole: int) -> str:
    """A bar for what passes and what fails of a whole."""
    drawn = "".join(
        f'<i class="{name}" style="width:{100 * part / whole:.2f}%"></i>'
        for name, part in zip(("passes", "fails"), parts, strict=True)
        if part
    )
    return f'<span class="track">{drawn}</span>'


def arm(name: Any) -> str:
    """The name of an arm, not to be broken after the sign that it may begin with."""
    text = escaped(name)
    return f"-{JOINED}{text[1:]}" if text.startswith("-") else text


def fine(value: float | None) -> str:
    """Bits per byte, to three decimals; a dash for what is not known."""
    return UNKNOWN if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    """A difference with its sign, to three decimals: -0.123, or 0.000 for next to nothing."""
    if value is None:
        return UNKNOWN
    text = f"{abs(value):.3f}"
    return text if float(text) == 0 else (MINUS if value < 0 else "+") + text


def count(number_of: int, what: str) -> str:
    """1 seed, 3 seeds."""
    return f"{number_of:,} {what}" + ("" if number_of == 1 else "s")
