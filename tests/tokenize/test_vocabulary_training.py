"""Training: what a vocabulary learns from, what it can be asked for, and smaller ones in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from support import SENTENCES, prose

from tamis.tokenize import training
from tamis.tokenize.errors import TokensError
from tamis.tokenize.training import TooLarge, TooSmall, smaller, train
from tamis.tokenize.vocabulary import load

TEXTS = prose(3, 300)


def pieces(model: bytes) -> list[str]:
    return [piece.piece for piece in ModelProto.FromString(model).pieces]


def test_it_is_llamas_kind(tmp_path) -> None:
    """`load` refuses what loses something; the rest is the order of ids that Llama has."""
    model = train([*TEXTS, "x = 1066\n\n\n" * 50], 700, ["<|pad|>"])
    (tmp_path / "tokenizer.model").write_bytes(model)
    vocabulary = load(tmp_path)
    first = ("<unk>", "<s>", "</s>", "<|pad|>", "<0x00>")
    assert (vocabulary.names[:5], vocabulary.size, vocabulary.prefix) == (first, 700, False)
    assert (vocabulary.unknown, vocabulary.bos, vocabulary.eos) == (0, 1, 2)
    assert "\n\n" in vocabulary.names, "newlines are not learnt"
    learnt = vocabulary.names[260:]
    assert not [name for name in learnt if len(name) > 1 and set(name) & set("0123456789")]


def test_order_does_not_matter() -> None:
    """Else the same corpus in other shards would be other tokens."""
    model = train(TEXTS, 600)
    assert train(TEXTS[::-1], 600) == model
    assert train([text.encode() for text in TEXTS], 600) == model
    assert train(TEXTS[:200], 600) != model


def test_smaller_is_what_training_gives() -> None:
    """Figures for 8k that no training at 8k would give would be made up."""
    texts = [*TEXTS, SENTENCES["ja"] * 3, "naïve\n\n\tcafé" * 9]
    model = train(texts, 800, ["<|pad|>"])
    for size in (420, 555, 799):
        assert smaller(model, size) == train(texts, size, ["<|pad|>"])
    assert smaller(model, 800) == model
    with pytest.raises(TokensError, match="has none of 300 in it"):
        smaller(model, 300)
    with pytest.raises(TokensError, match="has none of 801 in it"):
        smaller(model, 801)


def test_a_space_is_a_piece_whatever_the_text() -> None:
    """Else it would be the three bytes of U+2581, and come back as that."""
    library = SentencePieceProcessor(model_proto=train(["山の上" * 9], 266))
    assert library.encode(" ", out_type=str) == ["\u2581"]


@pytest.mark.parametrize("reserved", ["\0", "\u2581", "\u2585"])
def test_reserved_characters_cost_no_text(reserved: str) -> None:
    """The library drops a whole sentence for a U+2585 and takes U+2581 for its space."""
    whole = train([f"zebra{reserved}quagga"] * 9, 277)
    assert whole == train(["zebra", "quagga"] * 9, 277)
    assert {"zebra", "quagga"} < set(pieces(whole))


def test_long_texts_are_learnt_from_whole() -> None:
    """The library drops sentences longer than it is told, without a word."""
    learnt = pieces(train([" ".join(TEXTS), "x" * 10_000 + "\n\nquagga" * 2000], 600))
    assert "quagga" in learnt


@settings(max_examples=60)
@given(st.text(alphabet=st.sampled_from("ab \né中😀"), max_size=400), st.integers(8, 40))
def test_cuts_lose_nothing(text: str, longest: int) -> None:
    """Parts are whole characters, none too long, and together the text."""
    data = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LONGEST", longest)
        parts = list(training._cut(data))
    assert b"".join(parts) == data
    assert all(0 < len(part) <= longest and part.decode() for part in parts)


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        ([], 400, "no text"),
        (["", "\0\0", "\u2585"], 400, "no text"),
        (["a\ud800"], 400, "no valid Unicode"),
        ([b"a\xff"], 400, "no valid Unicode"),
        (["a"], 400, "261 is the largest"),
        (["a"], 259, "cannot hold the 256 bytes"),
        (["".join(map(chr, range(0x4E00, 0x4F00)))], 400, "ask for 516 at least"),
    ],
)
def test_what_cannot_be_is_said(texts: list[str | bytes], size: int, message: str) -> None:
    with pytest.raises(TokensError, match=message):
        train(texts, size)


def test_the_sizes_that_are_named_can_be_had() -> None:
    """Advice that fails again is worse than none."""
    with pytest.raises(TooLarge) as large:
        train(TEXTS[:20], 9000)
    assert len(pieces(train(TEXTS[:20], large.value.largest))) == large.value.largest
    text = ["".join(map(chr, range(0x4E00, 0x4F00)))]
    with pytest.raises(TooSmall):
        train(text, 515)
    assert len(pieces(train(text, 516))) == 516


@pytest.mark.parametrize("name", ["", "a b", "<s>", "<0x0A>", "é", "x" * 65, "\u2581"])
def test_special_tokens_that_cannot_be(name: str) -> None:
    with pytest.raises(TokensError, match="special token"):
        train(TEXTS, 600, [name])
    with pytest.raises(TokensError, match="there already"):
        train(TEXTS, 600, ["<a>", "<a>"])


def test_text_never_becomes_a_special_token() -> None:
    """A page that says </s> would end its document, and one with <|user|> would speak for one."""
    names = ["<|user|>", '<|"|>', "<|a,b|>"]
    texts = [*TEXTS, *["<s></s><unk><|user|><0x0A>" + "".join(names)] * 50]
    model = train(texts, 700, names)
    assert pieces(model)[3:6] == names
    library = SentencePieceProcessor(model_proto=model)
    ids = library.encode("<s></s><unk>" + "".join(names))
    assert min(ids) > 5 and library.decode(ids) == "<s></s><unk>" + "".join(names)


def test_an_error_of_the_texts_is_their_own() -> None:
    """The library would turn a damaged shard, or Ctrl-C, into words about training."""

    class Stopped(BaseException):
        pass

    def broken() -> Iterator[str]:
        yield "a text"
        raise Stopped

    with pytest.raises(Stopped):
        train(broken(), 300)
