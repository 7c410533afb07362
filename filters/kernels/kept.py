"""Tables that take long to make: made once and kept beside the compiled kernels."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tamis.filters.kernels.compiled import cache_folder

T = TypeVar("T", bound=NamedTuple)


def kept(name: str, kind: type[T], make: Callable[[], T]) -> T:
    """What `make` gives, a named tuple of arrays, read from where it is kept if it was made before.

    It is kept by its name and the running Python's version of Unicode.
    """
    folder = cache_folder()
    if folder is None:
        return make()
    version = f"{unicodedata.unidata_version}-{sys.version_info[0]}.{sys.version_info[1]}"
    path = folder / f"{name}-{version}.npz"
    fields: Any = kind
    try:
        with np.load(path, allow_pickle=False) as found:
            read: T = fields(*(found[field] for field in fields._fields))
            return read
    except (OSError, ValueError, KeyError, EOFError):
        made = make()
    _keep(path, made)
    return made


def _keep(path: Path, made: Any) -> None:
    draft = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    try:
        np.savez(draft, **made._asdict())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)  # a full disk costs half a second at the next start
