"""Tokens for other trainers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reference import trainers
from vocabularies import (
    DOCUMENTS,
    Doc,
    docs,
    facts,
    padded,
    write_manifest,
    write_shard,
    write_tokens,
)

from tamis.tokenize.convert import FORMS, convert
from tamis.tokenize.errors import Corrupt, TokensError
from tamis.tokenize.shards import file_names
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary, load

NUMBER = sum(map(len, DOCUMENTS))


@pytest.fixture(scope="module", params=["uint16", "uint32"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small: Vocabulary
) -> Tokens:
    """Tokens of either width."""
    root = tmp_path_factory.mktemp(request.param)
    wide = request.param == "uint32"
    vocabulary = padded(small, root / "wide", (1 << 16) + 1) if wide else small
    return Tokens.open(write_tokens(root / "tokens", vocabulary, DOCUMENTS))


def test_megatron(tmp_path: Path, both: Tokens) -> None:
    """Every document is a document, of all shards in their order."""
    convert(both, tmp_path / "out", "megatron")
    found = trainers.megatron(tmp_path / "out/tokens")
    assert found == [both.document(number).ids.tolist() for number in range(NUMBER)]
    code = (tmp_path / "out/tokens.idx").read_bytes()[17]
    assert code == {2: 8, 4: 4}[both.dtype.itemsize]
    assert load(tmp_path / "out/tokenizer").digest == both.vocabulary.digest


def test_olmo(tmp_path: Path, both: Tokens) -> None:
    """Each shard that has tokens, with its documents' places; what EOS parts is the same."""
    convert(both, tmp_path / "out", "olmo")
    names = [shard.name for shard in both.shards if shard.facts["tokens"]]
    paths = sorted((tmp_path / "out").glob("*.npy"))
    assert [path.stem for path in paths] == names and len(names) == 3
    number = 0
    for path in paths:
        found = trainers.olmo(path, both.dtype.str)
        for ids, rest in found:
            document = both.document(number)
            assert ids == document.ids.tolist()
            assert rest == [f"{document.id_hash:016x}", document.source, str(number)]
            number += 1
        at_eos = np.flatnonzero(np.fromfile(path, both.dtype) == both.vocabulary.eos) + 1
        assert at_eos.tolist() == np.cumsum([len(ids) for ids, _ in found]).tolist()
    assert number == NUMBER


@pytest.mark.parametrize("form", list(FORMS))
def test_the_same_bytes_however_it_is_cut(
    tmp_path: Path, tokens: Tokens, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks are the writer's own affair, and no time stands in a file."""
    convert(tokens, tmp_path / "one", form)
    monkeypatch.setattr("tamis.tokenize.convert.BLOCK", 7)
    monkeypatch.setattr("tamis.tokenize.convert.DOCUMENTS", 3)
    monkeypatch.setattr("time.time", lambda: 1e9)
    convert(tokens, tmp_path / "two", form)
    one, two = (
        {
            path.name: path.read_bytes()
            for path in sorted((tmp_path / name).iterdir())
            if path.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two and len(one) >= 2


def test_names_that_are_no_fields(tmp_path: Path, small: Vocabulary) -> None:
    """Lines are cut at commas and at line ends, whatever a source is called."""
    names = ('a,b "c"', "line\nline\r", "ü")
    some = [Doc(name, "text", name) for name in names]
    root = write_tokens(tmp_path / "tokens", small, [some])
    convert(Tokens.open(root), tmp_path / "out", "olmo")
    found = trainers.olmo(tmp_path / "out/00000.npy", "<u2")
    assert [rest[1] for _, rest in found] == ['a,b "c"', "line line ", "ü"]


def test_what_cannot_be_converted(tmp_path: Path, tokens: Tokens, small: Vocabulary) -> None:
    """Nothing is left of it."""
    root = write_tokens(tmp_path / "no_eos", small, [docs(1, 3)], eos=False)
    bare = Tokens.open(root)
    with pytest.raises(TokensError, match="do not end with EOS"):
        convert(bare, tmp_path / "out", "olmo")
    with pytest.raises(TokensError, match="megatron, olmo"):
        convert(tokens, tmp_path / "out", "gguf")
    with pytest.raises(TokensError, match="there already"):
        convert(tokens, root, "megatron")
    some, ids = docs(1, 2), np.array([1, 2, 399], np.uint16)
    made = write_shard(root, "00000", small, some, ids, np.array([1, 3]))
    for kind, data in (("ds", np.array([1, 400, 2], "<u2")), ("index", np.array([3, 1]))):
        made = write_shard(root, "00000", small, some, ids, np.array([1, 3]))
        path = root / file_names("00000")[kind]
        path.write_bytes(data.tobytes())
        write_manifest(root, small, [{**made, "files": {**made["files"], kind: facts(path)}}])  # type: ignore[dict-item]
        for form in FORMS:
            with pytest.raises(Corrupt, match=path.name):
                convert(Tokens.open(root), tmp_path / "out", form)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["no_eos"]


def test_no_documents_at_all(tmp_path: Path, small: Vocabulary) -> None:
    tokens = Tokens.open(write_tokens(tmp_path / "tokens", small, []))
    (tmp_path / "megatron").mkdir()
    for form in FORMS:
        convert(tokens, tmp_path / form, form)
    assert trainers.megatron(tmp_path / "megatron/tokens") == []
    assert not list((tmp_path / "olmo").glob("*.npy"))
