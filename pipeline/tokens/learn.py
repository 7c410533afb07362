"""Learning a vocabulary from what a corpus keeps: the sample, the training, its folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from tamis.pipeline.errors import WorkError
from tamis.pipeline.progress import Progress
from tamis.pipeline.sift import Sift
from tamis.pipeline.signals import promise
from tamis.pipeline.tokens import fertility
from tamis.pipeline.tokens.sample import Part, Sample, draw
from tamis.tokenize import export, training
from tamis.tokenize.errors import TokensError
from tamis.tokenize.vocabulary import MODEL, Vocabulary, load

THREADS = 2
"""Of the trainer; they are recorded in the model, so it is the same number on every machine."""
COVERAGES = (0.9995, 0.999, 0.995, 0.99, 0.98)
"""What is tried where a vocabulary that may shrink has no room for the characters."""


@dataclass(frozen=True)
class Settings:
    """How a vocabulary is learnt."""

    size: int = 32_000
    """Pieces, special ones and bytes among them."""
    budget: int = 100_000_000
    """Bytes of text that are learnt from."""
    seed: int = 0
    """Of the sample."""
    specials: tuple[str, ...] = ()
    """Special tokens beside <unk>, <s> and </s>."""
    coverage: float = 0.9999
    """Share of characters that are pieces; the others become their bytes."""
    shrink: bool = False
    """Whether text that cannot give the size gives the largest that it can, which is said."""


def origin(sift: Sift) -> dict[str, str]:
    """What a vocabulary is learnt from: the digests of documents and of who is kept."""
    answer = promise(sift.present()[0], sift.fingerprints)
    return {"documents": sift.corpus.documents_digest, "answer": answer}


def learn(
    sift: Sift, folder: Path, settings: Settings, quiet: bool = False, of: str = ""
) -> Vocabulary:
    """Fills an empty or new folder with the vocabulary of what a corpus keeps.

    The same corpus, recipe and settings give the same bytes. WorkError where there is no text, or
    too little for the size; `of` says there whose text it is, by default the corpus.
    """
    of = of or str(sift.corpus.root)
    sample = draw(sift, settings.budget, settings.seed)
    if not len(sample.rows):
        raise WorkError(
            f"no document with text is kept of {of}: there is nothing to learn a vocabulary from"
        )
    tally: dict[str, list[int]] = {}
    try:
        model, used = _trained(sample, settings, tally, quiet)
        parts = list(draw(sift, min(settings.budget, fertility.SAMPLE), settings.seed + 1))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MODEL).write_bytes(model)
        facts = _facts(sift, used, tally) | {"fertility": measured(load(folder), parts)}
        return export.write(model, folder, facts)
    except TokensError as error:
        raise WorkError(f"no vocabulary of {of}: {error}") from None


def measured(vocabulary: Vocabulary, parts: list[Part]) -> dict[str, Any]:
    """Fertility by source, by language and by size, on a sample."""
    tables = fertility.measure(vocabulary, parts)
    return {**tables, "sizes": fertility.by_size(vocabulary, parts, tables["all"])}


def _trained(
    sample: Sample, settings: Settings, tally: dict[str, list[int]], quiet: bool
) -> tuple[bytes, Settings]:
    """A model, and the settings that it was trained with in the end."""
    coverages = iter(COVERAGES)
    while True:
        tally.clear()
        try:
            asked = (settings.size, settings.specials, settings.coverage, THREADS)
            return training.train(_texts(sample, tally), *asked), settings
        except training.TooLarge as error:
            if not settings.shrink:
                raise
            changed = replace(settings, size=error.largest)
        except training.TooSmall:
            coverage = next((c for c in coverages if c < settings.coverage), None)
            if not settings.shrink or coverage is None:
                raise
            changed = replace(settings, coverage=coverage)
        if not quiet:
            told = f"vocabulary: {settings.size:,} pieces at coverage {settings.coverage} cannot be"
            now = f"taking {changed.size:,} at {changed.coverage}"
            Progress("tamis", 0).say(f"{told} had of this text: {now}")
        settings = changed


def _texts(sample: Sample, tally: dict[str, list[int]]) -> Iterator[bytes]:
    for part in sample:
        seen = tally.setdefault(part.source, [0, 0])
        seen[:] = [seen[0] + 1, seen[1] + len(part.text)]
        yield part.text


def _facts(sift: Sift, settings: Settings, tally: dict[str, list[int]]) -> dict[str, Any]:
    """What vocabulary.json says of how it came to be."""
    sources = {
        name: {"documents": seen[0], "bytes": seen[1]} for name, seen in sorted(tally.items())
    }
    asked = asdict(settings)
    del asked["shrink"]
    totals = [sum(seen[place] for seen in tally.values()) for place in (0, 1)]
    return {
        "settings": {"type": "bpe", **asked, "threads": THREADS},
        "sample": {"documents": totals[0], "bytes": totals[1], "sources": sources},
        "from": origin(sift),
        "versions": {"sentencepiece": metadata.version("sentencepiece")},
    }
