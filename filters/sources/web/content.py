"""The main content of a parsed page: what is not content is taken out of the tree.

Three steps, each decided by the page alone. Landmarks that HTML itself names (nav, footer, dialogs)
go first. Then the root is chosen: the element that says it is the article, or within it the
smallest one that holds nearly all prose. Last, what its class or id calls a menu, a cookie notice
or a share bar goes. What holds most of the text is spared at each step, for names lie.

The words and shares were chosen on one half of a benchmark and checked on others:
docs/extraction.md has the figures. A handle on an element costs 3 microseconds, a walk over a tree
0.2 ms for a megabyte, so elements are asked for by a selector, few and seldom.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from resiliparse.parse.html import ElementNode

from tamis.filters.sources.web.bounds import SMALL


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNSEEN = _words("script style template")
LANDMARKS = _words("nav footer aside dialog")
CONTROLS = ["button", "select", "menu", "figcaption"]  # left out whatever they hold
HEADERS = _words("header form")
LISTS = _words("ul ol")
ROLES = _words(
    """
    alert alertdialog banner complementary contentinfo dialog menu menubar navigation search
    toolbar tooltip
    """
)
NEVER = _words("body main")  # what goes under no name

# What the element that holds the content is called, the most telling name first.
ROOTS = (
    "[itemprop=articleBody]",
    ".entry-content",
    ".post-content",
    ".article-body",
    ".article-content",
    ".articleBody",
    ".article__body",
    ".post-body",
    "article",
    "[role=main]",
    "main",
    "#main-content",
    "#content",
    "#main",
    ".main-content",
    ".content",
)
# One walk for all that the first two steps ask for.
_TAGS = sorted(UNSEEN | LANDMARKS | HEADERS | {"noscript", "p", "ul", "ol"})
_SURVEY = ",".join([*_TAGS, "[role]", *(root for root in ROOTS if "role" not in root)])
MANY_ROOTS = 12  # a page with more elements of one name is a list of them

# What elements that are not content are called: the first or the last word of a class or id.
CLUTTER = _words(
    """
    ad ads advert advertisement outbrain promo promos sponsor sponsored taboola
    bio byline metadata postmeta taglist tags
    breadcrumb breadcrumbs crumbs hamburger megamenu menu menus nav navbar navigation offcanvas
    pager pagination searchform sidenav skip submenu subnav toc toolbar topbar topnav
    colophon copyright foot footer masthead sidebar
    consent cookie cookies drawer dropdown flyout gdpr lightbox modal popover popup privacy tooltip
    login newsletter signin signup subscribe subscription
    popular recommendations recommended related trending
    share sharedaddy shares sharing sociable social socials
    commentform noprint respond
    """
)
COMMENTS = _words("comment commentlist comments disqus")
# A class that begins or goes on with one of these tells about something else: `with-sidebar`.
RELATIONS = _words(
    "above after before below has hide is js no not open show toggle under with without"
)
_NAMED = ":is(div,section,ul,ol):is([class],[id])"
_WORD = re.compile(r"[^a-zA-Z0-9]+|(?<=[a-z])(?=[A-Z])")

# What pages of threads carry: schema.org's types, and, in their head, what forum software says.
THREADS = (b"DiscussionForumPosting", b"QAPage")
FORUMS = (
    b'id="XF"',
    b"phpbb",
    b"vBulletin",
    b'content="Discourse',
    b"flarum",
    b"NodeBB",
    b"invisioncommunity",
)

SPARED = 0.5  # what holds this share of the text is not clutter, whatever its name
SPARED_HEADER = 0.4
PARAGRAPH = 50  # characters from which a paragraph is prose
PROSE = 600  # characters of prose from which a page is one that is read
NAMED_ROOT_PROSE, NAMED_ROOT_TEXT, NAMED_ROOT_ALONE = 0.5, 0.3, 0.5
CLIMBED_PROSE = 0.9
HEAD = 1 << 15  # bytes in which software names itself
DEPTH = 256  # of paragraphs and headers, which are asked where they lie; browsers stop at 512
_DEEP = "*>" * DEPTH + ":is(p,header)"
MANY_HEADERS = 200  # each is asked where it lies
STEPS = 50  # up from the longest paragraph
EFFORT = 50  # characters looked at for each of the page: 1788 real pages take less than 4


class TooDear(Exception):
    """A page whose elements lie so deep in one another that a choice would take too long."""


class Content:
    """The body of a page, from which clutter is taken."""

    def __init__(self, body: ElementNode, html: bytes) -> None:
        self._body, self._html = body, html
        self._left = EFFORT * len(html)
        self.lists = 0

    def keep(self) -> None:
        """Leaves in the body what the page says.

        Raises TooDear; what was taken away until then stays away.
        """
        if len(self._html) > SMALL and self._body.query_selector(_DEEP) is not None:
            raise TooDear
        found = [(e, e.tag or "") for e in self._body.query_selector_all(_SURVEY).values()]
        self.lists = sum(tag in LISTS for _, tag in found)
        text = self._drop_landmarks(found)
        left = [(e, tag) for e, tag in found if tag not in LISTS and self._body.contains(e)]
        prose = _Prose.of([element for element, tag in left if tag == "p"])
        root, prose = self._named_root(left, prose, text)
        root = self._climbed(root, prose)
        self._drop_clutter(root)
        if root.tag != "body":
            self._body.replace_children(root)

    def _drop_landmarks(self, found: list[tuple[ElementNode, str]]) -> int:
        """About how many characters of text are left."""
        for element, tag in found:
            if tag in UNSEEN:
                element.remove()
        text = self._letters(self._body)
        # Fallbacks for browsers without scripts go, unless they are the page.
        fallbacks = [element for element, tag in found if tag == "noscript"]
        if sum(map(self._letters, fallbacks)) < SPARED * text:
            for element in fallbacks:
                element.remove()
        most = SPARED * text
        for element, tag in found:
            if tag == "p" or tag in NEVER:
                continue
            if tag in LANDMARKS or element.getattr("role") in ROLES:
                size = self._letters(element)
                if tag == "footer" or size < most:
                    element.remove()
        text = self._letters(self._body)
        most = SPARED_HEADER * text
        headers = ((element, tag) for element, tag in found if tag in HEADERS)
        for element, tag in islice(headers, MANY_HEADERS):
            inside = tag == "header" and element.closest("article,main")
            if not inside and (size := self._letters(element)) < most:
                element.remove()
                text -= size
        return max(text, 1)

    def _named_root(
        self, elements: list[tuple[ElementNode, str]], prose: _Prose, text: int
    ) -> tuple[ElementNode, _Prose]:
        """The element that says it is the content and holds enough of it, or the body."""
        named: dict[str, list[ElementNode]] = {}
        for element, tag in elements:
            if tag != "p":
                for name in _names(element):
                    named.setdefault(name, []).append(element)
        for name in ROOTS:
            found = named.get(name)
            if not found or len(found) > MANY_ROOTS:
                continue
            size, best = max(((self._letters(e), e) for e in found), key=lambda pair: pair[0])
            if size > text * (NAMED_ROOT_ALONE if prose.total < PROSE else NAMED_ROOT_TEXT):
                part = prose.within(best)
                if prose.total < PROSE or part.total > NAMED_ROOT_PROSE * prose.total:
                    return best, part
        return self._body, prose

    def _climbed(self, root: ElementNode, prose: _Prose) -> ElementNode:
        """The smallest element around the longest paragraph that holds nearly all the prose."""
        if prose.total < PROSE:
            return root
        node = max(prose.paragraphs, key=lambda pair: pair[1])[0].parent_element
        for _ in range(STEPS):
            if node is None or node == root:
                break
            if prose.within(node).total >= CLIMBED_PROSE * prose.total:
                return node
            node = node.parent_element
        return root

    def _drop_clutter(self, root: ElementNode) -> None:
        most = SPARED * self._letters(root)
        comments: list[ElementNode] = []  # those in no other
        for element in root.query_selector_all(_NAMED).values():
            kind = _kind(f"{element.class_name or ''} {element.id or ''}")
            if kind == "clutter" and self._letters(element) < most:
                element.remove()
            elif kind == "comment" and not (comments and comments[-1].contains(element)):
                comments.append(element)
        # Comments are the content of a thread, and of a page that has little else.
        if comments and sum(map(self._letters, comments)) < most and not self._is_forum():
            for element in comments:
                element.remove()

    def _is_forum(self) -> bool:
        head = self._html[:HEAD]
        return any(name in head for name in FORUMS) or any(kind in self._html for kind in THREADS)

    def _letters(self, element: ElementNode) -> int:
        """Characters of an element's text."""
        size = len(element.text_content or "")
        self._left -= size
        if self._left < 0:
            raise TooDear
        return size


