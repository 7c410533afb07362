"""What the verdict refuses to judge, and in which words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from tamis.model.errors import ModelError
from tamis.model.verdict.judge import VERDICT, judge, write

T = 1_024_000
Change = Callable[[dict[str, Any]], None]


def setting(*keys: str | int, to: object) -> Change:
    """Sets a value deep in a JSON object."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def refused(experiment: Any, *said: str) -> None:
    with pytest.raises(ModelError) as error:
        write(experiment.folder)
    for one in said:
        assert one in str(error.value)
    assert not (experiment.folder / VERDICT).exists()


def test_a_run_that_is_missing(experiment: Any) -> None:
    (experiment.run("full", 1) / "run.json").unlink()
    refused(experiment, "full/1/run.json is missing")


def test_scores_that_are_missing(experiment: Any) -> None:
    experiment.scores("raw", 2, 2 * T).unlink()
    refused(experiment, f"raw/2/scores/{2 * T}.parquet is missing", "not finished")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("asked", "optimiser", "clip", to=0.5), "asked.optimiser.clip is 0.5 here and 1.0"),
        (setting("asked", "schedule", "peak", to=0.02), "asked.schedule.peak is 0.02"),
        (setting("asked", "schedule", "warmup", to=9), "asked.schedule.warmup is 9"),
        (setting("asked", "shape", "width", to=128), "asked.shape.width is 128"),
        (setting("asked", "dtype", to="bfloat16"), "asked.dtype is bfloat16"),
        (setting("asked", "data", "shuffle", to=False), "asked.data.shuffle is False"),
        (setting("versions", "torch", to="2.14.0"), "versions.torch is 2.14.0"),
        (setting("versions", "trainer", to="f" * 12), "versions.trainer is ffffffffffff here"),
        (setting("machine", "device", to="NVIDIA H200"), "machine.device is NVIDIA H200"),
        (setting("asked", "extra", to=1), "asked.extra is 1 here and None"),
        (setting("asked", "seed", to=5), "the seed: 5, not 1"),
        (setting("asked", "data", "seed", to=5), "the seed of the data: 5, not 1"),
        (setting("asked", "preset", to="1M"), "the preset: 1M, not 300k"),
        (setting("asked", "data", "vocabulary", to="w"), "the vocabulary: w, not vvv"),
        (setting("asked", "schedule", "steps", to=249), "the steps at its ends: [249], not [250]"),
        (setting("asked", "data", "batch", to=16), "the tokens of a batch: 8192, not 4096"),
        (setting("format", to=2), "format 2"),
        (setting("asked", to=[]), "'asked' is [], and has to be an object"),
    ],
)
def test_a_run_that_differs_in_more_than_its_arm(
    experiment: Any, change: Change, said: str
) -> None:
    """A difference of settings would be published as one of data."""
    experiment.edit("full", 1, change)
    refused(experiment, "full/1/run.json", said)


def test_threads_and_data_may_differ(experiment: Any) -> None:
    """Elsewhere there are other threads, long runs are compiled, and arms have other data."""
    experiment.edit("full", 1, setting("machine", "threads", to=8))
    experiment.edit("raw", 1, setting("machine", "compiled", to=True))
    experiment.edit("full", 1, setting("asked", "data", "components", to=[{"tokens": "x"}]))
    judge(experiment.folder)


def test_another_heldout_file(experiment: Any) -> None:
    with (experiment.folder / "heldout" / "news.jsonl").open("a") as file:
        file.write('{"text": "one more"}\n')
    refused(experiment, "heldout/news.jsonl is not the held-out file that the plan froze")


def test_a_heldout_file_that_is_missing(experiment: Any) -> None:
    (experiment.folder / "heldout" / "news.jsonl").unlink()
    refused(experiment, "heldout/news.jsonl", "is missing")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("nats", math.nan, "document 'docs-3' of 'docs' has nan nats"),
        ("nats", math.inf, "document 'docs-3' of 'docs' has inf nats"),
        ("nats", -1.0, "has -1.0 nats"),
        ("nats", None, "the column 'nats' has nulls"),
        ("id", "other", "was scored on other documents of 'docs'"),
        ("group", "other", "was scored on other documents of 'docs'"),
        ("bytes", 999, "was scored on other documents of 'docs'"),
        ("domain", "books", "other domains than the plan: also 'books'"),
        ("domain", "news", "has 59 documents of 'docs', and the plan 60"),
    ],
)
def test_scores_that_are_broken(experiment: Any, column: str, value: object, said: str) -> None:
    def change(values: list[Any]) -> None:
        values[3] = value

    experiment.edit_scores(experiment.scores("full", 1), column, change)
    refused(experiment, f"full/1/scores/{T}.parquet", said)


