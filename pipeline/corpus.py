"""The corpus on disk: the one module that knows its paths, its manifest and its records.

A completion record, `records/<stage>/<shard>.json`, says that a file is whole and what it is: it is
written after the file, removed before the file is replaced, and it alone is trusted.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from tamis.pipeline import lock
from tamis.pipeline.errors import CallError, Damaged, WorkError
from tamis.pipeline.files import fingerprint, read_json, remove_below, sweep, write_json
from tamis.pipeline.storage.location import Location, Remote, location
from tamis.pipeline.storage.scratch import scratch_of, sweep_drafts

FORMAT = 1
ASKED_AT_ONCE = 16  # requests for small files of a server


@dataclass(frozen=True)
class Shard:
    """One file of documents."""

    name: str
    rows: int
    bytes: int
    text_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """corpus.json: what was read, and the shards it became."""

    inputs: list[dict[str, Any]]
    shards: list[Shard]
    options: dict[str, Any]
    counts: dict[str, Any]
    versions: dict[str, str]
    documents_of: str | None = None
    """The corpus whose documents these are, for an arm."""
    format: int = FORMAT


@dataclass
class Corpus:
    """A directory of documents, signals and a recipe's answer, here or on a server."""

    root: Location
    _manifest: Manifest | None = field(default=None, repr=False)

    @classmethod
    def open(cls, root: Location) -> Corpus:
        """The corpus in a directory; raises CallError if there is none, or none that is whole."""
        corpus = cls(root)
        if not corpus.exists():
            started = corpus.plan_file.exists()
            raise CallError(
                f"{root}: its ingest was interrupted: run the same `tamis ingest` again"
                if started
                else f"{root} is not a corpus (no corpus.json there): make one with "
                f"`tamis ingest INPUT... -o {root}`"
            )
        return corpus

    def __getstate__(self) -> dict[str, Any]:
        """What a worker is sent: without the inputs, of which there may be a million."""
        light = self._manifest and replace(self._manifest, inputs=[])
        return {"root": self.root, "_manifest": light}

    def exists(self) -> bool:
        """Whether ingest has finished here."""
        return (self.root / "corpus.json").is_file()

    @contextmanager
    def lock(self) -> Iterator[lock.Lease]:
        """Holds the lease that every command that writes here holds; sweeps what dead ones left."""
        with lock.lease(self.notes if self.read_only else self.root) as lease:
            remove_below(self.notes / ".arms")
            self._sweep()  # what a killed run left may be what fills the disk
            try:
                yield lease
                if not lease.kept:
                    self._keep_timings()
            finally:
                if not lease.kept:
                    self._sweep()  # what workers that were killed left

    def _sweep(self) -> None:
        sweep(self.local)
        if isinstance(self.root, Remote):
            sweep_drafts()

    @contextmanager
    def arm(self) -> Iterator[Location]:
        """A place for a corpus that borrows these documents for a while; call it under the lock."""
        place = self.notes / ".arms" / uuid.uuid4().hex
        try:
            yield place
        finally:
            remove_below(place)

    @property
    def read_only(self) -> bool:
        """Whether nothing can ever be written here: it is served by HTTP."""
        return isinstance(self.root, Remote) and not self.root.writable

    @property
    def notes(self) -> Location:
        """Where records of what is written elsewhere go: here, or to scratch if that cannot be."""
        return self.local if self.read_only else self.root

    @cached_property
    def local(self) -> Path:
        """Where this machine keeps logs and arms: here, or in scratch for a corpus on a server."""
        if isinstance(self.root, Path):
            return self.root
        # Notes on a corpus must not outlive it: another may be served under its URL.
        return scratch_of(f"{self.root} {self.documents_digest if self.read_only else ''}")

    def _keep_timings(self) -> None:
        """Copies the one log that is worth keeping to a corpus on a server."""
        if isinstance(self.root, Remote) and not self.read_only:
            for path in sorted((self.local / "logs").glob("*/timing.json")):
                (self.root / f"logs/{path.parent.name}/timing.json").upload(path)
                path.unlink()

    @property
    def manifest(self) -> Manifest:
        """What corpus.json says."""
        if self._manifest is None:
            raw = read_json(self.root / "corpus.json")
            try:
                raw["shards"] = [Shard(**shard) for shard in raw["shards"]]
                self._manifest = Manifest(**raw)
            except (TypeError, KeyError) as error:
                raise WorkError(f"{self.root}/corpus.json is damaged: {error}") from error
            if self._manifest.format != FORMAT:
                raise CallError(
                    f"{self.root} has format {self._manifest.format}; this tamis reads {FORMAT}"
                )
        return self._manifest

    def publish(self, manifest: Manifest) -> None:
        """Writes corpus.json: from now on this is a corpus."""
        write_json(self.root / "corpus.json", asdict(manifest))
        self._manifest = manifest

    @property
    def shards(self) -> list[Shard]:
        return self.manifest.shards

    @property
    def documents_digest(self) -> str:
        """The digest of all documents."""
        return fingerprint([shard.sha256 for shard in self.shards])

    @property
    def home(self) -> Corpus:
        """The corpus that holds the documents: this one, or the one an arm borrows from."""
        borrowed = self.manifest.documents_of
        return Corpus(location(borrowed)) if borrowed else self

    def documents(self, shard: str) -> Location:
        return self.home.root / "documents" / f"{shard}.parquet"

    def signals(self, stage: str, shard: str) -> Location:
        owner = self.home if stage == "ingest" else self
        return owner.root / "signals" / stage / f"{shard}.parquet"

    def stage_file(self, stage: str) -> Location:
        return self.root / "signals" / stage / "stage.json"

    def logs(self, stage: str) -> Path:
        return self.local / "logs" / stage

    @property
    def plan_file(self) -> Location:
        """What ingest planned; it is there from before the first document on."""
        return self.root / "records" / "ingest" / "plan.json"

    def ingested(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The records of all shards that ingest planned, those without documents too."""
        for number in range(len(read_json(self.plan_file)["plan"]["shards"])):
            yield f"{number:05d}", self.record("ingest", f"{number:05d}") or {}

    def record(self, stage: str, shard: str) -> dict[str, Any] | None:
        """The completion record of a shard in a stage, or None."""
        for folder in dict.fromkeys([self._records(stage), self.root / "records"]):
            try:
                record = read_json(folder / stage / f"{shard}.json")
            except (FileNotFoundError, Damaged):
                continue
            return record if isinstance(record, dict) else None
        return None

    def records(self, stage: str) -> list[dict[str, Any] | None]:
        """The completion records of all shards in a stage; of a server, many asked for at once."""
        names = [shard.name for shard in self.shards]
        read = partial(self.record, stage)
        if isinstance(self.root, Path):
            return [read(name) for name in names]
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            return list(pool.map(read, names))

    def complete(self, stage: str, shard: str, record: dict[str, Any]) -> None:
        """Writes a completion record; one that a power cut loses costs its shard once more."""
        write_json(self._record(stage, shard), record, durable=False)

    def retract(self, stage: str, shard: str) -> None:
        """Removes a completion record, before what it vouches for is replaced."""
        self._record(stage, shard).unlink(missing_ok=True)

    def _record(self, stage: str, shard: str) -> Location:
        return self._records(stage) / stage / f"{shard}.json"

    def _records(self, stage: str) -> Location:
        """Where records are written: those of what goes elsewhere may not be writable here."""
        elsewhere = stage == "ledger" or stage.startswith("write-")
        return (self.notes if elsewhere else self.root) / "records"
