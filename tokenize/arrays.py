"""Names for the arrays that kernels take, and for encoded texts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Ids = npt.NDArray[np.unsignedinteger[Any]]


class Encoded(NamedTuple):
    """Some texts as tokens."""

    ids: Ids
    ends: Longs
    """Where each text ends in ids."""
