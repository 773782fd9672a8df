"""Says a formula in words: latex2mathml reads its LaTeX into a tree, and a table of the language has the words.

The words are a teacher's at the board, not those of a screen reader: where the extent of a fraction or a root would be
unclear, a comma makes a pause. What cannot be read is a "formula".
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from hushd_models import languages
from hushd_schema import toml

from hushd_reading import spellout
from hushd_reading.in_words import countable

_FOLDER = Path(__file__).parent
_MOST_WORDS = 80  # a longer formula cannot be followed by ear
_MOST_ROWS = 3  # a matrix with more has its entries left out
_CLOSES = {
    "(": ")", "[": "]", "\\{": "\\}", "|": "|", "\\|": "\\|", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil",
    "\\langle": "\\rangle",
}  # fmt: skip
_NAMED = {"|": "absolute", "\\|": "norm", "\\lfloor": "floor", "\\lceil": "ceiling", "\\{": "set"}
_SCRIPTS = ("^", "_", "_^")
_OPERATORS = (
    "+", "-", "=", "<", ">", "/",
    "\\pm", "\\mp", "\\times", "\\cdot", "\\le", "\\ge", "\\ne", "\\to", "\\approx", "\\in",
)  # fmt: skip
_UNBOUND = ("\\max", "\\min", "\\sup", "\\inf")  # arguments stand behind them, or nothing: the maximum of a, b
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}(?![A-Za-z])")  # speed = distance/time
_TAKEN = re.compile(r"\\(?:text\w*|operatorname\*?|math[a-z]+|begin|end|mbox|hbox|label|tag|color)\s*\{[^{}]*\}")
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:\{?,\}?\d{3})+(?!\d)")
_NUMBER = re.compile(r"\.?\d[\d.]*")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_LOWERED = re.compile("[₀-₉₊₋ₐₑₒₓₙ]+")
_RADICAL = re.compile(r"√\s?(?:\(([^()]*)\)|(\d+|\w))")
# Marks of numbers and of text in what is said: a number is a word, unless text behind it may be its unit.
_DIGITS, _TEXT = "\x01", "\x02"
_NUMERAL = re.compile(f"{_DIGITS}([\\d.]+)(?P<unit> ?{_TEXT})?")


class _UnreadableError(Exception):
    """A formula has a command for which there are no words."""


@cache
def words(language: str) -> Mapping[str, Any] | None:
    """Returns the words of formulas in a language, by its tag; None without a table for it."""
    path = _FOLDER / "words" / f"{languages.code(language)}.toml"
    return toml.loads(path.read_text("utf-8")) if path.exists() else None


@cache
def _signs() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Returns the kind of each command that has one, and the sign that another is a spelling of."""
    table = toml.loads((_FOLDER / "signs.toml").read_text("utf-8"))
    same = {other: sign for sign, others in table.pop("same").items() for other in others.split()}
    return {each: kind for kind, listed in table.items() for each in listed.split()} | {"\\ ": "silent"}, same


def spoken(latex: str, language: str) -> str:
    """Returns a formula in words, its numbers in digits; the word for a formula where it cannot be read."""
    table = words(language) or words("en")
    assert table is not None
    try:
        from latex2mathml.walker import walk  # 40 ms and 8 MB, for texts with formulas

        speech = _NUMERAL.sub(partial(_spelled, language=language), _Speech(table).row(walk(_prepared(latex))))
    except Exception:  # the parser has many of its own, and may be missing
        return str(table["formula"])
    speech = re.sub(r"(?:\s*,)+(?=\s|\Z)", ",", re.sub(r"\s+", " ", speech.replace(_TEXT, ""))).strip(" ,")
    return speech if speech and len(speech.split()) <= _MOST_WORDS else str(table["formula"])


def _spelled(match: re.Match[str], language: str) -> str:
    if match["unit"] or not countable():
        return match[1].replace(".", "." if languages.code(language) == "en" else ",") + (match["unit"] or "")
    number = match[1].strip(".")
    return spellout.decimal(f"0.{number}" if match[1][0] == "." else number, languages.code(language))


