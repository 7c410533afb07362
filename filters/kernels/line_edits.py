"""Texts without some of their lines, paragraphs or sentences."""

from __future__ import annotations

from tamis.filters.kernels.arrays import Bytes, Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.kernels.edits import Edited
from tamis.filters.kernels.line_hashes import SPAN, Units


@kernel
def spread(found: Units, dropped: Bytes) -> None:
    """Marks all sentences of a span of which the first is marked."""
    for document in range(len(found.firsts) - 1):
        left = 0
        for unit in range(found.firsts[document], found.firsts[document + 1]):
            left = SPAN if dropped[unit] else left - 1
            dropped[unit] = left > 0


@kernel
def edit(
    data: Bytes, ends: Longs, found: Units, dropped: Bytes, counts: Longs, done: Edited
) -> None:
    """Writes every text without its dropped units.

    Between units that were no neighbours the longest of what stood between them stays. counts:
    units, units dropped, their bytes and the bytes of the text that is left; texts x 4.
    """
    for document in range(len(ends) - 1):
        row = counts[document]
        first, last = found.firsts[document], found.firsts[document + 1]
        row[0] = last - first
        for unit in range(first, last):
            row[1] += dropped[unit]
            row[2] += (found.stops[unit] - found.starts[unit]) * dropped[unit]
        place = begin = done.ends[document]
        if row[1]:
            place = _write(data, ends[document], ends[document + 1], found, dropped, document, done)
        row[3] = place - begin if row[1] else ends[document + 1] - ends[document]
        done.changed[document] = row[1] > 0
        done.ends[document + 1] = place


@kernel
def _write(
    data: Bytes, start: int, stop: int, found: Units, dropped: Bytes, document: int, done: Edited
) -> int:
    """Writes one text; gives where it ends."""
    first, last = found.firsts[document], found.firsts[document + 1]
    place = done.ends[document]
    behind, before = start, first - 1  # where the unit before ends, and the last one that stays
    gap, gap_stop = start, start  # the longest since that
    for unit in range(first, last):
        from_, to = found.starts[unit], found.stops[unit]
        if before == unit - 1 or from_ - behind > gap_stop - gap:
            gap, gap_stop = behind, from_
        behind = to
        if dropped[unit]:
            continue
        if before >= first or unit == first:
            place = _copy(data, gap, gap_stop, done.data, place)
        place = _copy(data, from_, to, done.data, place)
        before = unit
    return _copy(data, behind, stop, done.data, place) if before == last - 1 else place


@kernel
def _copy(data: Bytes, start: int, stop: int, target: Bytes, place: int) -> int:
    for k in range(start, stop):
        target[at(place)] = data[at(k)]
        place += 1
    return place
