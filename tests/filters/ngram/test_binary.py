"""Files that are cut off, wrong or hostile; files of KenLM's own."""

import shutil
import struct
import subprocess

import numpy as np
import pytest
from reference.small_models import (
    ListedLevels,
    arpa,
    packed,
    random_model,
    sentences,
    words_of,
    written,
)

from tamis.filters.ngram import binary_writer, scorer
from tamis.filters.ngram.arpa_reader import read
from tamis.filters.ngram.binary import open_model
from tamis.filters.ngram.binary_writer import write
from tamis.filters.ngram.layout import FIXED, SANITY, header_size, lay_out

GRAMS = random_model(3, 6, 3, 40, closed=True)
WORDS = [word.encode() for word in words_of(6)]
LINES = sentences(4, 6, 60)
NO_BEGINNING = [gram for gram in GRAMS if (3, 3) in (gram, gram[1:])]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "lm.bin"
    write(path, WORDS, ListedLevels(GRAMS))
    return path


def broken(tmp_path, good, *changes):
    """The good file with some bytes replaced."""
    data = bytearray(good.read_bytes())
    for place, some in changes:
        data[place : place + len(some)] = some
    path = tmp_path / "broken"
    path.write_bytes(data)
    return path


def test_a_file_cut_off_anywhere_is_refused(tmp_path, good):
    data, end = good.read_bytes(), open_model(good).layout.end
    scores = scorer.score(open_model(good), *packed(LINES)).tolist()
    for size in range(len(data)):
        path = tmp_path / "cut"
        path.write_bytes(data[:size])
        if size < end:
            with pytest.raises(ValueError, match=r"cut|not a model in KenLM|do not fit|n-grams"):
                open_model(path)
            continue
        model = open_model(path)
        with pytest.raises(ValueError, match="cut off or not its own"):
            model.words()
        if size % 8 == 0:
            assert scorer.score(model, *packed(LINES)).tolist() == scores


