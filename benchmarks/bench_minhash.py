"""MinHash signatures, text to values, against datatrove, datasketch and rensa, shingling included.

All make 112 values of word 5-grams. datatrove cuts words with spaCy and is given fewer documents.
The others know no shingles: theirs are of `split` of the text in lower case, which is less than
tamis does. datasketch is given CRC-32, the quickest hash at hand, in place of its SHA-1; rensa
makes a matrix of many texts in one call, and besides by its one-pass sketch, rho, which estimates
differently.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
from measuring import Row, in_process, interleave, median, plain, rate
from texts import documents, pool

from tamis.filters.minhash import Signer
from tamis.filters.minhash_settings import NAMED

MEGABYTES = 40.0
BATCH = 1024
SIZE, VALUES = 5, 112
TARGET_SPEED = 80.0
OTHERS = {
    "datatrove": (0.5, 100.0),
    "datasketch": (4.0, 10.0),
    "rensa": (8.0, 3.0),
    "rensa, rho": (8.0, 3.0),
}
"""The text that each other is given, in MB, and how many times as fast tamis is to be."""


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table: one for every other."""
    whole = megabytes or MEGABYTES
    texts = list(documents(pool(data), int(whole * 1e6)))
    works = {"tamis": tamis(texts)}
    sizes = {"tamis": _megabytes(texts)}
    for name, (limit, _) in OTHERS.items():
        part = _first(texts, min(limit, whole))
        works[name], sizes[name] = MAKERS[name](part), _megabytes(part)
    samples = interleave(
        {name: lambda work=work: in_process(work) for name, work in works.items()},  # type: ignore[misc]
        rounds,
    )
    mine = median(samples["tamis"])
    speed = sizes["tamis"] / mine.cpu
    found = []
    for name, (_, target) in OTHERS.items():
        other = median(samples[name])
        ratio = speed / (sizes[name] / other.cpu)
        found.append(
            Row(
                f"MinHash signatures, {len(texts):,} documents, {VALUES} values; other: {name}",
                rate(sizes["tamis"], mine),
                rate(sizes[name], other),
                f"{ratio:.0f}x",
                f">= {TARGET_SPEED:g} MB/s and {target:g}x",
                speed >= TARGET_SPEED and ratio >= target,
                {"text_mb": sizes, "samples": plain({n: samples[n] for n in ("tamis", name)})},
            )
        )
    return found


def tamis(texts: Sequence[str]) -> Callable[[], object]:
    """Signs Arrow arrays."""
    signer = Signer(*NAMED["default"])
    batches = [_buffers(texts[k : k + BATCH]) for k in range(0, len(texts), BATCH)]
    return lambda: [signer.sign(*batch) for batch in batches]


def datatrove(texts: Sequence[str]) -> Callable[[], object]:
    """The step's own two methods, nothing written."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig

    sha1 = HashConfig(hash_fc="sha1")  # as FineWeb; its xxhash fails with the library of today
    config = MinhashConfig(n_grams=SIZE, num_buckets=14, hashes_per_bucket=8, hash_config=sha1)
    step = MinhashDedupSignature(tempfile.gettempdir(), config)

    def work() -> None:
        for text in texts:
            shingles = step.get_shingles(text)
            if shingles.size:
                step.get_signature(shingles)

    return work


def datasketch(texts: Sequence[str]) -> Callable[[], object]:
    """In bulk, in its scheme for 32 bits."""
    from datasketch import MinHash

    def shingles() -> Iterator[list[bytes]]:
        for text in texts:
            words = text.lower().encode().split()
            yield [b" ".join(words[k : k + SIZE]) for k in range(len(words) - SIZE + 1)]

    return lambda: MinHash.bulk(shingles(), num_perm=VALUES, hashfunc=crc32)


def rensa(texts: Sequence[str], rho: bool = False) -> Callable[[], object]:
    """A matrix of every batch in one call."""
    from rensa import RMinHash

    make = (
        RMinHash.digest_matrix_from_token_sets_rho
        if rho
        else RMinHash.digest_matrix_from_token_sets
    )

    def shingles(part: Sequence[str]) -> Iterator[list[str]]:
        for text in part:
            words = text.lower().split()
            yield [" ".join(words[k : k + SIZE]) for k in range(len(words) - SIZE + 1)]

    def work() -> None:
        for start in range(0, len(texts), BATCH):
            make(list(shingles(texts[start : start + BATCH])), VALUES, 1)

    return work


MAKERS: dict[str, Callable[[Sequence[str]], Callable[[], object]]] = {
    "datatrove": datatrove,
    "datasketch": datasketch,
    "rensa": rensa,
    "rensa, rho": lambda texts: rensa(texts, rho=True),
}


def _buffers(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    _, ends, data = pa.array(texts, pa.large_string()).buffers()
    return np.frombuffer(data, np.uint8), np.frombuffer(ends, np.int64)[: len(texts) + 1]


def _first(texts: Sequence[str], megabytes: float) -> list[str]:
    size, found = 0, []
    for text in texts:
        if size > megabytes * 1e6:
            break
        found.append(text)
        size += len(text.encode())
    return found


def _megabytes(texts: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6
