"""The parts of docs/heuristics.md that are made out of the code: a table of columns for every set.

.venv/bin/python benchmarks/heuristics_page.py
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tamis.filters.heuristics import c4, dclm, fineweb, gopher, refinedweb, rps, rps_lines
from tamis.filters.heuristics.signals import Signal

PAGE = Path(__file__).resolve().parents[1] / "docs" / "heuristics.md"
SETS: dict[str, Sequence[Signal]] = {
    "gopher": gopher.SIGNALS,
    "fineweb": fineweb.SIGNALS,
    "dclm": dclm.SIGNALS,
    "rps": (*rps.SIGNALS, rps.STOP_WORDS, *rps_lines.LINE_SIGNALS),
    "c4": (*c4.DEFINITIONS, c4.TEXT),
    "refinedweb": (*refinedweb.DEFINITIONS, refinedweb.TEXT),
}


def columns(signals: Sequence[Signal]) -> str:
    """The table of a set: names, types, definitions, and where each is from."""
    lines = ["| column | type | what it is | source |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{signal.name}` | {signal.type} | {signal.definition} | {signal.source} |"
        for signal in signals
    ]
    return "\n".join(lines)


def put(page: str, part: str, text: str) -> str:
    """A page with the text between the markers of a part; raises ValueError if it has none."""
    start, stop = f"<!-- {part} -->", f"<!-- end of {part} -->"
    pattern = f"{re.escape(start)}.*?{re.escape(stop)}"
    if not re.search(pattern, page, re.DOTALL):
        raise ValueError(f"no {start} in the page")
    return re.sub(pattern, lambda _: f"{start}\n{text}\n{stop}", page, flags=re.DOTALL)


def made(page: str) -> str:
    """A page with the tables of columns as the code has them."""
    for name, signals in SETS.items():
        page = put(page, f"columns of {name}", columns(signals))
    return page


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
