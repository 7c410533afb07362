"""A vocabulary, and a folder of tokens made with it: for reading only."""

from __future__ import annotations

from pathlib import Path

import pytest
from vocabularies import shared_tokens, shared_vocabulary

from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """Of 400 pieces."""
    return shared_vocabulary(tmp_path_factory)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shards of DOCUMENTS."""
    return shared_tokens(tmp_path_factory)


@pytest.fixture(scope="session")
def tokens(folder: Path) -> Tokens:
    return Tokens.open(folder)
