"""What is to be read: every input as one Input, whatever directory, glob or scheme named it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from tamis.pipeline.errors import CallError, nearest
from tamis.pipeline.storage.location import Location, protocol_of
from tamis.pipeline.storage.web import public


class Unreadable(Exception):
    """A record, or all of an input, that cannot become a document.

    reason: a stable key, counted in the ledger; detail: what was found and what to do about it;
    records: how many records are lost with it; where: their place, unless whoever reads knows.
    """

    def __init__(self, reason: str, detail: str, records: int = 1, where: str = "file") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.records, self.where = reason, detail, records, where

    def __reduce__(self) -> tuple[type, tuple[str, str, int, str]]:
        return type(self), (self.reason, self.detail, self.records, self.where)


@dataclass(frozen=True)
class Input:
    """One file to read."""

    name: str
    """What the corpus calls it: the path below the argument that named it; ids depend on it."""
    path: str
    """Where it is read from."""
    bytes: int
    """Its size, compressed or not; -1 where a server does not say it."""
    format: str
    """A key of the readers: jsonl, text, parquet, warc, docstrings, catalogue, man, description."""
    compression: str = ""
    """gz, zst, bz2, xz or nothing."""
    source: str | None = None
    """The source of its documents where the input itself says it."""
    package: str | None = None
    """The package it belongs to; set aside as a whole."""
    tag: str = ""
    """What a server says that changes with the file: its ETag, or when it was last modified."""
    ranges: bool = True
    """Whether it can be read from any byte on; some servers only send all of it."""
    parts: int = 1
    """How many files a dataset has, each to be read on its own."""
    secret: str = field(default="", repr=False)
    """The URL with its password or query, where it has one: written nowhere."""

    @property
    def url(self) -> str:
        """Where it is read from if that is a URL, else nothing."""
        return self.secret or (self.path if protocol_of(self.path) else "")


READ = 1 << 18  # small enough that what it expands to stays in the processor's cache


def changed(source: Input, size: int) -> Unreadable:
    """The error for an input that is not what it was when it was planned."""
    return Unreadable("changed_file", f"was {source.bytes} bytes when planned, now {size}")


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
    ".csv": "csv",
    ".tsv": "csv",
    ".warc": "warc",
    ".wet": "warc",
    ".wat": "warc",
    ".arc": "warc",
}
FORMATS = tuple(sorted(set(EXTENSIONS.values())))
COMPRESSIONS = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst", ".zstd": "zst"}
_MAGIC = {"gz": b"\x1f\x8b\x08", "bz2": b"BZh", "xz": b"\xfd7zXZ\0", "zst": b"\x28\xb5\x2f\xfd"}
KNOWN = (
    f"known endings: {', '.join(EXTENSIONS)}, each but .parquet also with {', '.join(COMPRESSIONS)}"
)


@dataclass
class Expansion:
    """The inputs that arguments stand for, and what was passed over on the way."""

    inputs: list[Input] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Files of other kinds, by ending."""
    repeated: int = 0
    """Files that more than one argument named: each is read once."""


def expand(
    arguments: Sequence[str],
    list_installed: Callable[[], list[Input]],
    corpus: Location | None = None,
    named: Callable[[str, Counter[str]], list[Input]] | None = None,
) -> Expansion:
    """Every input that arguments stand for, in a fixed order.

    named tells the inputs of one argument; without it arguments are names of files here alone.
    What lies in the corpus that is being made is no input. Raises CallError for an argument that
    stands for nothing that can be read.
    """
    found = Expansion()
    seen: set[str] = set()
    names: Counter[str] = Counter()
    named = named or local
    own = f"{corpus.resolve()}/" if corpus else None
    for argument in arguments:
        inputs = list_installed() if argument == "installed:" else named(argument, found.skipped)
        resolved = [(one, one.url or str(Path(one.path).resolve())) for one in inputs]
        if own:
            resolved = [(one, real) for one, real in resolved if not real.startswith(own)]
        if not resolved:
            raise CallError(_nothing(argument, found.skipped))
        for one, real in resolved:
            if one.format != "description" and real in seen:
                found.repeated += 1
                continue
            seen.add(real)
            names[one.name] += 1
            again = f"#{names[one.name]}" if names[one.name] > 1 else ""
            found.inputs.append(replace(one, name=one.name + again))
    return found


