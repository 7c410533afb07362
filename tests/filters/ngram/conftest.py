"""Small real models, made once: of pieces and of words, in both forms."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from support import prose

from tamis.filters.ngram.model_training import train
from tamis.filters.ngram.settings import Training


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of models of the same text."""
    root = tmp_path_factory.mktemp("models")
    text = pa.array(prose(1, 1500), pa.large_string())
    kinds = {
        "pieces": Training(vocabulary=200, order=3),
        "glued": Training(vocabulary=200, order=4, form="ccnet"),
        "words": Training(tokens="words", order=3),
    }
    for name, training in kinds.items():
        train(lambda: [text], training, root / name, 1 << 25)
    return {name: root / name for name in kinds}
