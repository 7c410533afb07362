"""The page: HTML of one file, written from report.json alone, a list of sections one after another.

Nothing in it runs or is fetched. Whatever came with the documents is escaped, see `look`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tamis.pipeline.report.amounts import funnel, head, reasons
from tamis.pipeline.report.composition import cluster_sizes, composition, drawn
from tamis.pipeline.report.curves import curves
from tamis.pipeline.report.forest import verdict
from tamis.pipeline.report.headline import arms, headline
from tamis.pipeline.report.look import escaped
from tamis.pipeline.report.reproduce import reproduce
from tamis.pipeline.report.signals import signals
from tamis.pipeline.report.steps import stages
from tamis.pipeline.report.style import STYLE

Content = dict[str, Any]
Section = Callable[[Content], str]

_SIEVE: tuple[Section, ...] = (funnel, reasons, composition, cluster_sizes, signals, drawn)
CORPUS: tuple[Section, ...] = (head, *_SIEVE)
# Should an error ever let markup through, a browser still runs and loads nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def _sieve(content: Content) -> str:
    """What a corpus's page has, of the corpus that an experiment judges."""
    corpus = content["corpus"]
    if corpus is None:
        return ""
    parts = "\n".join(section(corpus) for section in _SIEVE)
    return f"""<h2 id="sieve" class="part">What the sieve did</h2>
<p>From here on it is about the text alone: what the recipe
{escaped(corpus["recipe"]["name"])} measured, whom it turned away and why.
“All” is the corpus as it was read, “kept” what the full arm is made of.</p>
{parts}"""


EXPERIMENT: tuple[Section, ...] = (headline, arms, verdict, stages, curves, _sieve, reproduce)


def page(content: Content, sections: Sequence[Section] = ()) -> str:
    """The HTML of a report, of a corpus or of an experiment."""
    experiment = content["of"] == "experiment"
    recipe = content["plan"]["recipe"] if experiment else content["recipe"]
    title = escaped(f"{recipe['name']}: {'verdict' if experiment else 'report'}")
    chosen = sections or (EXPERIMENT if experiment else CORPUS)
    body = "\n".join(section(content) for section in chosen)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""
