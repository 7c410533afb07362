"""Man pages to text: the man macros, mdoc, roff's escapes and conditions, tables, and noise."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.man import documents


def text(source: str) -> str:
    """What a page prints."""
    found = documents(source.encode())
    return found[0][0] if found else ""


PAGE = r""".\" A comment
.TH SIFT 1 "2020-01-01" "tools" "User Commands"
.SH NAME
sift \- keeps what is coarse
.SH "SYNOPSIS"
.B sift
[\fB\-n\fR \fIcount\fR]
.RI [ file ...]
.SH DESCRIPTION
Sifts its input,
line by line.
.PP
A second paragraph:
.nf
  code  stays
    as it is
.fi
.TP
.BR \-v ", " \-\-verbose
Says what
it does.
.IP \(bu 2
a bullet
.IP --long
a tag
.SS Details
.UR http://example.org/
the site
.UE .
"""


def test_a_page_of_man_macros() -> None:
    assert documents(PAGE.encode()) == [
        (
            "NAME\n\nsift - keeps what is coarse\n\n"
            "SYNOPSIS\n\nsift [-n count] [file...]\n\n"
            "DESCRIPTION\n\nSifts its input, line by line.\n\n"
            "A second paragraph:\n\n  code  stays\n    as it is\n\n"
            "-v, --verbose\nSays what it does.\n\n"
            "• a bullet\n\n--long\na tag\n\n"
            "Details\n\nthe site <http://example.org/>.",
            {"title": "SIFT", "section": "1"},
        )
    ]


MDOC = r""".Dd January 1, 2020
.Dt SIFT 8
.Os
.Sh NAME
.Nm sift
.Nd keeps what is coarse
.Sh SYNOPSIS
.Nm
.Op Fl nv
.Op Fl o Ar file
.Ar
.In sieve.h
.Ft int
.Fn sift "int n" "char *s"
.Ft void
.Fo shake
.Fa "int n"
.Fa "int m"
.Fc
.Sh DESCRIPTION
The
.Nm
utility reads
.Pa /etc/sift ,
see
.Xr grep 1 .
It is
.Dq Em very fast
.Pq not really .
.Bl -tag -width indent
.It Fl o Ar file
Writes
.Ns no
space.
.It Xo
.Ic put
.Op Fl r
.Xc
Puts.
.El
.Bl -enum
.It
one
.It
two
.El
.Bd -literal
a   b
.Ed
.Oo
.Fl x
.Oc
"""


def test_a_page_of_mdoc_macros() -> None:
    assert documents(MDOC.encode()) == [
        (
            "NAME\n\nsift - keeps what is coarse\n\n"
            "SYNOPSIS\n\nsift [-nv] [-o file] file ...\n#include <sieve.h>\n"
            "int sift(int n, char *s)\nvoid shake(int n, int m)\n\n"
            "DESCRIPTION\n\nThe sift utility reads /etc/sift, see grep(1). "
            "It is “very fast” (not really).\n\n"
            "-o file\nWritesno space.\n\nput [-r]\nPuts.\n\n1. one\n\n2. two\n\na   b\n\n[-x]",
            {"title": "SIFT", "section": "8"},
        )
    ]


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        (r"\fBa\fP\f(CWb\fR\f[BI]c\f[]d", "abcd"),
        (r"\s+1a\s0b\s-2c\s12d\s(12e\s[+3]f\s'14'g", "abcdefg"),
        (r"a\-b\&c\|d\^e\%f\/g\,h\:i", "a-bcdefghi"),
        (r"a\~b\0c\ d", "a b c d"),
        (r"\(em\(bu\(lqx\(rq\[co]\(aq\(ha\(ti", "—•“x”©'^~"),
        (r"\('e\(:u\(,c\(ss\(oa\(~n\['a]\(^o", "éüçßåñáô"),
        (r"\[u00E9]\[u0065_0301]\[char94]\N'65'", "éé^A"),
        (r"\(*a\(*W", "αΩ"),
        (r"C:\\dir \e.", "C:\\dir \\."),
        (r"a\h'-04'\(bu\h'+03'b", "a• b"),
        (r"\m[red]a\m[]\v'1'b\w'xx'\n(.lc\k(zzd", "abcd"),
        (r"text \" comment", "text"),
        (r"\*(lqa\*(rq\*(Aq\*[Lt]", "“a”'<"),
        (r"\[u110000]\[uD800]\[nonsense]x", "x"),
        ("trailing\\\ncontinued", "trailingcontinued"),
        ("glued\\c\n.B on", "gluedon"),
        (".ds who the sieve\nby \\*[who]", "by the sieve"),
        (".tr ~+\na~b", "a+b"),
        (".BI -o file\n.RB ( x )", "-ofile (x)"),
        ('.B "two  words" "a ""quoted"" one"', 'two words a "quoted" one'),
        ("one.\n  indented", "one.\nindented"),
        ("a\n.br\nb\n.sp 2\nc", "a\nb\n\nc"),
        ("'\\\" t\n'br\n.\\}\n..\nx", "x"),
    ],
)
def test_escapes_and_small_requests(source: str, printed: str) -> None:
    assert text(source) == printed


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        (".if n yes\n.if t no\n.if !n no", "yes"),
        (".ie t no\n.el yes", "yes"),
        (".ie n \\{\\\nyes\n.\\}\n.el \\{\\\nno\n.if n \\{\nno\n.\\}\n.\\}\nafter", "yes after"),
        (".if \\n(.g .ds x GNU\n\\*x", "GNU"),
        (".if \\n(zz>2 no\n.if 3>2 yes", "yes"),
        (".if (\\n(rF:(\\n(.g==0)) \\{\\\nno\n.\\}\nyes", "yes"),
        (".if 'a'a' yes\n.if 'a'b' no\n.if '\\*[.T]'utf8' no", "yes"),
        (".if d XX no\n.de XX\n..\n.if d XX yes", "yes"),
        (".while 1 \\{\nno\n.\\}\nyes", "yes"),
        (".ig\nno\n..\n.de YY end\nno\n.end\nyes", "yes"),
        ('.de Sp \\" a comment\n.sp\n..\na\n.Sp\nb', "a\n\nb"),
        (".de Cmd\n.B \\\\$1\n.I \\\\$2\n..\n.Cmd sift x", "sift x"),
        (".de R1\nno\n.R1\n..\n.R1\nyes", "no no no no no yes"),  # five deep
    ],
)
def test_conditions_and_definitions(source: str, printed: str) -> None:
    assert text(source) == printed


def test_tables_become_lines() -> None:
    source = (
        ".TS\nallbox tab(:);\nlB lB\nl l.\nT{\nName\nof it\nT}:T{\n.B Mean\ning\nT}\n_\n"
        "a\\-b:\\fIsecond\\fR\n.TE\nafter"
    )
    assert text(source) == "Name of it  Mean ing\na-b  second\n\nafter"


def test_a_redirect_prints_nothing() -> None:
    assert documents(b".so man1/other.1\n") == []
    assert documents(b'.\\" only a comment\n') == []
    assert documents(b"") == []


@pytest.mark.parametrize(
    ("data", "printed"),
    [
        ("größer".encode(), "größer"),
        (b"\xef\xbb\xbf" + "日本".encode(), "日本"),
        ("größer".encode("latin-1"), "größer"),
        ("'\\\" -*- coding: koi8-r -*-\nпривет".encode("koi8-r"), "привет"),
        ("'\\\" -*- coding: EUC-JP -*-\n日本".encode("euc-jp"), "日本"),
        (b"'\\\" -*- coding: punycode -*-\n\xe9", "é"),
        (b"'\\\" -*-  coding: utf-16  -*-\n\xe9", "é"),
    ],
)
def test_encodings(data: bytes, printed: str) -> None:
    assert documents(data)[0][0] == printed


def test_binary_data_is_unreadable() -> None:
    with pytest.raises(Unreadable) as caught:
        documents(b".TH X 1\n\0\0")
    assert caught.value.reason == "invalid_man"


@pytest.mark.parametrize(
    "source",
    [
        ".if n " * 50_000 + "x",
        "\\[" * 200_000,
        "\\*[" * 100_000,
        '.B "' + '"' * 200_000,
        ".if '" + "'" * 200_000,
        "a\\c\n" * 100_000,
        " " * 300_000 + "x",
        ".ds a \\*a\\*a\\*ab\n" * 20_000 + "\\*a" * 10_000,
        ".de A\n" + ".A\n" * 2000 + "..\n" + ".A\n" * 2000,
        ".de A\n.B \\\\$1\\\\$1\\\\$1\n.A \\\\$1\\\\$1\n..\n" + ".A " + "x" * 1000 + "\n" * 1000,
        ".TS\ntab(:);\nl.\n" + "T{\n" * 50_000,
        ".Op " + "Op Oo Dq " * 20_000,
        ".if n \\{\n" * 50_000,
    ],
)
def test_hostile_pages_take_bounded_time_and_space(source: str) -> None:
    start = time.perf_counter()
    try:
        printed = text(source)
    except Unreadable as error:
        assert error.reason == "invalid_man"
    else:
        assert len(printed) < 30 * len(source) + 10_000_000
    assert time.perf_counter() - start < 5


PIECES = [*"\n\n.'\\ab 1", "\\{", "\\}", ".if n ", ".ie ", ".el ", ".de A\n", "..\n", ".A x\n"]
PIECES += [
    ".TS\n",
    ".TE\n",
    "T{\n",
    "T}",
    ".TP\n",
    ".nf\n",
    ".fi\n",
    ".Bl -enum\n",
    ".It ",
    ".El\n",
]
PIECES += [".Op ", "Fl ", "Oo ", ".Nm\n", "\\*[x]", "\\f", "\\h'", "\\s", "\\[u00e9]", ".ds x "]
PIECES += [
    ".tr ",
    "\\$1",
    ".while ",
    "!d",
    "\\n(",
    '"',
    ".SH\n",
    ".UE\n",
    ".URL\n",
    ".Fo f\n",
    ".Fa\n",
]


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.binary()
    | st.text().map(str.encode)
    | st.lists(st.sampled_from(PIECES), max_size=60).map(lambda x: "".join(x).encode())
)
def test_any_bytes_are_read_or_unreadable(data: bytes) -> None:
    try:
        for printed, _ in documents(data):
            assert printed.strip()
            assert "\x01" not in printed
            printed.encode()
    except Unreadable as error:
        assert error.reason == "invalid_man"
