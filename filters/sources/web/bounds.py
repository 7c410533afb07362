"""What a page may cost, told from its bytes and its tree before time is spent; no clocks.

Two things make the parser take quadratic time: attributes of one tag, which it compares with one
another (100,000 take 20 seconds), and formatting elements that are left open, which it opens again
in every block. Both are counted first, in pages large enough for it to matter. A crowd of elements
makes Python objects, and lists deep in one another indentation; such pages are read without
choosing their main content, or without lines, which takes linear time and loses no text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate

from resiliparse.parse.html import ElementNode

MAX_BYTES = 16 << 20
MAX_ATTRIBUTES = 2000  # of one tag
MAX_OPEN = 2000  # formatting elements
MAX_UNCLOSED = 20_000  # elements open at once, which the parser climbs for some tags
MAX_LISTS = 64  # in one another: each item is indented by its depth
MAX_DEPTH = 256  # browsers stop at 512; the deepest of 1788 real pages has 52
MAX_TAGS = 400_000  # whose elements are looked at one by one
MAX_ELEMENTS = 1_500_000  # each takes 500 bytes of memory
SMALL = 1 << 18  # bytes up to which the parser's worst takes five seconds

_SPACE = rb"[ \t\n\r\f]"
_NAME = rb"[^ \t\n\r\f/>]"
_VALUE = rb"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\r\f>"'][^ \t\n\r\f>]*+)"""
_ATTRIBUTE = rb"(?:%(S)s|/)*+%(N)s[^ \t\n\r\f/>=]*+(?:%(S)s*+=%(S)s*+%(V)s?+)?+" % {
    b"S": _SPACE,
    b"N": _NAME,
    b"V": _VALUE,
}
_ATTRIBUTES = rb"(?:%s){0,%d}+(?:%s|/)*+" % (_ATTRIBUTE, MAX_ATTRIBUTES, _SPACE)
_RAW = rb"(?i:script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[ \t\n\r\f/>])"
# Every quantifier is possessive, so that each byte is looked at once.
_MARKUP = re.compile(
    rb"(?:[^<]++"
    rb"|<!--(?:[^-]++|-(?!->))*+(?:-->|\Z)"
    rb"|<%(raw)s%(attributes)s>(?:[^<]++|<(?!/%(raw)s))*+"
    rb"|<[a-zA-Z]%(name)s*+%(attributes)s(?:>|\Z)"
    rb"|<(?![a-zA-Z]))*+" % {b"raw": _RAW, b"attributes": _ATTRIBUTES, b"name": _NAME}
)
# Only those that differ in an attribute are kept open in any number. A cell closes its own.
_LASTING = rb"[bB]|[iI]|[uU]|[sS]|[tT]{2}|(?i:big|code|em|font|small|strike|strong)"
# What may be one of those, or a <body> or <html>, with an attribute.
_SUSPECTS = re.compile(rb"<[bBcCeEfFhHiIsStTuU][a-zA-Z]{0,5}[ \t\n\r\f/]")
_STEPS = re.compile(rb"<(/?)(?:(%s)|[tT][dhDH])(?=[ \t\n\r\f/>])" % _LASTING)
_ROOT_TAGS = re.compile(rb"<(?i:body|html)[ \t\n\r\f/]")
_NOT_OPENED = re.compile(
    rb"<(?=[^a-zA-Z/]|"
    rb"(?:br|img|p|li|t[rdh]|dt|dd|hr|input|link|meta|wbr|source|area|col|script)[\s/>])",
    re.IGNORECASE,
)
_ENDS_NAME = b" \t\n\r\f/>"
_CHUNK = 1 << 16
_LISTS = re.compile(rb"<(/?)[uUoO][lL](?=[ \t\n\r\f/>])")
_DEEP = ">".join("*" * MAX_DEPTH)


