"""A vocabulary: a lossless SentencePiece BPE model, read from its tokenizer.model.

Lossless means that decode(encode(text)) is text for every valid string: characters that no piece
has become their bytes, and nothing is normalised. A model that would lose something is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.tokenize.arrays import Bytes, Encoded, Longs
from tamis.tokenize.errors import TokensError

if TYPE_CHECKING:
    from tamis.tokenize.encoding import Encoder

MODEL = "tokenizer.model"
LARGEST = 1 << 28
"""Bytes of a model's file; more is refused."""
MOST = 1 << 21
"""Pieces of a model; the encoder has so many bits for an id."""
SPACE = "\u2581"
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
_BPE = 2


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary in memory; read one by `load`."""

    path: Path
    """Its tokenizer.model."""
    digest: str
    """SHA-256 of that file, in hexadecimal."""
    pieces: tuple[bytes, ...] = field(repr=False)
    """What every id stands for in a text, in UTF-8 with plain spaces; b"" for special tokens."""
    names: tuple[str, ...] = field(repr=False)
    """What every id is called: its piece as the model has it."""
    kinds: bytes = field(repr=False)
    scores: npt.NDArray[np.float32] = field(repr=False)
    bos: int
    """The id that begins a document; -1 if the model has none. Likewise eos and unknown."""
    eos: int
    unknown: int
    prefix: bool
    """Whether a space is put before every text, and taken away again by decode."""

    @property
    def size(self) -> int:
        return len(self.pieces)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of ids on disk: uint16 up to 65,536 of them, else uint32; little-endian."""
        return np.dtype("<u2" if self.size <= 1 << 16 else "<u4")

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without special tokens; TokensError for a lone surrogate in it."""
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise TokensError(
                f"a text with a lone surrogate (character {error.start}) is no valid Unicode: "
                "read it with errors='replace'"
            ) from None
        offsets = np.array([0, len(data)], np.int64)
        ids: list[int] = self.encode_column(np.frombuffer(data, np.uint8), offsets).ids.tolist()
        return ids

    def encode_column(
        self,
        data: Bytes,
        offsets: Longs,
        bos: bool = False,
        eos: bool = False,
    ) -> Encoded:
        """The ids of many texts, with the tokens that begin and end each if asked for.

        data: UTF-8; offsets: where texts begin and end in it, one more than texts, as Arrow has
        them. TokensError for what is no valid UTF-8, and for a token that the vocabulary lacks.
        """
        _check_text(data, offsets)
        for asked, one, what in ((bos, self.bos, "begins"), (eos, self.eos, "ends")):
            if asked and one < 0:
                raise TokensError(f"{self.path} has no token that {what} a document")
        if self.prefix:
            data, offsets = _with_spaces(data, offsets)
        return self._encoder.encode(data, offsets, self.bos if bos else -1, self.eos if eos else -1)

    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for; special tokens are nothing, broken characters U+FFFD."""
        text = self.decode_bytes(ids)
        if self.prefix and text.startswith(b" "):
            text = text[1:]
        return text.decode(errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes that ids stand for; TokensError for an id beyond the vocabulary."""
        pieces = self.pieces
        numbers = [int(one) for one in ids]
        if numbers and not 0 <= min(numbers) <= max(numbers) < len(pieces):
            wrong = next(one for one in numbers if not 0 <= one < len(pieces))
            raise TokensError(f"token {wrong} is beyond the vocabulary of {len(pieces)}")
        return b"".join([pieces[one] for one in numbers])

    @cached_property
    def _encoder(self) -> Encoder:
        from tamis.tokenize.encoding import Encoder  # with Numba: for whoever encodes
        from tamis.tokenize.tables import tables

        both = zip(self.pieces, self.kinds, strict=True)
        normal = [piece if kind == NORMAL else b"" for piece, kind in both]
        bytes_ = [self.names.index(f"<0x{byte:02X}>") for byte in range(256)]
        made = tables(normal, self.scores, np.array(bytes_, np.int32))
        return Encoder(made, self.dtype)

    def __getstate__(self) -> dict[str, Any]:
        """What another process is sent: its encoder is made there."""
        return {name: value for name, value in vars(self).items() if name != "_encoder"}


def _check_text(data: Bytes, offsets: Longs) -> None:
    """The kernels take characters to be whole: on broken ones they would write out of bounds."""
    places = pa.py_buffer(np.ascontiguousarray(offsets, np.int64))
    texts = pa.LargeStringArray.from_buffers(len(offsets) - 1, places, pa.py_buffer(data))
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise TokensError(f"a text is no valid UTF-8: {error}") from None


def _with_spaces(data: Bytes, offsets: Longs) -> tuple[Bytes, Longs]:
    """Texts with a space before each that is not empty."""
    filled = np.diff(offsets) > 0
    moved = offsets + np.concatenate([[0], np.cumsum(filled)])
    return np.insert(data, offsets[:-1][filled], 0x20), moved


def load(place: Path | str) -> Vocabulary:
    """Reads a vocabulary: a folder with a tokenizer.model, or such a file.

    Raises TokensError for what is none, or one that is not lossless, and says why.
    """
    path = Path(place)
    path = path / MODEL if path.is_dir() else path
    try:
        if path.stat().st_size > LARGEST:
            raise TokensError(f"{path} has more than {LARGEST} bytes: it is no vocabulary")
        data = path.read_bytes()
    except OSError as error:
        raise TokensError(
            f"{path}: {error.strerror}: make a vocabulary with `tamis vocabulary train`"
        ) from None
    try:
        return _read(path, data)
    except ValueError as error:
        raise TokensError(f"{path} cannot be used as a vocabulary: {error}") from None


def _read(path: Path, data: bytes) -> Vocabulary:
    from sentencepiece import sentencepiece_model_pb2

    proto: Any = sentencepiece_model_pb2
    try:
        model = proto.ModelProto.FromString(data)
    except Exception as error:  # noqa: BLE001 - the binding raises errors of its own kinds
        raise ValueError(f"it is no SentencePiece model ({error})") from None
    _check_settings(model)
    kinds = bytes(piece.type for piece in model.pieces)
    names = tuple(piece.piece for piece in model.pieces)
    _check_pieces(names, kinds)
    ids = {name: place for place, name in enumerate(names)}
    trainer = model.trainer_spec
    return Vocabulary(
        path,
        hashlib.sha256(data).hexdigest(),
        tuple(_text(name, kind) for name, kind in zip(names, kinds, strict=True)),
        names,
        kinds,
        np.array([piece.score for piece in model.pieces], np.float32),
        bos=_special(ids, kinds, trainer.bos_piece),
        eos=_special(ids, kinds, trainer.eos_piece),
        unknown=kinds.index(UNKNOWN) if UNKNOWN in kinds else -1,
        prefix=model.normalizer_spec.add_dummy_prefix,
    )


def _special(ids: dict[str, int], kinds: bytes, name: str) -> int:
    place = ids.get(name, -1)
    return place if place >= 0 and kinds[place] == CONTROL else -1


def _check_settings(model: Any) -> None:
    trainer, rules = model.trainer_spec, model.normalizer_spec
    kinds = {1: "unigram", 3: "words", 4: "characters"}
    if not 0 < len(model.pieces) <= MOST:
        raise ValueError(f"it has {len(model.pieces)} pieces, not between 1 and {MOST}")
    if trainer.model_type != _BPE:
        raise ValueError(f"it is one of {kinds.get(trainer.model_type, 'another type')}, not BPE")
    if not trainer.byte_fallback:
        raise ValueError("it has no byte_fallback: characters that it does not know would be lost")
    if rules.precompiled_charsmap:
        raise ValueError(f"it normalises text ({rules.name}): only identity loses nothing")
    if rules.remove_extra_whitespaces:
        raise ValueError("it removes whitespace (remove_extra_whitespaces)")
    if not rules.escape_whitespaces or trainer.treat_whitespace_as_suffix:
        raise ValueError("it does not write spaces as U+2581 before words")


def _check_pieces(names: tuple[str, ...], kinds: bytes) -> None:
    if len(set(names)) != len(names) or "" in names:
        raise ValueError("a piece is empty or there twice")
    for kind, what in ((USER, "of its user's (user_defined_symbols)"), (UNUSED, "not in use")):
        if kind in kinds:
            raise ValueError(f"the piece {names[kinds.index(kind)]!r} is one {what}")
    there = {name for name, kind in zip(names, kinds, strict=True) if kind == BYTE}
    if there != {f"<0x{byte:02X}>" for byte in range(256)}:
        raise ValueError("it does not have a piece for each of the 256 bytes")
    if SPACE not in names or kinds[names.index(SPACE)] != NORMAL:
        raise ValueError("it has no piece for the space: spaces would come back as U+2581")


def _text(name: str, kind: int) -> bytes:
    """What a piece stands for in a text."""
    if kind == BYTE:
        return bytes([int(name[3:5], 16)])
    return name.replace(SPACE, " ").encode() if kind == NORMAL else b""
