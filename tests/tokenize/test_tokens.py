"""Folders of tokens as they are opened, checked and looked into."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vocabularies import DOCUMENTS, docs, facts, padded, write_manifest, write_shard, write_tokens

from tamis.tokenize.errors import Corrupt, Mismatch, TokensError
from tamis.tokenize.shards import file_names, id_hash
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary

FLAT = [doc for some in DOCUMENTS for doc in some]


@pytest.fixture
def copy(tmp_path: Path, folder: Path) -> Path:
    """A folder of tokens to break."""
    return Path(shutil.copytree(folder, tmp_path / "tokens"))


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes the manifest of a folder."""
    path = folder / "tokens.json"
    made = json.loads(path.read_text())
    change(made)
    path.write_text(json.dumps(made))


def test_documents_come_back(tokens: Tokens) -> None:
    """By number and by id, each with what was said of it."""
    assert tokens.vocabulary.size == tokens.size == 400 and tokens.dtype == np.dtype("<u2")
    for number, doc in enumerate(FLAT):
        found = tokens.document(number)
        assert tokens.vocabulary.decode(found.ids) == doc.text
        assert (found.source, found.bytes) == (doc.source, len(doc.text.encode()))
        assert (found.number, found.id_hash) == (number, id_hash(doc.id))
        assert number in tokens.find(doc.id)
    assert tokens.find("nobody") == []
    assert sum(map(len, tokens.blocks(100))) == tokens.facts["tokens"]
    for number in (-1, len(FLAT)):
        with pytest.raises(TokensError, match="no document"):
            tokens.document(number)
    assert tokens.shard("00002").facts["documents"] == 26
    with pytest.raises(TokensError, match="00000 to 00003"):
        tokens.shard("7")
    tokens.check()


def test_no_file_stays_open(copy: Path) -> None:
    """A thousand shards are more files than a process may have open."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    tokens = Tokens.open(copy)
    held = [(shard.tokens, shard.ends, shard.documents) for shard in tokens.shards]
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert all(not ids.flags.writeable for ids, _, _ in held)


def test_another_vocabulary_is_refused(tmp_path: Path, copy: Path, small: Vocabulary) -> None:
    """Its ids would mean other words, and nothing else would tell."""
    other = padded(small, tmp_path / "other", 401)
    assert Tokens.open(copy, small).digest == Tokens.open(copy, small.digest).digest
    with pytest.raises(Mismatch, match=f"{small.digest}.*{other.digest}"):
        Tokens.open(copy, other)
    with pytest.raises(Mismatch, match="0000"):
        Tokens.open(copy, "0000")
    shutil.copy(other.path, copy / "tokenizer/tokenizer.model")
    with pytest.raises(Corrupt, match="is not the vocabulary"):
        _ = Tokens.open(copy).vocabulary
    assert [fault for fault in Tokens.open(copy).faults() if other.digest in fault]


@pytest.mark.parametrize("kind", ["ds", "index", "metadata", "documents"])
def test_a_file_cut_or_missing_is_named(copy: Path, kind: str) -> None:
    """Copies break off; the sizes alone say so, before anything is read."""
    path = copy / file_names("00002")[kind]
    size = path.stat().st_size
    os.truncate(path, size - 1)
    with pytest.raises(Corrupt, match=f"{path.name} has {size - 1:,} .* {size:,}: shard 00002"):
        Tokens.open(copy)
    path.unlink()
    with pytest.raises(Corrupt, match=f"{path.name}, a file of shard 00002, cannot be read"):
        Tokens.open(copy)


@pytest.mark.parametrize("kind", ["ds", "index", "metadata", "documents"])
def test_a_flipped_byte_is_named(copy: Path, kind: str) -> None:
    """Every place of a file: a check never fails to end with the file's name."""
    path = copy / file_names("00002")[kind]
    data = path.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 40)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x81]) + data[place + 1 :])
        faults = list(Tokens.open(copy).faults())
        assert faults and all("00002" in fault for fault in faults)
        with pytest.raises(Corrupt, match=path.name):
            Tokens.open(copy).check()


