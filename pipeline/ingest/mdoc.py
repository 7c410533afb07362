"""The semantic macros of mdoc, the markup of BSD's man pages, as plain words."""

from __future__ import annotations

from tamis.pipeline.ingest.roff import GLUE, join

_CLOSING = frozenset(".,:;)]?!")
_OPENING = frozenset("([")

# Enclosures: the rest of their line, or up to the macro that closes them, between two marks.
_ENCLOSING = {
    "Dq": ("“", "”"),
    "Sq": ("‘", "’"),
    "Ql": ("‘", "’"),
    "Qq": ('"', '"'),
    "Pq": ("(", ")"),
    "Bq": ("[", "]"),
    "Aq": ("<", ">"),
    "Brq": ("{", "}"),
    "Op": ("[", "]"),
}
_OPENS = {"Oo": "[", "Bo": "[", "Po": "(", "Ao": "<", "Do": "“", "So": "‘", "Qo": '"', "Bro": "{"}
_CLOSES = {"Oc": "]", "Bc": "]", "Pc": ")", "Ac": ">", "Dc": "”", "Sc": "’", "Qc": '"', "Brc": "}"}
_FIXED = {"Ux": "UNIX", "Bx": "BSD", "Fx": "FreeBSD", "Ox": "OpenBSD", "Nx": "NetBSD"}
_FIXED |= {"Dx": "DragonFly", "At": "AT&T UNIX", "Bsx": "BSD/OS", "Ap": f"{GLUE}'{GLUE}"}
_WITHOUT_WORDS = {"Ar": "file ...", "Pa": "~", "Fl": "-", "Mt": "~", "Nm": ""}
_REFERENCE = {f"%{letter}" for letter in "ABCDIJNOPQRTUV"}

_WORDS = """Ad An Ar Cd Cm Dv Em Er Ev Fa Fl Fn Ft Fd Ic In Lb Li Lk Ms Mt Nm No Ns Pa Pf St Sx Sy
Tn Va Vt Xr Xo Xc Ta Eo Ec Ex Rv Bt Ud"""
TEXT = frozenset(_WORDS.split()).union(_ENCLOSING, _OPENS, _CLOSES, _FIXED, _REFERENCE)
"""Macros that put words into a line, and that may stand within one another's arguments."""


def phrase(macro: str, words: list[str], name: str) -> str:
    """A macro with its arguments as text; `name`: what the page is about, for a bare Nm."""
    ending = [GLUE + words.pop() for _ in range(len(words)) if words[-1] in _CLOSING][::-1]
    if macro in ("Ex", "Rv"):
        subject = next((word for word in words if word != "-std"), name)
        return _STANDARD[macro].format(subject)
    pieces: list[str] = []
    closing: list[str] = []
    for current, its_words in _calls([macro, *words]):
        if current in _ENCLOSING:
            opening, end = _ENCLOSING[current]
            pieces.append(opening + GLUE)
            closing.append(GLUE + end)
            pieces += its_words
        else:
            pieces += _call(current, its_words, name)
    return join(pieces + closing[::-1] + ending)


_STANDARD = {
    "Ex": "The {} utility exits 0 on success, and >0 if an error occurs.",
    "Rv": "The {}() function returns the value 0 if successful; otherwise the value -1 is returned"
    " and errno is set to indicate the error.",
}


def _calls(words: list[str]) -> list[tuple[str, list[str]]]:
    """The macros of a line, each with the words up to the next one."""
    calls: list[tuple[str, list[str]]] = []
    for word in words:
        if word in TEXT or not calls:
            calls.append((word, []))
        else:
            calls[-1][1].append(word)
    return calls


def _call(macro: str, words: list[str], name: str) -> list[str]:
    """One macro with its own words."""
    if macro in _OPENS:
        return [_OPENS[macro] + GLUE, *words]
    if macro in _CLOSES:
        return [GLUE + _CLOSES[macro], *words]
    if macro in _FIXED:
        return [_FIXED[macro], *words]
    if macro == "Ns":
        return [GLUE, *([GLUE + words[0], *words[1:]] if words else [])]
    if macro == "Pf":
        return [words[0] + GLUE, *words[1:]] if words else []
    if macro == "Fl":
        return [f"-{word}" if _is_plain(word) else _mark(word) for word in words] or ["-" + GLUE]
    if macro == "Nm" and not any(map(_is_plain, words)):
        return [name, *map(_mark, words)]
    if not words and _WITHOUT_WORDS.get(macro):
        return [_WITHOUT_WORDS[macro]]
    if macro == "Xr" and len(words) > 1:
        return [f"{words[0]}({words[1]})", *map(_mark, words[2:])]
    if macro == "Fn" and words:
        return [f"{words[0]}({', '.join(words[1:])})"]
    if macro == "In" and words:
        return [f"<{words[0]}>", *map(_mark, words[1:])]
    if macro == "Lk" and words:
        return [*words[1:], f"<{words[0]}>"]
    if macro == "An" and words and words[0] in ("-split", "-nosplit"):
        return []
    return [_mark(word) for word in words]


def _is_plain(word: str) -> bool:
    return word not in _CLOSING and word not in _OPENING


def _mark(word: str) -> str:
    """A word, or a punctuation mark that sticks to the word beside it."""
    if word in _CLOSING:
        return GLUE + word
    return word + GLUE if word in _OPENING else word
