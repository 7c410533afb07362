"""Sections about what a corpus consists of: its origins, its clusters, documents by chance."""

from __future__ import annotations

import math
from typing import Any

from tamis.pipeline.report.look import escaped, number, share, track
from tamis.pipeline.report.signals import beginning

Content = dict[str, Any]
_NONE = {"source": "(no source)", "language": "(not measured)", "host": "(no address)"}


def composition(content: Content) -> str:
    """Shares of bytes by source, language and host, of all documents and of those kept."""
    wholes = max(1, content["bytes"]), max(1, content["ledger"]["kept"]["bytes"])
    blocks = "".join(_origin(one, wholes) for one in content["origins"])
    return f"""<h2 id="composition">Composition</h2>
<p class="key note">How to read it: each line is a share of all bytes of text,
<i class="before"></i>before the rules <i class="passes"></i>among what they keep; where the second
bar is longer, the sieve makes it a larger part of the corpus.</p>
<div class="panels ragged">{blocks}</div>"""


def _origin(one: Content, wholes: tuple[int, int]) -> str:
    rows = list(one["top"])
    if one["others"]["documents"]:
        rows.append({"value": "(others)", **one["others"]})
    if one["none"]["documents"]:
        rows.append({"value": _NONE[one["by"]], **one["none"]})
    title = f"<h3>By {escaped(one['by'])}</h3>"
    if not one["top"]:
        said = {"source": "No document names its source.", "host": "No document has an address."}
        return f'<div class="panel">{title}<p class="note">{said.get(one["by"], "None.")}</p></div>'
    most = max(max(row["bytes"] / wholes[0], row["kept_bytes"] / wholes[1]) for row in rows)
    body = "".join(_line(row, wholes, most) for row in rows)
    different = one["different"]
    many = "too many to count" if different is None else f"{number(different)} different"
    return (
        f'<div class="panel">{title}<table class="origins"><tr><th></th><th></th>'
        f'<th class="n">all</th><th class="n">kept</th></tr>{body}</table>'
        f'<p class="note">{many}</p></div>'
    )


def _line(row: Content, wholes: tuple[int, int], most: float) -> str:
    shares = row["bytes"] / wholes[0], row["kept_bytes"] / wholes[1]
    bars = "".join(
        f'<i class="{name}" style="width:{100 * part / most:.2f}%"></i>'
        for name, part in zip(("before", "passes"), shares, strict=True)
    )
    texts = "".join(f'<td class="n">{_percent(part)}</td>' for part in shares)
    return (
        f'<tr><td><bdi>{escaped(row["value"])}</bdi></td><td class="drawn">'
        f'<span class="pair">{bars}</span></td>{texts}</tr>'
    )


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %" if part >= 0.0005 or not part else "&lt; 0.1 %"


def cluster_sizes(content: Content) -> str:
    """Of every stage that keeps one of each cluster, how many clusters there are of each size."""
    return "".join(_clusters(one) for one in content["clusters"])


def _clusters(one: Content) -> str:
    name = escaped(one["stage"])
    title = f'<h2 id="clusters-{name}">Clusters of {name}</h2>'
    if not one["clusters"]:
        return f'{title}<p class="note">No two documents were found to be alike.</p>'
    rows = _by_powers({int(size): count for size, count in one["sizes"].items()})
    most = max(count for _, count, _ in rows)
    body = "".join(
        f'<tr><td>{label}</td><td class="drawn">{track((_log(count, most), 0), 1000)}</td>'
        f'<td class="n" data-label="clusters">{number(count)}</td>'
        f'<td class="n" data-label="documents">{number(documents)}</td>'
        f'<td class="n">{share(documents, one["documents"])}</td></tr>'
        for label, count, documents in rows
    )
    return f"""{title}
<p class="note">How to read it: documents that are alike form a cluster, of which one is kept.
Each line is the clusters of so many documents; bars are on a logarithmic scale.</p>
<p>{number(one["clusters"])} clusters hold {number(one["documents"])} documents.</p>
<div class="wide"><table class="stack funnel"><thead><tr><th>documents</th><th></th>
<th class="n">clusters</th><th class="n">documents in them</th><th class="n">share</th></tr></thead>
<tbody>{body}</tbody></table></div>"""


def _by_powers(sizes: dict[int, int]) -> list[tuple[str, int, int]]:
    """Label, clusters, documents: 2, 3, 4 to 7, 8 to 15, ..."""
    found: dict[tuple[int, int], list[int]] = {}
    for size, count in sorted(sizes.items()):
        low = size if size < 4 else 1 << (size.bit_length() - 1)
        amount = found.setdefault((low, low if size < 4 else 2 * low - 1), [0, 0])
        amount[0] += count
        amount[1] += size * count
    return [
        (number(low) if low == high else f"{number(low)} to {number(high)}", count, documents)
        for (low, high), (count, documents) in found.items()
    ]


def _log(count: int, most: int) -> int:
    """In thousandths of the width; one is visible."""
    return round(1000 * math.log(count + 1) / math.log(most + 1))


def drawn(content: Content) -> str:
    """Documents by chance: some that are kept, some that each stage rejects."""
    found = content["drawn"]
    groups = [_group("Kept", found["kept"], "passes")]
    groups += [
        _group(f"Rejected by {escaped(one['stage'])}", one["documents"], "fails")
        for one in found["rejected"]
    ]
    return f"""<h2 id="samples">Samples</h2>
<p class="note">Documents drawn by chance, the beginnings of their texts; those beside the bounds of
a rule, rejected and let through by a hair, stand with their stage.</p>
{"".join(groups)}"""


def _group(title: str, documents: list[Content], outcome: str) -> str:
    if not documents:
        return f'<p class="note">{title}: none.</p>'
    shown = "".join(_sample(one, outcome) for one in documents)
    return (
        f"<details><summary>{title}: {number(len(documents))} samples</summary>"
        f'<div class="samples">{shown}</div></details>'
    )


def _sample(document: Content, outcome: str) -> str:
    reasons = ", ".join(escaped(reason) for reason in document.get("reasons", []))
    return beginning(document, outcome, f"<br><strong>{reasons}</strong>" if reasons else "")
