"""datatrove's MinHash on the benchmarks' documents, run as a process of its own.

    python datatrove_dedup.py stage INPUT.jsonl... -- OUT     its four steps, timed, on two workers
    python datatrove_dedup.py meet PAIRS.json                 which pairs share a band, by seed

Prints JSON. Texts are cut into words its own way (spaCy), shingles are of 5, bands 14 of 8.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.utils.hashing import HashConfig

WORKERS = 2
BANDS, ROWS = 14, 8


def config(bits: int, seed: int = 1) -> MinhashConfig:
    return MinhashConfig(
        n_grams=5,
        num_buckets=BANDS,
        hashes_per_bucket=ROWS,
        seed=seed,
        hash_config=HashConfig(precision=bits),
    )


def stage(paths: list[Path], out: Path, bits: int = 64) -> dict[str, Any]:
    """Seconds of its four steps, and the places of the documents that it removes, by file."""
    names, chosen = [path.name for path in paths], config(bits)
    reader = JsonlReader(str(paths[0].parent), glob_pattern="*.jsonl")
    sign = MinhashDedupSignature(output_folder=str(out / "signatures"), config=chosen)
    buckets = MinhashDedupBuckets(
        input_folder=str(out / "signatures"), output_folder=str(out / "buckets"), config=chosen
    )
    cluster = MinhashDedupCluster(
        input_folder=str(out / "buckets"),
        output_folder=str(out / "remove"),
        config=chosen,
        save_cluster_id=True,
    )
    drop = MinhashDedupFilter(input_folder=str(out / "remove"))
    steps: dict[str, tuple[list[Any], int]] = {
        "sign": ([reader, sign], len(paths)),
        "buckets": ([buckets], BANDS),
        "cluster": ([cluster], 1),
        "filter": ([reader, drop], len(paths)),
    }
    seconds = {}
    for name, (pipeline, tasks) in steps.items():
        start = time.perf_counter()
        LocalPipelineExecutor(
            pipeline=pipeline,
            tasks=tasks,
            workers=min(WORKERS, tasks),
            logging_dir=str(out / "logs" / name),
        ).run()
        seconds[name] = time.perf_counter() - start
    return {"seconds": seconds, "files": names, "clusters": clusters(out / "remove", len(paths))}


def clusters(folder: Path, count: int) -> list[dict[int, int]]:
    """By file: the cluster of every document that is in one."""
    found: list[dict[int, int]] = []
    for number in range(count):
        path = folder / f"{number:06d}.clusters"
        data = path.read_bytes() if path.exists() else b""
        found.append(dict(struct.iter_unpack("<II", data)))
    return found


def meetings(path: Path) -> dict[str, Any]:
    """Of pairs of documents: their similarity by its shingles, and by seed whether they meet."""
    asked = json.loads(path.read_text())
    signers = [MinhashDedupSignature("/tmp", config(64, seed)) for seed in asked["seeds"]]
    shingles = [signers[0].get_shingles(text) for text in asked["texts"]]
    sets = [frozenset(cut.ravel().tolist()) for cut in shingles]
    alike = [len(sets[a] & sets[b]) / max(1, len(sets[a] | sets[b])) for a, b in asked["pairs"]]
    met = []
    for signer in signers:
        bands = [signer.get_signature(cut) if cut.size else [] for cut in shingles]
        met.append(
            [
                any(x == y for x, y in zip(bands[a], bands[b], strict=False))
                for a, b in asked["pairs"]
            ]
        )
    return {"similarity": alike, "met": met}


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "stage":
        answer = stage([Path(path) for path in rest[:-2]], Path(rest[-1]))
    else:
        answer = meetings(Path(rest[0]))
    print(json.dumps(answer))
