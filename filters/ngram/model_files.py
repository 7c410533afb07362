"""The files of a language model: which they are, and whether they are what their record says.

A folder holds `lm.bin`, the n-grams in KenLM's probing format; `sp.model`, the pieces, unless its
tokens are words; and `lm.json`, which says what they are, by digest. A bare `NAME.bin` with
`NAME.sp.model` beside it is a model as CCNet published them (en.arpa.bin, en.sp.model).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

BINARY, PIECES, ARPA, FACTS = "lm.bin", "sp.model", "lm.arpa", "lm.json"
FORMAT = 1


def files_of(place: Path) -> dict[str, Path]:
    """The files of a model that is a folder or a bare .bin; raises FileNotFoundError."""
    if place.is_dir():
        if not (place / FACTS).is_file():
            raise FileNotFoundError(f"{place} is no language model: there is no {FACTS} in it")
        wanted = json.loads((place / FACTS).read_bytes())["files"]
        found = {name: place / name for name in wanted}
    else:
        stem = place.name.removesuffix(".bin").removesuffix(".arpa")
        found = {BINARY: place, PIECES: place.with_name(f"{stem}.sp.model")}
    for path in found.values():
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing, a part of the model {place}")
    return found


def facts_of(place: Path, files: dict[str, Path]) -> dict[str, Any]:
    """What lm.json says; raises ValueError if the files beside it are others."""
    if not place.is_dir():
        return {"form": "ccnet", "tokens": "sentencepiece"}
    facts: dict[str, Any] = json.loads((place / FACTS).read_bytes())
    if facts.get("format") != FORMAT:
        raise ValueError(f"{place}/{FACTS} has format {facts.get('format')}; this reads {FORMAT}")
    for name, path in files.items():
        said = facts["files"][name]
        if path.stat().st_size != said["bytes"] or (
            name == PIECES and _digest(path) != said["sha256"]
        ):
            raise ValueError(
                f"{path} does not belong to this model: it is not the file that {FACTS} names"
            )
    return facts


def check_digests(place: Path) -> None:
    """Raises ValueError if a file of a model's folder is not the one that lm.json names."""
    if not place.is_dir():
        return
    named = json.loads((place / FACTS).read_bytes())["files"]
    for name, path in files_of(place).items():
        if _digest(path) != named[name]["sha256"]:
            raise ValueError(f"{path} is not the file that {place / FACTS} names: it changed since")


def describe(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Writes lm.json, which names the files by digest; gives what it says."""
    files = [folder / name for name in (BINARY, PIECES) if (folder / name).is_file()]
    named = {p.name: {"bytes": p.stat().st_size, "sha256": _digest(p)} for p in files}
    whole = {"format": FORMAT, **facts, "files": named}
    (folder / FACTS).write_text(json.dumps(whole, indent=2) + "\n")
    return whole


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
