"""An experiment from its files to its verdict: known differences, form, repetition."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from tamis.model.verdict.judge import VERDICT, judge, write

T = 1_024_000
EFFECT = "value low high se se_seeds se_groups p p_holm verdict seeds_to_decide"


def of(found: dict[str, Any], name: str) -> dict[str, Any]:
    one: dict[str, Any] = next(one for one in found["comparisons"] if one["name"] == name)
    return one


def test_known_differences_are_found(experiment: Any) -> None:
    """0.2 bits under a noise of 0.01 are found; 0.004 and chance are not."""
    found = judge(experiment.folder)
    full = of(found, "full against raw")
    assert full["macro"]["verdict"] == "better"
    assert full["macro"]["low"] < -0.2 < full["macro"]["high"] < 0
    assert full["macro"]["p_holm"] == pytest.approx(3 * full["macro"]["p"])
    assert of(found, "random against raw")["macro"]["verdict"] == "undecided"
    language = of(found, "language")["macro"]
    assert language["verdict"] == "undecided" and language["seeds_to_decide"] > 3


def test_the_same_two_arms_are_one_test(experiment: Any) -> None:
    """The last stage of the waterfall, and the recipe without it: named twice, corrected once."""
    path = experiment.folder / "plan.json"
    plan = json.loads(path.read_text())
    before = of(judge(experiment.folder), "full against raw")["macro"]
    swapped = {"name": "without", "treated": "raw", "control": "full", "family": "leave one out"}
    plan["comparisons"].append(swapped)
    path.write_text(json.dumps(plan))
    found = judge(experiment.folder)
    again, full = (of(found, name)["macro"] for name in ("without", "full against raw"))
    assert full == before
    assert again["value"] == -full["value"] and again["p_holm"] == full["p_holm"]
    assert again["verdict"] == "worse"


def test_the_gain_is_that_of_the_curve(experiment: Any) -> None:
    """0.3 bits less for twice the tokens: 0.2 less are worth 2^(2/3)."""
    gain = of(judge(experiment.folder), "full against raw")["gain"]
    assert gain["value"] == pytest.approx(2 ** (2 / 3), rel=0.06)
    assert gain["low"] < gain["value"] < gain["high"] and gain["high_beyond"] in ("", ">")


def test_the_form(experiment: Any) -> None:
    """The report and other programs read these names."""
    found = judge(experiment.folder)
    assert list(found) == ["format", "plan", "runs", "arms", "comparisons", "sentences"]
    plan = (experiment.folder / "plan.json").read_bytes()
    assert found["plan"] == hashlib.sha256(plan).hexdigest()
    assert len(found["runs"]) == 3 * (4 + 1 + 1 + 1)
    order = [(one["arm"], one["seed"], one["tokens"]) for one in found["runs"]]
    assert order == sorted(order) and len(set(order)) == len(order)
    assert list(found["runs"][0]) == ["arm", "seed", "tokens", "macro", "domains"]
    assert [one["name"] for one in found["arms"]] == ["raw", "full", "+language", "random"]
    point = found["arms"][0]["points"][2]
    assert list(point) == ["tokens", "macro", "low", "high", "seeds", "domains"]
    assert point["tokens"] == T and point["low"] < point["macro"] < point["high"]
    assert len(point["seeds"]) == 3 and list(point["domains"]) == ["docs", "news", "wiki", "pool"]
    for one in found["comparisons"]:
        assert " ".join(one["macro"]) == EFFECT and one["tokens"] == T
        assert list(one["domains"]) == ["docs", "news", "wiki", "pool"]
        assert all(" ".join(domain) == EFFECT for domain in one["domains"].values())
        assert all(domain["p_holm"] is None for domain in one["domains"].values())
        names = "value low high value_beyond low_beyond high_beyond"
        assert " ".join(one["gain"]) == names
    assert len(found["sentences"]) == 3


def test_the_mean_is_of_unseen_targets(experiment: Any) -> None:
    """The unfiltered slice gets worse by design, and what an asset has seen is no test."""
    path = experiment.scores("full", 0)

    def worse(nats: list[float]) -> None:
        nats[120:] = [2 * one for one in nats[120:]]  # wiki and pool

    before = judge(experiment.folder)
    experiment.edit_scores(path, "nats", worse)
    after = judge(experiment.folder)
    macros = [of(one, "full against raw")["macro"] for one in (before, after)]
    assert macros[0] == macros[1]
    pools = [of(one, "full against raw")["domains"]["pool"]["value"] for one in (before, after)]
    assert pools[1] - pools[0] == pytest.approx(1.0, abs=0.2)  # 2.8 more of one in three seeds


def test_bits_per_byte_by_hand(experiment: Any) -> None:
    """Nats over ln 2 times bytes, of all documents together."""

    def uneven(values: list[Any]) -> None:
        values[0] = 10 * values[0]

    for arm, sizes in {"raw": [T // 4, T // 2, T, 2 * T], "full": [T]}.items():
        for seed in (0, 1, 2):
            for size in sizes:
                experiment.edit_scores(experiment.scores(arm, seed, size), "bytes", uneven)
    for arm in ("+language", "random"):
        for seed in (0, 1, 2):
            experiment.edit_scores(experiment.scores(arm, seed), "bytes", uneven)
    found = judge(experiment.folder)
    rows = pq.read_table(experiment.scores("full", 1)).to_pylist()
    docs = [one for one in rows if one["domain"] == "docs"]
    nats, size = (sum(one[key] for one in docs) for key in ("nats", "bytes"))
    row = next(one for one in found["runs"] if one["arm"] == "full" and one["seed"] == 1)
    assert row["domains"]["docs"] == pytest.approx(nats / math.log(2) / size, rel=1e-12)
    assert row["macro"] == pytest.approx((row["domains"]["docs"] + row["domains"]["news"]) / 2)


def test_equal_bytes_when_repeated(experiment: Any) -> None:
    """Interrupted and resumed experiments are compared byte for byte."""
    made = write(experiment.folder)
    first = (experiment.folder / VERDICT).read_bytes()
    write(experiment.folder)
    assert (experiment.folder / VERDICT).read_bytes() == first
    assert json.loads(first) == made
    assert str(experiment.folder) not in first.decode()
    assert not list(experiment.folder.glob(".verdict*"))


def test_it_needs_no_torch() -> None:
    """A verdict is judged where nothing is trained; torch alone takes seconds to load."""
    code = "import sys, tamis.model.verdict.judge; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_seed_is_undecided(begin: Callable[..., Any]) -> None:
    """The largest difference of one pair of runs may be the seed's."""
    found = judge(begin("one", (7,)).folder)
    macro = of(found, "full against raw")["macro"]
    assert (macro["low"], macro["se"], macro["p"], macro["p_holm"]) == (None,) * 4
    assert macro["verdict"] == "undecided" and macro["seeds_to_decide"] is None
    gain = of(found, "full against raw")["gain"]
    assert gain["value"] is not None and gain["low"] is None and gain["high"] is None
    assert "one seed cannot decide" in found["sentences"][1]


def test_two_seeds_are_enough_for_little(begin: Callable[..., Any]) -> None:
    """The t of one degree of freedom is 12.7, as the protocol says."""
    macro = of(judge(begin("two", (0, 1)).folder), "full against raw")["macro"]
    assert macro["high"] - macro["value"] == pytest.approx(12.706 * macro["se"], rel=1e-3)
