"""What Numba loads before the first kernel, loaded here: once, where workers are forked from.

It takes 0.6 s, of which 0.4 s go for SciPy's linear algebra, which no kernel uses.
"""

from __future__ import annotations

import sys

from numba.core.registry import cpu_target

_UNUSED = "scipy.linalg"
_absent = _UNUSED not in sys.modules
if _absent:
    sys.modules[_UNUSED] = None  # type: ignore[assignment]
try:
    cpu_target.target_context.refresh()
finally:
    if _absent:
        del sys.modules[_UNUSED]
