"""Texts that kernels are tried on: any Unicode, and dense in what the rules are about."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tamis.filters.kernels.arrays import Flags, Ints
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.unicode_tables import tables

SIGNS = "abAZéßñ01_-.,:;'\"#{}[]!?…•*@/<>\u00b2\u05d0\u05d1\u30a2\u30ab漢字あไท\u0e35ກក"
SIGNS += "\u200d\u200c\u200b\u0301\u0315\u0323☺\U0001f1e6\U0001f1e7\U0001f3fbΣσςΑKİǅ\ud7a3"
SIGNS += "  \n\n\r\t\x85\u2028\u00a0\x00\x1c“”’—。！"
FRAGMENTS = (
    "the ",
    "of ",
    "and ",
    "javascript",
    "lorem ",
    "ipsum",
    "...",
    ". . .",
    "\n\n",
    "://",
    "- ",
)

characters = st.characters(exclude_categories=["Cs"])
fragments = st.one_of(characters, st.sampled_from(SIGNS), st.sampled_from(FRAGMENTS))
texts = st.lists(fragments, max_size=60).map("".join)
repetitive = st.lists(st.sampled_from(["a ", "b ", "c\n", "\n", "De ", "f, "]), max_size=120).map(
    "".join
)


def decoded(text: str) -> tuple[Ints, Flags, int]:
    """Code points and flags of a text, a newline behind them, and how many there are."""
    data = np.frombuffer((text + "\n").encode(), np.uint8)
    codes, props = np.empty(len(data) + 2, np.int32), np.empty(len(data) + 2, np.uint32)
    return codes, props, decode(data, 0, len(data), tables().flags, codes, props) - 1
