"""Perplexity under a model of good text, by language: CCNet's quality signal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.filters.buckets import Buckets
from tamis.filters.ngram.cutoffs import CCNET
from tamis.filters.ngram.model_files import FACTS, check_digests, files_of
from tamis.filters.ngram.settings import Texts, Training

WORKERS_NEED = ("tamis.filters.ngram.model",)
"""What a process that measures imports besides: Numba, which a command that does not is spared."""
NAMES = ("head", "middle", "tail")
LANGUAGE = "{language}"

Models = str | Mapping[str, str]
Cutoffs = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Perplexity:
    """How surprised a language model of good text is by a document, and its bucket by that.

    Source: Wenzek et al. 2019, CCNet (arXiv 1911.00359), section 3.3.
    """

    models: Models = ""
    """By language, the folder of a model or a bare .bin with .sp.model beside it; or one path with
    {language} in it. Where none is given they are trained from the reference."""

    bad_models: Models = ""
    """The same of bad text; gives perplexity_bad and perplexity_ratio, good over bad."""

    language_column: str = "language"
    """The column that names each document's language."""

    language: str = ""
    """The language of every document, where no column is to be asked."""

    percentiles: tuple[float, float] = (30, 60)
    """Where head ends and tail begins, of the documents alive in each language."""

    cutoffs: Literal["", "ccnet"] | Cutoffs = ""
    """In place of percentiles: perplexities below the first are head, below the second middle; by
    language, or CCNet's published ones."""

    reference: tuple[str, ...] = ()
    """What models are trained from: files, or corpus:reference, what ingest set aside."""

    reference_sources: tuple[str, ...] = ()
    """Of the reference, documents of these sources only."""

    languages: tuple[str, ...] = ()
    """Languages to train models for; otherwise all that the reference has enough text of."""

    training: Training = field(default_factory=Training)

    version: ClassVar[int] = 1

    @property
    def needs(self) -> tuple[str, ...]:
        return ("text",) if self.language else ("text", self.language_column)

    @property
    def gives(self) -> pa.Schema:
        fields = [
            pa.field("perplexity", pa.float32()),
            pa.field("perplexity_bucket", pa.string()),
            pa.field("perplexity_language", pa.string()),
        ]
        if self.bad_models:
            fields.append(pa.field("perplexity_bad", pa.float32()))
            fields.append(pa.field("perplexity_ratio", pa.float32()))
        return pa.schema(fields)

    @property
    def buckets(self) -> Buckets | None:
        """By percentiles; None where cut-offs are given, which need no other documents."""
        if self.cutoffs:
            return None
        shares = tuple(percentile / 100 for percentile in self.percentiles)
        return Buckets("perplexity_bucket", "perplexity", "perplexity_language", shares, NAMES)

    def assets(self) -> dict[str, Path]:
        """The files of all models."""
        return {
            f"{option}.{language}.{name}": path
            for option, models in (("models", self.models), ("bad_models", self.bad_models))
            for language, place in by_language(models).items()
            for name, path in files_of(place).items()
        }

    def asked(self) -> dict[str, Any] | None:
        """What models are to be trained, None if they are given or nothing to train them from."""
        if self.models or not self.reference:
            return None
        names = ("language_column", "language", "reference", "reference_sources", "languages")
        options = {name: getattr(self, name) for name in names}
        made = {**options, "training": asdict(self.training)}
        asked: dict[str, Any] = json.loads(json.dumps(made))
        return asked

    def with_models(self, folder: Path) -> Perplexity:
        """The measure with the models that were trained in a folder."""
        trained = {path.parent.name: str(path.parent) for path in folder.glob(f"*/{FACTS}")}
        return replace(self, models=trained)

    def train(self, texts: Mapping[str, Texts], folder: Path) -> dict[str, Any]:
        """Trains a model for every language in a folder; gives what they are."""
        from tamis.filters.ngram.model_training import train

        return {name: train(text, self.training, folder / name) for name, text in texts.items()}

    def prepare(self) -> None:
        """Opens the models and checks their digests; compiles the kernels, which are kept on disk.

        Raises ValueError for a model that is broken, and if there is none nor text to train one.
        """
        if not self.models and not self.reference:
            raise ValueError(
                "it has no models: give their paths as its option models, or good text to train "
                "them from as its option reference"
            )
        from tamis.filters.kernels.compiled import cache_folder
        from tamis.filters.ngram.model import load

        places = [*by_language(self.models).values(), *by_language(self.bad_models).values()]
        for place in places:
            check_digests(place)
            load(str(place))  # one that is broken would make an error of every document
        folder = cache_folder()
        mark = folder / "perplexity.ready" if folder else None
        if places and mark and not mark.exists():
            load(str(places[0])).perplexity(pa.array(["One document."], pa.large_string()))
            mark.touch()

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Null where there is no model; the bucket also where it waits for the whole corpus."""
        from tamis.filters.ngram.model import load

        good, bad = by_language(self.models), by_language(self.bad_models)
        values, worse = (np.full(batch.num_rows, np.nan) for _ in range(2))
        for language, rows, texts in self._by_language(batch, good):
            values[rows] = load(str(good[language])).perplexity(texts)
            if language in bad:
                worse[rows] = load(str(bad[language])).perplexity(texts)
        known = self._languages(batch, good)
        columns = [_floats(values), self._cut(values, known), known]
        if self.bad_models:
            columns += [_floats(worse), _floats(values / worse)]
        return pa.record_batch(columns, schema=self.gives)

    def _languages(self, batch: pa.RecordBatch, models: Mapping[str, Path]) -> pa.StringArray:
        """The language of every row that there is a model for, else null."""
        if self.language:
            name = self.language if self.language in models else None
            return pa.array([name] * batch.num_rows, pa.string())
        column = pc.cast(batch.column(self.language_column), pa.string())
        known = pc.is_in(column, value_set=pa.array(sorted(models), pa.string()))
        return pc.if_else(known, column, pa.scalar(None, pa.string()))

    def _by_language(
        self, batch: pa.RecordBatch, models: Mapping[str, Path]
    ) -> Iterator[tuple[str, np.ndarray, pa.LargeStringArray]]:
        known = self._languages(batch, models)
        for language in sorted(set(known.to_pylist()) - {None}):
            rows = np.flatnonzero(pc.fill_null(pc.equal(known, language), False).to_numpy(False))
            texts = batch.column("text")
            yield language, rows, texts if len(rows) == len(texts) else texts.take(pa.array(rows))

    def _cut(self, values: np.ndarray, known: pa.StringArray) -> pa.StringArray:
        """Buckets by cut-offs; a language without any is in none, as in CCNet's `all`."""
        table: Cutoffs = CCNET if self.cutoffs == "ccnet" else self.cutoffs or {}
        place = np.full(len(values), -1)
        for language, (head, tail) in table.items():
            mine = pc.fill_null(pc.equal(known, language), False).to_numpy(False)
            mine &= ~np.isnan(values)
            place[mine] = (values[mine] >= head).astype(int) + (values[mine] >= tail)
        return pa.array(NAMES, pa.string()).take(pa.array(place, pa.int64(), mask=place < 0))


def by_language(models: Models) -> dict[str, Path]:
    """Where the model of every language lies; raises FileNotFoundError if a pattern fits none."""
    if not isinstance(models, str):
        return {language: Path(place) for language, place in sorted(models.items())}
    if not models:
        return {}
    if LANGUAGE not in models:
        raise FileNotFoundError(
            f"models = '{models}' needs {LANGUAGE} in it, or a table by language"
        )
    before, _, after = models.partition(LANGUAGE)
    folder, start = Path(before + "x").parent, Path(before + "x").name[:-1]
    name, _, below = after.partition("/")
    found = {}
    for path in sorted(folder.glob(f"{_escaped(start)}*{_escaped(name)}")):
        language = path.name.removeprefix(start).removesuffix(name)
        place = path / below if below else path
        if place.exists() and "." not in language:
            found[language] = place
    if not found:
        raise FileNotFoundError(f"no model fits models = '{models}'")
    return found


def _escaped(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _floats(values: np.ndarray) -> pa.FloatArray:
    return pa.array(values, pa.float32(), mask=np.isnan(values), from_pandas=False)
