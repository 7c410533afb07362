"""The head of an experiment's page: the answer, what it is an answer to, and the arms."""

from __future__ import annotations

from typing import Any

from tamis.pipeline.report.budget import arms_note, between, epochs, is_pool
from tamis.pipeline.report.curves import gain_words
from tamis.pipeline.report.forest import main_comparison
from tamis.pipeline.report.interval import badge, in_numbers
from tamis.pipeline.report.look import UNKNOWN, arm, count, escaped, megabytes, number

Content = dict[str, Any]
ENOUGH = 20
"""Tokens a parameter below which a model is called under-trained."""
KINDS = {
    "raw": "the text as it was extracted",
    "full": "the whole recipe",
    "cumulative": "the recipe up to {stage}",
    "without": "the whole recipe but for {stage}",
    "random": "raw text dropped by chance, as much as the recipe drops",
    "recipe": "another recipe",
}
_WORDS = {
    "Arm": "one version of the corpus: raw, sifted by the recipe, or by a part of it. The same "
    "model is trained on each, from the same seeds, on the same number of tokens.",
    "Held-out text": "whole sources that no arm contains and nothing was trained on. Models are "
    "judged by these alone.",
    "Bits per byte": "how many bits a model needs for each byte of held-out text: the better it "
    "predicts, the fewer. Lower is better.",
    "Seed": "a repetition with other random numbers. Differences that seeds alone would make are "
    "no differences.",
    "Interval": "where the true difference lies, taking into account seeds and which texts "
    "happened to be held out. If it holds 0, the question is undecided.",
    "Token-equivalent gain": "how many times as much raw text it would take to come as far.",
}


def headline(content: Content) -> str:
    """The three sentences, the numbers behind them, and what this page cannot say."""
    plan = content["plan"]
    name = escaped(plan["recipe"]["name"])
    words = "".join(f"<dt>{word}</dt><dd>{said}</dd>" for word, said in _WORDS.items())
    return f"""<header>
<p class="soft">tamis \u00b7 an experiment on recipe {name}</p>
<h1>Does the recipe {name} help?</h1>
{_sentences(content)}
{"".join(f'<p class="warn">{escaped(line)}</p>' for line in content["missing"])}
{_figures(content)}
<p class="note">{_setting(plan)}</p>
<nav>{_links(content)}</nav>
<details><summary>What the words on this page mean</summary><dl>{words}</dl></details>
</header>"""


def _sentences(content: Content) -> str:
    if not content["verdict"]:
        return '<p class="lead">There is no verdict yet.</p>'
    said = "".join(f"<p>{escaped(one)}</p>" for one in content["verdict"]["sentences"])
    return f'<div class="lead">{said}</div>'


def _figures(content: Content) -> str:
    main = main_comparison(content)
    if main is None:
        return ""
    boxes = [
        (badge(main["macro"]["verdict"]), escaped(main["name"])),
        (in_numbers(main["macro"]), "bits per byte of held-out text"),
    ]
    if words := gain_words(main):
        boxes.append((words, f"as many tokens of {escaped(main['control'])} come to the same"))
    inner = "".join(f"<div><strong>{value}</strong><span>{of}</span></div>" for value, of in boxes)
    return f'<div class="figures">{inner}</div>'


def _setting(plan: Content) -> str:
    """What the answer holds for, and nothing beyond."""
    training = plan["training"]
    targets = [one for one in plan["domains"] if _is_target(one)]
    ratio = training["tokens"] / max(1, training["parameters"])
    said = (
        f"Measured with models of {number(training['parameters'])} parameters (preset "
        f"{escaped(training['preset'])}), each trained on {number(training['tokens'])} tokens, "
        f"{count(len(plan['seeds']), 'seed')} each; judged on "
        f"{count(len(targets), 'held-out domain')}: "
        f"{', '.join(escaped(one['name']) for one in targets)}. Budget: {escaped(plan['budget'])}."
    )
    if ratio < ENOUGH:
        said += (
            f" With {ratio:.3g} tokens a parameter these models are under-trained (below "
            f"{ENOUGH}): larger or longer runs may differ."
        )
    return said


def _is_target(domain: Content) -> bool:
    return domain.get("role") == "target" and not domain.get("seen")


def _links(content: Content) -> str:
    places = {"arms": "Arms"}
    if content["verdict"]:
        places |= {"verdict": "Verdict", "stages": "Stages", "curves": "Tokens"}
    places["training"] = "Training"
    if content["corpus"]:
        places |= {"funnel": "Funnel", "reasons": "Reasons", "composition": "Composition"}
        places |= {stage["name"]: stage["name"] for stage in content["corpus"]["stages"]}
        places["samples"] = "Samples"
    places["reproduce"] = "Reproduce"
    return " ".join(f'<a href="#{escaped(at)}">{escaped(of)}</a>' for at, of in places.items())


def arms(content: Content) -> str:
    """What each arm has."""
    pool, note = is_pool(content["plan"]), arms_note(content["plan"])
    available = 'unique tokens</th><th class="n">epochs' if pool else "tokens available"
    rows = "".join(_arm(one, pool) for one in content["arms"])
    return f"""<h2 id="arms">Arms</h2>
<p class="note">How to read it: a line is one version of the corpus. {note} Bytes
per token say how much text a token stands for.</p>
<table class="stack arms"><thead><tr><th>arm</th><th class="n">documents</th><th class="n">MB</th>
<th class="n">{available}</th><th class="n">bytes per token</th></tr></thead>
<tbody>{rows}</tbody></table>"""


def _arm(one: Content, pool: bool) -> str:
    about = str(KINDS.get(one["kind"], one["kind"])).replace("{stage}", str(one["stage"]))
    kept, tokens = one["kept"], one["tokens"]
    available, per_token = UNKNOWN, UNKNOWN
    if tokens:
        totals = [sum(made[key] for made in tokens) for key in ("tokens", "bytes")]
        available = between([made["tokens"] for made in tokens], number)
        per_token = f"{totals[1] / totals[0]:.3f}" if totals[0] else UNKNOWN
    cells = [
        (number(kept["documents"]) if kept else UNKNOWN, "documents"),
        (megabytes(kept["bytes"]) if kept else UNKNOWN, "MB"),
        (available, "tokens available"),
        (per_token, "bytes per token"),
    ]
    if pool:
        unique = between((one["unique_tokens"] or {}).values(), number)
        cells[2:3] = [(unique, "unique tokens"), (epochs(one), "epochs")]
    numbers = "".join(f'<td class="n" data-label="{label}">{cell}</td>' for cell, label in cells)
    return f"<tr><td>{arm(one['name'])}<br><small>{escaped(about)}</small></td>{numbers}</tr>"
