"""What roff's requests and man's macros do, and a few that many authors define alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tamis.pipeline.ingest.man_reader import Handler, Reader, until
from tamis.pipeline.ingest.roff import arguments

HANDLERS: dict[str, Handler] = {}

_IGNORED = """
IX PD UC DT ad hy nh na ne ns rs ft fam ps vs ss ta nr rr af rn rm tm tm1 ab cc ec eo pc lf it
hw hc hla hlm mso so warn color cp Os Bk Ek Sm Bf Ef Dd LINKSTYLE rnopt lc tc mk rt
cflags nm nx pl po pn wh ch dt am1 vpt kern lg fp ul cu bd cs tkf uf char fchar ev Vx"""
_LINE_ENDS = "br in ti ce rj RS INDENT UNINDENT YS Ek fl brp TA"
_PARAGRAPHS = "PP LP P HP sp Sp SP Pp bp RE Lp QS QE"


def handles(table: dict[str, Handler], *names: str) -> Callable[[Handler], Handler]:
    """Enters a function in a table of handlers under these names."""

    def register(handler: Handler) -> Handler:
        table.update(dict.fromkeys(names, handler))
        return handler

    return register


_handles = partial(handles, HANDLERS)


@_handles(*_IGNORED.split())
def _nothing(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    pass


@_handles(*_LINE_ENDS.split())
def _line_end(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.page.end_line()


@_handles(*_PARAGRAPHS.split())
def _paragraph(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.page.end_paragraph()


@_handles("", "\\}", "nop", "do")
def _rest(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    """The end of a block, or a request in front of another."""
    body = rest.lstrip("\\} ") if rest.startswith("\\}") else rest
    if name == "do" and body:
        reader.line("." + body.lstrip(".'"), remaining)
    elif name == "nop" or (body and rest.startswith("\\}")):
        reader.line(body, remaining)


# roff: definitions and conditions.


@_handles("de", "de1", "am", "dei")
def _define(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.define(rest if name != "am" else "", remaining)


@_handles("als")
def _alias(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    new, _, old = rest.partition(" ")
    reader.alias(new, old.strip())


@_handles("ds", "ds1")
def _string(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    key, _, value = rest.partition(" ")
    reader.strings.define(key, value.lstrip())


@_handles("tr")
def _translation(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.strings.translate(rest)


@_handles("if", "while")
def _if(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    if name == "while":
        reader.condition("0 " + rest, remaining)
    else:
        reader.condition(rest, remaining)


@_handles("ie")
def _if_else(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.outcomes.append(reader.condition(rest, remaining))


@_handles("el")
def _else(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.branch(rest, bool(reader.outcomes) and not reader.outcomes.pop(), remaining)


@_handles("ig", "di", "da", "EQ", "PS", "GS", "IS")
def _skip(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    """What is no text: comments, equations, pictures."""
    if name == "ig":
        until(remaining, f".{rest}")
    elif name not in ("di", "da"):
        until(remaining, f".{name[0]}{'N' if name == 'EQ' else 'E'}")


# man.


@_handles("TH", "Dt")
def _title(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    words = [reader.strings.text(word) for word in arguments(rest)]
    reader.meta |= {k: v for k, v in zip(("title", "section"), words, strict=False) if v}


@_handles("SH", "SS", "Sh", "Ss")
def _heading(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    text = " ".join(reader.strings.text(word) for word in arguments(rest))
    reader.page.expected = "" if text.strip() else "heading"
    reader.lists.clear()
    if text.strip():
        reader.page.heading(text)


@_handles("nf", "EX", "Vb", "Bd", "fi", "EE", "Ve", "Ed", "DS", "DE", "CS", "CE")
def _fill(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.page.end_paragraph()
    reader.page.fill = name in ("fi", "EE", "Ve", "Ed", "DE", "CE") or "-filled" in rest


@_handles("TP", "TQ")
def _tag_follows(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    if name == "TP":
        reader.page.end_paragraph()
    else:
        reader.page.end_line()
    reader.page.expected = "tag"


@_handles("IP")
def _tag_given(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    words = arguments(rest)
    reader.page.tag(reader.strings.text(words[0]) if words else "")


@_handles("B", "I", "R", "SM", "SB", "CW", "BR", "RB", "BI", "IB", "IR", "RI")
def _styled(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    """Fonts: the arguments side by side where they alternate, else as words."""
    if words := [reader.strings.text(word) for word in arguments(rest)]:
        alternating = len(name) == 2 and name not in ("SM", "SB", "CW")
        reader.page.write(("" if alternating else " ").join(words))


@_handles("UR", "MT", "UE", "ME")
def _link(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    if name in ("UR", "MT"):
        reader.link = reader.strings.text(rest)
    else:
        reader.page.write(f"<{reader.link}>{reader.strings.text(rest)}")


@_handles("URL", "MTO")
def _link_in_one(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    address, text, after, *_ = *(reader.strings.text(x) for x in arguments(rest)), "", "", ""
    reader.page.write(f"{text} <{address}>{after}".strip())


@_handles("SY")
def _synopsis(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.page.end_line()
    reader.page.write(reader.strings.text(rest))


@_handles("OP")
def _option(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    reader.page.write(f"[{' '.join(reader.strings.text(word) for word in arguments(rest))}]")
