"""What a stage is: the contract of a measure, the kinds there are, and fingerprints.

A measure is a frozen dataclass: its fields are its options. It sees a batch of rows and answers
with the same rows in the same order, holding exactly the columns it gives. It never drops a row. A
row whose every given column is null (an edited `text` aside) is one it does not apply to.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from tamis.filters.buckets import Buckets
from tamis.pipeline import files, schema
from tamis.pipeline.errors import CallError, WorkError, nearest
from tamis.pipeline.rules import Rule

KINDS = {
    "c4": "tamis.filters.heuristics.c4:C4",
    "decontaminate": "tamis.filters.decontamination:Decontaminate",
    "dedup": "tamis.pipeline.dedup.settings:Dedup",
    "heuristics": "tamis.filters.heuristics.heuristics:Heuristics",
    "language": "tamis.filters.language:Language",
    "lines": "tamis.filters.lines:Lines",
    "noop": "tamis.filters.noop:Noop",
    "perplexity": "tamis.filters.ngram.perplexity:Perplexity",
    "refinedweb": "tamis.filters.heuristics.refinedweb:RefinedWeb",
}
Scope = Literal["rows", "table", "corpus"]
PATIENCE = 1.5  # seconds of making ready before a word is said


class Measure(Protocol):
    """What judges text, row by row.

    version changes whenever the same options would give other signals; needs are columns of the
    documents or of earlier stages; gives are the columns of the answer. Both may depend on options.
    A measure may have a method `assets() -> dict[str, Path]`, the model files it reads, keyed by
    the option that names them (several as `option.name`); a property `buckets` (see Buckets); and a
    method `prepare() -> None`, which makes what all workers share and is called once before they
    start; a worker that finds it not made makes it itself.
    """

    @property
    def version(self) -> int: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def gives(self) -> pa.Schema: ...

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch: ...


@dataclass(frozen=True)
class Stage:
    """An entry of a recipe, ready to run."""

    name: str
    kind: str
    measure: Measure
    rules: tuple[Rule, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    view: str = ""
    """Which of its answers is read: the final one, or `first`, before clusters are settled."""

    @property
    def scope(self) -> Scope:
        """What it looks at: a row; a row and a table made of all; or all documents alive."""
        scope: Scope = getattr(self.measure, "scope", "rows")
        return scope

    @property
    def place(self) -> str:
        """Where its signals and their records are, below those of the corpus."""
        return f"{self.name}/{self.view}" if self.view else self.name

    @property
    def given(self) -> dict[str, str]:
        """The measure's column names to those of the corpus: alike unless the stage is renamed.

        In a renamed one the name takes the place of the kind, or stands before the column; but a
        stage `fineweb` of the kind `heuristics` has no need to make `fineweb_...` any longer.
        """
        return {column: self._column(column) for column in self.measure.gives.names}

    def _column(self, column: str) -> str:
        if self.name == self.kind or column == "text" or column.startswith(f"{self.name}_"):
            return column
        stem = column.removeprefix(self.kind)
        return self.name + (stem if stem != column else f"_{column}")

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of this stage's signals files."""
        gives = [f.with_name(self.given[f.name]).with_nullable(True) for f in self.measure.gives]
        return pa.schema([schema.status_field(self.name), schema.error_field(self.name), *gives])

    @property
    def edits_text(self) -> bool:
        return "text" in self.measure.gives.names

    @property
    def buckets(self) -> Buckets | None:
        """The buckets of its measure, by the column names of the corpus."""
        if (found := getattr(self.measure, "buckets", None)) is None:
            return None
        column, of, by = (self.given[name] for name in (found.column, found.of, found.by))
        return Buckets(column, of, by, found.shares, found.names)


def make(kind: str, options: Mapping[str, Any]) -> Measure:
    """The measure of a kind with its options; raises CallError for an unknown kind or option."""
    cls = load(kind)
    fields = {f.name for f in dataclasses.fields(cls) if f.init}
    for key in options:
        if key not in fields:
            raise CallError(f"'{kind}' has no option '{key}': {nearest(key, fields)}")
    try:
        measure: Measure = TypeAdapter(cls).validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CallError(f"'{kind}', option '{where}': {first['msg'].lower()}") from None
    return measure


