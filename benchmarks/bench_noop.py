"""What a stage costs before it measures anything, against bare pyarrow over the same text."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import texts
from measuring import Row, Sample, command, in_process, interleave, median, plain, rate, side, tamis
from sides import bare

from tamis.pipeline import recipe
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.guard import Guard
from tamis.pipeline.rows import RowPhase
from tamis.pipeline.sift import Sift

MEGABYTES = 1000.0
TARGET = 1.05
RECIPE = 'description = "Nothing is measured."\n\n[[stage]]\nkind = "noop"\n'


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    corpus = corpus_of(data, megabytes or MEGABYTES)
    size = corpus.manifest.counts["bytes"] / 1e6
    paths = [corpus.documents(shard.name) for shard in corpus.shards]
    noop = phase(corpus, RECIPE)
    inside = interleave(
        {
            "stage": lambda: stage(noop),
            "bare": lambda: in_process(lambda: bare(paths, "text")),
        },
        rounds,
    )
    whole = interleave(
        {
            "stage": partial(_command, corpus, recipe_file(RECIPE)),
            "bare": lambda: command(side("read", corpus.root, "text")),
        },
        rounds,
    )
    label = f"noop stage over {size:.0f} MB in {len(paths)} shards; other: bare pyarrow"
    return [
        _row(f"{label}; in one process", size, inside, f"<= {TARGET:g}x its time"),
        _row(f"{label}; whole command", size, whole, ""),
    ]


def _row(what: str, size: float, samples: dict[str, list[Sample]], target: str) -> Row:
    ours, other = median(samples["stage"]), median(samples["bare"])
    cost, clock = ours.cpu / other.cpu, ours.wall / other.wall
    return Row(
        what,
        rate(size, ours),
        rate(size, other),
        f"{cost:.3f}x its time ({clock:.3f}x by the clock)",
        target,
        cost <= TARGET and clock <= TARGET if target else None,
        {"text_mb": size, "samples": plain(samples)},
    )


def corpus_of(data: Path | None, megabytes: float) -> Corpus:
    """A corpus of so much text; one that is there is used again."""
    (source,) = texts.files(texts.pool(data), megabytes, compressed=False)
    root = texts.SCRATCH / "corpora" / source.parent.name
    if not (root / "corpus.json").is_file():
        command(tamis("ingest", source, "-o", texts.fresh(root)))
    return Corpus.open(root)


def recipe_file(content: str) -> Path:
    """A recipe on disk."""
    path = texts.SCRATCH / "bench.toml"
    path.write_text(content, encoding="utf-8")
    return path


def phase(corpus: Corpus, content: str) -> RowPhase:
    """The one phase of a recipe over a corpus, in this process."""
    made = recipe.load(str(recipe_file(content)), [])
    return Sift(corpus, made).group_phase(0)


def stage(work: RowPhase) -> Sample:
    """What a phase takes over all shards; what it wrote before is removed first."""
    forget(work.corpus, work.name)
    units = [unit for task in work.tasks for unit in task]

    def measure() -> None:
        for unit in units:
            work.work(unit, Guard())

    return in_process(measure)


def forget(corpus: Corpus, name: str) -> None:
    """Removes a stage's signals and records."""
    for kind in ("signals", "records"):
        shutil.rmtree(corpus.root / kind / name, ignore_errors=True)


def _command(corpus: Corpus, path: Path) -> Sample:
    forget(corpus, "noop")
    arguments = ("stage", "noop", corpus.root, "--recipe", path, "--workers", "1", "--json")
    return command(tamis(*arguments))
