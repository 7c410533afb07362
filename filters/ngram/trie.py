"""Pieces as a trie in a double array: a step from node to node is one look at eight bytes.

A node with children has a base; the child behind a byte is at base XOR byte, if that place's owner
is the base. Places of other nodes lie between, so that few stay empty.
Source: Aoe 1989, "An efficient digital search algorithm by using a double-array structure".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Ints, Longs
from tamis.filters.kernels.compiled import kernel
from tamis.filters.ngram.levels import Floats

EMPTY = np.uint32(0xFFFFFFFF)
_BLOCK, _TRIED = 256, 16


class Trie(NamedTuple):
    """A trie over bytes."""

    units: Flags
    """Of every place its owner and then its own base, 0 if it has no children; EMPTY is no owner.
    The root is at place 0, which is nobody's child, as are those up to 255."""
    scores: Floats
    """Of every place the score of the piece that ends there; NaN where none does."""
    unknown: Floats
    """The score of an unknown character, as the only item."""


def trie(pieces: list[bytes], scores: Floats, unknown: np.float32) -> Trie:
    """The trie of some pieces, all different, none empty or with a zero byte."""
    order = sorted(range(len(pieces)), key=pieces.__getitem__)
    ends = np.cumsum([len(pieces[k]) for k in order], dtype=np.int64)
    data = np.frombuffer(b"".join(pieces[k] for k in order), np.uint8)
    parents, labels, values = _nodes(data, ends, scores[order])
    children = np.argsort(parents[1:], kind="stable") + 1
    first = np.searchsorted(parents[1:][children - 1], np.arange(len(parents) + 1))
    units, places = _arrange(first, children, labels)
    placed = np.full(len(units) // 2, np.nan, np.float32)
    placed[places] = values
    return Trie(units, placed, np.array([unknown], np.float32))


@kernel
def _nodes(data: Bytes, ends: Longs, scores: Floats) -> tuple[Ints, Bytes, Floats]:
    """Of every node of sorted pieces its parent, the byte to it and the score of its piece."""
    parents, labels = np.zeros(len(data) + 1, np.int32), np.zeros(len(data) + 1, np.uint8)
    values = np.full(len(data) + 1, np.nan, np.float32)
    path = np.zeros(len(data) + 1, np.int32)  # the nodes of the piece before, by depth
    count, before, start = 1, 0, 0
    for piece in range(len(ends)):
        size = ends[piece] - start
        depth = 0
        while piece and depth < min(size, start - before):
            if data[start + depth] != data[before + depth]:
                break
            depth += 1
        for k in range(depth, size):
            parents[count], labels[count] = path[k], data[start + k]
            path[k + 1] = count
            count += 1
        values[path[size]] = scores[piece]
        before, start = start, ends[piece]
    return parents[:count], labels[:count], values[:count]


@kernel
def _arrange(first: Longs, children: Longs, labels: Bytes) -> tuple[Flags, Longs]:
    """Finds a base for every node, level by level; gives the units and the place of every node.

    children[first[n] : first[n + 1]] are the children of node n.
    """
    units = np.empty(8 * _BLOCK, np.uint32)
    units[:] = EMPTY
    used = np.zeros(4 * _BLOCK, np.uint8)
    places = np.zeros(len(first) - 1, np.int64)
    queue = np.zeros(len(first) - 1, np.int64)
    ahead, blocks = 1, 1
    for turn in range(len(queue)):
        node = queue[turn]
        mine = children[first[node] : first[node + 1]]
        units[2 * places[node] + 1] = 0
        if len(mine) == 0:
            continue
        base = _base(mine, labels, units, used, blocks)
        if base < 0:
            base = blocks * _BLOCK
            blocks += 1
            if 2 * blocks * _BLOCK > len(units):
                units, used = _doubled(units, used)
        used[base] = 1
        units[2 * places[node] + 1] = base
        for child in mine:
            places[child] = base ^ labels[child]
            units[2 * places[child]] = base
            queue[ahead] = child
            ahead += 1
    return units[: 2 * blocks * _BLOCK].copy(), places


@kernel
def _base(mine: Longs, labels: Bytes, units: Flags, used: Bytes, blocks: int) -> int:
    """A base in the last blocks where the children find empty places; -1 if there is none."""
    for place in range(max(1, blocks - _TRIED) * _BLOCK, blocks * _BLOCK):
        base = place ^ labels[mine[0]]
        if units[2 * place] != EMPTY or used[base]:
            continue
        fits = True
        for child in mine:
            fits &= units[2 * (base ^ labels[child])] == EMPTY
        if fits:
            return int(base)
    return -1


@kernel
def _doubled(units: Flags, used: Bytes) -> tuple[Flags, Bytes]:
    more, more_used = np.empty(2 * len(units), np.uint32), np.zeros(2 * len(used), np.uint8)
    more[:] = EMPTY
    more[: len(units)] = units
    more_used[: len(used)] = used
    return more, more_used
