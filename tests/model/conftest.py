"""One thread; small shapes, each like a Llama generation; a vocabulary."""

from __future__ import annotations

import pytest
from vocabularies import shared_vocabulary

from tamis.model.presets import Shape
from tamis.tokenize.vocabulary import Vocabulary

# Of 400 tokens, the size of the vocabulary that tests share.
SHAPES = {
    "llama-1": Shape(64, 3, 4, 4, 16, 176, 400, 64, False, 1e4, 1e-6),
    "llama-2": Shape(64, 3, 4, 4, 16, 176, 400, 64, False, 1e4),
    "llama-2-70b": Shape(96, 2, 6, 2, 16, 160, 400, 64, False, 1e4),
    "llama-3": Shape(64, 2, 8, 2, 32, 224, 400, 64, False),
    "llama-3.2": Shape(64, 2, 4, 1, 16, 192, 400, 64, True),
    "300k": Shape(64, 4, 2, 2, 32, 192, 400, 64, True),
}


@pytest.fixture(autouse=True, scope="session")
def on_one_thread(one_thread: None) -> None:
    """For all tests of this folder."""


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return shared_vocabulary(tmp_path_factory)


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]
