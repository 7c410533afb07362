"""The held-out domains of an experiment: drawn, written as JSON lines, and what they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

import orjson

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.heldout.documents import (
    POOL,
    Document,
    Documents,
    check_sources,
    given,
    set_aside,
)
from tamis.pipeline.heldout.drawing import Limits, candidates, chosen
from tamis.pipeline.heldout.seen import Seen

Say = Callable[[str], None]


@dataclass(frozen=True)
class DomainFacts:
    """What a domain is: an entry of plan.json's `domains`."""

    name: str
    file: str
    """Below the experiment."""
    sha256: str
    documents: int
    bytes: int
    """Of text, as UTF-8."""
    groups: int
    role: Literal["target", "pool"]
    seen: bool
    """Whether an asset was trained on text of one of its sources: then it is out of the mean."""


def domains(
    places: Sequence[Path],
    corpus: Corpus | None,
    out: Path,
    *,
    seen: Seen | None = None,
    sources: Sequence[str] = (),
    limits: Limits | None = None,
    seed: int = 0,
    avoid: Collection[str] = (),
    say: Say = lambda message: None,
) -> list[DomainFacts]:
    """Draws the domains, writes each as `out/DOMAIN.jsonl`, and gives what they are.

    With places, files or folders of JSON lines or Parquet, each file is a domain; without, they are
    of what the corpus's ingest set aside: by the nature of installed documents, or of the sources
    that are named. The slice `pool` is of what was set aside, whatever it is. Files of an earlier
    draw in `out` are removed. avoid: documents that are left out, as `boilerplate` names them. say:
    told what is no domain, and why. Raises CallError if nothing is one.
    """
    limits, seen = limits or Limits(), seen or Seen()
    check_sources(sources)
    documents, aside = _documents(places, corpus, sources, limits.longest)
    found = candidates(documents, limits, seed)
    drawn = chosen(documents, found, limits, aside, avoid)
    enough = {name: part for name, part in drawn.items() if _is_enough(name, part, limits, say)}
    if not enough.keys() - {POOL}:
        raise CallError(_nothing(corpus, places, sources, limits, drawn))
    if not aside:
        say("no slice of the unfiltered pool: ingest set nothing aside (--set-aside heldout=0.05)")
    for path in out.glob("*.jsonl"):
        path.unlink()
    targets = sorted(enough.keys() - {POOL})
    order = [*targets, POOL] if POOL in enough else targets
    return [_written(name, enough[name], out, seen) for name in order]


def _documents(
    places: Sequence[Path], corpus: Corpus | None, sources: Sequence[str], longest: int
) -> tuple[Documents, bool]:
    """The documents to draw from, as long as they may be; whether some were set aside by ingest."""
    read = given(places) if places else _none
    records = corpus.home.ingested() if corpus is not None else ()
    aside = any("heldout" in record.get("files", {}) for _, record in records)

    def every() -> Iterator[Document]:
        of_corpus = set_aside(corpus, sources) if corpus is not None and aside else iter(())
        found = chain(read(), map(_of_no_domain, of_corpus) if places else of_corpus)
        return (replace(one, text=beginning(one.text, longest)) for one in found)

    return every, aside


def _none() -> Iterator[Document]:
    return iter(())


def _of_no_domain(one: Document) -> Document:
    return replace(one, domain="")


def beginning(text: str, most: int) -> str:
    """A text up to the end of a line, or of a word, before so many bytes."""
    data = text.encode()
    if len(data) <= most:
        return text
    lines, words = data.rfind(b"\n", 0, most), data.rfind(b" ", 0, most)
    end = lines if lines >= most // 2 else words if words >= most // 2 else most - 1
    return data[: end + 1].decode(errors="ignore")


def _is_enough(name: str, part: Sequence[Document], limits: Limits, say: Say) -> bool:
    size = sum(len(one.text.encode()) for one in part)
    if name == POOL:
        return bool(part)
    if len(part) >= limits.least_documents and size >= limits.least_bytes:
        return True
    say(
        f"'{name}' is no domain: {len(part):,} documents of {limits.shortest:,} bytes or more, "
        f"{size / 1e3:,.0f} kB; {limits.least_documents:,} documents and "
        f"{limits.least_bytes / 1e3:,.0f} kB are the least"
    )
    return False


def _nothing(
    corpus: Corpus | None,
    places: Sequence[Path],
    sources: Sequence[str],
    limits: Limits,
    drawn: Mapping[str, Sequence[Document]],
) -> str:
    """What to say where there is no domain at all."""
    least = f"{limits.least_documents:,} documents and {limits.least_bytes / 1e3:,.0f} kB"
    seen = ", ".join(f"{name} {len(part):,}" for name, part in drawn.items() if name != POOL)
    start = f"nothing to score models on: a held-out domain needs {least} of documents of "
    start += f"{limits.shortest:,} bytes or more"
    if places:
        return f"{start}; there are: {seen or 'none'}"
    if corpus is None or POOL not in drawn:
        return f"{start}, and none was set aside: ingest with --set-aside heldout=0.1 or give files"
    there = sorted({one.source or "none" for part in drawn.values() for one in part})
    what = f"of the sources {', '.join(sources)}" if sources else "of installed documentation"
    return (
        f"{start}; {what} there are: {seen or 'none'} (sources set aside: {', '.join(there)}): set "
        "more aside (--set-aside heldout=0.1), name sources that are domains, or give files"
    )


def _written(name: str, part: Sequence[Document], out: Path, seen: Seen) -> DomainFacts:
    place = out / f"{name}.jsonl"
    with files.atomic(place) as draft, draft.path.open("wb") as file:
        for one in part:
            file.write(orjson.dumps(_record_of(one)) + b"\n")
    return DomainFacts(
        name,
        f"{out.name}/{place.name}",
        draft.sha256,
        len(part),
        sum(len(one.text.encode()) for one in part),
        len({one.group for one in part}),
        "pool" if name == POOL else "target",
        seen.any_of(one.source for one in part),
    )


def _record_of(one: Document) -> dict[str, str]:
    record = {"id": one.id, "text": one.text, "group": one.group}
    more = {"source": one.source, "url": one.url}
    return record | {name: value for name, value in more.items() if value is not None}
