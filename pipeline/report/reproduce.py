"""The end of an experiment's page: recipe, plan, digests, versions, and how to do it again."""

from __future__ import annotations

import json
import shlex
from typing import Any

import tomli_w

from tamis.pipeline.report.budget import is_pool
from tamis.pipeline.report.look import arm, escaped, number

Content = dict[str, Any]


def reproduce(content: Content) -> str:
    """Everything that the numbers depend on."""
    plan = content["plan"]
    return f"""<h2 id="reproduce">Reproduce</h2>
<p class="note">Everything here is fixed by the plan, which was written before the first run.</p>
<h3>Commands</h3>
<pre class="code">{escaped(chr(10).join(content["commands"]))}</pre>
<h3>Digests and versions</h3>
<div class="wide"><table>{_facts(content)}</table></div>
{_tokens_made(content["digests"]["tokens"])}
<h3>Held-out text</h3>
{_heldout(plan)}
<h3>Recipe {escaped(plan["recipe"]["name"])}</h3>
<pre class="code">{escaped(_toml(plan["recipe"]["raw"]))}</pre>
<details class="plan"><summary>The plan</summary>
<pre class="code">{escaped(json.dumps(plan, indent=1, ensure_ascii=False))}</pre></details>"""


def _toml(raw: Content) -> str:
    """As TOML; what TOML cannot hold, such as null, as JSON."""
    try:
        return tomli_w.dumps(raw)
    except (TypeError, ValueError):
        return json.dumps(raw, indent=1, ensure_ascii=False)


def _facts(content: Content) -> str:
    plan = content["plan"]
    vocabulary = plan["vocabulary"]
    rows = {
        "documents": plan["corpus"]["documents"],
        "plan.json": content["digests"]["plan"],
        "vocabulary": f"{vocabulary['sha256']} ({number(vocabulary['pieces'])} pieces)",
    }
    lines = [(name, f"<code>{escaped(value)}</code>") for name, value in rows.items()]
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    lines.append(("versions", escaped(versions)))
    return "".join(f"<tr><td>{escaped(name)}</td><td>{value}</td></tr>" for name, value in lines)


def _tokens_made(digests: Content) -> str:
    if not digests:
        return ""
    rows = "".join(
        f"<tr><td>{arm(name)}</td><td><code>{escaped(digest)}</code></td></tr>"
        for name, digest in digests.items()
    )
    return (
        "<details><summary>Tokens of every arm and seed</summary>"
        f'<div class="wide"><table>{rows}</table></div></details>'
    )


def _heldout(plan: Content) -> str:
    rows = "".join(
        f"<tr><td>{escaped(one['name'])}</td><td>{_role(one)}</td>"
        f'<td class="n">{number(one["documents"])}</td><td class="n">{number(one["bytes"])}</td>'
        f'<td class="n">{number(one["groups"])}</td>'
        f"<td><code>{escaped(one['sha256'])}</code></td></tr>"
        for one in plan["domains"]
    )
    said = _decontaminated(plan.get("decontamination") or {})
    return f"""{said}<div class="wide"><table><tr><th>domain</th><th>role</th>
<th class="n">documents</th><th class="n">bytes</th><th class="n">groups</th><th>SHA-256</th></tr>
{rows}</table></div>"""


def _decontaminated(clean: Content) -> str:
    said = []
    if "documents_dropped" in clean:
        said.append(
            f"{number(clean['documents_dropped'])} documents "
            f"({number(clean['bytes_dropped'])} bytes) "
            f"that share {clean['ngram']} words in a row with held-out text were taken out of the "
            "corpus"
        )
    if "boilerplate_heldout_dropped" in clean:
        dropped = number(clean["boilerplate_heldout_dropped"])
        said.append(f"{dropped} held-out documents that are boilerplate left the held-out text")
    return f"<p>Before the arms were cut, {', and '.join(said)}.</p>" if said else ""


def _role(domain: Content) -> str:
    role = escaped(domain["role"])
    return f"{role}, seen" if domain.get("seen") else role


def commands(plan: Content) -> list[str]:
    """What was run, with names in place of places; one line each."""
    seed = plan["seeds"][0]
    raw = next((one for one in plan["arms"] if one["kind"] == "raw"), plan["arms"][0])
    run = f"EXPERIMENT/runs/{raw['name']}/{seed}"
    training = plan["training"]
    settings = {
        **_settings(training),
        "--tokens": raw["sizes"][-1],
        "--seed": seed,
        "--warmup": training["warmup"],
        "--schedule": training["schedule"],
    }
    if len(raw["sizes"]) > 1:
        settings["--decay-at"] = ",".join(f"{one / raw['sizes'][-1]:g}" for one in raw["sizes"])
    return [
        "# all of it, and this page again",
        _ablate(plan),
        "tamis report EXPERIMENT",
        "# one of its runs by itself",
        f"tamis train {_tokens(raw, seed)} -o {_word(run)} {_line(settings)} --in-order",
        f"tamis score {_word(run)} --heldout EXPERIMENT/heldout",
    ]


def _ablate(plan: Content) -> str:
    asked = plan.get("asked", {})
    settings = {
        "--recipe": plan["recipe"]["name"],
        **_settings(plan["training"]),
        "--tokens": plan["training"].get("pool_tokens", plan["training"]["tokens"]),
        "--seeds": len(plan["seeds"]),
    }
    if asked.get("arms"):
        settings["--arms"] = ",".join(asked["arms"])
    if asked.get("heldout_sources"):
        settings["--heldout-sources"] = ",".join(asked["heldout_sources"])
    more = [f"--against {_word(one.get('name', 'RECIPE'))}" for one in asked.get("against", [])]
    more += [f"--heldout {_word(name)}" for name in asked.get("heldout", [])]
    more += ["--balance"] if asked.get("balanced") else []
    more += ["--budget pool"] if is_pool(plan) else []
    return " ".join(["tamis ablate CORPUS -o EXPERIMENT", _line(settings), *more])


def _settings(training: Content) -> Content:
    """What `ablate` and `train` call alike."""
    return {
        "--preset": training["preset"],
        "--batch-tokens": training["batch_tokens"],
        "--context": training["context"],
        "--learning-rate": training["learning_rate"],
        "--dtype": training["dtype"],
    }


def _line(settings: Content) -> str:
    return " ".join(f"{name} {_word(value)}" for name, value in settings.items())


def _tokens(of: Content, seed: int) -> str:
    return _word(f"EXPERIMENT/arms/{of['name']}/tokens/{seed}")


def _word(value: Any) -> str:
    return shlex.quote(str(value))
