"""report.json of an experiment: plan, verdict, arms, training and the corpus that is judged.

Read from JSON and Parquet alone, so that a page can be made at any time: of what is not there yet
it says so.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tamis.pipeline import recipe as recipes
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.files import fingerprint, read_json
from tamis.pipeline.progress import Progress
from tamis.pipeline.report.build import Report
from tamis.pipeline.report.look import count
from tamis.pipeline.report.publish import DATA, PAGE, save
from tamis.pipeline.report.reproduce import commands
from tamis.pipeline.report.runs import training
from tamis.pipeline.storage.location import Location

FORMAT = 1
PLAN, VERDICT = "plan.json", "verdict.json"
FOLDER = "report"
"""Where the page goes; report.json lies beside verdict.json."""
Content = dict[str, Any]
_PLAN_KEYS = (
    "corpus",
    "recipe",
    "training",
    "budget",
    "seeds",
    "arms",
    "comparisons",
    "domains",
    "vocabulary",
    "statistics",
)
_VERDICT_KEYS = ("plan", "runs", "arms", "comparisons", "sentences")


def is_experiment(folder: Path) -> bool:
    """Whether a folder is an experiment, as opposed to a corpus."""
    return (folder / PLAN).is_file()


def publish_experiment(
    folder: Path, quiet: bool = False, out: Location | None = None
) -> dict[str, Any]:
    """Writes report.json and report/index.html of an experiment and answers what the first holds.

    Both go into `out` where that is given. Raises CallError if the folder is no experiment,
    WorkError if a file of it is damaged; of what is not there yet the page says so.
    """
    made = Experiment(folder)
    data, html = (
        (folder / DATA, folder / FOLDER / PAGE) if out is None else (out / DATA, out / PAGE)
    )
    try:
        with Progress("report", made.size, quiet) as progress:
            content = made.content(progress)
        return save(content, data, html)
    except KeyError as error:
        raise WorkError(
            f"{folder}: a file of this experiment lacks {error}: was it made by another version of "
            "tamis? Run `tamis ablate` anew with the version that is installed"
        ) from error


class Experiment:
    """An experiment on disk."""

    def __init__(self, folder: Path) -> None:
        """Raises CallError if there is none, WorkError if its plan or its verdict is damaged."""
        self.folder = folder
        if not is_experiment(folder):
            raise CallError(
                f"{folder} is not an experiment (no {PLAN} there): make one with "
                f"`tamis ablate CORPUS -o {folder}`"
            )
        self.plan: Content = _checked(folder / PLAN, _PLAN_KEYS)
        self.digest = hashlib.sha256((folder / PLAN).read_bytes()).hexdigest()
        self.missing: list[str] = []
        self.lacking: dict[str, list[str]] = {}
        """By what is not there, the arms that lack it."""
        names = [one.get("name", "") for one in self.plan["arms"]]
        if not names or any(not name or "/" in name or name in (".", "..") for name in names):
            raise WorkError(f"{folder / PLAN} is damaged: its arms need names, without a slash")

    def content(self, progress: Progress) -> Content:
        """All that the page shows; raises WorkError if a file that is there is damaged."""
        verdict = self._verdict()
        arms = [self._arm(one) for one in self.plan["arms"]]
        curves = [self._training(one) for one in self.plan["arms"]]
        corpus = self._corpus(progress)
        lacking = [f"{', '.join(names)}: {what}." for what, names in self.lacking.items()]
        return {
            "format": FORMAT,
            "of": "experiment",
            "missing": [*self.missing, *lacking],
            "plan": self.plan,
            "verdict": verdict,
            "arms": arms,
            "training": curves,
            "corpus": corpus,
            "digests": {
                "plan": self.digest,
                "tokens": {
                    f"{arm['name']}/{made['seed']}": made["digest"]
                    for arm in arms
                    for made in arm["tokens"]
                },
            },
            "versions": self._versions(),
            "commands": commands(self.plan),
        }

    def _verdict(self) -> Content | None:
        path = self.folder / VERDICT
        if not path.is_file():
            self.missing.append(
                "There is no verdict yet: `tamis ablate` with the same arguments goes on and "
                "judges when all runs are done."
            )
            return None
        verdict = _checked(path, _VERDICT_KEYS)
        if verdict["plan"] != self.digest:
            raise WorkError(
                f"{path} is of another {PLAN} than the one beside it: run `tamis ablate` with the "
                "same arguments again, which judges anew"
            )
        return verdict

    def _arm(self, arm: Content) -> Content:
        name = arm["name"]
        root = self.folder / "arms" / name
        ledger = _there(root / "corpus" / "ledger.json")
        if ledger is None and not arm.get("kept"):
            self._lacks("no ledger yet, so that documents are not counted", name)
        tokens = []
        for seed in self.plan["seeds"]:
            path = root / "tokens" / str(seed) / "tokens.json"
            made = _there(path)
            if made is None:
                continue
            counts = {key: made[key] for key in ("documents", "tokens", "bytes")}
            # Of the files alone: the manifest also says where the text was.
            digest = fingerprint([one["files"] for one in made["shards"]])
            tokens.append({"seed": seed, **counts, "digest": digest})
        if len(tokens) < len(self.plan["seeds"]):
            lacking = len(self.plan["seeds"]) - len(tokens)
            self._lacks(f"no tokens of {count(lacking, 'seed')}", name)
        # A plan knows best: the ledger of the random arm is raw's.
        kept = arm.get("kept") or (ledger and ledger["kept"])
        kept = kept and {key: kept[key] for key in ("documents", "bytes")}
        keys = ("name", "kind", "stage", "sizes", "unique_tokens", "epochs")
        facts = {key: arm.get(key) for key in keys}
        return {**facts, "kept": kept, "tokens": tokens}

    def _lacks(self, what: str, arm: str) -> None:
        self.lacking.setdefault(what, []).append(arm)

    def _training(self, arm: Content) -> Content:
        found = training(self.folder, arm, self.plan["seeds"])
        if without := [seed for seed in self.plan["seeds"] if seed not in found["seeds"]]:
            seeds = ", ".join(map(str, without))
            self._lacks(f"no metrics of seed {seeds}", arm["name"])
        return found

    @property
    def judged(self) -> str:
        """The arm whose corpus the page shows: the treated one of the main comparison."""
        for comparison in self.plan["comparisons"]:
            if comparison["family"] == "main":
                return str(comparison["treated"])
        full = [arm["name"] for arm in self.plan["arms"] if arm["kind"] == "full"]
        return str((full or [self.plan["arms"][0]["name"]])[0])

    @property
    def size(self) -> int:
        """Bytes of text that are looked at, for a progress bar."""
        manifest = _there(self._judged_corpus() / "corpus.json") or {}
        return sum(shard["text_bytes"] for shard in manifest.get("shards", []))

    def _judged_corpus(self) -> Path:
        return self.folder / "arms" / self.judged / "corpus"

    def _corpus(self, progress: Progress) -> Content | None:
        root = self._judged_corpus()
        if not ((root / "corpus.json").is_file() and (root / "recipe.toml").is_file()):
            self.missing.append(
                f"Arm {self.judged} has no corpus here: what its sieve did cannot be shown."
            )
            return None
        corpus = Corpus(root)
        if not all(corpus.documents(shard.name).is_file() for shard in corpus.shards):
            self.missing.append(
                "The corpus that the arms borrow their documents from is gone: what the sieve did "
                "cannot be shown."
            )
            return None
        try:
            report = Report(corpus, recipes.load(str(root / "recipe.toml")))
        except CallError:  # its recipe names the held-out files by where they were
            self.missing.append(
                "Files that the arms' recipes name are gone, or the experiment was moved: what the "
                "sieve did cannot be shown."
            )
            return None
        return report.content(progress)

    def _versions(self) -> dict[str, str]:
        """Of tamis and what it uses, as the corpus and the runs have noted them."""
        found: dict[str, str] = {}
        manifest = _there(self._judged_corpus() / "corpus.json") or {}
        found |= manifest.get("versions", {})
        for arm in self.plan["arms"]:
            for seed in self.plan["seeds"]:
                run = _there(self.folder / "runs" / arm["name"] / str(seed) / "run.json") or {}
                for name, version in run.get("versions", {}).items():
                    found.setdefault(name, version)
        return dict(sorted(found.items()))


def _there(path: Path) -> Content | None:
    """What a JSON file holds, None if it is missing; raises WorkError if it is damaged."""
    try:
        found = read_json(path)
    except FileNotFoundError:
        return None
    if not isinstance(found, dict):
        raise WorkError(f"{path} is damaged: it holds no table: restore it or delete it")
    return found


def _checked(path: Path, keys: tuple[str, ...]) -> Content:
    """A JSON file that has these keys; raises WorkError if it lacks one."""
    found = _there(path) or {}
    if lacking := [key for key in keys if key not in found]:
        raise WorkError(f"{path} is damaged: it lacks {', '.join(lacking)}: restore it")
    return found
