"""The benchmarks: every pair side by side on one core, one Markdown table, results.json.

    python benchmarks/run.py [NAME...] [--data DIR] [--mb N] [--rounds N]

Rates are per second of CPU time, all processes of a side together, with those by the clock beside
them; a loaded machine slows the clock, not the CPU time. Nothing here fails because it was slow.
"""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measuring import Row, machine, pin_to_one_core

NAMES = (
    "ingest",
    "warc",
    "noop",
    "language",
    "heuristics",
    "perplexity",
    "lm",
    "minhash",
    "dedup",
    "tokenize",
    "tokens",
)
HEADER = ("what", "ours", "other", "ratio", "target", "met")


def main() -> None:
    """Runs the benchmarks asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--data", type=Path, help="where text_en/ and html_pages/ are")
    parser.add_argument("--mb", type=float, help="text of each benchmark, in MB")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each side")
    asked = parser.parse_args()
    if wrong := set(asked.names) - set(NAMES):
        parser.error(f"no benchmark '{sorted(wrong)[0]}': {', '.join(NAMES)}")
    if asked.data and not asked.data.is_dir():
        parser.error(f"--data {asked.data}: no such directory")
    core = pin_to_one_core()
    found: list[Row] = []
    for name in asked.names or NAMES:
        module = importlib.import_module(f"bench_{name}")
        found += module.rows(asked.data, asked.mb, max(asked.rounds, 1))
    print(table(found))
    path = Path(__file__).with_name("results.json")
    results = {"machine": machine(core), "rows": merged(path, [asdict(row) for row in found])}
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def merged(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a file with these in place of those of the same name, new ones at the end."""
    there = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    new = {row["what"]: row for row in rows}
    kept = [new.pop(row["what"], row) for row in there]
    return [*kept, *new.values()]


def table(found: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [HEADER, ["---"] * len(HEADER), *(row.cells() for row in found)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
