"""Bits per byte: how well a model predicts documents, whatever its vocabulary.

The nats of all tokens of a text over ln 2 times its bytes in UTF-8. A document is predicted from
BOS on; EOS is not predicted, since it is no byte of the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tamis.model.errors import ModelError
from tamis.model.score.heldout import Document
from tamis.model.score.intervals import DRAWS, FEW, Estimate, by_group, draws, estimate
from tamis.model.score.likelihood import Line, Longs, Scorer
from tamis.tokenize.vocabulary import Vocabulary

VERSION = "bpb/1"
_CHARACTERS = 1 << 23


class Unscorable(ModelError):
    """A text or an item that the model or its vocabulary gives no honest figure of."""


@dataclass(frozen=True)
class Scored:
    """What a document got."""

    domain: str
    id: str
    group: str
    nats: float
    bytes: int
    tokens: int
    """Predicted: those of its text."""


def score_documents(
    scorer: Scorer, vocabulary: Vocabulary, documents: Iterator[Document]
) -> Iterator[Scored]:
    """Scores documents in their order, some megabytes at a time; one without a byte gets 0 nats.

    Raises Unscorable, with the name of the document, where the vocabulary loses something of it or
    the model gives no number.
    """
    for some in _portions(documents):
        lines = [Line(ids) for ids in encoded(vocabulary, some)]
        nats = scorer.score(lines).nats
        for one, line, found in zip(some, lines, nats.tolist(), strict=True):
            if not math.isfinite(found):
                raise Unscorable(
                    f"{one.place} (id {one.id!r}): the model gives {found} nats: its weights are "
                    "damaged, or --dtype bf16 is too coarse for it"
                )
            size = len(_bytes(one))
            yield Scored(one.domain, one.id, one.group, found, size, len(line.tokens) - 1)


def _portions(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Documents to encode and sort at once."""
    some, size = list[Document](), 0
    for one in documents:
        some.append(one)
        size += len(one.text)
        if size >= _CHARACTERS:
            yield some
            some, size = [], 0
    if some:
        yield some


def encoded(vocabulary: Vocabulary, documents: Sequence[Document]) -> list[Longs]:
    """BOS and the ids of each document; Unscorable for one that they do not stand for exactly."""
    raw = [_bytes(one) for one in documents]
    places = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    data = np.frombuffer(b"".join(raw), np.uint8)
    ids, ends = vocabulary.encode_column(data, places, bos=True)
    found = [one.astype(np.int64) for one in np.split(ids, ends[:-1])]
    for one, tokens in zip(documents, found, strict=True):
        if vocabulary.unknown in tokens or vocabulary.decode(tokens[1:].tolist()) != one.text:
            raise Unscorable(
                f"{one.place} (id {one.id!r}): the vocabulary {vocabulary.path} loses something of "
                "it, and what is lost costs no bits: only a lossless one can be scored"
            )
    return found


def _bytes(document: Document) -> bytes:
    try:
        return document.text.encode()
    except UnicodeEncodeError as error:
        raise Unscorable(
            f"{document.place} (id {document.id!r}): a lone surrogate (character {error.start}) "
            "is no valid Unicode: read it with errors='replace'"
        ) from None


@dataclass(frozen=True)
class Domain:
    """The bits per byte of a domain."""

    bits: Estimate
    documents: int
    """Scored ones; `empty` ones, of no byte, are not among them."""
    empty: int
    groups: int
    few_groups: bool
    bytes: int
    tokens: int
    nats: float


def domains(scored: Sequence[Scored], seed: int) -> tuple[dict[str, Domain], Estimate]:
    """Each domain's bits per byte, by name, and their plain mean; ModelError for an empty domain.

    In the mean's interval domains are drawn apart: a host that is in two of them counts as two.
    """
    found, drawn = {}, []
    for name in sorted({one.domain for one in scored}):
        mine = [one for one in scored if one.domain == name]
        filled = [one for one in mine if one.bytes]
        if not filled:
            raise ModelError(f"--heldout: domain '{name}' has no document with a byte of text")
        nats, sizes = by_group(
            [one.group for one in filled],
            [one.nats for one in filled],
            [one.bytes for one in filled],
        )
        bits = nats / math.log(2)
        drawn.append(draws(bits, sizes, seed, f"{VERSION} {name}"))
        value = float(bits.sum() / sizes.sum())
        found[name] = Domain(
            bits=estimate(value, drawn[-1], len(nats)),
            documents=len(filled),
            empty=len(mine) - len(filled),
            groups=len(nats),
            few_groups=len(nats) < FEW,
            bytes=int(sizes.sum()),
            tokens=sum(one.tokens for one in filled),
            nats=float(nats.sum()),
        )
    macro = sum(one.bits.value for one in found.values()) / len(found)
    groups = min(one.groups for one in found.values())
    return found, estimate(macro, sum(drawn, np.zeros(DRAWS)) / len(found), groups)
