"""The page: HTML of one file, written from report.json alone, a list of sections one after another.

Nothing in it runs or is fetched. Whatever came with the documents is escaped, see `look`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tamis.pipeline.report.amounts import funnel, head, reasons
from tamis.pipeline.report.look import escaped
from tamis.pipeline.report.signals import signals
from tamis.pipeline.report.style import STYLE

Content = dict[str, Any]
Section = Callable[[Content], str]

CORPUS: tuple[Section, ...] = (head, funnel, reasons, signals)
# Should an error ever let markup through, a browser still runs and loads nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(content: Content, sections: Sequence[Section] = CORPUS) -> str:
    """The HTML of a report."""
    title = escaped(f"{content['recipe']['name']}: report")
    body = "\n".join(section(content) for section in sections)
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
