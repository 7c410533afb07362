"""The whole deduplication stage on two cores, against datatrove's and at size: see dedup_stage.

The Python with datatrove and spaCy is $DATATROVE_PYTHON, or this one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dedup_stage import alone
from dedup_stage import rows as compared
from measuring import Row

CORES = 2
COMPARED, AT_SIZE = 200.0, 1000.0


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table; the comparison alone if a size is asked for."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(min(CORES, os.cpu_count() or 1)))
    try:
        python = os.environ.get("DATATROVE_PYTHON", sys.executable)
        found = compared(data, megabytes or COMPARED, rounds, python)
        return found if megabytes else [*found, alone(data, AT_SIZE, rounds)]
    finally:
        os.sched_setaffinity(0, before)
