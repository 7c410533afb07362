"""Models that stages train from reference text: assets of the corpus, frozen once they are made.

A measure that can train its models has `asked()`, what they are to be like, or None; `train()`,
which makes them; and `with_models()`, which gives the measure that uses them. They are made before
the stage measures anything, and again only if something else is asked for or the text is another.
An arm takes those of the corpus it borrows from.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline import assets
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.ingest.inputs import expand
from tamis.pipeline.ingest.installed import list_installed
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.phase import digest_of
from tamis.pipeline.ingest.urls import Named
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location
from tamis.pipeline.texts import batches, documents, temporary_corpus

SET_ASIDE = "corpus:reference"
"""What ingest set aside in the corpus itself."""
CONFIDENT = 0.5
"""How sure the recipe's language stage must be of a reference document: CCNet's bound."""
LEAST = 200_000
"""Bytes of text below which a language gets no model: it would know hardly a word."""

Say = Callable[[str], None]
Texts = Callable[[], Iterable[pa.LargeStringArray]]


def bound(corpus: Corpus, recipe: Recipe) -> Recipe:
    """The recipe with the models that were trained for it in the places of those to be trained,
    and indexes as they were before this corpus was added to them.
    """
    stages = tuple(_bound(corpus, stage) for stage in recipe.stages)
    return dataclasses.replace(recipe, stages=stages)


def _bound(corpus: Corpus, stage: Stage) -> Stage:
    measure: Any = stage.measure
    if getattr(measure, "index", ()):
        return dataclasses.replace(stage, measure=measure.for_documents(corpus.documents_digest))
    if (folder := trained(corpus, stage)) is None:
        return stage
    return dataclasses.replace(stage, measure=measure.with_models(folder))


def trained(corpus: Corpus, stage: Stage) -> Path | None:
    """Where the models lie that were trained for a stage; None for one that trains none."""
    asked = _asked(stage)
    return assets.find(corpus, stage.name, asked) if asked else None


def _asked(stage: Stage) -> dict[str, Any] | None:
    asked: dict[str, Any] | None = getattr(stage.measure, "asked", lambda: None)()
    return asked


def train(corpus: Corpus, recipe: Recipe, stage: Stage, say: Say) -> None:
    """Trains the models of a stage, unless they are there or it has none to train.

    Raises CallError if there is no such reference text, WorkError if it cannot be learnt from.
    """
    measure: Any = stage.measure
    if (asked := _asked(stage)) is None:
        return
    inputs = _inputs(corpus, measure.reference, recipe.ingest)
    if assets.is_current(corpus, stage.name, asked, inputs):
        return
    with assets.draft(corpus, stage.name) as draft, ExitStack() as stack:
        paths = _paths(corpus, measure.reference, recipe.ingest, stack)
        texts = _by_language(paths, recipe, measure, draft.folder / "texts")
        enough = {name: text for name, (size, text) in texts.items() if size >= LEAST}
        for name in enough:
            say(f"{stage.name}: learning '{name}' from {texts[name][0] / 1e6:,.1f} MB of reference")
        try:
            models = measure.train(enough, draft.folder)
        except ValueError as error:
            raise WorkError(
                f"stage '{stage.name}' cannot learn from its reference: {error}"
            ) from error
        shutil.rmtree(draft.folder / "texts", ignore_errors=True)
        short = {name: size for name, (size, _) in texts.items() if size < LEAST}
        _say_short(stage, enough, short, say)
        draft.finish({"asked": asked, "inputs": inputs, "models": models, "too_little": short})


def _say_short(stage: Stage, enough: Mapping[str, Any], short: Mapping[str, int], say: Say) -> None:
    if short and not enough:
        most = max(short, key=lambda name: short[name])
        say(
            f"{stage.name}: no model: {LEAST // 1000} kB of reference text in one language is the "
            f"least, and there are {short[most] / 1e3:,.0f} kB of '{most}'; name more: --reference"
        )


def _inputs(
    corpus: Corpus, reference: Sequence[str], options: IngestOptions
) -> list[dict[str, Any]]:
    """The files of the reference, by digest."""
    if SET_ASIDE in reference:
        if len(reference) > 1:
            raise CallError(f"reference: name either {SET_ASIDE} or files, not both")
        return [
            {"name": f"reference/{path.name}", "sha256": sha256}
            for path, sha256 in _set_aside(corpus.home)
        ]
    found = expand(reference, list_installed, corpus.root, Named(options)).inputs
    return [{"name": one.name, "sha256": digest_of(one)} for one in found]


def _set_aside(home: Corpus) -> list[tuple[Location, str]]:
    return [
        (home.root / "reference" / f"{shard}.parquet", record["files"]["reference"]["sha256"])
        for shard, record in home.ingested()
        if "reference" in record.get("files", {})
    ]


def _paths(
    corpus: Corpus, reference: Sequence[str], options: IngestOptions, stack: ExitStack
) -> list[Location]:
    """Document files with the reference text in them."""
    if SET_ASIDE in reference:
        return [path for path, _ in _set_aside(corpus.home)]
    return documents(stack.enter_context(temporary_corpus(reference, options)))


def _by_language(
    paths: Sequence[Location], recipe: Recipe, measure: Any, folder: Path
) -> dict[str, tuple[int, Texts]]:
    """Of every language, how many bytes of text there are and a way to read them."""
    folder.mkdir()
    sizes: Counter[str] = Counter()
    with ExitStack() as stack:
        writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        for batch in batches(paths, ["text", "source"]):
            batch = _of_sources(batch, measure.reference_sources)
            for language, texts in _split(batch, recipe, measure):
                if language not in writers:
                    schema = pa.schema([pa.field("text", pa.large_string())])
                    writer = pa.ipc.new_file(str(folder / language), schema)
                    writers[language] = stack.enter_context(writer)
                writers[language].write_batch(pa.record_batch([texts], names=["text"]))
                sizes[language] += pc.sum(pc.binary_length(texts)).as_py()
    return {name: (sizes[name], _reader(folder / name)) for name in sorted(sizes)}


def _reader(path: Path) -> Texts:
    def texts() -> Iterator[pa.LargeStringArray]:
        with pa.memory_map(str(path)) as mapped:
            file = pa.ipc.open_file(mapped)
            for number in range(file.num_record_batches):
                yield file.get_batch(number).column("text")

    return texts


def _of_sources(batch: pa.RecordBatch, sources: Sequence[str]) -> pa.RecordBatch:
    if not sources:
        return batch
    return batch.filter(pc.is_in(batch.column("source"), value_set=pa.array(sources, pa.string())))


def _split(
    batch: pa.RecordBatch, recipe: Recipe, measure: Any
) -> Iterator[tuple[str, pa.LargeStringArray]]:
    """The texts of a batch by language, as the recipe's language stage tells them apart."""
    texts = batch.column("text")
    if measure.language:
        yield measure.language, texts
        return
    teller = _teller(recipe, measure.language_column)
    found = teller.measure.measure(batch.select(list(teller.measure.needs)))
    own = {corpus: own for own, corpus in teller.given.items()}
    languages = found.column(own[measure.language_column])
    sure = np.ones(len(texts), np.bool_)
    if f"{own[measure.language_column]}_score" in found.schema.names:
        scores = found.column(f"{own[measure.language_column]}_score")
        sure = pc.fill_null(pc.greater_equal(scores, CONFIDENT), False).to_numpy(False)
    for language in sorted(set(languages.to_pylist()) - {None}):
        if not measure.languages or language in measure.languages:
            mine = pc.fill_null(pc.equal(languages, language), False).to_numpy(False) & sure
            if mine.any():
                yield language, texts.filter(pa.array(mine))


def _teller(recipe: Recipe, column: str) -> Stage:
    """The stage that tells the language of a document by its text."""
    for stage in recipe.stages:
        if column in stage.given.values():
            if set(stage.measure.needs) != {"text"}:
                raise CallError(
                    f"stage '{stage.name}' needs more than text: no use for a reference"
                )
            return stage
    raise CallError(f"no stage of the recipe gives '{column}', the language of reference documents")
