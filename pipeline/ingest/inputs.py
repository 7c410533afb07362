"""What is to be read: every input as one Input, whatever directory, glob or scheme named it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tamis.pipeline.errors import CallError


class Unreadable(Exception):
    """A record, or all of an input, that cannot become a document.

    reason: a stable key, counted in the ledger; detail: what was found and what to do about it;
    records: how many records are lost with it.
    """

    def __init__(self, reason: str, detail: str, records: int = 1) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.records = reason, detail, records

    def __reduce__(self) -> tuple[type, tuple[str, str, int]]:
        return type(self), (self.reason, self.detail, self.records)


@dataclass(frozen=True)
class Input:
    """One file to read."""

    name: str
    """What the corpus calls it: the path below the argument that named it; ids depend on it."""
    path: str
    """Where it is read from."""
    bytes: int
    """Its size on disk."""
    format: str
    """A key of the readers: jsonl, text, parquet, docstrings, catalogue, man, description."""
    compression: str = ""
    """gz, zst, bz2, xz or nothing."""
    source: str | None = None
    """The source of its documents where the input itself says it."""
    package: str | None = None
    """The package it belongs to; set aside as a whole."""


EXTENSIONS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
    ".rst": "text",
    ".parquet": "parquet",
}
COMPRESSIONS = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst", ".zstd": "zst"}


@dataclass
class Expansion:
    """The inputs that arguments stand for, and what was passed over on the way."""

    inputs: list[Input] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Files of other kinds, by ending."""
    repeated: int = 0
    """Files that more than one argument named: each is read once."""


def expand(arguments: Sequence[str], list_installed: Callable[[], list[Input]]) -> Expansion:
    """Every input that files, directories, globs and `installed:` stand for, in a fixed order.

    Raises CallError for an argument that stands for nothing that can be read.
    """
    found = Expansion()
    seen: set[Path] = set()
    names: Counter[str] = Counter()
    for argument in arguments:
        inputs = list_installed() if argument == "installed:" else _named(argument, found.skipped)
        if not inputs:
            raise CallError(_nothing(argument, found.skipped))
        for one in inputs:
            real = Path(one.path).resolve()
            if one.format != "description" and real in seen:
                found.repeated += 1
                continue
            seen.add(real)
            names[one.name] += 1
            again = f"#{names[one.name]}" if names[one.name] > 1 else ""
            found.inputs.append(replace(one, name=one.name + again))
    return found


def _named(argument: str, skipped: Counter[str]) -> list[Input]:
    if "://" in argument:
        raise CallError(f"{argument}: inputs are files, directories, globs or installed:")
    path = Path(argument)
    if path.is_file():
        source = _input(path, path.name)
        if source is None:
            raise CallError(
                f"{argument}: unknown kind of file; known endings: {', '.join(EXTENSIONS)}, "
                f"each also with {', '.join(COMPRESSIONS)}"
            )
        return [source]
    if path.is_dir():
        return _below(path, sorted(p for p in path.rglob("*") if p.is_file()), skipped)
    if any(sign in argument for sign in "*?["):
        anchor = Path(path.anchor)
        matches = sorted(p for p in anchor.glob(str(path.relative_to(anchor))) if p.is_file())
        fixed = path
        while any(sign in str(fixed) for sign in "*?["):
            fixed = fixed.parent
        return _below(fixed, matches, skipped)
    raise CallError(f"{argument}: no such file or directory")


def _below(root: Path, paths: Sequence[Path], skipped: Counter[str]) -> list[Input]:
    inputs = []
    for path in paths:
        name = path.relative_to(root).as_posix() if root in path.parents else path.as_posix()
        if path.name.startswith("."):
            continue
        if (source := _input(path, name)) is None:
            skipped["".join(path.suffixes[-2:]) or "no ending"] += 1
        else:
            inputs.append(source)
    return inputs


def _input(path: Path, name: str) -> Input | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1], "") if suffixes else ""
    ending = suffixes[-2:-1] if compression else suffixes[-1:]
    kind = EXTENSIONS.get(ending[0]) if ending else None
    if kind is None or (kind == "parquet" and compression):
        return None
    return Input(name, str(path), path.stat().st_size, kind, compression)


def _nothing(argument: str, skipped: Counter[str]) -> str:
    others = ", ".join(f"{count} {ending}" for ending, count in skipped.most_common(5))
    return (
        f"{argument}: nothing to read there"
        + (f" (passed over: {others})" if others else "")
        + f"; known endings: {', '.join(EXTENSIONS)}, each also with {', '.join(COMPRESSIONS)}"
    )
