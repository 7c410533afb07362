"""The main content of a parsed page: what is not content is taken out of the tree.

Three steps, each decided by the page alone. Landmarks that HTML itself names (nav, footer, dialogs)
go first. Then the root is chosen: the element that says it is the article, or else the smallest
one that holds nearly all prose. Last, what its class or id calls a menu, a cookie notice or a
share bar goes. What holds most of the text is spared at each step, for names lie.

The words and shares were chosen on one half of a benchmark and checked on others:
docs/extraction.md has the figures.
"""

from __future__ import annotations

import re
from functools import lru_cache

from resiliparse.parse.html import ElementNode


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNSEEN = "script,style,template"
# Elements with a role are looked at one by one: a selector for each role costs a walk of its own.
LANDMARKS = "nav,footer,aside,button,select,dialog,menu,figcaption,[role]"
ROLES = _words("""
    alert alertdialog banner complementary contentinfo dialog menu menubar navigation search
    toolbar tooltip
    """)
TAGS = _words("nav footer aside button select dialog menu figcaption")

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
ROOT_SELECTOR = ",".join(ROOTS)
MANY_ROOTS = 12  # a page with more elements of one name is a list of them
NAMED_BLOCKS = ":is(div,section,ul,ol,p,table,dl,figure,form,header):is([class],[id])"

# What elements that are not content are called: the first or the last word of a class or id.
CLUTTER = _words("""
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
    """)
COMMENTS = _words("comment commentlist comments disqus")
# What pages of threads carry: schema.org's types, and the names forum software gives itself.
FORUMS = (
    "DiscussionForumPosting",
    "QAPage",
    'id="XF"',
    "phpbb",
    "vBulletin",
    "Powered by MyBB",
    "Simple Machines",
    'content="Discourse',
    "flarum",
    "NodeBB",
    "invisioncommunity",
)
# A class that begins or goes on with one of these tells about something else: `with-sidebar`.
RELATIONS = _words(
    "above after before below has hide is js no not open show toggle under with without"
)
_WORDS = re.compile(r"[^a-zA-Z0-9]+|(?<=[a-z])(?=[A-Z])")
SPARED = 0.5  # what holds this share of the text is not clutter, whatever its name
SPARED_HEADER = 0.4
PARAGRAPH = 50  # characters from which a paragraph is prose
PROSE = 600  # characters of prose from which a page is one that is read
NAMED_ROOT_PROSE, NAMED_ROOT_TEXT, NAMED_ROOT_ALONE = 0.5, 0.3, 0.5
CLIMBED_PROSE = 0.9


def keep_content(body: ElementNode, comments: bool) -> None:
    """Leaves what a page says in its body; comments stay where they are wanted."""
    for element in body.query_selector_all(UNSEEN).values():
        element.remove()
    _drop_noscript(body)
    _drop_landmarks(body)
    root = _climbed(_named_root(body))
    _drop_clutter(root, comments)
    if root.tag != "body":
        body.replace_children(root)


def _drop_noscript(body: ElementNode) -> None:
    """Fallbacks for browsers without scripts go, unless they are the page."""
    found = body.get_elements_by_tag_name("noscript").values()
    if found and sum(map(_letters, found)) < SPARED * _letters(body):
        for element in found:
            element.remove()


def _drop_landmarks(body: ElementNode) -> None:
    most = SPARED * _letters(body)
    for element in body.query_selector_all(LANDMARKS).values():
        tag = element.tag
        if tag not in TAGS and element.getattr("role") not in ROLES:
            continue
        if tag == "footer" or (tag not in ("body", "main") and _letters(element) < most):
            element.remove()
    most = SPARED_HEADER * _letters(body)
    for element in body.query_selector_all("header,form").values():
        if element.tag == "header" and element.closest("article,main"):
            continue
        if _letters(element) < most:
            element.remove()


class _Prose:
    """An element and its paragraphs."""

    def __init__(self, element: ElementNode) -> None:
        self.element = element
        self.paragraphs = element.get_elements_by_tag_name("p").values()
        self.lengths = [
            len((paragraph.text_content or "").strip()) for paragraph in self.paragraphs
        ]
        self.total = sum(length for length in self.lengths if length > PARAGRAPH)


def _named_root(body: ElementNode) -> _Prose:
    """The element that says it is the content and holds enough of it, or the body."""
    whole, text = _Prose(body), max(_letters(body), 1)
    named: dict[str, list[ElementNode]] = {}
    for element in body.query_selector_all(ROOT_SELECTOR).values():
        for name in _names(element):
            named.setdefault(name, []).append(element)
    for name in ROOTS:
        found = named.get(name)
        if not found or len(found) > MANY_ROOTS:
            continue
        best = max(found, key=_letters)
        share = _letters(best) / text
        if share > (NAMED_ROOT_ALONE if whole.total < PROSE else NAMED_ROOT_TEXT):
            part = _Prose(best)
            if whole.total < PROSE or part.total > NAMED_ROOT_PROSE * whole.total:
                return part
    return whole


def _names(element: ElementNode) -> list[str]:
    """What ROOTS may call an element."""
    return [
        element.tag or "",
        f"#{element.id}",
        f"[role={element.getattr('role')}]",
        f"[itemprop={element.getattr('itemprop')}]",
        *(f".{name}" for name in (element.class_name or "").split()),
    ]


def _climbed(root: _Prose) -> ElementNode:
    """The smallest element around the longest paragraph that holds nearly all prose of a root."""
    if root.total < PROSE:
        return root.element
    longest = root.lengths.index(max(root.lengths))
    node = root.paragraphs[longest].parent_element
    while node is not None and node != root.element:
        if _Prose(node).total >= CLIMBED_PROSE * root.total:
            return node
        node = node.parent_element
    return root.element


def _drop_clutter(root: ElementNode, comments: bool) -> None:
    most = SPARED * _letters(root)
    for element in root.query_selector_all(NAMED_BLOCKS).values():
        kind = _kind(element)
        if not kind or element.tag in ("article", "main", "body"):
            continue
        if kind == "comment" and comments:
            continue
        if _letters(element) < most:
            element.remove()
        elif kind == "comment":
            comments = True


def _kind(element: ElementNode) -> str:
    """`clutter`, `comment` or nothing: what the class and id of an element call it."""
    for name in f"{element.class_name or ''} {element.id or ''}".split():
        if kind := _meaning(name):
            return kind
    return ""


@lru_cache(65536)
def _meaning(name: str) -> str:
    words = [word.lower() for word in _WORDS.split(name.partition("--")[0]) if word]
    if not words or words[0] in RELATIONS or (len(words) > 1 and words[-2] in RELATIONS):
        return ""
    ends = {words[0], words[-1]}
    if ends & CLUTTER or name.startswith("widget"):
        return "clutter"
    return "comment" if ends & COMMENTS else ""


def _letters(element: ElementNode) -> int:
    """Characters of text."""
    return len(element.text_content or "")


def is_forum(html: str) -> bool:
    """Whether a page says that it is a thread, where what is called a comment is content."""
    return any(mark in html for mark in FORUMS)
