"""Kernels are compiled before the first test that needs them: half a minute where none are kept."""

import pyarrow as pa
import pytest

from tamis.filters.heuristics.heuristics import Heuristics


@pytest.fixture(scope="session", autouse=True)
def compiled():
    empty = pa.record_batch([pa.array([], pa.large_string())], names=["text"])
    return Heuristics().measure(empty)
