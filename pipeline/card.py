"""The dataset card of written shards, with the front matter that the Hugging Face hub reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tamis.pipeline.recipe import Recipe
from tamis.pipeline.stage import Stage

_SIZES = [10**3, 10**4, 10**5, 10**6, 10**7, 10**8, 10**9, 10**10, 10**11, 10**12]
_LABELS = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def card(
    recipe: Recipe,
    stages: Sequence[Stage],
    ledger: dict[str, Any],
    counts: Mapping[str, int],
    form: str,
) -> str:
    """README.md: what the shards hold, what was left out and by which rules.

    counts are kept documents by language, none if the recipe identifies no languages.
    """
    kept = ledger["kept"]
    languages = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    front = {
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": f"*.{form}"}]}
        ],
        "language": [code for code, _ in languages if _LANGUAGE.fullmatch(code)][:50],
        "license": "unknown",
        "size_categories": [size_category(kept["documents"])],
        "tags": ["pretraining", "tamis"],
        "task_categories": ["text-generation"],
    }
    lines = [
        "---",
        yaml.safe_dump({k: v for k, v in front.items() if v}, sort_keys=True).strip(),
        "---",
        "",
        f"# {kept['documents']:,} documents sifted by the recipe `{recipe.name}`",
        "",
        recipe.description or "Sifted with tamis.",
        "",
        f"Of {ledger['ingested']['documents']:,} records, {kept['documents']:,} were kept "
        f"({kept['bytes'] / 1e6:,.1f} MB of text), {ledger['rejected']['documents']:,} rejected, "
        f"{ledger['errors']['documents']:,} unreadable, "
        f"{sum(s['documents'] for s in ledger['set_aside'].values()):,} set aside.",
        "",
        *_rules(stages, ledger),
    ]
    if ledger["took_no_part"]:
        names = ", ".join(f"`{name}`" for name in ledger["took_no_part"])
        lines += ["", f"Stages of the recipe that were not measured and took no part: {names}."]
    if languages:
        shares = ", ".join(f"{code} {count:,}" for code, count in languages[:12])
        lines += ["", f"Languages (documents): {shares}."]
    lines += ["", "The recipe, fingerprints and digests are in `tamis.json`.", ""]
    return "\n".join(lines)


def _rules(stages: Sequence[Stage], ledger: dict[str, Any]) -> list[str]:
    lines = ["| rule | bound | documents rejected |", "|---|---|---:|"]
    counts = {stage["name"]: stage["rules"] for stage in ledger["stages"]}
    for stage in stages:
        for rule in stage.rules:
            failed = counts.get(stage.name, {}).get(rule.name, {}).get("documents", 0)
            lines.append(f"| `{stage.name}.{rule.name}` | {_cell(rule.bound())} | {failed:,} |")
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def size_category(documents: int) -> str:
    """The hub's word for a number of documents, such as 10K<n<100K."""
    for place, size in enumerate(_SIZES):
        if documents < size:
            return f"{_LABELS[place - 1]}<n<{_LABELS[place]}" if place else f"n<{_LABELS[0]}"
    return f"n>{_LABELS[-1]}"
