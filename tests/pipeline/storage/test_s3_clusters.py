"""Deduplication of a corpus on an object store: the bytes of one on a disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from families import pages, save
from inprocess import sift
from support import digests

RECIPE = """
[ingest]
shard_bytes = 60000
[[stage]]
kind = "dedup"
[stage.rules]
duplicate = { column = "duplicate", max = 0 }
[[stage]]
kind = "judges:Points"
[stage.rules]
enough = { column = "points", min = 5 }
"""


@pytest.mark.slow  # a thousand requests to a store that answers 300 a second
def test_clusters_on_a_store(s3: Any, tmp_path: Path) -> None:
    """What is mapped into memory on a disk is fetched by range here."""
    save(tmp_path, pages(31, 60))
    (tmp_path / "r.toml").write_text(RECIPE)
    sift(tmp_path, "run", "r.toml", "in", "-o", "local")
    sift(tmp_path, "run", "r.toml", "in", "-o", "s3://bucket-out/c")
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket-out", Prefix="c/"):
        for one in page["Contents"]:
            data = s3.get_object(Bucket="bucket-out", Key=one["Key"])["Body"].read()
            found[one["Key"].removeprefix("c/")] = hashlib.sha256(data).hexdigest()
    passing = {"work", "chance"}
    assert not [key for key in found if passing & {*key.split("/")} or key.endswith(".tmp")]
    kept = {key: value for key, value in found.items() if key.split("/")[0] not in SKIPPED}
    assert kept == digests(tmp_path / "local")


SKIPPED = ("logs", "records")
