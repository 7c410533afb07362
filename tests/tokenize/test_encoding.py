"""The encoder: the same ids as the library and as plain Python, for any text and any vocabulary."""

from __future__ import annotations

import gzip
import io
import json
import random
import threading
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import bpe
from support import SENTENCES, once

from tamis.tokenize import encoding
from tamis.tokenize.errors import TokensError
from tamis.tokenize.vocabulary import Vocabulary, load

DATA = Path(__file__).parents[3] / "shared" / "data" / "langid"
ALPHABETS = ("ab", "ab ", "aab \n", "aé字\U0001f600 ", "x1 .\t")
HOSTILE = [
    "",
    " ",
    "   leading, trailing   ",
    "\u2581 and \u2581\u2581x",
    "\0 a\0b\0\0",
    "\r\n\t\x1b[31m \ufeff \u200d\u200b \u00a0\u3000",
    "<s></s><unk><0x41> <0x0A>",
    "e\u0301\u0327 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0010ffff \uffff \ud7ff \ue000",
    "1234567890 3.14159 \u0661\u0662\u0663",
    "The old miller" * 40,
    "a" * 1000,
    " " * 777,
    "ab" * 500 + "ba" * 500,
]


def trained(texts: list[str], size: int, prefix: bool = False) -> bytes:
    """A model, trained as ours are; as large as the texts give, if that is less."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        hard_vocab_limit=False,
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        add_dummy_prefix=prefix,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        required_chars="\u2581",
        minloglevel=3,
    )
    return model.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        draw = random.Random(0)
        words = " ".join(SENTENCES.values()).split()
        texts = [" ".join(draw.choices(words, k=12)) for _ in range(400)]
        texts += ["\n".join(texts[:9]), *SENTENCES.values()]
        (folder / "plain.model").write_bytes(trained(texts, 700))
        (folder / "prefixed.model").write_bytes(trained(texts, 600, prefix=True))

    return once(tmp_path_factory, "encoding", make)


@pytest.fixture(scope="module", params=["plain", "prefixed"])
def vocabulary(request: pytest.FixtureRequest, place: Path) -> Vocabulary:
    return load(place / f"{request.param}.model")


@pytest.fixture(scope="module")
def library(vocabulary: Vocabulary) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(vocabulary.path))


def column(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Texts as Arrow has them."""
    sizes = [len(text.encode()) for text in texts]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return np.frombuffer("".join(texts).encode(), np.uint8), offsets


def each(vocabulary: Vocabulary, texts: list[str], **around: bool) -> list[list[int]]:
    """The ids of each of many texts, encoded at once."""
    ids, ends = vocabulary.encode_column(*column(texts), **around)
    return [part.tolist() for part in np.split(ids, ends[:-1])]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text(vocabulary: Vocabulary, library, text: str) -> None:
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert ids == bpe.encode(vocabulary, text)
    if "\u2581" not in text:
        assert ids == library.encode(text)


@settings(max_examples=300, deadline=None)
@given(text=st.text())
def test_any_text(vocabulary: Vocabulary, library, text: str) -> None:
    """Decoding gives the text back, and the ids are the library's."""
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert ids == bpe.encode(vocabulary, text)
    if "\u2581" not in text:
        assert ids == library.encode(text)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_texts_made_of_pieces(vocabulary: Vocabulary, library, data) -> None:
    """Random pieces side by side meet in every way that merges can compete."""
    names = [name.replace("\u2581", " ") for name in vocabulary.names[259:]]
    text = "".join(data.draw(st.lists(st.sampled_from(names), max_size=30)))
    assert vocabulary.encode(text) == library.encode(text) == bpe.encode(vocabulary, text)


@pytest.mark.parametrize("seed", range(12))
def test_any_vocabulary(seed: int, tmp_path: Path, monkeypatch) -> None:
    """Vocabularies of few characters, where nearly everything can be merged with everything.

    Parts that begin alike meet in a memory of a few slots.
    """
    monkeypatch.setattr(encoding, "_SLOTS", 32)
    draw = random.Random(seed)
    alphabet = ALPHABETS[seed % len(ALPHABETS)]

    def text(most: int) -> str:
        return "".join(draw.choices(alphabet, k=draw.randint(1, most)))

    path = tmp_path / "any.model"
    path.write_bytes(trained([text(60) for _ in range(60)], 300 + 20 * seed, prefix=seed % 3 == 0))
    made = load(path)
    library = sentencepiece.SentencePieceProcessor(model_file=str(path))
    texts = [text(200) for _ in range(60)] + [text(3000)]
    for start in [text(8) * 8 for _ in range(20)]:
        texts += [start[:8] + text(4) for _ in range(12)] + [start[:7], start[:8]]
    expected = library.encode(texts)
    assert each(made, texts) == expected
    assert [bpe.encode(made, one) for one in texts[:20]] == expected[:20]
    assert each(made, texts) == expected  # from what is remembered