def _prepared(latex: str) -> str:
    """Returns LaTeX with one spelling of numbers, and its plain words as text."""
    for scripts, sign in ((_RAISED, "^"), (_LOWERED, "_")):
        latex = scripts.sub(lambda match: f"{sign}{{{unicodedata.normalize('NFKC', match[0])}}}", latex)  # noqa: B023
    latex = _RADICAL.sub(lambda match: rf"\sqrt{{{match[1] or match[2]}}}", latex)
    latex = _THOUSANDS.sub(lambda match: re.sub(r"[{},]", "", match[0]), latex)
    latex = re.sub(r"(?<=\d)\{,\}(?=\d)", ".", latex).replace("\\not=", "\\ne ")
    parts, taken = [], 0
    for match in _TAKEN.finditer(latex):
        parts += [_WORD.sub(_as_text, latex[taken : match.start()]), match[0]]
        taken = match.end()
    return "".join([*parts, _WORD.sub(_as_text, latex[taken:])])


def _as_text(match: re.Match[str]) -> str:
    return rf"\text{{{match[0]}}}" if re.search("[aeiouy]", match[0]) else match[0]


class _Speech:
    """The speech of one formula. Its methods raise `_UnreadableError`, IndexError and ValueError for one that cannot be
    read. `table`: the words of the language."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self._kinds, self._same = _signs()
        english = words("en") or {}
        self._greek = dict(zip(english["greek"].split(), table["greek"].split(), strict=True))

    def row(self, nodes: Sequence[Any]) -> str:
        """Returns the words of nodes that stand in a row."""
        speech: list[str] = []
        at = 0
        while at < len(nodes):
            node, sign = nodes[at], self._sign(nodes[at])
            end = self._closing(nodes, at, _CLOSES[sign]) if sign in _CLOSES else 0
            if end:
                words = self._bracketed(sign, nodes[at + 1 : end], nodes[at - 1] if at else None)
                last = nodes[end]
                speech.append(self._scripted(last, words) if last.token in _SCRIPTS else words)
                at = end
            elif self._kind(node) == "drops":
                at += 1
            elif sign == ":" and not (at and _NUMBER.fullmatch(self._sign(nodes[at - 1]))):
                speech.append(",")  # f: R to R; a number's is a ratio
            elif self._kind(node) != "silent":
                speech.append(self._node(node, nodes[at - 1] if at else None))
            at += 1
        return " ".join(speech)

    # --- the kind of a node -------------------------------------------------------------------------------------------

    def _sign(self, node: Any) -> str:
        """Returns the sign of a node, in one spelling; of a bracket of some size the bracket's."""
        token = str(node.text if re.match(r"\\[bB]ig", node.token) and node.text else node.token)
        token = unicodedata.normalize("NFKC", html.unescape(token)) if token.startswith("&#") else token
        return self._same.get(token, token)

    def _kind(self, node: Any) -> str:
        return self._kinds.get(self._sign(node), "")

    def _long(self, nodes: Sequence[Any]) -> bool:
        """Returns whether the extent of these nodes is unclear to a listener."""
        nodes = nodes[0].children if len(nodes) == 1 and nodes[0].token == "{}" else nodes
        return any(self._sign(node) in _OPERATORS or self._kind(node) in ("fractions", "big") for node in nodes)

    def _is_word(self, node: Any) -> bool:
        """Returns whether a node has upright letters, which are a word: Var."""
        letters = node.children[0].children or () if node.token in ("\\mathrm", "\\mathsf", "\\mathtt") else ()
        return len(letters) > 1 and all(self._sign(letter).isalpha() for letter in letters)

    def _closing(self, nodes: Sequence[Any], at: int, close: str) -> int:
        """Returns the place of the sign that closes the bracket at `at`, which may bear a power; 0 if there is none."""
        opened, depth = self._sign(nodes[at]), 0
        for place in range(at + 1, len(nodes)):
            node = nodes[place]
            sign = self._sign(node.children[0] if node.token in _SCRIPTS else node)
            if sign == close and not depth:
                return place
            depth += (sign == opened) - (sign == close)
        return 0

    def _has_argument(self, node: Any, *, single: bool) -> bool:
        """Returns whether brackets behind `node` have its argument: f(x), x(t), sin(a + b), but not a(b + c)."""
        scripted = node.token in _SCRIPTS
        raised = scripted and "^" in node.token and self._sign(node.children[-1]) not in ("\\prime", "\\dprime", "*")
        node = node.children[0] if scripted else node
        sign = self._sign(node)
        if self._kind(node) == "big":
            return not scripted and sign in _UNBOUND
        if raised and sign.isalpha():
            return False  # p^k(1 - p)
        if self._kind(node) in ("functions", "text") or sign.startswith("\\operatorname") or self._is_word(node):
            return True
        named = sign[0] == "\\" and sign in self._table["signs"] and sign[1:].isalpha()
        return (named and sign in self._table["functions"].split()) or (
            single and (sign.isalpha() or sign[1:] in self._greek)
        )

    # --- the words for a node -----------------------------------------------------------------------------------------

    def _form(self, name: str, *parts: str) -> str:
        return str(self._table[name]).format(*parts)

    def _bracketed(self, opened: str, nodes: Sequence[Any], before: Any) -> str:
        inside = self.row(nodes)
        if name := _NAMED.get(opened):
            return self._form(name, inside) + "," * self._long(nodes)
        signs = [self._sign(node) for node in nodes]
        if before is not None and self._has_argument(before, single=not self._long(nodes)):
            return self._form("of", "", inside) + "," * self._long(nodes)
        if len(nodes) < 2 or "," in signs:
            return inside
        return f"{self._table['open']} {inside} {self._table['close']}"

    def _node(self, node: Any, before: Any = None) -> str:
        sign, kind = self._sign(node), self._kind(node)
        parts: Sequence[Any] = node.children or ()
        if node.token in _SCRIPTS:
            base = node.children[0]
            return self._limits(node) if self._kind(base) == "big" else self._scripted(node, self._node(base, before))
        if kind == "text" and node.text is not None:
            return _TEXT + str(node.text).lstrip()
        if sign.startswith("\\operatorname"):
            return sign.partition("{")[2].rstrip("}")
        if kind in ("fonts", "text"):
            return self._inside(node)
        if kind == "fractions":
            return self._fraction(*parts)
        if kind == "stacked":
            return self.row(parts[:1])
        if kind == "big":
            name = str(self._table["signs"][sign])
            return name if sign in _UNBOUND else self._form("of", name, "")
        if sign in ("\\sqrt", "\\root"):
            return self._root(*parts)
        if sign == "\\binom":
            return self._form("choose", *(self.row([part]) for part in parts))
        if sign in self._table["accents"]:
            return str(self._table["accents"][sign]).format(self.row(parts))
        if sign == "\\left":
            last = parts[-1]
            opened = self._same.get(node.delimiter, node.delimiter)
            return self._bracketed(opened, parts[:-1], before) if last.token == "\\right" else self.row(parts)
        if kind in ("aligned", "matrices", "cases"):
            return self._rows(kind, parts)
        return f"{self._plain(sign)} {self.row(parts)}" if sign == "\\mod" else self._plain(sign)

    def _plain(self, sign: str) -> str:
        """Returns the words of one sign: a number, a letter, an operator."""
        if words := self._table["signs"].get(sign):
            return str(words)
        if _NUMBER.fullmatch(sign):
            return _DIGITS + sign
        name = (
            sign[1:] if sign[0] == "\\" else unicodedata.name(sign[0], "").rpartition(" ")[2].replace("LAMDA", "LAMBDA")
        )
        if (sign[0] == "\\" or "\u0370" <= sign < "\u0400") and name.lower() in self._greek:
            return str(self._greek[name.lower()])
        if len(sign) == 1 and sign.isalpha():
            return sign
        if sign in (",", ";"):
            return ","
        if sign in '()[].?"' or sign in ("\\{", "\\}", "\\right"):
            return ""
        raise _UnreadableError(sign)

    def _inside(self, node: Any) -> str:
        """Returns the words of a group, or of letters in another font."""
        nodes: Sequence[Any] = node.children or ()
        inner = nodes[0].children if len(nodes) == 1 and nodes[0].token == "{}" else nodes
        return _TEXT + "".join(map(self._sign, inner)) if self._is_word(node) else self.row(inner)

    def _fraction(self, above: Any, below: Any) -> str:
        over, under = self.row([above]), self.row([below])
        if known := self._table["fractions"].get(f"{over}/{under}".replace(_DIGITS, "")):
            return str(known)
        d = (self._table["signs"]["\\partial"], "d")
        form = "derivative" if over.startswith(d) and under.startswith(tuple(f"{each} " for each in d)) else "fraction"
        return self._form(form, over + "," * self._long([above]), under + "," * self._long([below]))

    def _root(self, radicand: Any, order: Any = None) -> str:
        inside = self.row([radicand]) + "," * self._long([radicand])
        if order is None:
            return self._form("sqrt", inside)
        words = self.row([order])
        return self._form("cbrt", inside) if words == f"{_DIGITS}3" else self._form("root", words, inside)

    def _limits(self, node: Any) -> str:
        """Returns a sum, an integral or a limit with its bounds."""
        base, *scripts = node.children
        name = str(self._table["signs"][self._sign(base)])
        words = [self.row([part]) for part in scripts]
        if node.token == "_^":
            return self._form("from_to", name, *words)
        if node.token == "^":
            return self._form("of", self._form("power", name, *words), "")
        if self._sign(base) in ("\\lim", "\\limsup", "\\liminf"):
            to = self._table["signs"]["\\to"]
            return self._form("limit", name, words[0].replace(f" {to} ", f" {self._table['approaches']} "))
        return self._form("over", name, *words)

    def _scripted(self, node: Any, base: str) -> str:
        """Returns words with the index and the power of a node."""
        scripts = dict(zip(node.token, node.children[1:], strict=True))
        if below := scripts.get("_"):
            log = self._sign(node.children[0]) == "\\log"
            base = self._form("log" if log else "index", base, self.row([below])) + "," * self._long([below])
        if above := scripts.get("^"):
            base = self._power(base, above)
        return base

    def _power(self, base: str, above: Any) -> str:
        inner = above.children if above.token == "{}" else [above]
        sign = self._sign(inner[0]) if len(inner) == 1 else ""
        name = {"2": "square", "3": "cube", "\\circ": "degrees", "°": "degrees", "T": "transposed", "*": "star",
                "\\prime": "prime", "\\dprime": "dprime", "+": "positive", "-": "negative"}.get(sign)  # fmt: skip
        if name == "transposed" and not base[:1].isupper() and not base[:1].islower():
            name = None
        if name in ("positive", "negative"):
            return f"{base} {self._table['signs'][sign]}"
        return (
            self._form(name, base) if name else self._form("power", base, self.row([above])) + "," * self._long([above])
        )

    def _rows(self, kind: str, nodes: Sequence[Any]) -> str:
        rows: list[list[list[Any]]] = [[[]]]
        for node in nodes:
            if node.token == "\\\\":
                rows.append([[]])
            elif node.token == "&":
                rows[-1].append([])
            else:
                rows[-1][-1].append(node)
        rows = [row for row in rows if any(row)]
        if kind == "aligned":
            return ", ".join(self.row([node for cell in row for node in cell]) for row in rows)
        speech = [", ".join(filter(None, map(self.row, row))) for row in rows]
        if kind == "cases":
            return ", ".join(speech)
        columns = max(map(len, rows), default=0)
        head = self._form("matrix", f"{_DIGITS}{len(rows)}", f"{_DIGITS}{columns}")
        if max(len(rows), columns) > _MOST_ROWS:
            return f"{head},"
        each = (self._form("row", f"{_DIGITS}{at}", row) for at, row in enumerate(speech, start=1))
        return ", ".join([head, *each]) + ","