@lru_cache
def load(kind: str) -> Any:
    """The class of a kind: one of KINDS, or a user's own by import path, `module:Class`."""
    path = KINDS.get(kind, kind)
    module_name, _, class_name = path.partition(":")
    if not class_name:
        raise CallError(
            f"unknown kind of stage '{kind}': {nearest(kind, KINDS)}; "
            "or an import path, module:Class"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # a user's module beside the recipe; installed ones come first
    try:
        cls = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, NameError, SyntaxError, TypeError, ValueError) as error:
        raise CallError(f"cannot load the stage '{kind}': {error}") from error
    asked = ["version", "needs", "gives"]
    if getattr(cls, "scope", "rows") != "corpus":
        asked.append("measure")
    missing = [name for name in asked if not hasattr(cls, name)]
    if missing or not dataclasses.is_dataclass(cls):
        lacks = f"lacks {', '.join(missing)}" if missing else "is not a dataclass"
        raise CallError(f"the stage '{kind}' {lacks}: see docs/stages.md")
    return cls


def assets(measure: Measure) -> dict[str, dict[str, str]]:
    """The model files a measure reads: path and SHA-256 of each."""
    try:
        paths: dict[str, Path] = getattr(measure, "assets", dict)()
    except OSError as error:
        raise CallError(str(error)) from error
    return {name: {"path": str(path), "sha256": _digest(path)} for name, path in paths.items()}


def prepare(stages: Sequence[Stage], say: Callable[[str], None]) -> None:
    """Makes once what the workers of these stages share; says so if it takes its time."""
    for stage in stages:
        if (make_ready := getattr(stage.measure, "prepare", None)) is None:
            continue
        news = f"stage '{stage.name}' is being made ready, which takes half a minute, but only once"
        notice = threading.Timer(PATIENCE, say, [news])
        notice.start()
        try:
            make_ready()
        except (FileNotFoundError, CallError) as error:
            raise CallError(f"stage '{stage.name}': {error}") from error
        except Exception as error:
            raise WorkError(f"stage '{stage.name}' cannot be made ready: {error}") from error
        finally:
            notice.cancel()


def _digest(path: Path) -> str:
    try:
        stat = path.stat()
        return _digest_of(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise CallError(f"model file {path}: {error.strerror}") from error


@lru_cache
def _digest_of(path: Path, size: int, changed: int) -> str:
    return files.digest(path)


def fingerprints(stages: Sequence[Stage]) -> dict[str, str]:
    """What each stage's signals are a function of, as a digest by stage name.

    Options and version, the digests of assets, the nearest earlier stage that edits text, and the
    earlier stages whose columns it needs. Worker counts never enter, and rules only where it
    depends on who is alive: of a stage that looks at all documents, or one that needs buckets.
    """
    result: dict[str, str] = {}
    owners: dict[str, str] = {}
    buckets: dict[str, list[str]] = {}
    editor = None
    for place, stage in enumerate(stages):
        measure: Any = stage.measure
        files_read = assets(measure)
        options = {
            f.name: getattr(measure, f.name)
            for f in dataclasses.fields(measure)
            if f.name not in {name.partition(".")[0] for name in files_read}
        }
        asked = {*measure.needs, *stage.only}
        upstream = [f"{result[s.name]} {s.rules!r} {s.only!r}" for s in stages[:place]]
        result[stage.name] = files.fingerprint(
            {
                "kind": stage.kind,
                "name": stage.name,
                "version": measure.version,
                "options": {key: str(value) for key, value in options.items()},
                "only": {key: list(values) for key, values in stage.only.items()},
                "assets": {key: asset["sha256"] for key, asset in files_read.items()},
                "text": result[editor] if editor and "text" in asked else None,
                "needs": {c: result[owners[c]] for c in sorted(asked) if c in owners},
                **{f"alive for {c}": buckets[c] for c in sorted(asked) if c in buckets},
                **({} if stage.scope == "rows" else {"alive": upstream}),
            }
        )
        owners |= {name: stage.name for name in stage.given.values() if name != "text"}
        if stage.buckets is not None:  # they depend on who is alive
            buckets[stage.buckets.column] = upstream
        editor = stage.name if stage.edits_text else editor
    return result