def test_equal_scores_go_to_the_left(tmp_path: Path) -> None:
    """Scores of a stranger's model may be equal, and pieces may have characters that are none."""
    from sentencepiece import sentencepiece_model_pb2 as proto

    model = proto.ModelProto.FromString(trained(["ab ba"], 262))
    del model.pieces[259:]
    pairs = [("ab", -1), ("ba", -1), ("aba", -1), ("xy", -2), ("a", -9), ("b", -9)]
    for piece, score in (*pairs, ("\u2581", -9)):
        model.pieces.add(piece=piece, score=score, type=1)
    path = tmp_path / "equal.model"
    path.write_bytes(model.SerializeToString())
    made, library = load(path), sentencepiece.SentencePieceProcessor(model_file=str(path))
    for text in ("ababa", "babab", "bababab" * 30, "xyx", "x", "aabbxyyx"):
        assert made.encode(text) == library.encode(text) == bpe.encode(made, text)


def test_boundaries_of_documents(vocabulary: Vocabulary) -> None:
    """Each text stands alone, with what begins and ends it if asked for."""
    texts = ["", "The old", " miller", "", "a\n", ""]
    alone = [vocabulary.encode(text) for text in texts]
    assert each(vocabulary, texts) == alone
    bos, eos = vocabulary.bos, vocabulary.eos
    assert each(vocabulary, texts, bos=True, eos=True) == [[bos, *ids, eos] for ids in alone]
    assert each(vocabulary, texts, eos=True) == [[*ids, eos] for ids in alone]


def test_a_part_of_a_column(vocabulary: Vocabulary) -> None:
    """Arrow's slices begin anywhere in their buffer."""
    texts = ["The old miller", "carried", "his flour"]
    data, offsets = column(texts)
    ids, ends = vocabulary.encode_column(data, offsets[1:])
    assert np.split(ids, ends[:-1])[1].tolist() == vocabulary.encode("his flour")


def test_a_memory_that_is_full(vocabulary: Vocabulary, monkeypatch) -> None:
    """What is remembered is forgotten and learnt anew, and changes nothing."""
    monkeypatch.setattr(encoding, "_SLOTS", 16)
    small = load(vocabulary.path)
    draw = random.Random(5)
    texts = [" ".join(draw.choices(SENTENCES["en"].split(), k=50)) for _ in range(50)]
    assert each(small, texts) == each(vocabulary, texts)
    assert len(small._encoder._memory) == 16 * encoding._WORDS


def test_threads_do_not_meet(vocabulary: Vocabulary) -> None:
    texts = [sentence * 20 for sentence in SENTENCES.values()] * 30
    expected, found = each(vocabulary, texts), []
    threads = [
        threading.Thread(target=lambda: found.append(each(vocabulary, texts))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.mark.parametrize("unit", ["a", "ab", " ", "é", "xyz"])
def test_a_long_text_without_a_boundary(vocabulary: Vocabulary, library, unit: str) -> None:
    """More than few symbols go by another way, which takes time by the logarithm."""
    for size in (encoding.FEW - 1, encoding.FEW, encoding.FEW + 1, 50_000):
        text = unit * size
        assert vocabulary.encode(text) == library.encode(text)


def test_what_cannot_be_encoded(vocabulary: Vocabulary) -> None:
    with pytest.raises(TokensError, match="surrogate"):
        vocabulary.encode("a\ud800b")
    for data, offsets in ((b"ab\xc3", [0, 3]), (b"\x80\x80\x80", [0, 3])):
        with pytest.raises(TokensError, match="no valid UTF-8"):
            vocabulary.encode_column(np.frombuffer(data, np.uint8), np.array(offsets))
    with pytest.raises(TokensError, match=f"token {vocabulary.size} is beyond"):
        vocabulary.decode([5, vocabulary.size])


@pytest.mark.skipif(not DATA.is_dir(), reason="no shared data beside the clone")
def test_all_languages(vocabulary: Vocabulary, library) -> None:
    """Every text of 128 languages and more: the ids of the library, and the text back."""
    texts: list[str] = []
    for path in sorted(DATA.glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            texts += [json.loads(line).get("text") or "" for line in file]
    assert len(texts) > 90_000
    found = each(vocabulary, texts)
    assert [k for k, text in enumerate(texts) if vocabulary.decode(found[k]) != text] == []
    plain = [k for k, text in enumerate(texts) if "\u2581" not in text]
    assert [found[k] for k in plain] == library.encode([texts[k] for k in plain])