def test_what_was_written_wrong_is_found(tmp_path: Path, small: Vocabulary) -> None:
    """Digests only say that a file is as it was written."""
    root = write_tokens(tmp_path / "tokens", small, [])
    some = docs(1, 3)
    ids, ends = np.arange(30, dtype=np.uint16), np.array([10, 20, 30])
    made = write_shard(root, "00000", small, some, ids, ends)

    def again(kind: str, data: np.ndarray) -> str:
        path = root / file_names("00000")[kind]
        before = path.read_bytes()
        path.write_bytes(data.tobytes())
        write_manifest(root, small, [{**made, "files": {**made["files"], kind: facts(path)}}])  # type: ignore[dict-item]
        (fault,) = Tokens.open(root).faults()
        path.write_bytes(before)
        return fault

    ids[7] = 400
    assert "token 400, beyond the vocabulary of 400" in again("ds", ids)
    assert "end before they begin" in again("index", np.array([10, 9, 30]))
    assert "end before they begin" in again("index", np.array([-1, 9, 30]))
    assert "end at 29, tokens at 30" in again("index", np.array([10, 20, 29]))


def test_both_widths(tmp_path: Path, small: Vocabulary) -> None:
    """65,536 pieces are the last that two bytes tell apart."""
    for size, width in ((1 << 16, 2), ((1 << 16) + 1, 4)):
        vocabulary = padded(small, tmp_path / f"v{size}", size)
        root = write_tokens(tmp_path / f"t{size}", vocabulary, [])
        ids = np.array([1, size - 1, 2], vocabulary.dtype)
        shard = write_shard(root, "00000", vocabulary, docs(1, 1), ids, np.array([3]))
        write_manifest(root, vocabulary, [shard])
        tokens = Tokens.open(root, vocabulary)
        assert (root / "00000.ds").stat().st_size == 3 * width
        assert (root / "00000.ds.metadata").read_text().split("\n")[0].endswith(f"|{width}")
        assert tokens.shards[0].tokens.tolist() == [1, size - 1, 2]
        tokens.check()


def test_no_documents_at_all(tmp_path: Path, small: Vocabulary) -> None:
    tokens = Tokens.open(write_tokens(tmp_path / "tokens", small, []))
    tokens.check()
    assert list(tokens.blocks()) == [] and tokens.find("a") == []
    with pytest.raises(TokensError, match="it has 0"):
        tokens.document(0)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.pop("vocabulary"),
        lambda made: made.update(shards=3),
        lambda made: made.update(token_bytes=3),
        lambda made: made.update(tokens=made["tokens"] + 1),
        lambda made: made["shards"][0].update(name="../00000"),
        lambda made: made["shards"][0]["files"]["ds"].update(bytes=2),
        lambda made: made["shards"][0]["files"].pop("index"),
        lambda made: made["shards"][0].update(documents=-1),
        lambda made: made["sources"]["web"].update(tokens=3),
        lambda made: made["vocabulary"].update(size=70_000),
        lambda made: made.pop("seed"),
    ],
)
def test_a_damaged_manifest(copy: Path, change: Callable[[dict[str, Any]], object]) -> None:
    changed(copy, change)
    with pytest.raises(Corrupt, match=r"tokens\.json is damaged"):
        Tokens.open(copy)


def test_what_is_no_folder_of_tokens(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(TokensError, match="no folder of tokens"):
        Tokens.open(tmp_path)
    changed(copy, lambda made: made.update(format=2))
    with pytest.raises(TokensError, match="format 2"):
        Tokens.open(copy)
    (copy / "tokens.json").write_text("{")
    with pytest.raises(Corrupt, match="damaged"):
        Tokens.open(copy)
