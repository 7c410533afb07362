"""`tamis ablate` from a corpus to its report, commands in this process."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import Tamis
from inprocess import sift
from support import SENTENCES, once

from tamis.model.verdict.plan import read_plan
from tamis.pipeline.ablate.processes import Slots, Task
from tamis.pipeline.errors import WorkError
from tamis.tokenize.tokens import Tokens

RECIPE = """
[[stage]]
kind = "dedup"
[stage.rules]
duplicate = { column = "duplicate", max = 0 }

[[stage]]
kind = "heuristics"
sets = ["gopher"]
[stage.rules]
words = { column = "gopher_words", min = 15 }
"""
ASKED = (
    *("--arms", "raw,full,random,cumulative,without", "--seeds", "2", "--tokens", "2048"),
    *("--preset", "300k", "--context", "64", "--batch-tokens", "256", "--balance"),
)


def prose(draw: random.Random, sentences: int) -> str:
    words = SENTENCES["en"].split()
    return ". ".join(" ".join(draw.sample(words, 9)) for _ in range(sentences))


def corpus_file(path: Path) -> None:
    """Documents of which some are copies and some too short, from three sites."""
    draw = random.Random(1)
    texts = [prose(draw, draw.randrange(1, 12)) for _ in range(500)]
    texts += texts[:60]
    rows = [
        {"id": f"d{n}", "text": text, "source": draw.choice(["web", "news"])}
        for n, text in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def heldout_file(path: Path) -> None:
    draw = random.Random(2)
    rows = [{"id": f"h{n}", "text": prose(draw, 22), "group": f"site {n % 20}"} for n in range(110)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def in_process(here: Tamis, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs of an experiment as commands in this process; `patch(n)` dies before the n-th."""
    left = [10**9]

    def run(self: Slots, tasks: Sequence[Task], done: Callable[[Task], None]) -> None:
        for task in tasks:
            for command in task.commands:
                left[0] -= 1
                if left[0] < 0:
                    raise WorkError("interrupted")
                here(*command)
                if task.folder is not None:
                    task.folder.mkdir(parents=True, exist_ok=True)
            done(task)

    monkeypatch.setattr(Slots, "run", run)

    def dies_after(commands: int) -> None:
        left[0] = commands

    return dies_after


def _made(root: Path) -> None:
    corpus_file(root / "pages.jsonl")
    (root / "held").mkdir()
    heldout_file(root / "held/letters.jsonl")
    (root / "mine.toml").write_text(RECIPE)
    sift(root, "run", "mine.toml", "pages.jsonl", "-o", "corpus")


