"""Compiles what deduplication runs, by deduplicating two documents."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from tamis.filters.kernels.compiled import cache_folder
from tamis.filters.kernels.edits import texts
from tamis.filters.minhash import Signer
from tamis.filters.minhash_settings import Banding, Shingling
from tamis.pipeline.dedup import bands
from tamis.pipeline.dedup.elect import Bounds, Members, matching_band, stars
from tamis.pipeline.dedup.join import components, representatives
from tamis.pipeline.dedup.signatures import Rows, Signatures, write


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
    text = "One document of seven words, no more."
    data, ends = texts(pa.array([text] * 2, pa.large_string()))
    signed = signer.sign(data, ends)
    keys, both = signer.keys(signed.signatures), np.arange(2, dtype=np.uint32)
    rows = Rows(
        np.arange(2, dtype=np.int32),
        pa.array(["a", "b"]),
        np.zeros(2),
        np.ones((2, 16), np.uint8),
        np.zeros((2, 16), np.uint8),
        signed.shingles,
        signed.signatures,
        {"00": (keys[0], both)},
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "two.arrow"
        write(place, rows)
        file = Signatures.open(place)
        found = bands.edges([file], [0], "00", 0, bands.END)
        joined, component = components([(found.left, found.right)], 2)
        representatives(joined, component, np.array(file.text_hash))
        starts, nobody = np.array([0, 2]), np.zeros(1, np.int64)
        urls = np.zeros((2, 2), np.uint64)
        sets = signer.sets(data, ends)
        for members in (
            Members(starts, nobody, urls, sets=(sets.values, sets.offsets)),
            Members(starts, nobody, urls, signatures=file.signature, shingles=file.shingles),
        ):
            stars(members, Bounds(0.5, 0.5))
        matching_band(file.signature, np.array([1]), np.array([0]), 2, 2)
