"""Importing this loads the kernels of deduplication that were compiled before, for what is forked.

Loading takes half a second, and a stage of a thousand shards has four thousand workers.
"""

from tamis.pipeline.dedup.kernels import load_all

load_all()
