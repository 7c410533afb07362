"""The decorator of the kernels here, and where compiled code is kept.

Numba notices an edit in the file of a function but not in those of the functions that it calls, so
compiled code lies in a folder named by the digest of every source of this package, which stands
alone: the trainer imports it, and nothing else of what judges text.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import config as numba_config
from numba.core import types
from numba.extending import intrinsic

config: Any = numba_config
at = np.uint64
"""An index that is not negative for certain: Numba counts signed ones from the end if they are."""
F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compiles a function at its first call, without the interpreter's lock, kept on disk."""
    folder = cache_folder()
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder or "")
    try:
        return cast(F, numba.njit(nogil=True, cache=folder is not None)(function))
    finally:
        config.CACHE_DIR = before


def inlined(function: F) -> F:
    """A small function that becomes part of every kernel that calls it."""
    return cast(F, numba.njit(nogil=True, inline="always")(function))


@inlined
def signed(number: Any) -> int:
    """A number that the next sum may take below zero, or beside one that is signed: Numba makes a
    float of an unsigned and a signed one."""
    return np.int64(number)  # type: ignore[return-value]


@intrinsic
def _eight_bytes(typing: Any, data: Any, place: Any) -> Any:
    def load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer = builder.gep(array.data, [arguments[1]])
        words = builder.bitcast(pointer, ir.IntType(64).as_pointer())
        return builder.load(words, align=1)

    return types.uint64(data, place), load


@inlined
def eight_bytes(data: npt.NDArray[np.uint8], place: int) -> np.uint64:
    """Eight bytes of an array from a place on as one number, the first the lowest, in one load.

    The array has to have them: nothing is checked.
    """
    return _eight_bytes(data, place)  # type: ignore[call-arg]


@lru_cache
def cache_folder() -> Path | None:
    """A folder of this user's own below $TAMIS_CACHE, $XDG_CACHE_HOME/tamis or ~/.cache/tamis.

    None where none can be written, or others could write to it: what is in it will be run.
    """
    state = hashlib.sha256(f"{numba.__version__} {os.uname().machine}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        state.update(path.read_bytes())
    named = os.environ.get("TAMIS_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "tamis"
    folder = (Path(named) if named else base) / f"tokens-{state.hexdigest()[:16]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stat = folder.stat()
    except OSError:
        return None
    mine = stat.st_uid == os.getuid() and not stat.st_mode & 0o022
    return folder if mine and os.access(folder, os.W_OK) else None
