"""Any page gives text or a reason, the same each time, at a cost in proportion to its size."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tamis.filters.sources.web import bounds, content, second
from tamis.filters.sources.web.page import Unfit, read_page, tidy

SCRAPS = """
    <p> </p> <div> <div\tclass=menu> <article> </article> <a\thref=x> <table><td> <ul><li> <!-- -->
    <script> </script> <noscript> <header> <footer> <title> & &amp; &#0; &#xd800; &#x85; \0 \b \x1b
    \ufeff word <b <svg> <math> <select> <template> <body> <frameset> <pre>
"""
SCRAP = st.sampled_from([*SCRAPS.split(), " ", "\n", "\r\n", "\f", "\u2028", "\xa0", "\x1f"])
PAGE = st.lists(SCRAP, max_size=40).map("".join).map(str.encode)


def outcome(data: bytes, charset: str | None = None) -> object:
    try:
        return read_page(data, charset)
    except Unfit as unfit:
        return unfit.reason


def assert_clean(text: str) -> None:
    text.encode()
    assert text
    assert not [c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert not {"\u2028", "\u2029", "\ufeff"} & set(text)
    assert "\n\n\n" not in text
    assert text == tidy(text)


@given(st.binary(max_size=400) | PAGE, st.none() | st.sampled_from(["utf-8", "x", "utf-16"]))
@example(b"", None)
@example(b"<frameset><frame src=x>", None)
@example("<title>a\ufeff</title>x".encode(), None)
@example("<p>\ud800".encode("utf-16", "surrogatepass"), None)
@example(b"<body><p>x</body>" * 3, "utf-16")
def test_any_bytes_give_clean_text_or_a_reason(data: bytes, charset: str | None) -> None:
    """If it fails, one hostile record ends an ingest, or NULs reach the tools downstream."""
    try:
        page = read_page(data, charset)
    except Unfit as unfit:
        assert unfit.reason and unfit.detail
    else:
        assert_clean(page.text)
        if page.title is not None:
            assert_clean(page.title)
            assert len(page.title) <= 300


@given(st.lists(PAGE, max_size=6))
def test_a_page_is_read_the_same_whatever_was_read_before(pages: list[bytes]) -> None:
    """If it fails, documents depend on which worker read what first."""
    first = [outcome(page) for page in pages]
    assert [outcome(page) for page in reversed(pages)] == first[::-1]


def test_a_page_beyond_the_limit_is_refused() -> None:
    """If it fails, one gigabyte of `<` takes the memory of a machine."""
    with pytest.raises(Unfit, match=r"too_large.*16,777,217 bytes"):
        read_page(b"<" * (bounds.MAX_BYTES + 1))
    assert read_page(b"<p>x" * 10, max_bytes=40).text
    with pytest.raises(Unfit, match="too_large"):
        read_page(b"<p>x" * 10, max_bytes=39)


PARAGRAPH = "<p>" + "some words that are long enough to be prose, " * 2 + "</p>"
MANY = 120_000
HOSTILE = {
    "deep": ("<div>" * 10_000 + "x", None),
    "deep, closed": ("<div>" * 10_000 + "x" + "</div>" * 10_000, None),
    "very deep": ("<div>" * MANY, "too_deep"),
    "deep paragraphs": (("<ul><li>" + PARAGRAPH) * 10_000, None),
    "deep lists": ("<ul><li>x" * 20_000, None),
    "deep landmarks": ("<div role=navigation>x" * 8_000, None),
    "deep headers": ("<header>x" * 8_000, None),
    "deep articles": ("<main class=content id=content>x" * 8_000, None),
    "anchors around blocks": ("<a><div>x" * MANY, "too_deep"),
    "attributes": ("<p " + " ".join(f"a{n}=1" for n in range(MANY)) + ">x", "too_many_attributes"),
    "attributes with brackets": (
        "<p " + " ".join(f"a{n}='>'" for n in range(MANY)) + ">x",
        "too_many_attributes",
    ),
    "attributes of bodies": (
        "".join(f"<body a{n}=b>" for n in range(MANY)) + "x",
        "too_many_attributes",
    ),
    "fonts": ("".join(f"<font a={n}>" for n in range(MANY)) + "<p>x" * 50, "too_many_open"),
    "links": ("<a href=x>y</a> " * 1_000_000, None),
    "line breaks": ("<br>" * 4_000_000, "too_many_elements"),
    "brackets": ("<" * 15_000_000, "too_many_elements"),
    "fewer brackets": ("< " * 1_000_000, None),
    "open comment": ("<!--" * 1_000_000, "no_text"),
    "open attribute": ('<a b="' + 'x="' * 5_000_000, "too_many_attributes"),
    "open scripts": ("<script>" * 1_000_000, "no_text"),
    "closed scripts": ("<script></script>" * 500_000 + "x", None),
    "classes": (f"<div class='{' '.join(f'menu{n}' for n in range(MANY))}'>x", None),
    "title": ("<title>" + "x " * 5_000_000, "no_text"),
    "end tags": ("</p></br>" * MANY, "no_text"),
    "entities": ("&amp;" * 1_000_000, None),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_page_costs_no_more_than_its_size(kind: str) -> None:
    """If it fails, one page holds up a worker for minutes, or ends it: quadratic time, recursion.

    In a process of its own with a limit on its CPU time and memory, far above what is needed.
    """
    html, reason = HOSTILE[kind]
    limits = "import resource as r; r.setrlimit(r.RLIMIT_CPU, (15, 15)); "
    limits += "r.setrlimit(r.RLIMIT_AS, (3 << 30, 3 << 30)); "
    read = "import sys; from tamis.filters.sources.web.page import read_page, Unfit\n"
    read += "try: print(len(read_page(sys.stdin.buffer.read()).text))\n"
    read += "except Unfit as unfit: print(unfit.reason)"
    done = subprocess.run(
        [sys.executable, "-c", limits + read], input=html.encode(), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-500:]
    said = done.stdout.decode().strip()
    assert said == reason if reason else said.isdigit()


def test_too_many_or_too_deep_elements_lose_the_choice_and_not_the_text() -> None:
    """If it fails, the largest pages are lost whole, or their words are."""
    deep = "<div>" * 300 + PARAGRAPH + "</div>" * 300 + "<nav>menu</nav>"
    deep += "<p>" + "y" * bounds.SMALL
    assert "menu" in read_page(deep.encode()).text
    crowd = "<nav>menu</nav>" + "<i>x</i>\n" * (bounds.MAX_TAGS // 2)
    assert read_page(crowd.encode()).text.split() == ["menu"] + ["x"] * (bounds.MAX_TAGS // 2)


def test_the_effort_is_bounded_and_its_end_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it fails, a page that was given up half way comes out without half of its text."""
    html = f"<nav>menu</nav><aside>side</aside>{PARAGRAPH * 20}"
    assert "menu" not in read_page(html.encode()).text
    monkeypatch.setattr(content, "EFFORT", 1)
    text = read_page(html.encode()).text
    assert "menu" in text and "side" in text and text.count("prose") == 40


