"""Pieces against the library's, and files that are none."""

import io
import random
import struct
import unicodedata

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.texts import texts
from reference.unigram import best_pieces

from tamis.filters.ngram import pieces, pieces_training
from tamis.filters.ngram.charsmap import charsmap
from tamis.filters.ngram.wire import BYTES, FIXED32, VARINT, fields

SAMPLES = (
    "the quick brown fox jumps over the lazy dog",
    "быстрая коричневая лиса прыгает",
    "तेज़ भूरी लोमड़ी कूदती है",
    "敏捷的棕色狐狸跳过了懒狗",
    "สุนัขจิ้งจอกสีน้ำตาล",
    "الثعلب البني السريع",
    "0 . , - ' # 00 ...",
)


def sentences(count=800):
    """Sentences of words with beginnings and endings in common."""
    draw = random.Random(1)
    words = [word for sample in SAMPLES for word in sample.split()]
    words += [a[:3] + b[-3:] for a in words for b in words[::7]]
    return [" ".join(draw.choices(words, k=8)).encode() for _ in range(count)]


@pytest.fixture(scope="module")
def file():
    return pieces_training.train(sentences(), 1500, coverage=0.99, threads=1)


@pytest.fixture(scope="module")
def model(file):
    return pieces.load(file)


@pytest.fixture(scope="module")
def library(file):
    return sentencepiece.SentencePieceProcessor(model_proto=file)


def strings(model, word):
    return [piece.decode() for piece in model.encode(word.encode())]


nasty = st.lists(
    st.sampled_from([*"".join(SAMPLES), *"▁\u3000\u00a0ﷺ①ｶﾞ\u0301é\u200b가한≠x\ufffd"]), max_size=30
)


@settings(max_examples=400)
@given(text=texts, signs=nasty)
def test_pieces_are_the_librarys(model, library, text, signs):
    for word in [*text.split(" "), "".join(signs).replace(" ", ""), *text.split()]:
        assert strings(model, word) == library.encode_as_pieces(word)


@settings(max_examples=200)
@given(st.lists(st.one_of(texts, nasty.map("".join), st.sampled_from(["  ", " the ", "------"]))))
def test_whole_texts_are_segmented_as_the_library_does(model, library, parts):
    text = "".join(parts)
    assert strings(model, text) == library.encode_as_pieces(text)


def test_every_character_is_rewritten_as_the_library_does(model, library):
    for first in range(0x20, 0x30000, 0x40):
        word = "".join(
            f"a{chr(c)}e" for c in range(first, first + 0x40) if not 0xD800 <= c < 0xE000
        )
        word = word.replace(" ", "")
        assert strings(model, word) == library.encode_as_pieces(word), hex(first)


def test_words_of_text_are_the_librarys(model, library):
    for word in {word for line in sentences(200) for word in line.decode().split()}:
        assert strings(model, word) == library.encode_as_pieces(word)
        if unicodedata.is_normalized("NFKC", word):
            assert strings(model, word) == best_pieces(model, word)


@pytest.mark.parametrize("unit", ["a", "thequickbrownfox", "狐", "x€", "\U0001f98a"])
def test_a_word_of_a_megabyte(model, library, unit):
    word = unit * ((1 << 20) // len(unit.encode()))
    assert strings(model, word) == library.encode_as_pieces(word)


def test_sums_that_get_too_coarse_are_lowered_on_the_way_as_the_library_does():
    file = small(("a", -1e7, 1), ("b", -0.1, 1), ("c", -0.1, 1), ("bc", -0.4, 1))
    library = sentencepiece.SentencePieceProcessor(model_proto=file)
    assert strings(pieces.load(file), "abc") == library.encode_as_pieces("abc")
    assert strings(pieces.load(file), "abc") == ["▁", "a", "b", "c"]


def message(*parts):
    """A message of fields; a float is 32 bits wide."""
    out = b""
    for number, value in parts:
        if isinstance(value, float):
            out += _varint(number << 3 | FIXED32) + struct.pack("<f", value)
        elif isinstance(value, int):
            out += _varint(number << 3 | VARINT) + _varint(value)
        else:
            out += _varint(number << 3 | BYTES) + _varint(len(value)) + value
    return out


def _varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def small(*vocabulary, trainer=((3, 1),), normalizer=((1, b"identity"),)):
    """A model of these pieces; each a text, its score and type."""
    listed = [("<unk>", 0.0, 2), ("▁", -3.0, 1), *vocabulary]
    entries = [(1, message((1, p.encode()), (2, s), (3, t))) for p, s, t in listed]
    return message(*entries, (2, message(*trainer)), (3, message(*normalizer)))


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=4),
        st.sampled_from([-1.0, -2.0, -3.0, -0.1, -0.3, -1e7, -3.3333333, -16777217.0]),
        min_size=1,
        max_size=20,
    ),
    st.lists(st.text("abcd▁", max_size=40), max_size=8),
)
def test_equal_scores_are_chosen_between_as_the_library_does(scores, words):
    file = small(*((p, s, 1) for p, s in scores.items()))
    model, library = pieces.load(file), sentencepiece.SentencePieceProcessor(model_proto=file)
    for word in words:
        assert strings(model, word) == library.encode_as_pieces(word)


