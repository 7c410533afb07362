"""The vocabulary of an experiment: neutral, of as much text of raw as of the recipe's answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tamis.pipeline import files
from tamis.pipeline.ablate.answers import Answer
from tamis.pipeline.errors import WorkError
from tamis.pipeline.tokens.sample import draw
from tamis.tokenize import export, training
from tamis.tokenize.errors import TokensError
from tamis.tokenize.vocabulary import Vocabulary, load

BUDGET = 5_000_000
"""Bytes of each arm that it is learnt from; of each source the same, as far as there is."""
THREADS = 2


def neutral(answers: Sequence[Answer], folder: Path, size: int) -> Vocabulary:
    """A vocabulary of these answers in equal parts; the one that is there, if it was made of them.

    The largest that the text can give, if it cannot give the size.
    """
    of = files.fingerprint([size, BUDGET, [files.fingerprint(_of(one)) for one in answers]])
    mark = folder / "of.json"
    if mark.is_file() and files.read_json(mark)["of"] == of:
        return load(folder)
    mark.unlink(missing_ok=True)  # from here on nothing vouches for what is there
    texts = [part.text for one in answers for part in draw(one.sift, BUDGET, 0)]
    try:
        model = _trained(texts, size)
        made = export.write(model, folder, {"settings": {"size": size, "budget": BUDGET}})
    except TokensError as error:
        raise WorkError(f"no vocabulary for the experiment: {error}") from None
    files.write_json(mark, {"of": of})
    return made


def _trained(texts: Sequence[bytes], size: int) -> bytes:
    for coverage in (0.9999, 0.999, 0.99, 0.95):
        try:
            return training.train(texts, size, coverage=coverage, threads=THREADS)
        except training.TooLarge as error:
            return training.train(texts, error.largest, coverage=coverage, threads=THREADS)
        except training.TooSmall:
            continue
    return training.train(texts, size, coverage=0.9, threads=THREADS)


def _of(one: Answer) -> list[str]:
    sources = one.sources
    digests = [one.sift.fingerprints[stage.name] for stage in sources.stages]
    return [one.corpus.documents_digest, repr([stage.rules for stage in sources.stages]), *digests]
