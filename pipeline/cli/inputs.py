"""What the inputs of a command are: one corpus, or whatever ingest reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, Damaged
from tamis.pipeline.files import read_json
from tamis.pipeline.storage.location import location
from tamis.pipeline.write import MARK

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kMGT]?)")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def corpus_of(inputs: Sequence[str]) -> Corpus | None:
    """The corpus that is asked for; None for other inputs."""
    for name in inputs:
        if "*" in name or name.startswith(("@", "hf:")) or name.endswith(":"):
            continue
        found = Corpus(location(name))
        if found.exists() or found.plan_file.exists():
            if len(inputs) > 1:
                raise CallError(f"{name} is a corpus: give it alone")
            return Corpus.open(found.root)
    return None


def files_of(argument: str, folder: Path | None = None) -> list[str]:
    """An input; of a directory that `write` made, its shards.

    folder is where something is made of it: CallError if that lies in the input.
    """
    place = Path(argument)
    if not place.is_dir():
        return [argument]
    if folder and place.resolve() in [folder.resolve(), *folder.resolve().parents]:
        raise CallError(f"{folder} lies in {argument}, which is read: choose another -o")
    try:
        shards = read_json(place / MARK).get("shards")
    except (FileNotFoundError, Damaged, AttributeError):
        return [argument]
    if shards is None:
        raise CallError(f"{argument} is not written to its end: run `tamis write` again")
    return [str(place / name) for name in sorted(shards)]


def amount(option: str, text: str) -> int:
    """The number that `100M` or `2.5G` means; raises CallError for anything else."""
    match = _AMOUNT.fullmatch(text)
    found = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if found < 1:
        raise CallError(f"{option} {text}: expected a number such as 5000, 500k, 100M or 2G")
    return found
