"""A folder of tokens while it is made: whose it is, its files and their completion records.

Beside what a trainer reads it holds records/ and logs/, as a corpus does, and until it is done
work/, the documents of each shard of the corpus in the order of the shuffle, and for inputs that
are no corpus .corpus/, the one they become.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, Damaged, from_os
from tamis.tokenize.errors import TokensError
from tamis.tokenize.shards import FORMAT, MANIFEST, TOKENIZER, file_names
from tamis.tokenize.vocabulary import MODEL, Vocabulary, load

ENCODED, SHARDS, STATE = "encoded", "shards", "tokens"
"""Kinds of records: of the files in work/, of finished shards, of the folder as a whole."""
OURS, WHOLE = "ours", "whole"
"""Records of STATE: that the folder is ours, and that it is done."""
VOCABULARY = (
    MODEL,
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocabulary.json",
)
"""The files of a vocabulary that go with its tokens: a model's folder may hold its weights too."""
_SHARD = re.compile(r"(\d{5,})\.(ds|ds\.index|ds\.metadata|documents\.arrow)")


@dataclass
class Making:
    """Files that are being made."""

    paths: dict[str, Path]
    facts: dict[str, Any] = field(default_factory=dict)
    """What the record says of them."""


@dataclass(frozen=True)
class Place:
    """A folder of tokens that is being made, or was."""

    out: Path

    @cached_property
    def corpus(self) -> Corpus:
        """Where the lock, the records and the logs are."""
        return Corpus(self.out)

    @property
    def inputs(self) -> Path:
        """The corpus that plain inputs become for a while."""
        return self.out / ".corpus"

    @property
    def manifest(self) -> Path:
        return self.out / MANIFEST

    def check(self) -> None:
        """Raises CallError for a folder that holds anything that is not ours."""
        try:
            if self.corpus.record(STATE, OURS) or self._is_tokens() or not self.out.exists():
                return
            foreign = sorted(filter(_foreign, self.out.iterdir()))
        except OSError as error:
            raise from_os(error, f"cannot write into {self.out}") from error
        if foreign:
            raise CallError(
                f"{self.out} holds files that are not tamis's tokens ({foreign[0].name}, ...): "
                "choose an empty directory"
            )

    def claim(self) -> None:
        """Makes an empty folder ours; call it under the lock."""
        self.check()
        if not self.corpus.record(STATE, OURS):
            self.corpus.complete(STATE, OURS, {"format": FORMAT})

    def _is_tokens(self) -> bool:
        try:
            there = files.read_json(self.manifest)
        except (FileNotFoundError, NotADirectoryError, Damaged):
            return False
        return isinstance(there, dict) and {"format", "token_bytes", "shards"} <= there.keys()

    def take(self, source: Path) -> None:
        """Copies a vocabulary, a folder or a file, into tokenizer/; tokens of another one end."""
        folder = self.out / TOKENIZER
        found = {name: source / name for name in VOCABULARY if (source / name).is_file()}
        found = found or {MODEL: source}
        there = {path.name: path for path in folder.glob("*")}
        if MODEL in there and there[MODEL].read_bytes() != found[MODEL].read_bytes():
            self.manifest.unlink(missing_ok=True)
        for name in there.keys() - found.keys():
            there[name].unlink()
        for name, path in found.items():
            data = path.read_bytes()
            if name not in there or there[name].read_bytes() != data:
                with files.atomic(folder / name) as draft:
                    draft.path.write_bytes(data)

    def vocabulary(self) -> Vocabulary:
        """The vocabulary in tokenizer/, read once per process."""
        path = self.out / TOKENIZER / MODEL
        return _loaded(path, files.digest(path))

    def outputs(self, kind: str, name: str) -> dict[str, Path]:
        """The files that a record is of."""
        if kind == SHARDS:
            return {what: self.out / file for what, file in file_names(name).items()}
        return {what: self.out / "work" / f"{name}.{what}" for what in ("ids", "arrow")}

    def made(self, kind: str, name: str, promise: str) -> dict[str, Any] | None:
        """The record of files that are there as they should be now, else None."""
        record = self.corpus.record(kind, name)
        if record is None or record["promise"] != promise:
            return None
        paths = self.outputs(kind, name)
        whole = all(_size(paths[what]) == one["bytes"] for what, one in record["files"].items())
        return record if whole else None

    @contextmanager
    def making(self, kind: str, name: str, promise: str) -> Iterator[Making]:
        """Files that appear with their record when the block ends, or not at all."""
        self.corpus.retract(kind, name)
        with ExitStack() as stack:
            drafts = {
                what: stack.enter_context(files.atomic(path, durable=kind == SHARDS))
                for what, path in self.outputs(kind, name).items()
            }
            making = Making({what: draft.path for what, draft in drafts.items()})
            yield making
        made = {what: draft.facts for what, draft in drafts.items()}
        self.corpus.complete(kind, name, {"promise": promise, **making.facts, "files": made})

    def nothing(self, kind: str, name: str, promise: str) -> None:
        """Notes that there are no documents for some files."""
        none = {"documents": 0, "tokens": 0, "bytes": 0, "files": {}}
        self.corpus.complete(kind, name, {"promise": promise, **none})

    def whole(self, promise: str) -> dict[str, Any] | None:
        """The manifest, if all is there as it should be now."""
        record = self.corpus.record(STATE, WHOLE)
        if record is None or record["promise"] != promise:
            return None
        try:
            manifest: dict[str, Any] = files.read_json(self.manifest)
        except (FileNotFoundError, Damaged):
            return None
        for shard in manifest["shards"]:
            paths = self.outputs(SHARDS, shard["name"])
            if any(_size(paths[what]) != one["bytes"] for what, one in shard["files"].items()):
                return None
        return manifest

    def clear(self, promise: str) -> None:
        """Removes what was made of anything else; the manifest first, so that none lacks a part."""
        self.manifest.unlink(missing_ok=True)
        self.corpus.retract(STATE, WHOLE)
        for kind, folder in ((SHARDS, self.out), (ENCODED, self.out / "work")):
            for name in sorted({path.name.partition(".")[0] for path in _made(folder)}):
                if self.made(kind, name, promise) is None:
                    self.corpus.retract(kind, name)
                    for path in self.outputs(kind, name).values():
                        path.unlink(missing_ok=True)

    def publish(self, manifest: dict[str, Any], promise: str) -> None:
        """Writes tokens.json: from now on these are tokens."""
        files.write_json(self.manifest, manifest)
        self.corpus.complete(STATE, WHOLE, {"promise": promise})

    def tidy(self) -> None:
        """Removes what only the work needed."""
        for folder in (self.out / "work", self.out / "records" / ENCODED, self.inputs):
            files.remove_below(folder)


def _foreign(path: Path) -> bool:
    """Whether something in a folder without our mark is more than a start that was interrupted."""
    if path.name in ("records", "logs") and path.is_dir():
        return any(not one.is_dir() and _foreign(one) for one in path.rglob("*"))
    return not path.name.startswith(".lock") and not re.fullmatch(r"\..+\.tmp", path.name)


def _made(folder: Path) -> Iterator[Path]:
    """Files of shards, or of work, in a folder."""
    if folder.is_dir():
        work = folder.name == "work"
        yield from (path for path in folder.iterdir() if work or _SHARD.fullmatch(path.name))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


@lru_cache(maxsize=2)
def _loaded(path: Path, digest: str) -> Vocabulary:
    try:
        return load(path)
    except TokensError as error:
        raise CallError(str(error)) from error
