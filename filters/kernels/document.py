"""A document as kernels see it: characters, words and lines, found once and read by all of them."""

from __future__ import annotations

from threading import local
from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Ints, Longs
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.folding import WIDEST
from tamis.filters.kernels.hashes import beginnings
from tamis.filters.kernels.lines import NEWLINE, lines, spaced, strip
from tamis.filters.kernels.ngrams import Counting, Repeats, counting, number, repeats
from tamis.filters.kernels.words import STARTS_ALNUM, merge_addresses, words

CHARACTERS, WORDS, LINES, SPACED = range(4)
NUMBER_SIGNS, ELLIPSES, SPACED_ELLIPSES, BRACES, SENTENCES, TOKENS, BREAKS = range(4, 11)
"""Places in Document.counts; the last row is for signs.count_signs to fill."""


class Part(NamedTuple):
    """A part of a document's words, as Document.items, again and ends have all of them."""

    items: Ints
    again: Bytes
    ends: Ints


class Document(NamedTuple):
    """Arrays that every document of a batch is written to in turn, offsets in characters."""

    counts: Longs
    codes: Ints
    props: Flags
    begun: Hashes
    """Of the beginnings of the text, from the empty one on; so of any range. As long as folded."""
    word_starts: Ints
    word_stops: Ints
    word_hashes: Hashes
    word_traits: Bytes
    line_starts: Ints
    line_stops: Ints
    """Of what stands between newlines."""
    strip_starts: Ints
    strip_stops: Ints
    """Of lines without whitespace at their ends."""
    spaced_starts: Ints
    spaced_stops: Ints
    """Of words between whitespace."""
    items: Ints
    """Numbers of the items of some sequence."""
    again: Bytes
    """1 where such an item occurs more than once."""
    ends: Ints
    """Sizes of such a sequence, summed up, after a zero."""
    part: Part
    sizes: Ints
    folded: Ints
    room: Counting
    repeats: Repeats


_KEPT = 1 << 19
_of_thread = local()


def room_for(size: int) -> Document:
    """A document of at most size bytes; memory is touched as far as documents use it.

    Every thread keeps one for documents up to 512 KiB, some 50 MB at most: that spares page faults
    where batches are small, and is no faster otherwise.
    """
    if size > _KEPT:
        return _made_for(size)
    if not hasattr(_of_thread, "room"):
        _of_thread.room = _made_for(_KEPT)
    room: Document = _of_thread.room
    return room


def _made_for(size: int) -> Document:
    items = size + 2

    def ints() -> Ints:
        return np.empty(items, np.int32)

    return Document(
        counts=np.zeros(11, np.int64),
        codes=ints(),
        props=np.empty(items, np.uint32),
        begun=np.empty(WIDEST * items, np.uint64),
        word_starts=ints(),
        word_stops=ints(),
        word_hashes=np.empty(items, np.uint64),
        word_traits=np.empty(items, np.uint8),
        line_starts=ints(),
        line_stops=ints(),
        strip_starts=ints(),
        strip_stops=ints(),
        spaced_starts=ints(),
        spaced_stops=ints(),
        items=ints(),
        again=np.empty(items, np.uint8),
        ends=ints(),
        part=Part(ints(), np.empty(items, np.uint8), ints()),
        sizes=ints(),
        folded=np.empty(WIDEST * items, np.int32),
        room=counting(items),
        repeats=repeats(),
    )


@kernel
def segment(doc: Document, data: Bytes, start: int, stop: int, flags: Flags) -> None:
    """Reads the text data[start:stop] into a document."""
    counts = doc.counts
    count = decode(data, start, stop, flags, doc.codes, doc.props)
    counts[CHARACTERS] = count
    doc.codes[count] = NEWLINE
    doc.props[count] = flags[NEWLINE]  # so that whoever looks ahead finds whitespace
    beginnings(doc.codes, count, doc.begun)
    counts[WORDS] = words(
        doc.codes,
        doc.props,
        doc.begun,
        count,
        doc.items,
        doc.word_starts,
        doc.word_stops,
        doc.word_hashes,
        doc.word_traits,
    )
    counts[LINES] = lines(doc.codes, count, doc.line_starts, doc.line_stops)
    for line in range(counts[LINES]):
        ends = strip(doc.props, doc.line_starts[line], doc.line_stops[line])
        doc.strip_starts[line], doc.strip_stops[line] = ends
    counts[SPACED] = spaced(doc.props, count, doc.spaced_starts, doc.spaced_stops)


@kernel
def merge(doc: Document) -> bool:
    """Makes one word of those of an address, as spaCy does; gives whether there was any."""
    before = doc.counts[WORDS]
    doc.counts[WORDS] = merge_addresses(
        doc.codes,
        doc.props,
        doc.begun,
        doc.counts[CHARACTERS],
        doc.word_starts,
        doc.word_stops,
        doc.word_hashes,
        doc.word_traits,
        before,
    )
    return bool(doc.counts[WORDS] < before)


@inlined
def raw_lines(doc: Document) -> int:
    """How many lines there are, one behind the last newline only if it is not empty."""
    last = doc.counts[LINES] - 1
    return int(last + (doc.line_starts[last] < doc.line_stops[last]))


@kernel
def number_items(doc: Document, hashes: Hashes, count: int) -> int:
    """Numbers items by their hashes in doc.items and marks those that return in doc.again."""
    classes = number(hashes, count, doc.room, doc.items)
    for item in range(count):
        doc.again[item] = 1 if doc.room.counts[at(doc.items[item])] > 1 else 0
    return classes


@kernel
def take_words(doc: Document) -> int:
    """Makes the words the sequence of doc.items; gives how many there are."""
    count = int(doc.counts[WORDS])
    number_items(doc, doc.word_hashes, count)
    doc.ends[0] = 0
    for word in range(count):
        doc.ends[word + 1] = doc.ends[word] + doc.word_stops[word] - doc.word_starts[word]
    return count


@kernel
def part_words(doc: Document) -> int:
    """Makes those of `take_words` that start alphanumeric the sequence of doc.part; gives how many.

    Which of them return is as before: no word of one kind equals one of the other.
    """
    items, again, ends = doc.part.items, doc.part.again, doc.part.ends
    kept = 0
    ends[0] = 0
    for word in range(doc.counts[WORDS]):
        items[at(kept)] = doc.items[word]
        again[at(kept)] = doc.again[word]
        ends[at(kept + 1)] = ends[at(kept)] + doc.word_stops[word] - doc.word_starts[word]
        kept += doc.word_traits[word] & STARTS_ALNUM != 0
    return kept
