"""What is written inside a roff line: escapes, special characters, arguments, conditions."""

from __future__ import annotations

import re
import unicodedata

GLUE = "\x01"
"""No space here, whatever stands beside it; taken out again when a paragraph is joined."""

_NAME = r"(?:\((..)|\[([^\]]{0,80})\]|(.))"  # (xx, [name] or x
# Every alternative starts at a backslash and is bounded, so a line is read in linear time.
_ESCAPE = re.compile(
    rf"""\\(?:
      (?P<size>s(?:[123]\d|[-+]?(?:\([-+]?..|\[[^\]]{{0,20}}\]|'[^']{{0,20}}'|\d)))
    | (?P<quoted>[ABCDHLNRSXZbhlovwx])'(?P<argument>[^']{{0,200}})'
    | (?P<named>n[-+]?|[*fFmMkgVY]){_NAME}
    | \((?P<two>..) | \[(?P<long>[^\]]{{0,80}})\]
    | (?P<comment>["\#].*)
    | (?P<other>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|((?:\\.|[^ \t\\])+)|\\$')

# Escapes of one character that stand for something; all others in _SILENT stand for nothing.
_ONE = {"-": "-", "e": "\\", "E": "\\", "\\": "\\", " ": " ", "~": " ", "0": " ", "t": "\t"}
_ONE["c"] = GLUE
_SILENT = frozenset("|^&)%/,:{}durpaz!?")

_NAMED = """
lq “ rq ” oq ‘ cq ’ aq ' dq " ga ` aa ´ ha ^ ti ~ rs \\ sl / bu • em — en – hy - mi − co © rg ®
tm ™ de ° +- ± mu × tmu × di ÷ <= ≤ >= ≥ != ≠ == ≡ ~~ ≈ la ⟨ ra ⟩ lB [ rB ] lC { rC } at @ sh #
Do $ eu € Eu € Po £ Ye ¥ ct ¢ dg † dd ‡ ps ¶ sc § ul _ br │ bv | or | ba | bb ¦ -> → <- ← <> ↔ ua ↑
da ↓ rA ⇒ lA ⇐ hA ⇔ ** * pl + eq = Fo « Fc » fo ‹ fc › bq ‚ Bq „ fm ′ sd ″ 12 ½ 14 ¼ 34 ¾ S1 ¹
S2 ² S3 ³ r! ¡ r? ¿ ss ß ae æ AE Æ oe œ OE Œ -D Ð TP Þ Tp þ Sd ð /l ł /L Ł /o ø /O Ø oa å oA Å
ci ○ sq □ if ∞ mc µ no ¬ tno ¬ mo ∈ nm ∉ es ∅ ca ∩ cu ∪ sb ⊂ ip ⊇ te ∃ fa ∀ AN ∧ OR ∨ sr √ is ∫
pd ∂ gr ∇ ap ∼ pt ∝ lf ⌊ rf ⌋ lc ⌈ rc ⌉ CR ↵ OK ✓ .i ı .j ȷ IJ Ĳ ij ĳ Of ª Om º
Lt < Gt > Am & Ba | Le ≤ Ge ≥ Ne ≠ Pm ± Pi π If ∞ Na NaN q " Tm ™ R ® Aq ' C` " C' " L" “ R" ”
"""
_CHARACTERS = dict(zip(_NAMED.split()[::2], _NAMED.split()[1::2], strict=True))
_CHARACTERS |= {
    f"*{code}": letter
    for code, letter in zip("abgdezyhiklmncoprstufxqw", "αβγδεζηθικλμνξοπρστυφχψω", strict=True)
}
_CHARACTERS |= {
    f"*{code}": letter
    for code, letter in zip("ABGDEZYHIKLMNCOPRSTUFXQW", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", strict=True)
}
_MARKS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", ":": "\u0308", "~": "\u0303"}
_MARKS |= {",": "\u0327", "v": "\u030c", "o": "\u030a", "-": "\u0304"}
# What .ds may define a string as at most: strings made of strings can double with every line.
_LONGEST_STRING = 200


def join(pieces: list[str]) -> str:
    """Pieces with a space between two, except where either of them is glued."""
    joined: list[str] = []
    for piece in pieces:
        if joined and not (piece.startswith(GLUE) or joined[-1].endswith(GLUE)):
            joined.append(" ")
        joined.append(piece)
    return "".join(joined)


class Strings:
    """The strings and the character translations that a page has defined so far."""

    def __init__(self) -> None:
        self._defined: dict[str, str] = {}
        self._translation: dict[int, str] = {}

    def define(self, name: str, value: str) -> None:
        """Keeps a string (.ds), expanded now."""
        self._defined[name] = self.text(value.removeprefix('"'))[:_LONGEST_STRING]

    def __contains__(self, name: str) -> bool:
        return name in self._defined

    def translate(self, pairs: str) -> None:
        """Keeps a translation (.tr): each second character is printed for the one before it."""
        characters = self.text(pairs)
        self._translation |= {
            ord(old): new for old, new in zip(characters[::2], characters[1::2], strict=False)
        }

    def text(self, line: str) -> str:
        """A line as it is printed: without escapes, with the characters they stand for."""
        if "\\" in line:
            line = _ESCAPE.sub(self._escape, line).removesuffix("\\")
        return line.translate(self._translation) if self._translation else line

    def _escape(self, match: re.Match[str]) -> str:
        found = match.lastgroup
        if match["named"]:
            # The three groups of _NAME have no names: the first that matched is it.
            name = next((group for group in match.groups()[4:7] if group), "")
            if match["named"] != "*":
                return ""  # fonts, colours, registers
            name = name.partition(" ")[0]
            return self._defined.get(name, _CHARACTERS.get(name, ""))
        if found == "other":
            code = match["other"]
            return _ONE.get(code, "" if code in _SILENT else code)
        if found in ("two", "long"):
            return character(match["two"] or match["long"] or "")
        if found == "argument":
            return self._quoted(match["quoted"], match["argument"])
        return ""  # sizes, comments

    def _quoted(self, code: str, argument: str) -> str:
        """An escape with an argument between quotes."""
        if code == "h":  # a movement to the right is a space, one to the left is nothing
            return " " if re.match(r"\+?\.?\d*[1-9]", argument) else ""
        if code == "C":
            return character(argument)
        if code == "N":
            return character(f"char{argument}")
        if code == "Z":
            return argument
        return argument[:1] if code == "o" else ""  # overstruck: the letter without its accent


def character(name: str) -> str:
    r"""The character that \(xx or \[name] stands for, nothing where the name is unknown."""
    if name in _CHARACTERS:
        return _CHARACTERS[name]
    if len(name) == 2 and name[0] in _MARKS and name[1].isalpha():
        return unicodedata.normalize("NFC", name[1] + _MARKS[name[0]])
    if match := re.fullmatch(r"u([0-9A-Fa-f]{4,6}(?:_[0-9A-Fa-f]{4,6}){0,4})", name):
        points = [int(point, 16) for point in match[1].split("_")]
        legal = all(32 <= p < 0xD800 or 0xDFFF < p < 0x110000 for p in points)
        return unicodedata.normalize("NFC", "".join(map(chr, points))) if legal else ""
    if match := re.fullmatch(r"char(\d{1,3})", name):
        return chr(int(match[1])) if 32 <= int(match[1]) < 256 else ""
    return name if len(name) == 1 else ""


def arguments(line: str) -> list[str]:
    r"""The arguments of a macro; a quoted one begins with \&, so that it is no macro itself."""
    if '"' not in line and "\\" not in line:
        return line.split()
    found = []
    for match in _ARGUMENT.finditer(line):
        quoted, plain = match.groups()
        if plain is not None and plain.startswith('\\"'):
            break  # the rest is a comment
        if quoted is not None:
            found.append("\\&" + quoted.replace('""', '"'))
        elif plain:
            found.append(plain)
    return found
