"""The jobs that make a folder of tokens from a corpus: encode its shards, gather them, publish."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from tamis.pipeline import assets, files
from tamis.pipeline.answer import check_whole, say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.files import canonical, fingerprint
from tamis.pipeline.ingest.run import IngestJob, planned_shards
from tamis.pipeline.phase import Job, Runner
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.sift import Sift, grouped, most_tasks, shared_out
from tamis.pipeline.signals import promise
from tamis.pipeline.storage.location import Location
from tamis.pipeline.storage.scratch import scratch_of
from tamis.pipeline.tokens.encode import EncodePhase, Settings
from tamis.pipeline.tokens.gather import GatherPhase, shard_name
from tamis.pipeline.tokens.learn import Settings as Learning
from tamis.pipeline.tokens.learn import learn, origin
from tamis.pipeline.tokens.place import SHARDS, VOCABULARY, Place
from tamis.tokenize.errors import TokensError
from tamis.tokenize.shards import TOKENIZER, manifest
from tamis.tokenize.vocabulary import MODEL, Vocabulary, load

WORKERS_NEED = ("tamis.pipeline.tokens.loaded",)
VERSION = 1
"""Of what the same documents and settings become; a change makes all tokens be made again."""
TASK_BYTES = 32_000_000
"""Text of a task: half a second, and starting one, with a vocabulary, takes a third."""
MOST_SHARDS = 100_000
"""Four files each in one folder."""


@dataclass(frozen=True)
class _Job:
    root: Location
    recipe: Recipe
    out: Path
    settings: Settings
    vocabulary: Location | None = None
    """A folder or a file; None is the corpus's own, which is trained if there is none."""
    strict: bool = False
    """Whether a stage of the recipe without signals is an error."""

    def bound(self) -> int:
        return most_tasks(planned_shards(Corpus(self.root)))

    @property
    def state(self) -> State:
        return State(Sift(Corpus(self.root), self.recipe), Place(self.out), self.settings)