@pytest.fixture
def made(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A sifted corpus, and held-out text."""
    shutil.copytree(once(tmp_path_factory, "pages", _made), tmp_path, dirs_exist_ok=True)


@pytest.mark.usefixtures("made")
def test_an_experiment(
    here: Tamis, in_process: Callable[[int], None], tmp_path: Path, one_thread: None
) -> None:
    said = here("ablate", "corpus", "-o", "ex", "--heldout", "held", *ASKED)
    plan = json.loads((tmp_path / "ex/plan.json").read_text())
    verdict = json.loads((tmp_path / "ex/verdict.json").read_text())
    assert [arm["name"] for arm in plan["arms"]] == ["raw", "+dedup", "full", "-dedup", "random"]
    pieces = plan["vocabulary"]["pieces"]
    assert plan["training"]["parameters"] == 344_640 - 64 * (2048 - pieces) < 344_640
    assert plan["arms"][0]["sizes"] == [512, 1024, 2048, 4096]
    assert [one["name"] for one in verdict["comparisons"]] == [
        *("full against raw", "dedup", "heuristics", "without dedup", "without heuristics"),
        "random against raw",
    ]
    assert {run["seed"] for run in verdict["runs"]} == {0, 1} and len(verdict["runs"]) == 16
    assert all(0.5 < run["macro"] < 3 for run in verdict["runs"])
    assert all(sentence in said.stdout for sentence in verdict["sentences"])
    assert "letters" in verdict["sentences"][0]
    assert all(verdict["sentences"][2].count(stage) == 2 for stage in ("dedup", "heuristics"))
    page = (tmp_path / "ex/report/index.html").read_text()
    assert "full against raw" in page
    kept = {arm["name"]: arm["kept"]["documents"] for arm in plan["arms"]}
    assert kept["raw"] == 560 and kept["+dedup"] == 500
    assert kept["full"] < kept["+dedup"] and kept["full"] < kept["-dedup"] < kept["raw"]
    for arm in plan["arms"]:
        assert arm["epochs"] == {"0": 1.0, "1": 1.0}
        assert all(max(arm["sizes"]) < one for one in arm["unique_tokens"].values())


@pytest.mark.usefixtures("made")
def test_interrupted(
    here: Tamis, in_process: Callable[[int], None], tmp_path: Path, one_thread: None
) -> None:
    """Interrupted twice: the same bytes; and arguments that are not those of the plan."""
    asked = ("--heldout", "held", *ASKED, "--arms", "raw,full", "--seeds", "1")
    here("ablate", "corpus", "-o", "whole", *asked)
    for commands in (2, 3):
        in_process(commands)
        here("ablate", "corpus", "-o", "ex", *asked, expect=1)
    in_process(10**9)
    here("ablate", "corpus", "-o", "ex", *asked)
    for name in ("plan.json", "verdict.json", "report.json"):
        whole, found = (tmp_path / folder / name for folder in ("whole", "ex"))
        assert found.read_bytes() == whole.read_bytes().replace(b"-o whole", b"-o ex")
    assert (
        json.loads((tmp_path / "ex/verdict.json").read_text())["comparisons"][0]["macro"]["verdict"]
        == "undecided"
    )
    other = here("ablate", "corpus", "-o", "ex", *asked[:2], "--seeds", "1", expect=2)
    assert "begun with other arguments" in other.stderr
    with (tmp_path / "held/letters.jsonl").open("a") as file:
        file.write(json.dumps({"text": "one more"}) + "\n")
    other = here("ablate", "corpus", "-o", "ex", *asked, expect=2)
    assert "begun with other arguments (heldout.letters was " in other.stderr


@pytest.mark.usefixtures("made")
def test_an_equal_pool(here: Tamis, in_process: Callable[[int], None], tmp_path: Path) -> None:
    """Up to its plan: arms are of the pool alone, and what is too small is written repeatedly."""
    in_process(0)
    strict = (*ASKED, "--set", "heuristics.rules.words.min=90", "--budget", "pool")
    asked = ("ablate", "corpus", "-o", "ex", "--heldout", "held", *strict)
    said = here(*asked, "--dry-run")
    assert "comparisons: full against raw, " in said.stderr
    assert "10 runs of 300k, at most 24,576 tokens in all" in said.stderr
    said = here(*asked, expect=1)
    assert "to be read 4 times at most: every run takes 1,024 tokens, not 2,048" in said.stderr
    plan = json.loads((tmp_path / "ex/plan.json").read_text())
    assert plan["budget"] == "equal pool" and plan["asked"]["budget"] == "pool"
    assert plan["training"]["tokens"] == 1024 and plan["training"]["pool_tokens"] == 2048
    arms = {arm["name"]: arm for arm in plan["arms"]}
    assert arms["raw"]["sizes"] == [256, 512, 1024, 2048]
    for seed in ("0", "1"):
        raw, full = (
            Tokens.open(tmp_path / f"ex/arms/{arm}/tokens/{seed}") for arm in ("raw", "full")
        )
        pool = raw.shards[0].hashes.tolist()  # of 2 T tokens, and 2 T is P here
        found, ends = full.shards[0].hashes.tolist(), full.shards[0].ends
        once = len(set(found))
        unique = arms["full"]["unique_tokens"][seed]
        assert len(set(pool)) == len(pool) and set(found) < set(pool)
        assert len(set(found[:once])) == once and int(ends[once - 1]) == unique
        assert arms["full"]["epochs"][seed] == 1024 / unique > 2
        assert arms["raw"]["epochs"][seed] == 1 and 0 <= ends[-1] - 1025 < 200
        # What the pool has of an arm, though it is trained on less.
        assert 2048 < arms["raw"]["unique_tokens"][seed] < 2300
        assert 1500 < arms["+dedup"]["unique_tokens"][seed] < 2048
        assert abs(arms["random"]["unique_tokens"][seed] - unique) < 100
    assert read_plan(tmp_path / "ex").arm("full").epochs == max(arms["full"]["epochs"].values())
    other = here(*asked, "--budget", "tokens", expect=2)
    assert "begun with other arguments (budget was pool and is tokens)" in other.stderr


@pytest.mark.usefixtures("made")
def test_what_cannot_be(here: Tamis, tmp_path: Path) -> None:
    many = [*ASKED[:4], "--tokens", "9M", *ASKED[6:]]
    said = here("ablate", "corpus", "-o", "ex", "--heldout", "held", *many, expect=2)
    assert "has unique tokens for --tokens" in said.stderr
    said = here("ablate", "corpus", "-o", "other", expect=2)
    assert "nothing to score models on" in said.stderr
    said = here("ablate", "corpus", "-o", "other", "--budget", "pools", expect=2)
    assert "--budget pools: take tokens or pool" in said.stderr
    said = here("ablate", "corpus", "-o", "other", "--arms", "some", expect=2)
    assert "--arms some: take raw" in said.stderr
    said = here("ablate", "corpus", "-o", "other", "--preset", "300m", expect=2)
    assert "300m" in said.stderr
    for wrong, what in {
        ("-o", "s3://bucket/ex"): "name a local folder",
        ("-o", "other", "--learning-rate", "0"): "--learning-rate 0: more than 0",
        ("-o", "other", "--heldout", "gone"): "held-out text: there is no file or folder gone",
    }.items():
        assert what in here("ablate", "corpus", *wrong, expect=2).stderr
    said = here("ablate", "corpus", "-o", "other", "--arms", "raw", expect=2)
    assert "compares nothing" in said.stderr
    said = here("ablate", "corpus", "-o", "other", "--tokens", "100", expect=2)
    assert "fewer than four batches" in said.stderr
    said = here("ablate", "corpus", "-o", "other", "--heldout", "other/heldout", expect=2)
    assert "lies where the experiment writes" in said.stderr
    said = here("ablate", "corpus", "-o", "held", "--heldout", "pages.jsonl", expect=2)
    assert "holds files that are no experiment's (letters.jsonl" in said.stderr
    said = here("ablate", "corpus", "-o", "corpus", expect=2)
    assert "-o corpus is a corpus" in said.stderr
    none = ("--arms", "full", "--set", "heuristics.rules.words.min=100000", *ASKED[2:])
    said = here("ablate", "corpus", "-o", "none", "--heldout", "held", *none, expect=2)
    assert "arm 'full' keeps no document" in said.stderr
