"""Reading a vocabulary: what would lose something, or is none, is refused with its reason."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentencepiece import sentencepiece_model_pb2 as proto
from vocabularies import padded

from tamis.tokenize.errors import TokensError
from tamis.tokenize.vocabulary import MOST, Vocabulary, load

Change = Callable[[Any], None]


def without_space(model: Any) -> None:
    place = next(k for k, piece in enumerate(model.pieces) if piece.piece == "\u2581")
    del model.pieces[place]


def kind(number: int) -> Change:
    def change(model: Any) -> None:
        model.pieces[-1].type = number

    return change


LOSSY: dict[str, tuple[Change, str]] = {
    "unigram": (lambda m: setattr(m.trainer_spec, "model_type", 1), "unigram, not BPE"),
    "no bytes": (lambda m: setattr(m.trainer_spec, "byte_fallback", False), "no byte_fallback"),
    "rules": (
        lambda m: setattr(m.normalizer_spec, "precompiled_charsmap", b"\0\0\0\0"),
        "it normalises text",
    ),
    "whitespace": (
        lambda m: setattr(m.normalizer_spec, "remove_extra_whitespaces", True),
        "removes whitespace",
    ),
    "plain spaces": (
        lambda m: setattr(m.normalizer_spec, "escape_whitespaces", False),
        "does not write spaces as U\\+2581",
    ),
    "suffixes": (
        lambda m: setattr(m.trainer_spec, "treat_whitespace_as_suffix", True),
        "does not write spaces as U\\+2581",
    ),
    "of its user": (kind(4), "one of its user's"),
    "not in use": (kind(5), "one not in use"),
    "a byte is missing": (lambda m: m.pieces.__delitem__(3), "each of the 256 bytes"),
    "no space": (without_space, "no piece for the space"),
    "twice": (lambda m: setattr(m.pieces[-1], "piece", m.pieces[-2].piece), "there twice"),
    "empty": (lambda m: setattr(m.pieces[-1], "piece", ""), "empty or there twice"),
    "nothing": (lambda m: m.pieces.__delitem__(slice(None)), f"not between 1 and {MOST}"),
}


@pytest.mark.parametrize("name", LOSSY)
def test_a_model_that_loses_something(name: str, small: Vocabulary, tmp_path: Path) -> None:
    """Bits per byte of a lossy vocabulary would be of another text."""
    change, reason = LOSSY[name]
    model = proto.ModelProto.FromString(small.path.read_bytes())
    change(model)
    path = tmp_path / "tokenizer.model"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(TokensError, match=f"{path} cannot be used as a vocabulary: .*{reason}"):
        load(tmp_path)


def test_what_is_no_model(small: Vocabulary, tmp_path: Path) -> None:
    """A missing, cut or other file: one message, no traceback of a library."""
    path = tmp_path / "tokenizer.model"
    with pytest.raises(TokensError, match=r"No such file.*tamis vocabulary train"):
        load(tmp_path)
    for data in (b"", b"\xff" * 100, b"PAR1", small.path.read_bytes()[:-3]):
        path.write_bytes(data)
        with pytest.raises(TokensError, match="cannot be used as a vocabulary"):
            load(path)


def test_the_width_of_ids(small: Vocabulary, tmp_path: Path) -> None:
    """65,536 ids are the most that two bytes hold."""
    for size, width in ((1 << 16, 2), ((1 << 16) + 1, 4)):
        made = padded(small, tmp_path / str(size), size)
        assert made.size == size and made.dtype.itemsize == width
        assert made.encode_column(*_column("a b")).ids.dtype == made.dtype


def _column(text: str) -> tuple[Any, Any]:
    return np.frombuffer(text.encode(), np.uint8), np.array([0, len(text.encode())])


def test_sent_to_another_process(small: Vocabulary) -> None:
    """Its encoder, with a lock, stays here."""
    text = "the old miller"
    ids = small.encode(text)
    assert pickle.loads(pickle.dumps(small)).encode(text) == ids
