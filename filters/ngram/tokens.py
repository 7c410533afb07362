"""Documents to the numbers of their tokens, sentence by sentence."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Bytes, Flags, Longs
from tamis.filters.ngram.charsmap import charsmap
from tamis.filters.ngram.normalise import SLACK, normalised
from tamis.filters.ngram.normalise_tables import WIDEST, tables
from tamis.filters.ngram.pieces import Pieces
from tamis.filters.ngram.reading import (
    DOCUMENTS,
    NEEDED,
    SENTENCES,
    TOKENS,
    VOCABULARY,
    WHOLE,
    WORD,
    Model,
    Room,
    read_documents,
)
from tamis.filters.ngram.recent import AHEAD, IDS, cache
from tamis.filters.ngram.trie import trie
from tamis.filters.ngram.unigram import search
from tamis.filters.ngram.vocabulary import Vocabulary

T = TypeVar("T", bound=np.generic)


class Tokens:
    """Reads documents in a form, as pieces or as words between spaces, and numbers them.

    form: see normalise_tables. pieces: those of a model; None for words. An object serves one
    thread at a time: it has buffers, and a cache of words that it met (32 MB).
    """

    def __init__(self, form: str, pieces: Pieces | None, vocabulary: Vocabulary) -> None:
        self.form, self.pieces, self.vocabulary = form, pieces, vocabulary
        used = pieces or _no_pieces()
        self._model = Model(tables(form), *used.rules, used.trie, pieces is not None)
        self._cache = cache()
        self._ids = np.empty(1 << 20, np.uint32)
        self._ends = np.empty(1 << 16, np.int64)
        self._text = np.empty(1 << 20, np.uint8)
        self._make_word_room(1 << 12)

    def _make_word_room(self, size: int) -> None:
        """Room for words of so many bytes."""
        self._room = Room(np.empty(size, np.uint8), search(size))

    def read(self, data: Bytes, offsets: Longs) -> tuple[Flags, Longs, Longs]:
        """The tokens of the documents data[offsets[i] : offsets[i + 1]], UTF-8.

        Gives their numbers, one after another (uint32); where every sentence ends among them
        (int64), none without tokens; and the first sentence of every document, then how many
        sentences there are (int64, as long as offsets).
        """
        data, offsets = data.view(), offsets.astype(np.int64)
        data.flags.writeable = False  # as Arrow's are: kernels are compiled for one of both
        documents = np.zeros(len(offsets), np.int64)
        progress = np.zeros(NEEDED + 1, np.int64)
        size = WIDEST * int(np.diff(offsets).max(initial=0)) + SLACK + AHEAD
        if size > len(self._text):
            self._text = np.empty(size, np.uint8)
        while progress[DOCUMENTS] < len(offsets) - 1:
            reason = read_documents(
                data,
                offsets,
                self._model,
                self.vocabulary.words_of,
                self._cache,
                self._text,
                self._room,
                self._ids,
                self._ends,
                documents,
                progress,
            )
            self._enlarge(reason, int(progress[NEEDED]))
        ids = self._ids[: progress[TOKENS]].copy()
        return ids, self._ends[: progress[SENTENCES]].copy(), documents

    def _enlarge(self, reason: int, needed: int) -> None:
        """Makes room for what kept the kernel from going on."""
        if reason == IDS:
            self._ids = _longer(self._ids)
        elif reason == SENTENCES:
            self._ends = _longer(self._ends)
        elif reason == VOCABULARY:
            self.vocabulary.enlarge()
        elif reason == WORD:
            self._make_word_room(needed)

    def strings(self, text: str) -> list[list[bytes]]:
        """The tokens of every sentence of a text in UTF-8, to be shown; slow."""
        lines = normalised(text, self.form).encode().split(b"\n")
        whole = self.pieces and self.form == "ccnet" and len(lines[0]) <= WHOLE
        words = [[line] if whole else [w for w in line.split(b" ") if w] for line in lines]
        if self.pieces:
            encode = self.pieces.encode
            words = [[piece for word in line for piece in encode(word)] for line in words]
        return [line for line in words if line]


@lru_cache
def _no_pieces() -> Pieces:
    """Arrays for a kernel that does not look at them."""
    return Pieces(charsmap(b""), trie([b"?"], np.zeros(1, np.float32), np.float32(0)))


def _longer(array: npt.NDArray[T]) -> npt.NDArray[T]:
    return np.concatenate([array, array])
