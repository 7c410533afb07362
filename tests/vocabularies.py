"""Small real vocabularies, and folders of tokens made with them."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sentencepiece
from support import once, prose

from tamis.tokenize.shards import MANIFEST, TOKENIZER, ShardWriter, file_names, id_hash, manifest
from tamis.tokenize.vocabulary import MODEL, Vocabulary, load


def small_vocabulary(folder: Path, size: int = 400, prefix: bool = False) -> Vocabulary:
    """A lossless vocabulary trained on a few sentences, in a folder that is made.

    prefix: whether it puts a space before every text, as Llama's first ones do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()  # a file would hold its own name
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(prose(1, 200)),
        model_writer=model,
        vocab_size=size,
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=prefix,
        allow_whitespace_only_pieces=True,
        num_threads=1,
        minloglevel=2,
    )
    (folder / MODEL).write_bytes(model.getvalue())
    return load(folder)


def padded(vocabulary: Vocabulary, folder: Path, size: int) -> Vocabulary:
    """The same with pieces that no text has, up to a size."""
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto.FromString(vocabulary.path.read_bytes())
    for number in range(vocabulary.size, size):
        model.pieces.add(piece=f"\u0f00{number}", score=-float(number))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(model.SerializeToString())
    return load(folder)


def shared_vocabulary(factory: pytest.TempPathFactory) -> Vocabulary:
    """One of 400 pieces that tests share."""

    def make(root: Path) -> None:
        small_vocabulary(root)

    return load(once(factory, "vocabulary", make))


def shared_tokens(factory: pytest.TempPathFactory) -> Path:
    """A folder with the shards of DOCUMENTS that tests share, for reading only."""
    vocabulary = shared_vocabulary(factory)

    def make(root: Path) -> None:
        write_tokens(root / "tokens", vocabulary, DOCUMENTS)

    return once(factory, "tokens", make) / "tokens"


@dataclass(frozen=True)
class Doc:
    """What a test puts into a shard."""

    id: str
    text: str
    source: str


def docs(seed: int, number: int, sources: Sequence[str] = ("books", "code", "web")) -> list[Doc]:
    """Documents of a few lines, of any of some sources."""
    draw = random.Random(seed)
    texts = prose(seed, number)
    return [Doc(f"{seed}-{n}", text, draw.choice(sources)) for n, text in enumerate(texts)]


# Of shards: one is without documents, and a text without a byte is among the others.
DOCUMENTS = [docs(1, 40), [], [Doc("none", "", "web"), *docs(2, 25)], docs(3, 1)]


def write_tokens(
    folder: Path,
    vocabulary: Vocabulary,
    shards: Sequence[Sequence[Doc]],
    bos: bool = True,
    eos: bool = True,
) -> Path:
    """A folder of tokens with these documents in its shards; seed 0 is said to have mixed them."""
    folder.mkdir(parents=True)
    (folder / TOKENIZER).mkdir()
    (folder / TOKENIZER / MODEL).write_bytes(vocabulary.path.read_bytes())
    facts = []
    for number, some in enumerate(shards):
        data = [doc.text.encode() for doc in some]
        offsets = np.cumsum([0, *map(len, data)], dtype=np.int64)
        text = np.frombuffer(b"".join(data), np.uint8)
        ids, ends = vocabulary.encode_column(text, offsets, bos, eos)
        facts.append(write_shard(folder, f"{number:05d}", vocabulary, some, ids, ends))
    write_manifest(folder, vocabulary, facts, bos, eos)
    return folder


def write_shard(
    folder: Path,
    name: str,
    vocabulary: Vocabulary,
    some: Sequence[Doc],
    ids: np.ndarray,
    ends: np.ndarray,
) -> dict[str, object]:
    """Writes the files of a shard; what the manifest says of it."""
    paths = {kind: folder / file for kind, file in file_names(name).items()}
    hashes = np.array([id_hash(doc.id) for doc in some], np.uint64)
    sizes = np.array([len(doc.text.encode()) for doc in some], np.uint64)
    sources = pa.array([doc.source for doc in some], pa.string())
    with ShardWriter(paths, vocabulary) as writer:
        writer.write(ids, ends, hashes, sizes, sources)
        counts = writer.close()
    return {"name": name, **counts, "files": {kind: facts(path) for kind, path in paths.items()}}


def facts(path: Path) -> dict[str, object]:
    """The size and digest of a file."""
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def write_manifest(
    folder: Path,
    vocabulary: Vocabulary,
    shards: Sequence[dict[str, object]],
    bos: bool = True,
    eos: bool = True,
) -> None:
    """Writes tokens.json."""
    made = manifest(vocabulary, shards, bos=bos, eos=eos, seed=0, origin={"recipe": "test"})
    (folder / MANIFEST).write_text(json.dumps(made, indent=2) + "\n")
