"""What comes before the first run: held-out domains, arms, vocabulary, tokens, plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tamis.pipeline.ablate import arms as names
from tamis.pipeline.ablate.answers import Answer, answer
from tamis.pipeline.ablate.arms import Arm, arms_of, comparisons_of, decontaminated
from tamis.pipeline.ablate.budgets import (
    Budget,
    Granted,
    Stock,
    Supply,
    equal_pool,
    equal_tokens,
)
from tamis.pipeline.ablate.candidates import Candidates, Sources, at_random, candidates
from tamis.pipeline.ablate.draws import passes, promise_of, write_tokens
from tamis.pipeline.ablate.plan import FORMAT, SHARES, Training, arm_fields, freeze, whole
from tamis.pipeline.ablate.vocabulary import neutral
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Local
from tamis.pipeline.errors import CallError
from tamis.pipeline.files import canonical, digest
from tamis.pipeline.heldout.documents import given_files
from tamis.pipeline.heldout.drawing import Limits
from tamis.pipeline.heldout.make import HeldOut, make
from tamis.pipeline.heldout.seen import seen_by
from tamis.pipeline.recipe import Recipe, build
from tamis.pipeline.rounds import clusters
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary

Say = Callable[[str], None]
OURS = ("arms", "heldout", "logs", "vocabulary")
"""What is in an experiment before its plan is."""
STATISTICS = {"confidence": 0.95, "draws": 2000, "seed": 0, "correction": "holm"}
LIMITS = Limits(most_bytes=150_000, longest=2_000)
"""Of a domain: 100 documents of 2 kB at most, a window; models are scored as often as trained."""


@dataclass(frozen=True)
class Asked:
    """An experiment as it was asked for."""

    corpus: Corpus
    out: Path
    recipe: Recipe
    arms: tuple[str, ...]
    others: tuple[Recipe, ...]
    seeds: tuple[int, ...]
    training: Training
    """Its tokens are the most that are wanted."""
    exact: bool
    """Whether fewer tokens than those are an error."""
    vocabulary: int
    """Pieces."""
    heldout: tuple[Path, ...] = ()
    heldout_sources: tuple[str, ...] = ()
    balanced: bool = False
    budget: Budget = "tokens"

    @property
    def fields(self) -> dict[str, Any]:
        """What a plan must have been made of to be gone on with."""
        return {
            "documents": self.corpus.documents_digest,
            "recipe": orjson.loads(canonical(self.recipe.raw)),
            "arms": sorted(self.arms),
            "against": [orjson.loads(canonical(one.raw)) for one in self.others],
            "seeds": list(self.seeds),
            "training": self.training.fields,
            "exact": self.exact,
            "vocabulary": self.vocabulary,
            "heldout": {n: digest(path) for n, path in given_files(self.heldout).items()},
            "heldout_sources": list(self.heldout_sources),
            "balanced": self.balanced,
            "budget": self.budget,
        }


def _check_place(asked: Asked) -> None:
    """Raises CallError where the experiment would overwrite what is not its own."""
    out, heldout = asked.out.resolve(), (asked.out / "heldout").resolve()
    for given in asked.heldout:
        if heldout in (place := given.resolve(), *place.parents) or place == out:
            raise CallError(
                f"--heldout {given} lies where the experiment writes its own: name another -o"
            )
    if not asked.out.is_dir():
        return
    foreign = sorted(p.name for p in out.iterdir() if p.name not in OURS and p.name[0] != ".")
    if foreign:
        raise CallError(
            f"{asked.out} holds files that are no experiment's ({foreign[0]}, ...): name a new "
            "folder"
        )


class Written(NamedTuple):
    """The tokens of an arm and a seed."""

    digest: str
    unique: int
    """How many it has, each of them once."""


class Preparation:
    """The way from a corpus to a plan with its tokens."""

    def __init__(self, asked: Asked, runner: Local, say: Say) -> None:
        """Raises CallError for what cannot be an experiment, before anything is measured."""
        self.asked, self.runner, self.say = asked, runner, say
        self.arms = arms_of(asked.recipe, asked.arms, asked.others)
        if not comparisons_of(self.arms, asked.recipe):
            raise CallError(
                "--arms raw compares nothing: take full, cumulative, without or random too, or "
                "another recipe (--against)"
            )
        if not whole(asked.training.tokens, asked.training.batch_tokens):
            raise CallError(
                f"--tokens {asked.training.tokens:,} are fewer than four batches of "
                f"{asked.training.batch_tokens:,}: ask for more, or for a smaller --batch-tokens"
            )
        _check_place(asked)

    def prepare(self) -> dict[str, Any]:
        """Makes all of it and freezes the plan."""
        asked = self.asked
        answers = {arm.name: self._answer(arm) for arm in self.arms}
        vocabulary = self._vocabulary(answers)
        found = self._candidates(answers)
        stocks = {name: Stock(one.sources, found[name]) for name, one in answers.items()}
        granted = self._granted(Supply(stocks, vocabulary, asked.balanced))
        written = {arm.name: self._tokens(arm, granted) for arm in self.arms}
        plan = self._plan(found, written, granted)
        freeze(asked.out, plan)
        return plan

    @cached_property
    def heldout(self) -> HeldOut:
        """The domains, and the stage that takes out of the pool what they share with it."""
        asked = self.asked
        out = (asked.out / "heldout").resolve()
        how: dict[str, Any] = {"sources": asked.heldout_sources, "limits": LIMITS, "say": self.say}
        seen = seen_by(asked.recipe, *asked.others)
        made = make(asked.heldout, asked.corpus, out, seen=seen, **how)
        if all(one.seen for one in made.domains if one.role == "target"):
            raise CallError(
                f"all domains ({', '.join(one.name for one in made.domains)}) are of sources that "
                "models of the recipe are trained on: give others (--heldout), or keep some of its "
                "reference (reference_sources)"
            )
        return made

    def _answer(self, arm: Arm) -> Answer:
        recipe = decontaminated(arm.recipe, self.heldout.stage)
        place = self.asked.out / "arms" / arm.name / "corpus"
        return answer(self.asked.corpus, place, recipe, self.runner)

    def _vocabulary(self, answers: Mapping[str, Answer]) -> Vocabulary:
        of = [answers[names.RAW], *(answers[one] for one in (names.FULL,) if one in answers)]
        if len(of) == 1:  # the recipes that raw is compared with
            of += [answers[arm.name] for arm in self.arms if arm.kind == "recipe"]
        return neutral(of, self.asked.out / "vocabulary", self.asked.vocabulary)

    def _candidates(self, answers: Mapping[str, Answer]) -> dict[str, Candidates]:
        """The documents of each arm, with the clusters that they have in raw."""
        stage = next(filter(clusters, self.asked.recipe.stages), None)
        copies: tuple[Sources | None, str] = (None, "")
        if stage is not None:
            entries = zip(self.asked.recipe.stages, self.asked.recipe.raw["stage"], strict=True)
            entry = next(entry for one, entry in entries if one is stage)
            bare = {key: value for key, value in entry.items() if key not in ("rules", "only")}
            bare |= {"keep": "first"} if "keep" in bare else {}
            alone = build({"name": names.COPIES, "stage": [bare]})
            made = self._answer(Arm(names.COPIES, "raw", None, alone))
            copies = (made.sources, stage.given["duplicate_cluster"])
        found = {name: candidates(one.sources, *copies) for name, one in answers.items()}
        if names.RANDOM in found:
            size = int(found[names.FULL].sizes.sum())
            found[names.RANDOM] = at_random(found[names.RANDOM], size)
        if empty := [name for name, one in found.items() if not len(one.sizes)]:
            raise CallError(
                f"arm '{empty[0]}' keeps no document: leave it out (--arms), or loosen its rules; "
                f"{self.asked.out / 'arms' / empty[0] / 'corpus/ledger.json'} says which took all"
            )
        return found

    def _granted(self, supply: Supply) -> Granted:
        """What the budget gives: how every model is trained, and from what arms are drawn."""
        asked = self.asked
        # Of little text the vocabulary has fewer pieces than the preset's.
        fewer = asked.vocabulary - supply.vocabulary.size
        parameters = asked.training.parameters - fewer * asked.training.per_piece
        training = dataclasses.replace(asked.training, parameters=parameters)
        if asked.budget == "pool":
            return equal_pool(supply, self.arms, asked.seeds, training, asked.exact, self.say)
        return equal_tokens(supply, self.arms, asked.seeds[0], training, asked.exact, self.say)

    def _tokens(self, arm: Arm, granted: Granted) -> dict[int, Written]:
        """Writes the tokens of every seed."""
        found, training, supply = {}, granted.training, granted.supply
        for seed in self.asked.seeds:
            need = max(training.sizes(arm)) + 1
            out = self.asked.out / "arms" / arm.name / "tokens" / str(seed)
            drawn = supply.draw(arm.name, seed, need)
            if drawn.tokens < need and not supply.pools:
                raise CallError(
                    f"arm '{arm.name}' has {drawn.tokens:,} tokens for seed {seed}, and "
                    f"{need:,} are needed: lower --tokens a little"
                )
            sizes = [round(share * training.tokens) for share in SHARES]
            orders = passes(drawn, seed, need, sizes)
            promise = promise_of(drawn, orders, seed, supply.vocabulary.digest)
            write_tokens(out, drawn, orders, seed, self.asked.out / "vocabulary", promise)
            unique = granted.unique[arm.name][seed] if granted.unique else drawn.tokens
            found[seed] = Written(Tokens.open(out).digest, unique)
        return found

    def _plan(
        self,
        found: Mapping[str, Candidates],
        written: Mapping[str, Mapping[int, Written]],
        granted: Granted,
    ) -> dict[str, Any]:
        asked, counts = self.asked, self.asked.corpus.manifest.counts
        training, vocabulary = granted.training, granted.supply.vocabulary
        # Not of the ledgers: that of the random arm is raw's.
        kept = {
            name: {"documents": len(one.sizes), "bytes": int(one.sizes.sum())}
            for name, one in found.items()
        }
        arms = []
        for arm in self.arms:
            made = written[arm.name]
            unique = {seed: one.unique for seed, one in made.items()}
            digests = {str(seed): one.digest for seed, one in made.items()}
            facts = {"kept": kept[arm.name], "tokens": digests}
            arms.append(arm_fields(arm, training, unique) | facts)
        return {
            "format": FORMAT,
            "asked": asked.fields,
            "corpus": {
                "documents": asked.corpus.documents_digest,
                "bytes": counts["bytes"],
                "count": counts["documents"],
            },
            "recipe": {"name": asked.recipe.name, "raw": orjson.loads(canonical(asked.recipe.raw))},
            "training": training.fields,
            "budget": f"equal {asked.budget}",
            "balanced_by_source": asked.balanced,
            "seeds": list(asked.seeds),
            "arms": arms,
            "comparisons": [one.fields() for one in comparisons_of(self.arms, asked.recipe)],
            "domains": [dataclasses.asdict(one) for one in self.heldout.domains],
            "vocabulary": {"sha256": vocabulary.digest, "pieces": vocabulary.size},
            "decontamination": {
                "ngram": self.heldout.stage["ngram"],
                "documents_dropped": counts["documents"] - kept[names.RAW]["documents"],
                "bytes_dropped": counts["bytes"] - kept[names.RAW]["bytes"],
                "boilerplate_heldout_dropped": self.heldout.boilerplate,
            },
            "statistics": STATISTICS,
        }
