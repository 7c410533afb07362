"""The page of an experiment: what the verdict says, drawn where it says it, and nothing else."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import experiments
import pytest
from experiments import Shape, T

from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.report.experiment import publish_experiment
from tamis.pipeline.report.page import page

Content = dict[str, Any]
Make = Callable[[Shape], Path]
EVIL = '"><script>alert(1)<'


def html_of(folder: Path) -> str:
    return (folder / "report/index.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    """The tags of a page with their attributes, which of them are open at its end, and its text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another tag at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_figures_are_those_of_plan_and_verdict(usual: Path) -> None:
    """report.json has all that the page has, and the page is made of it alone."""
    content = json.loads((usual / "report.json").read_text())
    assert content["plan"] == json.loads((usual / "plan.json").read_text())
    assert content["verdict"] == json.loads((usual / "verdict.json").read_text())
    assert content["missing"] == [] and page(content) == html_of(usual)
    ledger = json.loads((usual / "arms/full/corpus/ledger.json").read_text())
    assert content["corpus"]["ledger"] == ledger
    full = next(arm for arm in content["arms"] if arm["name"] == "full")
    assert full["kept"] == ledger["kept"]


def test_the_answer_comes_first(usual: Path) -> None:
    """Whoever reads three sentences has read the three that matter."""
    text = Tags(html_of(usual)).text
    verdict = json.loads((usual / "verdict.json").read_text())
    places = [text.index(sentence) for sentence in verdict["sentences"]]
    assert places == sorted(places) and places[-1] < text.index("What the words on this page mean")
    assert "under-trained" in text
    for heading in ("Arms", "Verdict", "Added one after the other", "Left out alone", "Training"):
        assert text.count(f"{heading}\n") >= 1, heading
    assert text.count("How to read it:") >= 9


def test_the_page_loads_nothing_and_is_well_formed(usual: Path) -> None:
    """One file, for years: no address in it leads anywhere."""
    found = Tags(html_of(usual))
    assert found.open == []
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in found.tags:
        assert tag not in {"script", "img", "iframe", "link", "object", "image", "use"}
        assert not [
            name for name in attributes if name.startswith("on") or name in ("src", "srcset")
        ]
        href = attributes.get("href", "#arms")
        assert href and href.startswith("#") and href[1:] in ids
        assert "url(" not in (attributes.get("style") or "")
    style = html_of(usual).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in html_of(usual)


def test_names_from_strangers_are_text(made: Make) -> None:
    """Arms, domains, recipes and sources are named by others, and so are samples."""
    effects = (("raw", 0.0), ("full", -0.3), (EVIL, -0.1))
    folder = made(Shape(effects=effects, domains=(EVIL, "docs\u202e"), recipe=EVIL))
    publish_experiment(folder, quiet=True)
    found = Tags(html_of(folder))
    assert found.open == [] and "script" not in {tag for tag, _ in found.tags}
    assert "b" not in {tag for tag, _ in found.tags}
    assert found.text.count(EVIL) > 8 and "<b>manual</b>" in found.text
    assert "\u202e" not in html_of(folder) and "docs\\u{202e}" in found.text


def test_same_experiment_same_bytes(usual: Path, sieve: Path, tmp_path: Path) -> None:
    """Law 2: elsewhere, later, and written into another directory."""
    folder = experiments.experiment(tmp_path / "other", sieve)
    publish_experiment(folder, quiet=True, out=tmp_path / "out")
    assert not (folder / "report").exists()
    for there, here in (("report.json", "report.json"), ("report/index.html", "index.html")):
        written = (tmp_path / "out" / here).read_bytes()
        assert written == (usual / there).read_bytes()
        assert str(tmp_path).encode() not in written


def test_what_is_missing_is_said(made: Make) -> None:
    """A page in the middle of the work: what there is, and what there is not."""
    folder = made(Shape())
    (folder / "verdict.json").unlink()
    (folder / "runs/raw/1/metrics.jsonl").unlink()
    shutil.rmtree(folder / "runs/full")
    shutil.rmtree(folder / "arms/random/tokens/2")
    (folder / "arms/-dedup/corpus/ledger.json").unlink()
    (folder / "arms/full/corpus").unlink()
    content = publish_experiment(folder, quiet=True)
    text = Tags(html_of(folder)).text
    for said in (
        "There is no verdict yet",
        "raw: no metrics of seed 1.",
        "full: no metrics of seed 0, 1, 2.",
        "random: no tokens of 1 seed.",
        "full, -dedup: no ledger yet",
        "Arm full has no corpus here",
    ):
        assert any(said in line for line in content["missing"]), said
        assert said in text
    assert content["corpus"] is None and content["verdict"] is None


