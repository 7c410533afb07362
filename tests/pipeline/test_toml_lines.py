"""The line of a key: found however TOML lets the key be written."""

from __future__ import annotations

import pytest

from tamis.pipeline.toml_lines import find

TEXT = '''\
description = """
[ingest]
kind = "not a key"
"""
[ingest]  # with a comment
seed = 1

[[stage]]
kind = "noop"

[[stage]]
kind = "language"
only = { source = ["web"], language = ["en"] }
note = "a [ bracket, a = sign"
[stage.rules]
sure = { column = "x", min = 1 }
"quoted" = { column = "x", max = 2 }
[stage.rules.long]
column = "x"
in = [
  "a",
]
not_in = ["b"]

[[stage]]
kind = "noop"
rules.dotted = { column = "x", min = 1 }
'''

PLACES = {
    ("description",): 1,
    ("ingest",): 5,
    ("ingest", "seed"): 6,
    ("stage",): 8,
    ("stage", 0): 8,
    ("stage", 0, "kind"): 9,
    ("stage", 1): 11,
    ("stage", 1, "kind"): 12,
    ("stage", 1, "only", "language"): 13,
    ("stage", 1, "note"): 14,
    ("stage", 1, "rules"): 15,
    ("stage", 1, "rules", "sure", "min"): 16,
    ("stage", 1, "rules", "quoted", "max"): 17,
    ("stage", 1, "rules", "long"): 18,
    ("stage", 1, "rules", "long", "column"): 19,
    ("stage", 1, "rules", "long", "in"): 20,
    ("stage", 1, "rules", "long", "not_in"): 23,
    ("stage", 2): 25,
    ("stage", 2, "rules", "dotted"): 27,
}


@pytest.mark.parametrize("location", PLACES)
def test_it_finds_the_line(location):
    """A wrong line sends the user to a part of the recipe that is right."""
    assert find(TEXT, location) == PLACES[location]


def test_of_a_path_that_is_not_spelled_out_it_finds_the_longest_beginning():
    """What is missing has no line of its own: its table has."""
    assert find(TEXT, ("stage", 1, "rules", "sure", "column", "deeper")) == 16
    assert find(TEXT, ("stage", 1, "name")) == 11
    assert find(TEXT, ("stage", 7)) == 8
    assert find(TEXT, ("nothing",)) is None
    assert find("", ("stage", 0)) is None


def test_only_line_ends_count_as_lines():
    """An editor does not number a form feed or a Unicode line separator."""
    assert find("# a\x0cb\u2028c\nseed = 1\n", ("seed",)) == 2


def test_a_list_inside_a_stage_is_not_a_stage():
    """Counted as one, it would move every later error to the wrong stage."""
    text = '[[stage]]\nkind = "a"\n[[stage.parts]]\nx = 1\n[[stage]]\nkind = "b"\n'
    assert find(text, ("stage", 1, "kind")) == 6
    assert find(text, ("stage", 0, "parts", "x")) == 4
