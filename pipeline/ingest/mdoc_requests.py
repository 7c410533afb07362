"""What mdoc's macros do: those that print words, lists, displays."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tamis.pipeline.ingest import mdoc
from tamis.pipeline.ingest.man_reader import Handler, Reader
from tamis.pipeline.ingest.man_requests import handles
from tamis.pipeline.ingest.roff import GLUE, arguments

HANDLERS: dict[str, Handler] = {}
_handles = partial(handles, HANDLERS)


@_handles(*mdoc.TEXT)
def _semantic(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    """A macro that prints words."""
    words = arguments(rest)
    if name == "Nm":
        reader.subject = reader.subject or (reader.strings.text(words[0]) if words else "")
    if reader.page.section == "SYNOPSIS" and name in ("Nm", "In", "Ft", "Fd"):
        reader.page.end_line()
    if name == "Xc":  # ends what an It began whose tag takes several lines
        reader.page.end_line()
    if reader.listed >= 0 and (name == "Fa" or name.startswith("%")):
        reader.listed += 1
        if reader.listed > 1:
            reader.page.add(f"{GLUE},")
    if text := reader.strings.text(mdoc.phrase(name, words, reader.subject)):
        include = name == "In" and reader.page.section == "SYNOPSIS"
        reader.page.write(f"#include {text}" if include else text)


@_handles("Nd")
def _purpose(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    words = " ".join(reader.strings.text(word) for word in arguments(rest))
    reader.page.write(f"- {words}")


@_handles("Fo", "Fc")
def _function(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.listed = 0 if name == "Fo" else -1
    text = reader.strings.text(rest)
    reader.page.add(f"{text}({GLUE}" if name == "Fo" else f"{GLUE}){text}")


@_handles("Rs", "Re")
def _reference(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.listed = 0 if name == "Rs" else -1
    reader.page.end_paragraph()


@_handles("Bl", "El")
def _list(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.page.end_paragraph()
    if name == "Bl":
        reader.lists.append((rest.partition(" ")[0], 0))
    elif reader.lists:
        reader.lists.pop()


@_handles("It")
def _item(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    kind, count = reader.lists.pop() if reader.lists else ("", 0)
    reader.lists.append((kind, count + 1))
    marks = {"-bullet": "•", "-dash": "-", "-hyphen": "-", "-enum": f"{count + 1}."}
    if kind in marks:
        reader.page.tag(marks[kind])
    elif words := arguments(rest):
        macro, words = (words[0], words[1:]) if words[0] in mdoc.TEXT else ("No", words)
        text = reader.strings.text(mdoc.phrase(macro, words, reader.subject))
        if "Xo" in (macro, *words):
            reader.page.end_paragraph()
            reader.page.write(text)
        else:
            reader.page.tag(text)


@_handles("Dl", "D1")
def _display(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.page.end_line()
    words = arguments(rest)
    macro, words = (words[0], words[1:]) if words and words[0] in mdoc.TEXT else ("No", words)
    reader.page.write(reader.strings.text(mdoc.phrase(macro, words, reader.subject)))
    reader.page.end_line()