def test_a_plan_alone_has_a_page(made: Make, tmp_path: Path) -> None:
    """Before the first run: what is going to be measured."""
    folder = made(Shape())
    (tmp_path / "begun").mkdir()
    shutil.copy(folder / "plan.json", tmp_path / "begun")
    publish_experiment(tmp_path / "begun", quiet=True)
    assert "No run has metrics yet" in html_of(tmp_path / "begun")


def test_one_seed_has_no_interval(made: Make) -> None:
    """And nothing is made up in its place."""
    folder = made(Shape(seeds=1))
    publish_experiment(folder, quiet=True)
    found = Tags(html_of(folder))
    assert (
        "(no interval)" in found.text and "whisker" not in html_of(folder).partition("</style>")[2]
    )
    assert found.open == [] and "undecided" in found.text and "None" not in found.text


def test_a_gain_beyond_what_was_measured_is_said_to_be(made: Make) -> None:
    """More than twice, never 2.6 times, when raw was trained to twice the tokens."""
    folder = made(Shape(effects=(("raw", 0.0), ("full", -0.9)), noise=0.01))
    publish_experiment(folder, quiet=True)
    assert "more than 2 times" in Tags(html_of(folder)).text


def test_without_a_gain_there_is_no_arrow(made: Make) -> None:
    """A gain that cannot be had is not drawn at one."""
    folder = made(Shape(gain=False))
    publish_experiment(folder, quiet=True)
    assert "cannot be said from these runs" in Tags(html_of(folder)).text
    assert 'class="gain"' not in html_of(folder)


def test_a_waterfall_goes_on_where_it_came_to(usual: Path) -> None:
    """Each bar begins where the one above it ends, and the last spans them all."""
    part = html_of(usual).partition("Added one after the other")[2].partition("Left out alone")[0]
    rects = re.findall(r'<rect class="\w+" x="([\d.]+)%" width="([\d.]+)%"', part)
    spans = [(float(x), float(x) + float(width)) for x, width in rects]
    assert len(spans) == 4
    for above, below in pairwise(spans[:-1]):
        assert below[1] == pytest.approx(above[0], abs=0.02)  # each of these stages helps
    assert spans[-1] == pytest.approx((spans[-2][0], spans[0][1]), abs=0.02)


def test_the_verdict_is_drawn_as_it_was_found(usual: Path) -> None:
    """Marks by their order across: a picture that contradicts the number beside it is believed."""
    verdict = json.loads((usual / "verdict.json").read_text())
    part = html_of(usual).partition('id="verdict"')[2].partition('id="domains"')[0]
    shapes = {"better": '<circle r="4.5"/>', "worse": "<path", "undecided": 'class="open"'}
    drawn = re.findall(r'<svg class="mark (\w+)" x="([\d.]+)%" y="[\d.]+">(.*?)</svg>', part)
    drawn = [one for one in drawn if one[0] in shapes]
    found = {one["name"]: one["macro"] for one in verdict["comparisons"]}
    assert len(drawn) == len(found)
    assert {outcome for outcome, _, _ in drawn} == set(shapes)
    for outcome, _, shape in drawn:
        assert shapes[outcome] in shape
    values = sorted(one["value"] for one in found.values())
    places = sorted(float(x) for _, x, _ in drawn)
    steps = [
        (b - a) / (d - c)
        for a, b, c, d in zip(places, places[1:], values, values[1:], strict=False)
        if d - c > 0.01
    ]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=0.03)
    for one in found.values():
        assert f"{abs(one['value']):.3f}" in part


