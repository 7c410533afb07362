"""What Numba loads before the first kernel, loaded where workers are forked from: 0.1 s of each."""

from __future__ import annotations

from numba.core.registry import cpu_target

import tamis.filters.kernels.compiled  # noqa: F401  (before it, 0.4 s more)

cpu_target.target_context.refresh()