@pytest.mark.parametrize("script", ["<script>a = '</p>'; b--> 0</script>", "<!-- <script> -->"])
def test_a_script_goes_and_what_only_looks_like_one_takes_nothing_along(script: str) -> None:
    """If it fails, a tag in a comment takes the text up to the next script with it."""
    html = f"<p>before</p>{script}<p>between</p><script src=x></script><SCRIPT>x</SCRIPT><p>after"
    assert read_page(html.encode()).text.split() == ["before", "between", "after"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a  \n\n\n\n b\t\n", "a\n\n b"),
        ("\n  • a\n", "  • a"),
        ("a\u2028b\x85c\x0cd", "a\nb\nc\nd"),
        ("a\x00b\x1b\ufeffc\x7f", "abc"),
        (" \n \n", ""),
    ],
)
def test_text_is_tidied(text: str, expected: str) -> None:
    """If it fails, control characters and walls of empty lines reach the corpus."""
    assert tidy(text) == expected


ARTICLE = f"<html><body><article>{PARAGRAPH * 5}</article><nav>menu</nav></body></html>".encode()


def test_trafilatura_reads_the_same_page_the_same_way_twice() -> None:
    """If it fails, its memory of other pages takes paragraphs out of this one."""
    pytest.importorskip("trafilatura")
    texts = [read_page(ARTICLE, extractor="trafilatura").text for _ in range(5)]
    assert "prose" in texts[0] and "menu" not in texts[0]
    assert len(set(texts)) == 1
    with pytest.raises(Unfit, match="too_deep"):
        read_page(b"<div>" * 10_000 + b"x", extractor="trafilatura")


def test_a_missing_trafilatura_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it fails, the user sees a traceback after an hour of work."""
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    second._extract.cache_clear()
    try:
        with pytest.raises(second.MissingExtractor, match=r"pip install 'tamis\[trafilatura\]'"):
            second.require_trafilatura()
    finally:
        second._extract.cache_clear()