def test_unused_pieces_and_controls_are_in_no_word():
    file = small(("ab", -1.0, 5), ("a", -2.0, 1), ("<s>", 0.0, 3))
    library = sentencepiece.SentencePieceProcessor(model_proto=file)
    for word in ("abab", "<s>a", "bb"):
        assert strings(pieces.load(file), word) == library.encode_as_pieces(word)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (small(trainer=[(3, 2)]), "its type is BPE"),
        (small(trainer=[(3, 1), (24, 1)]), "behind words"),
        (small(trainer=[(3, 1), (35, 1)]), "into bytes"),
        (small(normalizer=[(3, 0)]), "U.2581 before the first word"),
        (small(normalizer=[(4, 0)]), "extra whitespace"),
        (small(normalizer=[(5, 0)]), "mark spaces"),
        (small(normalizer=[(2, b"\x00\x04\x00\x00abc")]), "rules are broken"),
        (small(("a▁b", -1.0, 1)), "has U.2581 behind"),
        (small(("x", -1.0, 4)), "its user defined"),
        (small(("<0x00>", 0.0, 6)), "a byte"),
        (small(("x", 0.0, 9)), "of type 9"),
        (small(("x", float("nan"), 1)), "not finite"),
        (small(("x", -1.0, 1), ("x", -2.0, 1)), "there twice"),
        (small(("", -1.0, 1)), "has 0 bytes"),
        (small(("x" * 5000, -1.0, 1)), "has 5000 bytes"),
        (small()[:-1], "cut off"),
        (small() + b"\xff" * 12, "64 bits"),
        (message((2, message((3, 1))), (3, b"\x08\x01")), "no piece of it"),
        (message((1, 5)), "field 1 is of type 0"),
        (b"", "settings are missing"),
        (b"\x0b\x0c", "type 3"),
    ],
)
def test_what_cannot_be_used_is_said(file, says):
    with pytest.raises(ValueError, match=says):
        pieces.load(file)


@settings(max_examples=200)
@given(st.data())
def test_broken_files_raise_and_nothing_else(data):
    file = small(("ab", -1.0, 1), ("é狐", -2.0, 1), ("狐", -4.0, 1))
    place = data.draw(st.integers(0, len(file) - 1))
    broken = bytearray(file)
    broken[place] ^= data.draw(st.integers(1, 255))
    for hostile in (bytes(broken), file[:place], file[place:]):
        _load_if_possible(hostile)


def _load_if_possible(file):
    try:
        model = pieces.load(file)
    except ValueError:
        return
    model.encode("ﷺthe狐é".encode())


@settings(max_examples=8)
@given(st.randoms(use_true_random=False))
def test_broken_rules_raise_and_nothing_else(file, draw):
    start = file.index(b"nmt_nfkc") + 16
    broken = bytearray(file)
    for _ in range(20):
        broken[draw.randrange(start, start + 180_000)] = draw.randrange(256)
    _load_if_possible(bytes(broken))


def test_rules_that_replace_spaces_or_go_in_circles_are_refused(file):
    spec = next(value for number, _, value in fields(file) if number == 3)
    blob = next(value for number, _, value in fields(spec) if number == 2)
    assert charsmap(blob).widest == 13
    labels = np.arange(256, dtype="<u4")
    one = np.where(labels == 97, labels | labels << 10, 0).astype("<u4")
    for circle in (one, labels | labels << 10):
        with pytest.raises(ValueError, match="too many or too long"):
            charsmap(struct.pack("<I", 1024) + circle.tobytes() + b"\0")
    space = np.zeros(256, "<u4")
    space[[0, 32, 1]] = 0, 32 | 0x100 | 33 << 10, 1 << 31
    with pytest.raises(ValueError, match="replace spaces"):
        charsmap(struct.pack("<I", 1024) + space.tobytes() + b"x\0")


def test_training_twice_gives_the_same_bytes_and_prints_nothing(file, capfd):
    again = pieces_training.train(iter(sentences()), 1500, coverage=0.99, threads=1)
    assert again == file
    two = [pieces_training.train(sentences(), 1 << 16, threads=2) for _ in range(2)]
    assert two[0] == two[1]
    assert capfd.readouterr() == ("", "")
    assert pieces.load(two[0])


def test_long_sentences_are_cut_not_dropped():
    word = "ab" * 3000
    library = sentencepiece.SentencePieceProcessor(
        model_proto=pieces_training.train([b"cd " * 5000, word.encode()], 100)
    )
    assert library.encode_as_pieces("cd")[0].startswith("▁c")
    assert "<unk>" not in [library.id_to_piece(i) for i in library.encode("abcd")]


def test_too_little_text_is_said():
    for lines in ([], [b""], [b" "]):
        with pytest.raises(ValueError, match="No pieces can be made"):
            pieces_training.train(lines)
    assert io.BytesIO(pieces_training.train([b"x" * 100_000]))
