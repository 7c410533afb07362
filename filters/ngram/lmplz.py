"""Estimation by KenLM's own program, for those who have it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.filters.ngram.levels import END


def estimate(
    program: str,
    blocks: Iterable[npt.NDArray[np.uint32]],
    words: Callable[[], list[bytes]],
    order: int,
    memory: int,
    scratch: Path,
) -> Path:
    """The ARPA file that lmplz makes of sentences of ids; raises ValueError with what it says.

    It sorts in the memory given, but for its vocabulary. Sentences end with END; a token that the
    model would take for one of its own marks is written as <unk>, which is skipped.
    """
    path = scratch / "lmplz.arpa"
    command = [
        *(program, "-o", str(order), "-S", f"{memory}b", "-T", f"{scratch}/", "--arpa", str(path)),
        *("--discount_fallback", "--skip_symbols"),
    ]
    said = scratch / "lmplz.said"
    try:
        with said.open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
            assert process.stdin is not None
            try:
                for ids in blocks:
                    process.stdin.write(_lines(ids, words()))
                process.stdin.close()
            except BrokenPipeError:
                pass  # what it says tells why
            finally:
                status = process.wait()
    except OSError as error:
        raise ValueError(f"{program} cannot be run: {error.strerror}") from error
    if status:
        lines = said.read_text(errors="replace").strip().splitlines()
        raise ValueError(f"{program} failed: {lines[-1] if lines else f'status {status}'}")
    return path


def _lines(ids: npt.NDArray[np.uint32], words: list[bytes]) -> bytes:
    written = [b"\n" if one == END else words[one] + b" " for one in ids.tolist()]
    return b"".join(written)