def local(argument: str, skipped: Counter[str], form: str | None = None) -> list[Input]:
    """The files of this machine that a path or glob stands for; form is --format."""
    if not _is_utf8(argument):
        raise CallError(f"{argument!a}: the name is not UTF-8: rename it")
    path = Path(argument)
    if path.is_file():
        kind = kind_of(path.name, form)
        if kind is None:
            raise CallError(f"{argument}: unknown kind of file; {KNOWN}")
        return [_input(path, path.name, kind, form)]
    if path.is_dir():
        return _below(path, _walk(path, skipped), skipped, form)
    if path.exists():
        raise CallError(f"{argument}: neither a file nor a directory; put its content into a file")
    if any(sign in argument for sign in "*?["):
        fixed = path
        while any(sign in str(fixed) for sign in "*?["):
            fixed = fixed.parent
        return _below(fixed, _matches(path), skipped, form)
    raise CallError(f"{argument}: no such file or directory")


def _matches(pattern: Path) -> list[Path]:
    """The files that a pattern stands for; `**` at its end stands for all that lies below."""
    if pattern.name == "**":
        pattern /= "*"
    anchor = Path(pattern.anchor)
    try:
        return sorted(p for p in anchor.glob(str(pattern.relative_to(anchor))) if p.is_file())
    except (ValueError, NotImplementedError) as error:
        raise CallError(f"{pattern}: {error}") from None


def _walk(directory: Path, skipped: Counter[str]) -> Iterator[Path]:
    """The files below a directory in the order of their paths; links to directories are left."""
    try:
        with os.scandir(directory) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        skipped["directory without permission"] += 1
        return
    for entry in entries:
        path = directory / entry.name
        if entry.name.startswith("."):
            skipped["hidden"] += 1
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, skipped)
        elif path.is_file():
            yield path
        else:  # a link to a directory or to nothing, a pipe, a device
            skipped["no file"] += 1


def _below(
    root: Path, paths: Iterable[Path], skipped: Counter[str], form: str | None
) -> list[Input]:
    inputs = []
    for path in paths:
        name = path.relative_to(root).as_posix() if root in path.parents else path.as_posix()
        if path.name.startswith("."):
            continue
        if not _is_utf8(str(path)):
            skipped["name not UTF-8"] += 1
        elif (kind := kind_of(path.name, form)) is None:
            pass_over(path.name, skipped)
        else:
            inputs.append(_input(path, name, kind, form))
    return inputs


def pass_over(name: str, skipped: Counter[str]) -> None:
    """Counts a file of another kind."""
    skipped["".join(PurePosixPath(name).suffixes[-2:]) or "no ending"] += 1


def kind_of(name: str, form: str | None = None) -> tuple[str, str] | None:
    """Format and compression of a file by the endings of its name, None if they tell nothing.

    form is the format of every file, whatever its ending. Raises CallError if there is no such.
    """
    if form is not None and form not in FORMATS:
        raise CallError(f"unknown format '{form}': {nearest(form, FORMATS)}")
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    compression = COMPRESSIONS.get(suffixes[-1], "") if suffixes else ""
    ending = suffixes[-2:-1] if compression else suffixes[-1:]
    kind = form or (EXTENSIONS.get(ending[0]) if ending else None)
    if kind is None or (kind == "parquet" and compression):
        return None
    return kind, compression


def _input(path: Path, name: str, kind: tuple[str, str], form: str | None) -> Input:
    if form is not None:
        kind = form, _compression(path)
    # Absolute: an interrupted ingest may be taken up from another directory.
    return Input(name, str(path.absolute()), path.stat().st_size, *kind)


def _compression(path: Path) -> str:
    """What a file is compressed with, by its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return ""  # reading it will say what is wrong
    return next((name for name, magic in _MAGIC.items() if start.startswith(magic)), "")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _nothing(argument: str, skipped: Counter[str]) -> str:
    others = ", ".join(f"{count} {ending}" for ending, count in skipped.most_common(5))
    passed = f" (passed over: {others})" if others else ""
    return f"{public(argument)}: nothing to read there{passed}; {KNOWN}"
