"""`status`: what is done, what is stale and why, what is missing, and how to go on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tamis.pipeline.answer import write_phase
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Local
from tamis.pipeline.errors import WorkError
from tamis.pipeline.files import read_json
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.rounds import clusters, first
from tamis.pipeline.sift import Sift, command, options
from tamis.pipeline.signals import is_current
from tamis.pipeline.stage import Stage, assets


@dataclass(frozen=True)
class Line:
    """The state of ingest, a stage or write."""

    name: str
    state: str  # done, partial, stale, missing
    detail: str
    next: str = ""


def status(corpus: Corpus, recipe: Recipe) -> list[Line]:
    """The state of everything that the recipe asks of a corpus, in order."""
    counts = corpus.manifest.counts
    ingest = f"{counts['documents']:,} documents in {len(corpus.shards)} shards"
    if lost := sum(counts["errors"].values()):
        ingest += f", {lost:,} unreadable records (errors/)"
    lines = [Line("ingest", "done", ingest)]
    sift = Sift(corpus, recipe)
    there, missing = sift.present()
    left = sift.unmeasured(there, Local(1, quiet=True))
    unsettled = [stage.name for stage in missing if stage.buckets]
    stages = map(first, sift.recipe.stages)
    lines += [_stage(sift, s, left.get(s.name, 0), unsettled) for s in stages]
    lines.append(_write(sift))
    return lines


def _stage(sift: Sift, stage: Stage, left: int, unsettled: Collection[str]) -> Line:
    corpus, fingerprint = sift.corpus, sift.fingerprints[stage.name]
    shards = [shard.name for shard in corpus.shards]
    current = sum(is_current(corpus, stage, shard, fingerprint) for shard in shards)
    some = sum(corpus.record(stage.place, shard) is not None for shard in shards)
    go_on = f"tamis {command(stage)} {corpus.root}"
    if stage.name in unsettled and current == len(shards):
        return Line(stage.name, "stale", "its buckets are not of the documents alive now", go_on)
    if left:
        return Line(stage.name, "partial", f"{left:,} documents came alive since", go_on)
    if current == len(shards):
        open_ = clusters(stage) and not sift.is_settled(stage)
        detail = "; whose copies stay is settled by `tamis write`" if open_ else ""
        return Line(stage.name, "done", f"{len(shards)} shards{detail}")
    if current:
        return Line(stage.name, "partial", f"{current} of {len(shards)} shards", go_on)
    if some:
        return Line(stage.name, "stale", _why_stale(sift, stage), go_on)
    return Line(stage.name, "missing", "never measured", go_on)


def _why_stale(sift: Sift, stage: Stage) -> str:
    """What changed since the signals were measured, as far as stage.json can say."""
    try:
        was: dict[str, Any] = read_json(sift.corpus.stage_file(stage.name))
    except (FileNotFoundError, WorkError):
        return "measured with something else"
    if was.get("fingerprint") == sift.fingerprints[stage.name]:
        return "some shards were measured with something else"
    now = options(sift.written.stage(stage.name))
    changed = [
        f"{key} was {was['options'].get(key)!r}, is {value!r}"
        for key, value in now.items()
        if was.get("options", {}).get(key) != value
    ]
    if was.get("version") != stage.measure.version:
        changed.append(f"version was {was.get('version')}, is {stage.measure.version}")
    before = {key: asset["sha256"] for key, asset in was.get("assets", {}).items()}
    after = {key: asset["sha256"] for key, asset in assets(stage.measure).items()}
    changed += [f"the file of {key} changed" for key in after if before.get(key) != after[key]]
    return "; ".join(changed) or "an earlier stage that it reads changed"


def _write(sift: Sift) -> Line:
    phase, missing = write_phase(sift)
    shards = [shard.name for shard in sift.corpus.shards]
    done = sum(phase.written(shard) is not None for shard in shards)
    go_on = f"tamis write {sift.corpus.root}"
    if done == len(shards):
        without = f", without {', '.join(s.name for s in missing)}" if missing else ""
        return Line("write", "done", f"cleaned/ is this recipe's answer{without}")
    if any(sift.corpus.record(phase.key, shard) for shard in shards):
        return Line("write", "stale", "cleaned/ answers another recipe or older signals", go_on)
    return Line("write", "missing", "nothing written yet", go_on)
