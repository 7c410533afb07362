"""Stored signatures in datasketch's MinHashLSH: an index in memory, for questions one at a time.

`load(corpus, stage)` gives an index that `query(minhash(question(text, measure), measure))` asks;
it answers with places, shard:row. An entry costs some 5 KB of memory.
"""

from __future__ import annotations

from typing import Any

from datasketch import MinHash, MinHashLSH

from tamis.filters.minhash_settings import Banding
from tamis.pipeline.dedup.asked import check_signed, parameters
from tamis.pipeline.dedup.signatures import Signatures
from tamis.pipeline.dedup.work import signature_file
from tamis.pipeline.errors import CallError
from tamis.pipeline.sift import Sift

SCHEMES = {32: "legacy", 64: "affine64"}
"""datasketch's names of what permutes hashes as tamis does, by the bits of a value."""


def load(sift: Sift, stage: str, threshold: float | None = None) -> MinHashLSH:
    """The signed documents of a corpus, those without words aside, by shard:row.

    threshold: where datasketch is to draw bands that find about half of the pairs; else the bands
    are those of the stage. Raises CallError for a single band, WorkError without signatures.
    """
    chosen = sift.recipe.stage(stage)
    check_signed(sift, chosen)
    banding = parameters(chosen).banding
    ours = (banding.bands, banding.rows)
    if threshold is None and banding.bands < 2:
        raise CallError(f"stage '{stage}' has one band: MinHashLSH takes two or more")
    how: dict[str, Any] = {"params": ours} if threshold is None else {"threshold": threshold}
    index = MinHashLSH(num_perm=banding.permutations, **how)
    for shard in sift.corpus.shards:
        file = Signatures.open(signature_file(sift.corpus, stage, shard.name))
        rows, shingles, signatures = file.row, file.shingles, file.signature
        for place in shingles.nonzero()[0].tolist():
            index.insert(f"{shard.name}:{rows[place]}", minhash(signatures[place], banding))
    return index


def minhash(signature: Any, banding: Banding) -> MinHash:
    """A signature as datasketch's MinHash; it can be compared and merged, and updated with base
    hashes (see filters/minhash.base_hashes) if its `hashfunc` hands them through.
    """
    return MinHash(
        hashvalues=signature,
        permutations=banding.values,
        scheme=SCHEMES[banding.bits],
        hashfunc=int,
    )
