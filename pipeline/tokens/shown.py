"""Tokens as text that people read: whose documents they are, where these begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from tamis.tokenize.arrays import Ids
from tamis.tokenize.errors import TokensError
from tamis.tokenize.tokens import Document, Tokens
from tamis.tokenize.vocabulary import CONTROL, UNKNOWN, Vocabulary
from tamis.tokenize.windows import COUNT, SHARD, START, Stream

BETWEEN = "\u2502"
"""Stands between pieces."""
SPECIAL = (UNKNOWN, CONTROL)
"""Kinds of tokens that stand for no text."""


def whole(document: Document) -> dict[str, Any]:
    """A document, all of it."""
    return _part(document, 0, document.ids)


def window(tokens: Tokens, number: int, length: int) -> list[dict[str, Any]]:
    """The parts of documents in a window of all tokens; raises TokensError if there is none."""
    windows = tokens.facts["tokens"] // length
    if not 0 <= number < windows:
        raise TokensError(
            f"{tokens.folder} has no window {number:,} of {length:,} tokens: it has {windows:,}, "
            "counted from 0"
        )
    pieces = Stream(tokens).pieces(np.array([number * length]), length)
    places = pieces[:, [SHARD, START, COUNT]].tolist()
    return [part for place in places for part in _parts(tokens, *place)]


def _parts(tokens: Tokens, shard: int, start: int, count: int) -> Iterator[dict[str, Any]]:
    """The parts of documents among tokens of a shard."""
    ends = tokens.shards[shard].ends
    before = sum(one.facts["documents"] for one in tokens.shards[:shard])
    place, stop = int(np.searchsorted(ends, start, side="right")), start + count
    while start < stop:
        document = tokens.document(before + place)
        first = start - (int(ends[place]) - len(document.ids))
        ids = document.ids[first : first + stop - start]
        yield _part(document, first, ids)
        start, place = start + len(ids), place + 1


def _part(document: Document, first: int, ids: Ids) -> dict[str, Any]:
    return {
        "document": document.number,
        "shard": document.shard,
        "place": document.place,
        "source": document.source,
        "bytes": document.bytes,
        "id_hash": f"{document.id_hash:016x}",
        "tokens": len(document.ids),
        "first": first,
        "ids": ids.tolist(),
    }


def heading(part: dict[str, Any]) -> str:
    """A line about a part."""
    first, count, length = part["first"], len(part["ids"]), part["tokens"]
    which = "" if count == length else f" (from token {first:,}: {count:,})"
    return (
        f"document {part['document']:,} ({part['shard']}, {part['place']:,}), source "
        f"{part['source']}, {part['bytes']:,} bytes, {length:,} tokens{which}, id hash "
        f"{part['id_hash']}"
    )


def text(vocabulary: Vocabulary, part: dict[str, Any], pieces: bool) -> str:
    """A part of a document as text: special tokens by name, bytes that are no text as \\xff.

    pieces: whether something stands between any two; then a space that the vocabulary puts before
    every text is shown too.
    """
    shown, before = [], vocabulary.prefix and not part["first"]
    for named, some in groupby(part["ids"], key=lambda one: vocabulary.kinds[one] in SPECIAL):
        if named:
            shown += [f"[{vocabulary.names[one]}]" for one in some]
        elif pieces:
            shown += [_plain(vocabulary, [one]) for one in some]
        else:
            shown.append(_plain(vocabulary, list(some)).removeprefix(" " if before else ""))
            before = False
    return (BETWEEN if pieces else "").join(shown)


def _plain(vocabulary: Vocabulary, ids: list[int]) -> str:
    return vocabulary.decode_bytes(ids).decode(errors="backslashreplace")
