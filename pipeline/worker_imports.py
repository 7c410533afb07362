"""What every worker needs: imported once, by the server that workers are forked from."""

import datatrove.executor.local
import pyarrow.compute
import pyarrow.parquet

import tamis.pipeline.step

__all__ = ["datatrove", "pyarrow", "tamis"]
