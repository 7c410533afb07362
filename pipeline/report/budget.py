"""What a page says of an experiment's budget: equal tokens, or an equal pool and how often it was
read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tamis.pipeline.report.look import UNKNOWN, arm, number

Content = dict[str, Any]
_TOKENS = """A stricter one has fewer bytes;
all are trained on the same number of tokens, so what is judged is the text, not its amount."""
_POOL = """All start from the same {pool} tokens
of raw text, the pool, of which a stricter one keeps fewer; all are trained on {tokens} tokens, so
one that has fewer is read again: epochs say how often. What is judged is text and amount together.
Raw is read once, and for its curve on to twice as many tokens."""
_LESS = "Chance keeps as little of the pool as the recipe does: <em>worse</em> is what that costs."


def is_pool(plan: Content) -> bool:
    """Whether it is the pool that is equal."""
    return bool(plan["budget"] == "equal pool")


def arms_note(plan: Content) -> str:
    """What the arms have in common."""
    if not is_pool(plan):
        return _TOKENS
    training = plan["training"]
    return _POOL.format(pool=number(training["pool_tokens"]), tokens=number(training["tokens"]))


def control_note(plan: Content, usual: str) -> str:
    """What a random drop is there for: with an equal pool it is no check that finds nothing."""
    return _LESS if is_pool(plan) else usual


def epochs(one: Content) -> str:
    """How often an arm was read, over its seeds: "1.08 to 1.17"."""
    return between((one["epochs"] or {}).values(), lambda times: f"{times:.3g}")


def arms_epochs(content: Content, names: Iterable[str]) -> str:
    """The same of some arms by name, or nothing where no text was read twice."""
    if not is_pool(content["plan"]):
        return ""
    known = {one["name"]: one for one in content["arms"]}
    return f"epochs: {', '.join(f'{arm(name)} {epochs(known[name])}' for name in names)}"


def between(values: Iterable[float], written: Callable[[float], str]) -> str:
    """One figure, or the least and the most of several."""
    found = sorted(values)
    if not found:
        return UNKNOWN
    least, most = written(found[0]), written(found[-1])
    return least if least == most else f"{least} to {most}"
