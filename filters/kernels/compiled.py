"""The decorator of every kernel, and where compiled code is kept.

Numba notices an edit in the file of a function but not in the files of the functions that it calls,
so compiled code lies in a folder named by the digest of every source below filters/.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config as numba_config
from numba.np import linalg

config: Any = numba_config

# Numba loads SciPy's linear algebra before its first function, 0.4 s, to see whether it is there.
# Who calls np.dot in a kernel of his own has it loaded then.
_ensure_blas, linalg.ensure_blas = linalg.ensure_blas, lambda: None
try:
    import_module("numba.np.arraymath")
finally:
    linalg.ensure_blas = _ensure_blas

at = np.uint64
"""An index that is not negative for certain: Numba counts signed ones from the end if they are, and
asking that at every step is a quarter of the time of a tight loop."""
F = TypeVar("F", bound=Callable[..., object])
SOURCES = Path(__file__).parents[1]


def kernel(function: F) -> F:
    """Compiles a function at its first call, without the interpreter's lock, kept on disk."""
    folder = cache_folder()
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder or "")
    try:
        compiled = numba.njit(nogil=True, cache=folder is not None)(function)
    finally:
        config.CACHE_DIR = before
    return cast(F, compiled)


def inlined(function: F) -> F:
    """A small function that becomes part of every kernel that calls it."""
    return cast(F, numba.njit(nogil=True, inline="always")(function))


@inlined
def signed(number: np.integer[Any]) -> int:
    """A number that the next sum may take below zero: `int` would leave it unsigned, and the sum of
    an unsigned and a signed one is a float."""
    return np.int64(number)  # type: ignore[return-value]


@lru_cache
def cache_folder() -> Path | None:
    """A folder of this user's own for what these sources give; None where none can be written.

    $TAMIS_CACHE, $XDG_CACHE_HOME/tamis or ~/.cache/tamis, else one below the temporary folder. What
    is in it is code that will be run: a folder that others can write to is not used.
    """
    named = os.environ.get("TAMIS_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    fallback = Path(tempfile.gettempdir()) / f"tamis-{os.getuid()}"
    for place in (Path(named) if named else base / "tamis", fallback):
        folder = place / f"kernels-{digest()}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            stat = folder.stat()
        except OSError:
            continue
        if stat.st_uid == os.getuid() and not stat.st_mode & 0o022 and os.access(folder, os.W_OK):
            return folder
    return None


@lru_cache
def digest() -> str:
    """The digest of the sources that kernels are made of, and of what compiles them."""
    state = hashlib.sha256(f"{numba.__version__} {os.uname().machine}".encode())
    for path in sorted(SOURCES.rglob("*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()[:16]
