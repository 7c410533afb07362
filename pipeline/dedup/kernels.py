"""Compiles what deduplication runs, by deduplicating two documents."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from tamis.filters.kernels.compiled import cache_folder
from tamis.filters.minhash import Signer
from tamis.filters.minhash_settings import Banding, Shingling
from tamis.pipeline.dedup import bands
from tamis.pipeline.dedup.elect import Bounds, Members, matching_band, stars
from tamis.pipeline.dedup.join import components, representatives
from tamis.pipeline.dedup.sign import Signing
from tamis.pipeline.dedup.signatures import Signatures, write


def compile_all(shingling: Shingling, banding: Banding) -> None:
    """Compiles the kernels for signatures like these, unless they are kept on disk."""
    folder = cache_folder()
    mark = folder / f"dedup-{shingling.unit}-{banding.bits}.ready" if folder else None
    if mark is None or mark.exists():
        return
    _deduplicate(Signer(shingling, banding))
    mark.touch()


def load_all() -> None:
    """Loads the kernels that are kept on disk into this process."""
    folder = cache_folder()
    for mark in sorted(folder.glob("dedup-*-*.ready")) if folder else ():
        _, unit, bits = mark.stem.split("-")
        _deduplicate(Signer(Shingling(unit=unit), Banding(bits=int(bits))))  # type: ignore[arg-type]


def _deduplicate(signer: Signer) -> None:
    from tamis.pipeline.dedup.settings import Dedup

    signing = Signing(Dedup())
    signing.signer = signer
    text = pa.array(["One document of seven words, no more."] * 2, pa.large_string())
    signing.add({"id": pa.array(["a", "b"]), "text": text}, np.arange(2), 0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "two.arrow"
        write(place, signing.rows())
        file = Signatures.open(place)
        found = bands.edges([file], [0], "00", 0, bands.END)
        rows, component = components([(found.left, found.right)], 2)
        representatives(rows, component, np.array(file.text_hash))
        starts, nobody = np.array([0, 2]), np.zeros(1, np.int64)
        urls = np.zeros((2, 2), np.uint64)
        sets = signer.sets(np.frombuffer(b"one two one two", np.uint8), np.array([0, 7, 15]))
        for members in (
            Members(starts, nobody, urls, sets=(sets.values, sets.offsets)),
            Members(starts, nobody, urls, signatures=file.signature, shingles=file.shingles),
        ):
            stars(members, Bounds(0.5, 0.5))
        matching_band(file.signature, np.array([1]), np.array([0]), 2, 2)
