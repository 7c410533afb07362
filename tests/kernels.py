"""Compiles every kernel, unless that was done before: half a minute of one core."""

from __future__ import annotations

import pyarrow as pa

from tamis.filters.heuristics.c4 import C4
from tamis.filters.heuristics.heuristics import Heuristics
from tamis.filters.heuristics.refinedweb import RefinedWeb


def compile_all() -> None:
    """Measures no document at all by everything that has kernels."""
    empty = pa.record_batch([pa.array([], pa.large_string())], names=["text"])
    for measure in (Heuristics(), C4(), RefinedWeb()):
        measure.measure(empty)


if __name__ == "__main__":
    compile_all()
