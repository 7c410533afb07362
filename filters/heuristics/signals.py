"""What a signal is: columns and documentation are made of such definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa


class Signal(NamedTuple):
    """A column of a rule set."""

    name: str
    type: pa.DataType
    definition: str
    source: str


def schema(signals: Sequence[Signal]) -> pa.Schema:
    """The columns of a rule set."""
    return pa.schema([pa.field(signal.name, signal.type) for signal in signals])
