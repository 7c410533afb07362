"""Importing this loads what workers that encode need, the compiled kernels too.

It takes a third of a second, and every task is a worker of its own, all forked from one process
that has imported this.
"""

import numpy as np

from tamis.tokenize.encoding import Encoder
from tamis.tokenize.tables import tables

_TABLES = tables([b"a"] * 2, np.zeros(2, np.float32), np.zeros(256, np.int32))
Encoder(_TABLES, np.dtype("<u2")).encode(np.frombuffer(b"a", np.uint8), np.array([0, 1]))
