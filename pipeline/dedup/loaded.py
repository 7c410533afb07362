"""Importing this loads what workers of deduplication need, its compiled kernels too.

Loading takes a second, and a stage of a thousand shards has thousands of workers, all forked from
one process that has imported this.
"""

from importlib import import_module

from tamis.pipeline.dedup.kernels import load_all

for name in ("tamis.pipeline.dedup.jobs", "pyarrow.acero"):
    import_module(name)
load_all()
