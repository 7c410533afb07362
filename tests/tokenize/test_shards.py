"""The files of a shard, as they are written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from vocabularies import docs, small_vocabulary, write_tokens

from tamis.tokenize.errors import TokensError
from tamis.tokenize.shards import COLUMNS, ShardWriter, file_names, id_hash
from tamis.tokenize.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return small_vocabulary(tmp_path_factory.mktemp("vocabulary"))


def paths(folder: Path) -> dict[str, Path]:
    return {kind: folder / name for kind, name in file_names("00000").items()}


def test_the_files_say_what_the_format_says(tmp_path: Path, vocabulary: Vocabulary) -> None:
    """nanotron and datatrove read three of them, whoever counts bytes the fourth."""
    some = docs(3, 20)
    root = write_tokens(tmp_path / "tokens", vocabulary, [some[:15], [], some[15:]])
    made = json.loads((root / "tokens.json").read_text())
    ids = np.fromfile(root / "00000.ds", "<u2")
    ends = np.fromfile(root / "00000.ds.index", "<u8")
    starts = [0, *ends[:-1].tolist()]
    for doc, start, end in zip(some[:15], starts, ends.tolist(), strict=True):
        document = ids[start:end].tolist()
        assert (document[0], document[-1]) == (vocabulary.bos, vocabulary.eos)
        assert vocabulary.decode(document) == doc.text
    name = f"tamis-{vocabulary.digest[:12]}|2"
    assert (root / "00000.ds.metadata").read_text().split("\n")[:2] == [name, str(len(ids))]
    with pa.memory_map(str(root / "00000.documents.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    assert table.schema == COLUMNS
    assert table["id_hash"].to_pylist() == [id_hash(doc.id) for doc in some[:15]]
    assert table["bytes"].to_pylist() == [len(doc.text.encode()) for doc in some[:15]]
    assert table["source"].to_pylist() == [doc.source for doc in some[:15]]
    assert [shard["documents"] for shard in made["shards"]] == [15, 0, 5]
    assert made["documents"] == 20 and made["bytes"] == sum(len(d.text.encode()) for d in some)
    assert made["tokens"] == sum(one["tokens"] for one in made["sources"].values())
    assert list(made["sources"]) == sorted({doc.source for doc in some})


def test_batches_leave_no_trace(tmp_path: Path, vocabulary: Vocabulary) -> None:
    """Documents one by one, their sources as strings or numbers: the bytes are the same."""
    hashes, sizes = np.arange(6, dtype=np.uint64), np.arange(6, dtype=np.uint64) * 7
    ids = np.arange(30, dtype=np.uint16)
    ends = np.array([3, 3, 10, 20, 29, 30])
    sources = pa.array(["b", "a", "b", "c", "a", "b"])
    written = []
    for step in (6, 1, 4):
        folder = tmp_path / str(step)
        folder.mkdir()
        with ShardWriter(paths(folder), vocabulary) as writer:
            for first in range(0, 6, step):
                last, before = min(first + step, 6), int(ends[first - 1]) if first else 0
                part = sources[first:last]
                writer.write(
                    ids[before : ends[last - 1]],
                    ends[first:last] - before,
                    hashes[first:last],
                    sizes[first:last],
                    part if step == 4 else part.dictionary_encode(),
                )
        written.append([path.read_bytes() for path in paths(folder).values()])
        assert writer.close()["sources"]["b"] == {"documents": 3, "tokens": 11, "bytes": 49}
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ids": np.zeros(4, np.uint32)}, "uint32"),
        ({"ids": np.array([0, 1, 400, 2], np.uint16)}, "token 400 is beyond the vocabulary of 400"),
        ({"ends": np.array([3, 2])}, "do not end"),
        ({"ends": np.array([2, 5])}, "do not end"),
        ({"ends": np.array([4])}, "one length"),
        ({"sources": pa.array(["a", None])}, "without a source"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, vocabulary: Vocabulary, change: dict[str, object], said: str
) -> None:
    """Such a shard would be read as other documents, or not at all."""
    good: dict[str, object] = {
        "ids": np.zeros(4, np.uint16),
        "ends": np.array([2, 4]),
        "id_hashes": np.zeros(2, np.uint64),
        "sizes": np.zeros(2, np.uint64),
        "sources": pa.array(["a", "b"]),
    }
    with (
        pytest.raises(TokensError, match=said),
        ShardWriter(paths(tmp_path), vocabulary) as writer,
    ):
        writer.write(**{**good, **change})  # type: ignore[arg-type]
    assert not (tmp_path / "00000.ds.index").exists()