@pytest.mark.parametrize(
    ("place", "some", "said"),
    [
        (0, b"x", "not a model in KenLM's binary format"),
        (49, b"4", "format of version 4, not 5.*build_binary probing"),
        (56, b"\1", "other numbers"),
        (SANITY.size, b"\1", "n-grams of up to 1 words"),
        (SANITY.size, b"\7", "n-grams of up to 7 words"),
        (SANITY.size + 4, struct.pack("<f", 0.5), "multiplier of 0.5"),
        (SANITY.size + 4, struct.pack("<f", float("nan")), "multiplier of nan"),
        (SANITY.size + 4, struct.pack("<f", 1e30), "multiplier of 1.0"),
        (SANITY.size + 4, struct.pack("<f", 900), "cut off"),
        (SANITY.size + 8, b"\2", "is a trie, not .*build_binary probing.*ARPA"),
        (SANITY.size + 8, b"\3", "is a quantized trie, not"),
        (SANITY.size + 8, b"\x4d", "unknown kind 77"),
        (SANITY.size + 16, b"\1", "version 1 of the hash tables"),
        (SANITY.size + FIXED.size, b"\xff" * 8, "1-grams do not fit"),
        (SANITY.size + FIXED.size + 8, b"\xff\xff", "2-grams do not fit"),
        (header_size(3), b"\1", "version 1 of the vocabulary"),
        (header_size(3) + 4, b"\0", "0 words"),
        (header_size(3) + 4, b"\xff", "255 words with 9 unigrams"),
        (header_size(3) + 8, b"\xff" * 400, "no place of its vocabulary|numbered beyond"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, good, place, some, said):
    with pytest.raises(ValueError, match=said):
        open_model(broken(tmp_path, good, (place, some)))


def test_an_unfinished_file_is_said_to_be_one(tmp_path):
    path = tmp_path / "lm"
    path.write_bytes(b"mmap lm http://kheafield.com/code incomplete\n".ljust(4000, b"\0"))
    with pytest.raises(ValueError, match="did not finish"):
        open_model(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="not a model"):
        open_model(path)


def test_any_bytes_of_the_header_flipped_end_well(tmp_path, good):
    for place in range(header_size(3) + 8):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytes([good.read_bytes()[place] ^ flip])
            try:
                model = open_model(broken(tmp_path, good, (place, changed)))
            except ValueError:
                continue
            assert scorer.score(model, *packed(LINES)).size == len(LINES)


def test_tables_of_random_bytes_end_well(tmp_path, good):
    """Full tables, numbers of words that there are not, no floats: a result, whatever it is."""
    tables, end = open_model(good).layout.orders, open_model(good).layout.end
    chance = np.random.default_rng(0)
    for _ in range(40):
        some = chance.integers(0, 256, end - tables[0].start, np.uint8).tobytes()
        model = open_model(broken(tmp_path, good, (tables[0].start, some)))
        assert scorer.score(model, *packed(LINES)).size == len(LINES)
    for some in (b"\xff", b"\x7f", b"\0"):
        filled = some * (end - tables[0].start)
        model = open_model(broken(tmp_path, good, (tables[0].start, filled)))
        assert scorer.score(model, *packed(LINES)).size == len(LINES)


def test_a_file_of_gigabytes_is_open_at_once_and_found_in(tmp_path, good):
    """12 GB, all but some of them a hole: places in it do not fit into 32 bits."""
    small, data = open_model(good), good.read_bytes()
    counts = (small.counts[0], 500_000_000, small.counts[2])
    layout = lay_out(counts, 1.5)
    (_, pairs, triples), (_, places, longest) = small.layout.orders, layout.orders
    with (tmp_path / "large").open("wb") as file:
        file.write(data[: SANITY.size + FIXED.size] + struct.pack("<3Q", *counts))
        file.write(data[file.tell() : pairs.start])
        for start in range(pairs.start, triples.start, 16):
            entry = data[start : start + 16]
            if key := int.from_bytes(entry[:8], "little"):
                file.seek(places.start + key % places.buckets * 16)
                file.write(entry)
        file.seek(longest.start)
        file.write(data[triples.start :])
    large = open_model(tmp_path / "large")
    assert large.words() == WORDS
    scores = [scorer.score(model, *packed(LINES)).tolist() for model in (large, small)]
    assert scores[0] == scores[1]


def test_words_that_are_not_in_the_file_are_said_to_be_missing(tmp_path, good):
    path = broken(tmp_path, good, (SANITY.size + 12, b"\0"))
    with pytest.raises(ValueError, match="not in it"):
        open_model(path).words()


def test_words_are_found_by_the_table(good):
    model = open_model(good)
    assert [model.number(word) for word in WORDS] == list(range(len(WORDS)))
    assert model.number(b"unheard") == 0
    assert (model.begin, model.end, model.size, model.order) == (1, 2, 9, 3)


@pytest.mark.skipif(not shutil.which("build_binary"), reason="KenLM's build_binary is not on PATH")
@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("order", [2, 3, 5])
def test_what_is_written_is_what_build_binary_writes(tmp_path, order, closed):
    """Of most models that lack endings, some of which KenLM has no room for."""
    alike = 0
    for seed in range(8):
        grams = random_model(seed, 9, order, 30, closed=closed)
        text = written(tmp_path / "lm.arpa", arpa(grams, words_of(9)))
        command = ["build_binary", "probing", text, tmp_path / "theirs"]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            write(tmp_path / "ours", *read(text))
            assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
            alike += 1
    assert alike == 8 if closed else alike > 2


def test_large_tables_hold_the_same(tmp_path, good, monkeypatch):
    """Blocks put into the order of their places; the others are then elsewhere, but all there."""
    monkeypatch.setattr(binary_writer, "SORTED_FROM", 0)
    write(tmp_path / "lm", WORDS, ListedLevels(GRAMS, 1000))
    scores = [scorer.score(open_model(path), *packed(LINES)) for path in (tmp_path / "lm", good)]
    assert scores[0].tolist() == scores[1].tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({(3, 3, 3): (-1.0, 0.0)} | dict.fromkeys(NO_BEGINNING), "beginning is no 2-gram"),
        ({(3,): (0.5, 0.0)}, "probability above 1"),
        ({(3,): (float("nan"), 0.0)}, "finite"),
        ({(3, 4): (-1.0, float("inf"))}, "finite"),
        ({(3, 40): (-1.0, 0.0)}, "word that is none"),
    ],
)
def test_models_that_cannot_be_written(tmp_path, change, said):
    grams = {gram: numbers for gram, numbers in (GRAMS | change).items() if numbers}
    levels = ListedLevels(grams)
    levels.bits = 8
    with pytest.raises(ValueError, match=said):
        write(tmp_path / "lm", WORDS, levels)
    with pytest.raises(ValueError):
        open_model(tmp_path / "lm")
    with pytest.raises(ValueError, match="for 9 unigrams"):
        write(tmp_path / "lm", WORDS[1:], levels)
