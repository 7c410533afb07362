"""Buckets: a column that a measure leaves to be filled once the whole corpus is known."""

from __future__ import annotations

from typing import NamedTuple


class Buckets(NamedTuple):
    """A column that names between which quantiles of its group a value lies.

    A measure with a property `buckets` leaves that column null; it is filled when the stage has
    measured all rows, by the quantiles over those that are alive.
    """

    column: str
    of: str
    """The column of the values."""
    by: str
    """The column of the groups."""
    shares: tuple[float, ...]
    """Where one bucket ends and the next begins, from 0 to 1."""
    names: tuple[str, ...]