@dataclass
class State:
    """What there is, and what it has to be."""

    sift: Sift
    place: Place
    settings: Settings

    @cached_property
    def promise(self) -> str:
        """What decides every byte of the tokens."""
        sift = self.sift
        decided = promise(sift.present()[0], sift.fingerprints)
        vocabulary = files.digest(self.place.out / TOKENIZER / MODEL)
        asked = dataclasses.asdict(self.settings)
        return fingerprint([VERSION, sift.corpus.documents_digest, decided, vocabulary, asked])

    @cached_property
    def whole(self) -> dict[str, Any] | None:
        """The manifest, if all is done."""
        return self.place.whole(self.promise)

    def encode(self) -> EncodePhase:
        """The first phase."""
        sift = self.sift
        stages = sift.present()[0]
        tasks = grouped([shard.text_bytes for shard in sift.corpus.shards], TASK_BYTES)
        return EncodePhase(self.place, sift.corpus, stages, self.promise, self.settings, tasks)

    def encoded(self) -> dict[str, dict[str, Any]]:
        """The records of all encoded shards; raises WorkError if one is missing."""
        phase = self.encode()
        found = {}
        for unit, shard in enumerate(self.sift.corpus.shards):
            if (record := phase.made(unit)) is None:
                raise WorkError(
                    f"{self.place.out}: shard {shard.name} is not encoded: run the same command "
                    "again"
                )
            found[shard.name] = record
        return found

    def gather(self) -> GatherPhase:
        """The second phase: as many shards as the tokens fill."""
        there = {name: one for name, one in self.encoded().items() if one["documents"]}
        tokens = sum(one["tokens"] for one in there.values())
        count = max(1, -(-tokens // self.settings.shard_tokens))
        if count > MOST_SHARDS:
            raise WorkError(
                f"{tokens:,} tokens would be {count:,} shards, more than {MOST_SHARDS:,}: raise "
                "--shard-tokens"
            )
        tasks = shared_out(count, most_tasks(len(self.sift.corpus.shards)))
        size = sum(one["files"]["ids"]["bytes"] for one in there.values())
        return GatherPhase(self.place, list(there), self.promise, count, tasks, size)

    def shards(self) -> list[dict[str, Any]]:
        """What is said of every shard that holds documents."""
        if self.settings.seed is None:
            found = self.encoded()
        else:
            names = map(shard_name, range(self.gather().shards))
            found = {n: self.place.made(SHARDS, n, self.promise) or {} for n in names}
        return [{"name": name, **one} for name, one in found.items() if one["documents"]]

    def publish(self) -> dict[str, Any]:
        """Writes tokens.json, the last that is written; gives its content."""
        settings, sift = self.settings, self.sift
        stages, missing = sift.present()
        origin = {
            "documents": sift.corpus.documents_digest,
            "recipe": orjson.loads(canonical(sift.written.raw)),
            "fingerprints": {stage.name: sift.fingerprints[stage.name] for stage in stages},
            "took_no_part": [stage.name for stage in missing],
        }
        content = manifest(
            self.place.vocabulary(),
            self.shards(),
            bos=settings.bos,
            eos=settings.eos,
            seed=settings.seed,
            origin=origin,
        )
        self.place.publish(content, self.promise)
        return content


@dataclass(frozen=True)
class EncodeJob(_Job):
    """Encodes what the recipe keeps of every shard."""

    name: str = "tokenize"

    def prepare(self, runner: Runner) -> None:
        """Checks that there are documents and a vocabulary, and clears what is of other ones.

        Raises WorkError if it is not settled what is kept, or if nothing is.
        """
        sift, place = Sift(Corpus(self.root), self.recipe), Place(self.out)
        check_whole(sift, runner, self.strict)
        kept = sift.tally(sift.present()[0], runner).get("kept", [0])[0]
        if not kept:
            raise WorkError(f"{self.root} keeps no document: there is nothing to tokenize")
        source = self._vocabulary(sift)
        self._check(loaded(source))
        place.take(source)
        state = self.state
        if state.whole:
            say(f"nothing to do, the tokens are all in {self.out}")
        else:
            place.clear(state.promise)
            place.vocabulary().encode("compiled before there are workers")

    def phase(self) -> EncodePhase | None:
        state = self.state
        return None if state.whole else state.encode()

    def settle(self, runner: Runner) -> None:
        """Nothing."""

    def _vocabulary(self, sift: Sift) -> Path:
        """Where the vocabulary is on this machine: the one given, or the corpus's own."""
        place = self.vocabulary or own_vocabulary(sift.corpus) or trained(sift)
        return place if isinstance(place, Path) else fetched(place)

    def _check(self, vocabulary: Vocabulary) -> None:
        for name, wanted in (("bos", self.settings.bos), ("eos", self.settings.eos)):
            if wanted and getattr(vocabulary, name) < 0:
                raise CallError(f"{vocabulary.path} has no {name.upper()} token: add --no-{name}")


@dataclass(frozen=True)
class GatherJob(_Job):
    """Writes the shards in the order of the shuffle, and then the manifest, which it answers."""

    name: str = "shuffle"

    def prepare(self, runner: Runner) -> None:
        """Nothing."""

    def phase(self) -> GatherPhase | None:
        state = self.state
        return None if state.whole or self.settings.seed is None else state.gather()

    def settle(self, runner: Runner) -> dict[str, Any]:
        """Publishes the tokens and removes what only the work needed."""
        state = self.state
        content = state.whole or state.publish()
        state.place.tidy()
        return content


@dataclass(frozen=True)
class InputsJob(IngestJob):
    """Reads inputs that are no corpus into one that is there until they are tokens."""

    def prepare(self, runner: Runner) -> None:
        """Plans what is read, anew where an interrupted call read other inputs."""
        try:
            super().prepare(runner)
        except CallError:
            if not Corpus(self.root).plan_file.exists():
                raise
            files.remove_below(self.root)
            super().prepare(runner)

    def settle(self, runner: Runner) -> None:
        """Publishes the corpus and says what could not be read."""
        super().settle(runner)
        if lost := Corpus(self.root).manifest.counts["errors"]:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in lost.items())
            say(f"could not be read, and are no tokens: {reasons}")


def own_vocabulary(corpus: Corpus) -> Location | None:
    """The folder of a corpus's vocabulary, or of that of the corpus it borrows from."""
    for owner in (corpus, corpus.home):
        if ((place := vocabulary_folder(owner)) / MODEL).is_file():
            return place
    return None


def vocabulary_folder(corpus: Corpus) -> Location:
    """Where a corpus's own vocabulary is, or will be."""
    return corpus.root / "assets" / "vocabulary"


def trained(sift: Sift) -> Location:
    """Learns the vocabulary of what a corpus keeps: the largest up to 32,000 that it can give."""
    settings = Learning(shrink=True)
    say(f"{sift.corpus.root} has no vocabulary yet: learning one")
    with assets.draft(sift.corpus, "vocabulary") as making:
        learn(sift, making.folder, settings)
        making.finish({"asked": dataclasses.asdict(settings), "inputs": [origin(sift)]})
    return vocabulary_folder(sift.corpus)


def loaded(place: Path) -> Vocabulary:
    """A vocabulary; raises CallError for what is none."""
    try:
        return load(place)
    except TokensError as error:
        raise CallError(str(error)) from error


def fetched(place: Location) -> Path:
    """A copy on this machine of a vocabulary on a server, a folder or a file."""
    folder = scratch_of(f"{place} vocabulary")
    found = 0
    for name in VOCABULARY:
        (folder / name).unlink(missing_ok=True)
        try:
            data = (place / name).read_bytes()
        except FileNotFoundError:
            continue
        found += 1
        with files.atomic(folder / name, durable=False) as draft:
            draft.path.write_bytes(data)
    if not found:
        raise CallError(f"{place} has no {MODEL}: it is no vocabulary")
    return folder


def token_jobs(
    root: Location,
    recipe: Recipe,
    out: Path,
    settings: Settings,
    vocabulary: Location | None,
    strict: bool = False,
) -> list[Job]:
    """The jobs that turn what a recipe keeps of a corpus into a folder of tokens."""
    asked = (root, recipe, out, settings, vocabulary, strict)
    return [EncodeJob(*asked), GatherJob(*asked)]
