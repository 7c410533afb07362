"""What comes before the first run: held-out domains, arms, vocabulary, tokens, plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from tamis.pipeline.ablate import arms as names
from tamis.pipeline.ablate.answers import Answer, answer
from tamis.pipeline.ablate.arms import Arm, arms_of, comparisons_of, decontaminated
from tamis.pipeline.ablate.candidates import (
    Candidates,
    Sources,
    at_random,
    candidates,
    read_order,
)
from tamis.pipeline.ablate.draws import Encoded, draw, promise_of, stretches, write_tokens
from tamis.pipeline.ablate.plan import FORMAT, SHARES, Training, arm_fields, freeze, whole
from tamis.pipeline.ablate.vocabulary import neutral
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Local
from tamis.pipeline.errors import CallError
from tamis.pipeline.files import canonical
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
LIMITS = Limits(most_bytes=150_000, longest=6_000)
"""Of a domain: 100 documents of 6 kB at most, since a model is scored as often as it is trained."""


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
            "heldout": [path.name for path in self.heldout],
            "heldout_sources": list(self.heldout_sources),
            "balanced": self.balanced,
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
        training = self._training(answers, found, vocabulary)
        tokens = {
            arm.name: self._tokens(arm, answers[arm.name], found[arm.name], training, vocabulary)
            for arm in self.arms
        }
        plan = self._plan(found, tokens, training, vocabulary)
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

    def _training(
        self,
        answers: Mapping[str, Answer],
        found: Mapping[str, Candidates],
        vocabulary: Vocabulary,
    ) -> Training:
        """The training with as many tokens as the smallest arm has, and raw twice."""
        training = self.asked.training
        wanted = whole(training.tokens, training.batch_tokens)
        least, short = wanted, ""
        for arm in self.arms:
            need = max(training.sizes(arm)) / training.tokens
            drawn = self._drawn(
                answers[arm.name], found[arm.name], self.asked.seeds[0], need, vocabulary
            )
            there = whole(int((int(drawn.ends[-1]) - 1) / need), training.batch_tokens)
            if there < least:
                least, short = there, arm.name
        if least < wanted and (self.asked.exact or least <= 0):
            raise CallError(
                f"arm '{short}' has unique tokens for --tokens {least:,} only, not {wanted:,}"
                f"{' (raw is trained on twice as many)' if short == names.RAW else ''}: ask for "
                "that, or give a larger corpus"
            )
        if least < wanted:
            self.say(f"arm '{short}' has no more: every run takes {least:,} tokens, not {wanted:,}")
        fewer = self.asked.vocabulary - vocabulary.size  # than the preset's, of little text
        parameters = training.parameters - fewer * training.per_piece
        return dataclasses.replace(training, tokens=least, parameters=parameters)

    def _drawn(
        self, of: Answer, found: Candidates, seed: int, times: float, vocabulary: Vocabulary
    ) -> Encoded:
        tokens = round(times * self.asked.training.tokens) + 1
        return draw(of.sources, found, seed, tokens, vocabulary, self.asked.balanced)

    def _tokens(
        self,
        arm: Arm,
        of: Answer,
        found: Candidates,
        training: Training,
        vocabulary: Vocabulary,
    ) -> dict[str, str]:
        """Writes the tokens of every seed; gives their digests."""
        digests = {}
        for seed in self.asked.seeds:
            need = max(training.sizes(arm)) + 1
            out = self.asked.out / "arms" / arm.name / "tokens" / str(seed)
            drawn = draw(of.sources, found, seed, need, vocabulary, self.asked.balanced)
            if int(drawn.ends[-1]) < need:
                raise CallError(
                    f"arm '{arm.name}' has {int(drawn.ends[-1]):,} tokens for seed {seed}, and "
                    f"{need:,} are needed: lower --tokens a little"
                )
            sizes = [round(share * training.tokens) for share in SHARES]
            order = read_order(drawn.of, seed, stretches(drawn, sizes))
            promise = promise_of(drawn, order, seed, vocabulary.digest)
            write_tokens(out, drawn, order, seed, self.asked.out / "vocabulary", promise)
            digests[str(seed)] = Tokens.open(out).digest
        return digests

    def _plan(
        self,
        found: Mapping[str, Candidates],
        tokens: Mapping[str, Mapping[str, str]],
        training: Training,
        vocabulary: Vocabulary,
    ) -> dict[str, Any]:
        asked, counts = self.asked, self.asked.corpus.manifest.counts
        # Not of the ledgers: that of the random arm is raw's.
        kept = {
            name: {"documents": len(one.sizes), "bytes": int(one.sizes.sum())}
            for name, one in found.items()
        }
        arms = [
            arm_fields(arm, training) | {"kept": kept[arm.name], "tokens": tokens[arm.name]}
            for arm in self.arms
        ]
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
            "budget": "equal tokens",
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
