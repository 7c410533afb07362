"""Which documents are held out: whole ones, of many groups, by a draw that the seed decides."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from tamis.pipeline.heldout.documents import POOL, Document, Documents

SPARE = 3
"""So many times what is wanted is looked at, for there are copies among it."""
_SHARES = (10, 5, 2, 1)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Limits:
    """How large a domain is."""

    least_documents: int = 100
    least_bytes: int = 100_000
    """With less of either it is none: the interval over its groups would be too wide to tell."""
    most_bytes: int = 400_000
    """It is cut here, once it has enough documents: what is scored is paid for in time."""
    shortest: int = 500
    """Bytes: shorter texts are over before a model knows what they are about."""
    longest: int = 20_000
    """Bytes: of a longer one the beginning is taken, or few would fill a domain."""

    def times(self, factor: int) -> Limits:
        """Domains that much larger."""
        more = {"least_documents", "most_bytes"}
        return replace(self, **{name: factor * getattr(self, name) for name in more})


@dataclass(frozen=True)
class Candidate:
    """A document without its text."""

    place: int
    """Its number among all."""
    domain: str
    name: str
    """Its id."""
    group: str
    group_key: bytes
    key: bytes
    bytes: int
    aside: bool

    def avoided(self, names: Collection[str]) -> bool:
        """Whether it is among some names, in whichever file it was then."""
        return any(f"{file}:{self.name}" in names for file in {self.domain, POOL})


def candidates(documents: Documents, limits: Limits, seed: int) -> list[Candidate]:
    """All documents that are not too short."""
    found = []
    for place, one in enumerate(documents()):
        size = len(one.text.encode())
        if size >= limits.shortest:
            keys = _key(seed, one.group), _key(seed, f"{one.domain}:{one.id}:{place}")
            found.append(Candidate(place, one.domain, one.id, one.group, *keys, size, one.aside))
    return found


def _key(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()


def chosen(
    documents: Documents,
    found: Sequence[Candidate],
    limits: Limits,
    pool: bool,
    avoid: Collection[str],
) -> dict[str, list[Document]]:
    """The documents of every domain, in the order they were drawn; POOL first, if asked for.

    avoid: documents that are not to be drawn, as `FILE:ID` of an earlier draw. Of documents that
    are the same but for case, punctuation and whitespace one is drawn.
    """
    wider = limits.times(SPARE)
    listed = _draw(found, wider, pool, avoid)
    wanted = {one.place for part in listed.values() for one in part}
    texts = {place: one for place, one in enumerate(documents()) if place in wanted}
    seen: set[bytes] = set()
    single = []
    for part in listed.values():
        for one in part:
            form = _form(texts[one.place].text)
            if form not in seen:
                seen.add(form)
                single.append(one)
    drawn = _draw(single, limits, pool, avoid)
    return {name: [texts[one.place] for one in part] for name, part in drawn.items()}


def _form(text: str) -> bytes:
    """A digest of the words of a text."""
    return hashlib.blake2b(" ".join(_WORD.findall(text.casefold())).encode()).digest()


def _draw(
    found: Iterable[Candidate], limits: Limits, pool: bool, avoid: Collection[str]
) -> dict[str, list[Candidate]]:
    """The slice of the pool from all there is, and then the domains from what is left."""
    left = [one for one in found if not one.avoided(avoid)]
    left.sort(key=lambda one: (one.group_key, one.key))
    drawn: dict[str, list[Candidate]] = {}
    if pool:
        aside = sorted((one for one in left if one.aside), key=lambda one: one.key)
        drawn[POOL] = _fill(aside, limits, sum(one.bytes for one in aside))
    taken = {one.place for one in drawn.get(POOL, ())}
    domains: dict[str, list[Candidate]] = defaultdict(list)
    for one in left:
        if one.domain and one.place not in taken:
            domains[one.domain].append(one)
    for name in sorted(domains):
        drawn[name] = _groups(domains[name], limits)
    return drawn


def _groups(ordered: Sequence[Candidate], limits: Limits) -> list[Candidate]:
    """Documents of group after group; a tenth of the domain from one, more only if it must be.

    Groups, not documents, are what is independent: a domain of two large ones could not tell.
    """
    part: list[Candidate] = []
    for share in _SHARES:
        part = _fill(ordered, limits, limits.most_bytes // share)
        if _is_full(sum(one.bytes for one in part), len(part), limits):
            break
    return part


def _fill(ordered: Iterable[Candidate], limits: Limits, of_group: int) -> list[Candidate]:
    """Documents in their order until there is enough; of each group so many bytes at most."""
    part: list[Candidate] = []
    size = 0
    groups: dict[str, int] = defaultdict(int)
    for one in ordered:
        if _is_full(size, len(part), limits):
            break
        if groups[one.group] + one.bytes <= of_group:
            groups[one.group] += one.bytes
            size += one.bytes
            part.append(one)
    return part


def _is_full(size: int, number: int, limits: Limits) -> bool:
    return size >= limits.most_bytes and number >= limits.least_documents
