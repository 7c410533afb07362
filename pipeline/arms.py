"""Arms: corpora that borrow another's documents, to answer another recipe.

Signals are linked where fingerprints agree and measured where they do not.
"""

from __future__ import annotations

import dataclasses

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.summary import borrow_signatures
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.reference import bound
from tamis.pipeline.rounds import clusters, first
from tamis.pipeline.signals import is_current
from tamis.pipeline.stage import fingerprints
from tamis.pipeline.storage.location import Location


def borrow(corpus: Corpus, root: Location, recipe: Recipe) -> Corpus:
    """A corpus at root with these documents, and with those signals that fit the recipe."""
    home = str(corpus.home.root.resolve())
    arm = Corpus(root)
    arm.publish(dataclasses.replace(corpus.manifest, documents_of=home))
    recipe.save(root / "recipe.toml")
    for name, fingerprint in fingerprints(bound(arm, recipe).stages).items():
        stage = first(recipe.stage(name))
        for shard in corpus.shards:
            if is_current(corpus, stage, shard.name, fingerprint):
                place = stage.place
                files.copy(corpus.signals(place, shard.name), arm.signals(place, shard.name))
                arm.complete(place, shard.name, corpus.record(place, shard.name) or {})
                if clusters(stage):
                    borrow_signatures(corpus, arm, name, shard.name)
    return arm