class Unfit(Exception):
    """A page that cannot become text.

    reason: a stable key, counted in the ledger; detail: what was found and what to do about it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def check_size(data: bytes, max_bytes: int) -> None:
    """Raises Unfit("too_large")."""
    if len(data) > max_bytes:
        raise Unfit(
            "too_large", f"{len(data):,} bytes of HTML, more than {max_bytes:,}: split it, or omit"
        )


def without_scripts(html: bytes) -> bytes:
    """The page without its scripts, which are half of its bytes and none of its text.

    What is not plainly one, as a tag in a comment, stays for the parser.
    """
    parts: list[bytes] = []
    start = 0
    found = html.find(b"<script")
    while found >= 0:
        end = html.find(b"</script", found)
        stop = html.find(b">", end) + 1 if end >= 0 else 0
        if not stop:
            break
        if html[found + 7 : found + 8] in _ENDS_NAME and html.find(b"-->", found, end) < 0:
            parts.append(html[start:found])
            start = stop
        found = html.find(b"<script", stop)
    parts.append(html[start:])
    return b"".join(parts)


def check_markup(html: bytes) -> None:
    """Raises Unfit for what the parser takes too long for, or too much memory.

    The reasons are too_many_elements, too_many_attributes, too_many_open and too_deep.
    """
    if len(html) <= SMALL:
        return
    if html.count(b"<") - html.count(b"</") > MAX_ELEMENTS:
        raise Unfit("too_many_elements", f"more than {MAX_ELEMENTS:,}: no page")
    read = _MARKUP.match(html)
    # Attributes of every further <body> are the body's, too.
    many = len(_SUSPECTS.findall(html)) > MAX_OPEN
    repeated = many and len(_ROOT_TAGS.findall(html)) > MAX_ATTRIBUTES
    if repeated or read is None or read.end() < len(html):
        raise Unfit(
            "too_many_attributes", f"a tag has more than {MAX_ATTRIBUTES:,} attributes: no page"
        )
    if many and _most_open(html) > MAX_OPEN:
        raise Unfit(
            "too_many_open", f"more than {MAX_OPEN:,} formatting elements are left open: no page"
        )

    if _unclosed(html) > MAX_UNCLOSED:
        raise Unfit("too_deep", f"more than {MAX_UNCLOSED:,} elements in one another: no page")


def _unclosed(html: bytes) -> int:
    """About how many elements are open at once at most, seen at every 64 Ki bytes."""
    rough = _running(html, lambda part: part.count(b"<") - 2 * part.count(b"</"))
    if rough <= MAX_UNCLOSED:
        return rough
    # Many pages leave out end tags that HTML does not ask for: such elements are not open.
    return _running(
        html,
        lambda part: part.count(b"<") - 2 * part.count(b"</") - len(_NOT_OPENED.findall(part)),
    )


def _running(html: bytes, opened: Callable[[bytes], int]) -> int:
    parts = (html[start : start + _CHUNK] for start in range(0, len(html), _CHUNK))
    return max(accumulate(map(opened, parts)))


def _most_open(html: bytes) -> int:
    """How many formatting elements are open at once at most."""
    open_now = most = 0
    for slash, name in _STEPS.findall(html):
        open_now = 0 if not name else max(open_now - 1, 0) if slash else open_now + 1
        most = max(most, open_now)
    return most


def is_plain(html: bytes) -> bool:
    """Whether a page has too many tags for its elements to be looked at one by one."""
    return len(html) > 2 * MAX_TAGS and html.count(b"<") > MAX_TAGS


def has_deep_lists(html: bytes) -> bool:
    """Whether lists lie so deep in one another that indenting them would take most of the time."""
    depth = most = 0
    for slash in _LISTS.findall(html):
        depth = max(depth - 1, 0) if slash else depth + 1
        most = max(most, depth)
    return most > MAX_LISTS


def is_deep(body: ElementNode) -> bool:
    """Whether elements lie deeper in one another than anybody could have meant."""
    return body.query_selector(_DEEP) is not None