def test_documents_of_other_groups(experiment: Any) -> None:
    """A document that is of another site, with all else the same and in the same order."""
    path = experiment.scores("full", 1)
    experiment.edit_scores(path, "group", lambda values: values.__setitem__(19, "host99"))
    refused(experiment, f"full/1/scores/{T}.parquet was scored on other documents of 'docs'")


def test_scores_that_are_cut_off(experiment: Any) -> None:
    path = experiment.scores("full", 1)
    path.write_bytes(path.read_bytes()[:-100])
    refused(experiment, f"full/1/scores/{T}.parquet cannot be read")


def test_scores_without_a_column(experiment: Any) -> None:
    path = experiment.scores("full", 1)
    pq.write_table(pq.read_table(path).drop_columns(["group"]), path)
    refused(experiment, f"full/1/scores/{T}.parquet", "no column 'group'")


def test_the_order_of_documents_is_no_matter(experiment: Any) -> None:
    """Only what was scored has to be the same, and the figures are those of groups."""
    before = write(experiment.folder)
    path = experiment.scores("full", 1)
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), path)
    assert write(experiment.folder) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("format", to=2), "is of format 2, and this version of tamis reads 1"),
        (setting("seeds", to=[0, 0]), "has the seed '0' twice"),
        (setting("seeds", to=[]), "has no seed"),
        (setting("seeds", to=["a"]), "'seeds[…]' is 'a', and has to be a whole number"),
        (setting("arms", 1, "name", to="raw"), "has the arm 'raw' twice"),
        (setting("arms", 1, "name", to="../x"), "'../x' cannot name an arm or a domain"),
        (setting("arms", 1, "kind", to="odd"), "'arms[1]' is of kind 'odd'"),
        (setting("arms", 1, "sizes", to=[5]), "'full' is not scored"),
        (setting("arms", 1, "sizes", to=[T, 5]), "the sizes of 'full' have to rise"),
        (setting("comparisons", 0, "treated", to="c4"), "compares 'c4', which is no arm"),
        (setting("comparisons", 0, "treated", to="raw"), "compares 'raw' with itself"),
        (setting("domains", 0, "role", to="x"), "'domains[0].role' is 'x'"),
        (setting("domains", 0, "seen", to=0), "'domains[0].seen' is 0, and has to be true or"),
        (setting("statistics", "correction", to="none"), "the correction 'none' is not known"),
        (setting("statistics", "confidence", to=95), "a confidence between 0 and 1"),
        (setting("training", "parameters", to=0), "have to be positive"),
        (setting("budget", to="equal time"), "the budget 'equal time' is not one of"),
        (setting("budget", to="equal pool"), "'arms[0].epochs' is missing"),
        (setting("training", "pool_tokens", to=T), "pool_tokens go with the budget 'equal pool'"),
        (setting("training", "pool_tokens", to=0), "have to be positive"),
        (setting("training", to=3), "'training' is 3, and has to be an object"),
    ],
)
def test_a_plan_that_cannot_be_judged(experiment: Any, change: Change, said: str) -> None:
    change(experiment.plan)
    experiment.save()
    refused(experiment, "plan.json", said)


def test_an_equal_pool_that_cannot_be_judged(experiment: Any) -> None:
    experiment.plan["budget"] = "equal pool"
    for arm in experiment.plan["arms"]:
        arm["epochs"] = {"0": 1.0, "1": "often"}
    experiment.save()
    refused(experiment, "plan.json", "'arms[0].epochs.1' is 'often', and has to be a number")
    for arm in experiment.plan["arms"]:
        arm["epochs"] = {"0": 1.0}
    experiment.save()
    refused(experiment, "plan.json", "pool_tokens go with the budget 'equal pool'")


def test_no_plan_and_no_json(experiment: Any) -> None:
    path = experiment.folder / "plan.json"
    path.write_text('{"format": 1')
    refused(experiment, "plan.json cannot be read")
    path.write_text(json.dumps([1]))
    refused(experiment, "plan.json is no JSON object")
    path.unlink()
    refused(experiment, "plan.json is missing")


def test_no_domain_to_judge_by(experiment: Any) -> None:
    for domain in experiment.plan["domains"]:
        domain["seen"] = True
    experiment.save()
    refused(experiment, "no domain is an unseen target")


def test_a_run_of_other_tokens_than_the_plan_has(experiment: Any) -> None:
    path = experiment.folder / "plan.json"
    plan = json.loads(path.read_text())
    plan["arms"][1]["tokens"] = {"1": "others"}
    path.write_text(json.dumps(plan))
    refused(experiment, "the tokens that are read: [", "not ['others']")
