"""A vocabulary, and a folder of tokens made with it: for reading only."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import once
from vocabularies import DOCUMENTS, small_vocabulary, write_tokens

from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary, load


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """Of 400 pieces."""

    def make(root: Path) -> None:
        small_vocabulary(root)

    return load(once(tmp_path_factory, "vocabulary", make))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, small: Vocabulary) -> Path:
    """The shards of DOCUMENTS."""

    def make(root: Path) -> None:
        write_tokens(root / "tokens", small, DOCUMENTS)

    return once(tmp_path_factory, "tokens", make) / "tokens"


@pytest.fixture(scope="session")
def tokens(folder: Path) -> Tokens:
    return Tokens.open(folder)
