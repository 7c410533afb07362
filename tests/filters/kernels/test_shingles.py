"""Simplified words and shingles against plain Python."""

import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import minhash as reference
from reference.texts import texts

from tamis.filters.kernels.shingles import CHUNK
from tamis.filters.minhash import Signer, base_hashes
from tamis.filters.minhash_settings import Banding, Shingling

shinglings = st.builds(
    Shingling,
    st.integers(1, 13),
    st.sampled_from(["words", "characters"]),
    st.sampled_from(["keep", "zero"]),
)
ONE = Shingling(1)


@settings(max_examples=400)
@given(texts, shinglings)
@example("\u0bca \u1b06 \U0001d15e \u0958 \ufb2c\u0344 \u1026x", Shingling(2, "characters"))
def test_shingles_are_those_of_the_definition(text, shingling):
    wanted = [reference.polynomial(units) for units in reference.shingles(text, shingling)]
    assert base_hashes(text, shingling, 64).tolist() == wanted
    halves = [value >> 32 for value in reference.hashes(text, shingling)]
    assert base_hashes(text, shingling).tolist() == halves


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_every_character_is_read_as_defined(unit):
    """Alone between letters; the room for shingles, one for every byte, holds them."""
    chars = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    known = [c for c in chars if unicodedata.category(c) not in ("Cn", "Co")][::11]
    text = "".join(f"a{char}b{char}{char}" for char in known)
    for digits in ("keep", "zero"):
        shingling = Shingling(1, unit, digits)
        wanted = [reference.polynomial(units) for units in reference.shingles(text, shingling)]
        assert base_hashes(text, shingling, 64).tolist() == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The CAFÉ, the cafe\u0301; 12th—3½", "the cafe the cafe 12th 3½"),
        ("ΟΔΟΣ οδος İstanbul", "οδοσ οδοσ istanbul"),
        ("漢字かナ x", "漢 字 か ナ x"),
        ("สวัสดี", "ส ว ส ด"),
        ("한국어", "한국어"),
        ("हिन्दी", "हिनदी"),
        ("a\0b\u200bc_d", "a b c d"),
        ("\u0301", ""),
    ],
)
def test_words_are_simplified(text, wanted):
    assert reference.words(text) == wanted.split()
    assert list(base_hashes(text, ONE)) == [base_hashes(word, ONE)[0] for word in wanted.split()]


def test_digits_are_zeros_if_asked():
    zero = Shingling(3, digits="zero")
    assert base_hashes("in 1987 ٣", zero).tolist() == base_hashes("in 2024 0", zero).tolist()
    assert base_hashes("in 1987", ONE)[1] != base_hashes("in 2024", ONE)[1]


@pytest.mark.parametrize("unit", ["words", "characters"])
@pytest.mark.parametrize(
    "units", [CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 4, CHUNK + 5, 2 * CHUNK + 9]
)
def test_parts_join_without_a_seam(unit, units):
    """Words that differ all, so that a lost or a doubled one shows; characters that take two."""
    numbers = range(units)
    text = (
        " ".join(map(str, numbers))
        if unit == "words"
        else "".join(chr(97 + n % 26) for n in numbers)
    )
    for end in ("", "\u0bca", "漢", "."):
        for shingling in (Shingling(5, unit), Shingling(1, unit), Shingling(200, unit)):
            wanted = [value >> 32 for value in reference.hashes(text + end, shingling)]
            assert base_hashes(text + end, shingling).tolist() == wanted


def test_a_word_may_be_longer_than_a_part():
    for text in ("é" * (3 * CHUNK), "x" * (3 * CHUNK)):
        assert len(base_hashes(text, ONE)) == 1
        assert base_hashes(text, ONE)[0] == reference.hashes(text, ONE)[0] >> 32


@given(st.binary(max_size=40), st.binary(max_size=12))
def test_bytes_beyond_a_text_are_not_read(inside, around):
    """Whatever the bytes are: a character that is cut off ends with its text."""
    signer = Signer(Shingling(2), Banding(1, 4))
    for behind in (b"", around, b"\x80\xbf" + around):
        data = np.frombuffer(around + inside + behind, np.uint8)
        offsets = np.array([len(around), len(around) + len(inside)], np.int64)
        signed = signer.sign(data, offsets)
        alone = signer.sign(np.frombuffer(inside, np.uint8), offsets - len(around))
        assert signed.signatures.tolist() == alone.signatures.tolist()
        assert signed.shingles.tolist() == alone.shingles.tolist()
