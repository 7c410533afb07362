"""Documents to numbers of tokens, against plain Python; vocabularies."""

from itertools import islice, pairwise, product
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.ccnet import ccnet, fixed
from reference.texts import texts

from tamis.filters.kernels.murmur import murmur
from tamis.filters.ngram import pieces, pieces_training, recent
from tamis.filters.ngram.tokens import Tokens
from tamis.filters.ngram.vocabulary import RESERVED, Vocabulary

TRAINING = ["the cat sat on the mat 00", "a dog и кошка sat", "over the lazy dogs"] * 30


@pytest.fixture(scope="module")
def model():
    return pieces.load(pieces_training.train((line.encode() for line in TRAINING), 60, threads=1))


def batch(documents):
    encoded = [document.encode() for document in documents]
    offsets = np.cumsum([0, *map(len, encoded)])
    return np.frombuffer(b"".join(encoded) + b"xyz", np.uint8), offsets.astype(np.int64)


def expected(documents, form, model):
    """Sentences of every document as lists of tokens."""
    normal = {"ccnet": ccnet, "fixed": fixed}[form]
    found = []
    for document in documents:
        if model and form == "ccnet":  # at once, as the library does
            found.append([line for line in [model.encode(normal(document).encode())] if line])
            continue
        lines = [line.split(" ") for line in normal(document).split("\n")]
        if model:
            lines = [[p for w in line if w for p in model.encode(w.encode())] for line in lines]
        else:
            lines = [[w.encode() for w in line if w] for line in lines]
        found.append([line for line in lines if line])
    return found


def found(tokens, documents):
    ids, ends, first = tokens.read(*batch(documents))
    assert (ids.dtype, ends.dtype, first.dtype) == (np.uint32, np.int64, np.int64)
    assert len(first) == len(documents) + 1 and first[-1] == len(ends)
    starts = [0, *ends.tolist()]
    sentences = [ids[a:b].tolist() for a, b in zip(starts, ends.tolist(), strict=False)]
    return [sentences[a:b] for a, b in pairwise(first)]


def numbered(documents, known):
    def number(token):
        return 0 if token in RESERVED else known.setdefault(token, len(known) + 3)

    return [[[number(token) for token in line] for line in lines] for lines in documents]


words = st.sampled_from(["the ", "cat ", "dogs", "\n", " ", "<s> ", "</s>\n", "<unk> ", "<UNK> "])
documents = st.lists(st.lists(st.one_of(texts, words), max_size=12).map("".join), max_size=5)


@pytest.mark.parametrize("form", ["fixed", "ccnet"])
@pytest.mark.parametrize("by_pieces", [True, False])
@settings(max_examples=60)
@given(st.lists(documents, min_size=1, max_size=3))
def test_a_vocabulary_grows_in_the_order_of_the_text(model, form, by_pieces, batches):
    used = model if by_pieces else None
    tokens, known = Tokens(form, used, Vocabulary()), {}
    for several in batches:
        lines = expected(several, form, used)
        assert found(tokens, several) == numbered(lines, known)
        assert [tokens.strings(document) for document in several] == lines
    assert tokens.vocabulary.words() == [b"<unk>", b"<s>", b"</s>", *known]


def test_a_vocabulary_that_is_given_does_not_grow():
    growing = Vocabulary()
    first = found(Tokens("fixed", None, growing), ["a b\nc"])
    assert growing.grows
    assert found(Tokens("fixed", None, growing), ["zz c"]) == [[[6, 5]]]
    made = Vocabulary(growing.words_of.keys, growing.words_of.ids)
    tokens = Tokens("fixed", None, made)
    assert not made.grows
    assert all(
        murmur(np.frombuffer(w, np.uint8), 0, len(w)) in made.words_of.keys for w in RESERVED
    )
    assert found(tokens, ["a b\nc", "c new zz <s>"]) == [*first, [[5, 0, 6, 0]]]
    assert found(tokens, ["new"]) == [[[0]]]


def test_numbers_are_those_under_the_hashes():
    """As in KenLM's files, where a model's own words have numbers too."""
    keys, ids = np.zeros(7, np.uint64), np.zeros(7, np.uint32)
    for number, word in enumerate([b"<s>", b"cat", b"mat"], 1):
        key = np.uint64(murmur(np.frombuffer(word, np.uint8), 0, len(word)))
        slot = int(key) % 7
        while keys[slot]:
            slot = (slot + 1) % 7
        keys[slot], ids[slot] = key, number
    keys.flags.writeable = ids.flags.writeable = False
    tokens = Tokens("fixed", None, Vocabulary(keys, ids))
    assert found(tokens, ["cat <s> mat dog"]) == [[[2, 1, 3, 0]]]


@pytest.mark.parametrize("by_pieces", [True, False])
def test_everything_that_is_too_small_is_enlarged(model, by_pieces):
    used = model if by_pieces else None
    tokens = Tokens("fixed", used, Vocabulary())
    tokens._ids, tokens._ends = np.empty(1, np.uint32), np.empty(1, np.int64)
    tokens._make_word_room(1)
    some = [" ".join(f"{chr(97 + i % 26)}\u4e00{chr(0x4E00 + i)}x" for i in range(20_000))]
    some += ["\n".join("abcdefgh"[i % 8] for i in range(5000)), "", "the" * 400_000]
    known = {}
    lines = expected(some, "fixed", used)
    assert found(tokens, some) == numbered(lines, known)
    assert tokens.vocabulary.words() == [b"<unk>", b"<s>", b"</s>", *known]
    assert len(known) > (1 << 14)


def test_words_that_share_a_line_of_the_cache_or_do_not_fit_keep_their_numbers(model):
    """Every number of pieces and size about the limits, and words alike but for their ends."""
    tokens = Tokens("fixed", model, Vocabulary())
    some = ["z" * n + "q" * m for n in range(30) for m in range(0, 30, 3)]
    some += [f"{n:b}".replace("1", "the").replace("0", "й")[:14] for n in range(300)]
    known, lines = {}, expected(some, "fixed", model)
    first = found(tokens, some)
    assert first == numbered(lines, known)
    ends = ["".join(end) for end in islice(product(ascii_lowercase, repeat=3), 8000)]
    alike = [" ".join("abcdefghijklmnop" + end for end in ends)] * 2
    assert recent.LINES < 8000**2 // 40, "some twenty pairs share a line"
    assert found(Tokens("fixed", None, Vocabulary()), alike) == [[list(range(3, 8003))]] * 2
    assert found(tokens, some) == first
