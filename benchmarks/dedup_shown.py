"""What the measurement of deduplication shows: tables, and the picture of docs/dedup.md."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from texts import ROOT

from tamis.filters.minhash_settings import Banding

CURVES = {
    "14 x 8, FineWeb": (14, 8),
    "93 x 15, DCLM": (93, 15),
    "450 x 20, RefinedWeb": (450, 20),
    "9 x 13, RPv2 0.8": (9, 13),
}
COLOURS = ("#2a9d8f", "#e9a13b", "#e76f51", "#6a5acd")
MARKS = ((3, "#111111"), (5, "#777777"), (7, "#1f77b4"), (9, "#d62728"))
DRAWING = ROOT / "docs/dedup_curve.svg"


def drawing(points: dict[str, list[dict[str, float]]]) -> str:
    """The curves of published settings, and what was measured of 14 bands of 8, as SVG."""
    left, top, width, height = 60, 20, 520, 300
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 370" font-family="sans-serif" '
        'font-size="13">',
        '<rect width="780" height="370" fill="#ffffff"/>',
    ]

    def at(similarity: float, share: float) -> str:
        return f"{left + width * similarity:.1f},{top + height * (1 - share):.1f}"

    def text(x: float, y: float, what: str, anchor: str = "start") -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#222222">{what}</text>'

    for tick in range(0, 11, 2):
        x, y = left + width * tick / 10, top + height * (1 - tick / 10)
        for ends in (f"M{x},{top}V{top + height}", f"M{left},{y}H{left + width}"):
            parts.append(f'<path d="{ends}" stroke="#dddddd" fill="none"/>')
        parts += [text(x, top + height + 18, f"{tick / 10:.1f}", "middle")]
        parts += [text(left - 8, y + 4, f"{10 * tick} %", "end")]
    parts.append(text(left + width / 2, top + height + 40, "Jaccard similarity", "middle"))
    legend = top + 14
    steps = np.linspace(0, 1, 201)
    for (name, (bands, rows)), colour in zip(CURVES.items(), COLOURS, strict=True):
        line = " ".join(map(at, steps, Banding(bands, rows).found(steps)))
        parts.append(f'<polyline points="{line}" stroke="{colour}" fill="none" stroke-width="2"/>')
        parts.append(f'<path d="M600,{legend - 4}h22" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(630, legend, name))
        legend += 22
    legend += 14
    parts += [text(600, legend, "measured, 14 x 8")]
    for (name, found), (radius, colour) in zip(points.items(), MARKS, strict=False):
        legend += 22
        mark = f'r="{radius}" fill="none" stroke="{colour}" stroke-width="1.5"'
        for row in found:
            x, y = at(row["similarity"], row["found"]).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" {mark}/>')
        parts.append(f'<circle cx="611" cy="{legend - 4}" {mark}/>')
        parts.append(text(630, legend, name))
    return "\n".join([*parts, "</svg>", ""])


def report(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    out = []
    if "curve" in found:
        tenths = found["curve"]["tenths"]
        out += [f"| similarity | pairs | curve | {' | '.join(tenths)} |"]
        out += ["| --- " * (len(tenths) + 3) + "|"]
        for first in next(iter(tenths.values())):
            cells = [f"{first['from']:.1f}", f"{first['pairs']:,}", f"{first['curve']:.4f}"]
            for rows in tenths.values():
                row = {r["from"]: r for r in rows}.get(first["from"])
                if row is None:
                    cells.append("")
                    continue
                cells.append(f"{row['found'] - row['curve']:+.4f} ± {row['error']:.4f}")
            out.append("| " + " | ".join(cells) + " |")
    head = ["found as", "threshold", "precision", "recall", "F1", "of the curve", "joined: P", "R"]
    out += ["", "| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for row in found.get("labelled", ()):
        joined = row.get("joined by bands", {})
        cells = [row["name"], row["threshold"]]
        cells += [f"{row[key]:.3f}" for key in ("precision", "recall", "f1")]
        cells += [f"{row.get('recall of the curve', float('nan')):.3f}"]
        cells += [f"{joined.get(key, float('nan')):.3f}" for key in ("precision", "recall")]
        out.append("| " + " | ".join(map(str, cells)) + f" | {row['false']}")
    out += ["", json.dumps(found.get("books"), indent=1)]
    return "\n".join(out)
