"""The recipes that follow C4, on documents where the paper and the released code part ways."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tamis.pipeline import recipe
from tamis.pipeline.stage import Stage

FIVE = "Here are five words altogether."
THREE = "Here are three."
DOCUMENTS = {
    "three sentences of five words": [FIVE] * 3,
    "two sentences of five words": [FIVE] * 2,
    "five sentences of three words": [THREE] * 5,
    "four sentences of three words": [THREE] * 4,
    "five sentences, one with lorem ipsum": [*[FIVE] * 4, "This is lorem ipsum for all."],
    "five sentences, one with a brace": [*[FIVE] * 4, "This is { for you all."],
    "five sentences of five words, two end with dots": [*[FIVE] * 3, *[FIVE + ".."] * 2],
}


def c4_stage(name: str) -> Stage:
    return recipe.load(name).stage("c4")


@pytest.mark.parametrize(("name", "passing"), [("c4", {0, 6}), ("c4-paper", {2, 6})])
def test_pages_that_a_recipe_keeps(name: str, passing: set[int]) -> None:
    stage = c4_stage(name)
    texts = pa.array(["\n".join(lines) for lines in DOCUMENTS.values()], pa.large_string())
    found = stage.measure.measure(pa.record_batch([texts], names=["text"]))
    columns = {column: found[column] for column in found.schema.names}
    failing = np.any([rule.failing(columns) for rule in stage.rules], axis=0)
    assert {row for row in range(len(DOCUMENTS)) if not failing[row]} == passing