class _Prose:
    """Paragraphs long enough to be read, and their characters."""

    def __init__(self, paragraphs: list[tuple[ElementNode, int]]) -> None:
        self.paragraphs = paragraphs
        self.total = sum(length for _, length in paragraphs)

    @classmethod
    def of(cls, found: list[ElementNode]) -> _Prose:
        sized = ((paragraph, len((paragraph.text_content or "").strip())) for paragraph in found)
        return cls([(paragraph, size) for paragraph, size in sized if size > PARAGRAPH])

    def within(self, element: ElementNode) -> _Prose:
        return _Prose([pair for pair in self.paragraphs if element.contains(pair[0])])


def _names(element: ElementNode) -> list[str]:
    """What ROOTS may call an element."""
    return [
        element.tag or "",
        f"#{element.id}",
        f"[role={element.getattr('role')}]",
        f"[itemprop={element.getattr('itemprop')}]",
        *(f".{name}" for name in (element.class_name or "").split()),
    ]


@lru_cache(1 << 14)
def _kind(names: str) -> str:
    """`clutter`, `comment` or nothing: what the class and id of an element call it."""
    for name in names.split():
        if kind := _meaning(name):
            return kind
    return ""


@lru_cache(1 << 16)
def _meaning(name: str) -> str:
    words = [word.lower() for word in _WORD.split(name.partition("--")[0]) if word]
    if not words or words[0] in RELATIONS or (len(words) > 1 and words[-2] in RELATIONS):
        return ""
    ends = {words[0], words[-1]}
    if ends & CLUTTER or name.startswith("widget"):
        return "clutter"
    return "comment" if ends & COMMENTS else ""
