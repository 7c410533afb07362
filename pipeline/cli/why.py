"""tamis why: what is known of a document, and which rules it failed."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import out, print_json, printable, simple
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.why import why as find

SHOWN = 400  # characters of text
LISTED = 4  # values of a list: a page has hundreds of lines

CHANGES = 6  # differences of two texts
WIDE = 200  # characters of a difference


def register(app: typer.Typer) -> None:
    app.command()(why)


def why(
    corpus: o.CorpusArgument,
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="A document's id, or its place: 00000:17.")
    ],
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    json: o.JsonOption = False,
) -> None:
    """Shows a document's signals, every rule with value and bound, and what became of it."""
    target = Corpus.open(corpus)
    found = find(target, o.chosen_recipe(target, recipe, changes), identifier)
    if json:
        print_json(found)
        return
    for document in found:
        _show(document)


def _show(document: dict[str, Any]) -> None:
    console = out()
    fate = "kept" if document["kept"] else f"rejected: {', '.join(document['reasons'])}"
    style = "green" if document["kept"] else "red"
    console.print(Text(printable(f"{document['id']}  ({document['key']})"), "bold"))
    console.print(Text(printable(fate), style))
    origin = {
        "source": document["source"],
        "url": document["url"],
        "date": document["date"],
        "input": f"{document['input']}, place {document['place']}",
        "bytes": f"{document['bytes']:,}{', edited since' if document['edited'] else ''}",
    }
    for key, value in origin.items():
        if value is not None:
            console.print(Text(f"  {key:8}{printable(str(value))}"))
    for stage in document["stages"]:
        _show_stage(stage)
    for cluster in document["clusters"]:
        _show_cluster(cluster)
    if document["took_no_part"]:
        console.print(f"not measured: {', '.join(document['took_no_part'])}")
    text = document["text"]
    more = f" [... {len(text) - SHOWN:,} more characters]" if len(text) > SHOWN else ""
    console.print(Text("\n" + printable(text[:SHOWN]) + more, "dim"))


def _show_stage(stage: dict[str, Any]) -> None:
    console = out()
    note = f" ({printable(stage['error'])})" if stage["error"] else ""
    console.print(Text(f"{stage['stage']}: {stage['status']}{note}", "bold"))
    rows = [
        [
            rule["rule"],
            _number(rule["value"]),
            rule["bound"],
            "FAILED" if rule["failed"] else "passed",
        ]
        for rule in stage["rules"]
    ]
    judged = {rule["bound"].split(" ", 1)[0] for rule in stage["rules"]}
    rows += [
        [name, _number(v), "", ""] for name, v in stage["signals"].items() if name not in judged
    ]
    columns = [("", False), ("value", True), ("bound", False), ("", False)]
    console.print(simple("", columns, rows))


def _show_cluster(cluster: dict[str, Any]) -> None:
    console = out()
    keeper, stage, size = cluster["keeper"], cluster["stage"], cluster["size"]
    name = printable(keeper["id"])
    if cluster["is_keeper"]:
        head = f"{stage}: kept for a cluster of {size:,}"
    elif keeper["key"] is None:
        head = f"{stage}: a copy of {name}, published in {keeper['crawl']} ({keeper['index']})"
    else:
        head = f"{stage}: a copy of {name}  ({keeper['key']})"
    console.print(Text(printable(head), "bold"))
    if not cluster["is_keeper"]:
        band = "" if cluster["band"] is None else f", first common band {cluster['band']}"
        how = [f"by {cluster['by']}{band}", f"cluster of {size:,}"]
        if cluster["similarity"] is not None:
            how.insert(0, f"similarity {cluster['similarity']:.3f}")
        console.print(Text("  " + "; ".join(how)))
    if others := [f"{other['id']} ({other['key']})" for other in cluster["others"]]:
        here = 1 if cluster["is_keeper"] else 2  # members that are spoken of already
        more = ", ..." if size > here + len(others) else ""
        console.print(Text(printable(f"  others: {', '.join(others)}{more}")))
    if cluster["difference"] is not None:
        _show_difference(cluster["difference"])


def _show_difference(difference: dict[str, Any]) -> None:
    console, changes = out(), difference["changes"]
    if not difference["whole"]:
        console.print(f"  of each text the first {difference['compared']:,} words are compared")
    if not changes:
        console.print("  word for word the same")
    for change in changes[:CHANGES]:
        for side, sign, style in (("here", "-", "red"), ("there", "+", "green")):
            if words := change[side]:
                more = " ..." if len(words) > WIDE else ""
                where = "here" if side == "here" else "kept"
                line = f"  {sign} {where}: {words[:WIDE]}{more}"
                console.print(Text(printable(line), style))
    if len(changes) > CHANGES:
        console.print(f"  and {len(changes) - CHANGES:,} more differences (all: --json)")


def _number(value: Any) -> str:
    if isinstance(value, list):
        more = f", ... ({len(value):,} values)" if len(value) > LISTED else ""
        return f"[{', '.join(map(_number, value[:LISTED]))}{more}]"
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))
