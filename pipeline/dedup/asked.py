"""The dedup stage of a corpus that signatures, an index or an answer are asked of."""

from __future__ import annotations

from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.sift import Sift, command
from tamis.pipeline.stage import Stage


def dedup_stage(sift: Sift, name: str | None = None) -> Stage:
    """The stage of this name, or the only one that finds duplicates, with signatures for all.

    Raises CallError if there is none, or several to choose from; WorkError if it has not signed
    the documents that are alive now.
    """
    stages = [s for s in sift.recipe.stages if isinstance(s.measure, Dedup)]
    if name is not None:
        if sift.recipe.stage(name) not in stages:
            raise CallError(
                f"stage '{name}' is of the kind '{sift.recipe.stage(name).kind}': {_named(stages)}"
            )
        stages = [sift.recipe.stage(name)]
    if len(stages) != 1:
        raise CallError(f"recipe '{sift.recipe.name}': {_named(stages)}")
    check_signed(sift, stages[0])
    return stages[0]


def _named(stages: list[Stage]) -> str:
    if not stages:
        return "it has no stage of the kind 'dedup'"
    return f"name a stage of the kind 'dedup' with --stage: {', '.join(s.name for s in stages)}"


def check_signed(sift: Sift, stage: Stage) -> None:
    """Raises WorkError unless every shard has the signatures of this stage as it is now."""
    keys = {record and record["key"] for record in sift.corpus.records(f"{stage.name}/signatures")}
    if keys - {sift.fingerprints[stage.name]}:
        state = "no signatures" if None in keys else "signatures of something else"
        raise WorkError(
            f"{sift.corpus.root} has {state} of stage '{stage.name}': "
            f"run `tamis {command(stage)} {sift.corpus.root}` first"
        )


def parameters(stage: Stage) -> Dedup:
    """The options of such a stage."""
    assert isinstance(stage.measure, Dedup)
    return stage.measure