def test_wrong_calls_are_answered(here, usual: Path, made: Make, tmp_path: Path) -> None:
    """What is wrong, where, and what to do."""
    with pytest.raises(CallError, match="not an experiment"):
        publish_experiment(tmp_path)
    assert "leave --recipe" in here(usual, "report", ".", "--recipe", "c4", expect=2).err
    folder = made(Shape())
    plan = (folder / "plan.json").read_text()
    (folder / "plan.json").write_text(plan + " ")
    with pytest.raises(WorkError, match="of another plan"):
        publish_experiment(folder, quiet=True)
    (folder / "plan.json").write_text(plan[:100])
    with pytest.raises(WorkError, match="not valid JSON"):
        publish_experiment(folder, quiet=True)
    (folder / "plan.json").write_text('{"format": 1}')
    with pytest.raises(WorkError, match="it lacks corpus, recipe"):
        publish_experiment(folder, quiet=True)
    (folder / "plan.json").write_text(plan.replace('"+dedup"', '"../+dedup"'))
    with pytest.raises(WorkError, match="slash"):
        publish_experiment(folder, quiet=True)
    (folder / "plan.json").write_text(plan.replace('"parameters"', '"weights"'))
    (folder / "verdict.json").unlink()
    with pytest.raises(WorkError, match="lacks 'parameters'"):
        publish_experiment(folder, quiet=True)


def test_the_command_tells_an_experiment_from_a_corpus(here, usual: Path, tmp_path: Path) -> None:
    """One word for both, and each gets its own page."""
    said = here(usual.parent, "report", "experiment", "-o", tmp_path / "page", "--json")
    assert json.loads(said.out)["of"] == "experiment"
    assert (tmp_path / "page/index.html").read_text() == html_of(usual)
    here(usual.parent, "report", "experiment/arms/full/corpus", "-o", tmp_path / "corpus")
    assert json.loads((tmp_path / "corpus/report.json").read_text())["of"] == "corpus"


def test_the_epochs_of_an_equal_pool(made: Make) -> None:
    """How often each arm was read stands beside it, and beside what it is compared with."""
    folder = made(Shape())
    plan = json.loads((folder / "plan.json").read_text())
    plan["budget"] = "equal pool"
    plan["training"]["pool_tokens"] = 3 * T
    for arm in plan["arms"]:
        arm["unique_tokens"] = {"0": 432_100, "1": 456_700, "2": 444_400}
        arm["epochs"] = {"0": 2.3143, "1": 2.1896, "2": 2.2502}
        if arm["kind"] == "raw":
            arm |= {"unique_tokens": {"0": 3 * T}, "epochs": {"0": 1.0}}
    (folder / "plan.json").write_text(json.dumps(plan))
    verdict = json.loads((folder / "verdict.json").read_text())
    verdict["plan"] = hashlib.sha256((folder / "plan.json").read_bytes()).hexdigest()
    (folder / "verdict.json").write_text(json.dumps(verdict))
    content = publish_experiment(folder, quiet=True)
    assert content["arms"][3]["epochs"] == plan["arms"][3]["epochs"]
    text = Tags(html_of(folder)).text
    assert "432,100 to 456,7002.19 to 2.31" in text and "3,000,0001" in text
    assert "epochs: full 2.19 to 2.31, raw 1" in text and "unique tokensepochs" in text
    assert "All start from the same 3,000,000 tokens" in text
    assert "not its amount" not in text and "what one hopes for" not in text
    assert "--budget pool" in content["commands"][1]
    assert f"--tokens {3 * T}" in content["commands"][1]


def test_equal_tokens_have_no_epochs(usual: Path) -> None:
    text = Tags(html_of(usual)).text
    assert "epochs" not in text and "not its amount" in text and "what one hopes for" in text


def test_reproducing_names_what_was_trained(usual: Path) -> None:
    """The commands, with the values of the plan."""
    content = json.loads((usual / "report.json").read_text())
    (train,) = [line for line in content["commands"] if line.startswith("tamis train")]
    assert "EXPERIMENT/arms/raw/tokens/0" in train and f"--tokens {2 * T}" in train
    assert "--decay-at 0.125,0.25,0.5,1" in train and "--preset 300k" in train
    assert content["digests"]["plan"] in Tags(html_of(usual)).text
    assert content["versions"]["torch"] == "2.13.0" and "tamis" in content["versions"]
