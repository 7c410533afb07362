"""What commands print for people: tables on standard output, words on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 100
_REASONS = 6  # of what was passed over; all are in ledger.json


def out() -> Console:
    """The console for results."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(highlight=False, width=width)


def say(message: str) -> None:
    """Prints a message on standard error."""
    print(message, file=sys.stderr)


def print_json(value: Any) -> None:
    """Prints a value as JSON on standard output."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")


def printable(text: str) -> str:
    """Text from strangers without what a terminal would obey: control characters but newlines."""
    return "".join(c if c.isprintable() or c in "\n " else f"\\x{ord(c):02x}" for c in text)


def simple(title: str, columns: Iterable[tuple[str, bool]], rows: Iterable[Iterable[Any]]) -> Table:
    """A plain table; columns are names and whether they are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, number in columns:
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return table


def ledger_table(ledger: dict[str, Any]) -> Table:
    """Who left, where and why."""
    records = max(1, ledger["ingested"]["documents"])
    size = max(1, ledger["ingested"]["bytes"])

    def row(name: str, amount: dict[str, int], alone: str = "") -> list[Any]:
        documents, count = amount["documents"], amount.get("bytes")
        share = f"{100 * documents / records:.2f} %"
        if count is None:
            return [name, f"{documents:,}", share, "", "", alone]
        return [
            name,
            f"{documents:,}",
            share,
            f"{count / 1e6:,.2f}",
            f"{100 * count / size:.2f} %",
            alone,
        ]

    rows = [row("ingested", ledger["ingested"])]
    rows.append(row("unreadable", ledger["errors"]))
    rows += [
        row(f"  {reason}", {"documents": n}) for reason, n in ledger["errors"]["reasons"].items()
    ]
    rows += [row(f"set aside: {side}", n) for side, n in ledger["set_aside"].items()]
    for stage in ledger["stages"]:
        if stage["not_applicable"]["documents"]:  # no model for their language, say
            rows.append(row(f"outside what {stage['name']} judges", stage["not_applicable"]))
        rows.append(row(f"rejected by {stage['name']}", stage["rejected"]))
        for rule, counts in stage["rules"].items():
            if rule != "error" or counts["documents"]:
                alone = f"{counts['alone']['documents']:,}"
                rows.append(row(f"  {stage['name']}.{rule}", counts, alone))
        rows += _second_chances(ledger.get("clusters", {}).get(stage["name"]))
    rows.append(row("kept", ledger["kept"]))
    passed = ledger.get("passed_over", {}).get("reasons", {})
    rows += [[*pair, "", "", "", ""] for pair in _passed_over(passed)]
    columns = [
        ("", False),
        ("documents", True),
        ("share", True),
        ("MB", True),
        ("share", True),
        ("by it alone", True),
    ]
    return simple(f"Ledger of recipe {ledger['recipe']}", columns, rows)


def _second_chances(found: dict[str, Any] | None) -> list[list[str]]:
    """Clusters whose keeper failed a later rule, and those of their documents that did not."""
    again = (found or {}).get("second_round")
    if not again or not again["clusters"]:
        return []
    return [
        ["  whose keeper failed later", f"{again['clusters']:,} clusters", "", "", "", ""],
        ["  and another stays", f"{again['passed']:,}", "", "", "", ""],
    ]


def _passed_over(reasons: dict[str, int]) -> list[list[str]]:
    """Records that are no documents, and the commonest things that they are instead."""
    if not reasons:
        return []
    most = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = [["passed over, no documents", f"{sum(reasons.values()):,}"]]
    rows += [[f"  {reason}", f"{count:,}"] for reason, count in most[:_REASONS]]
    if left := sum(count for _, count in most[_REASONS:]):
        rows.append(["  others", f"{left:,}"])
    return rows


def ingest_table(counts: dict[str, Any], inputs: int, shards: int) -> Table:
    """What ingest read and what it became."""
    rows = [
        ["inputs", f"{inputs:,}"],
        ["records", f"{counts['records']:,}"],
        ["documents", f"{counts['documents']:,}"],
        ["MB of text", f"{counts['bytes'] / 1e6:,.2f}"],
        ["shards", f"{shards:,}"],
        ["unreadable", f"{sum(counts['errors'].values()):,}"],
        *[[f"  {reason}", f"{n:,}"] for reason, n in counts["errors"].items()],
        *[[f"set aside: {k}", f"{n['documents']:,}"] for k, n in counts["set_aside"].items()],
        *_passed_over(counts.get("passed_over", {})),
        ["repeated ids", f"{counts['repeated_ids']:,}"],
    ]
    return simple("Ingested", [("", False), ("", True)], rows)
