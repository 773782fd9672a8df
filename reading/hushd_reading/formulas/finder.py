"""Finds formulas in a text that arrives: LaTeX between `$`, `$$`, `\\(`, `\\[`, and environments.

Each is hidden by one mark and unseen signs, as many as the formula has, so that all other text keeps its place and
nobody below takes `_`, `*` or a full stop in it for its own; once a sentence is cut, the mark becomes words. `$5 and
$10` is not a formula, by the rules of pandoc, nor is prose between two signs; code stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hushd_reading.items import FORMULA, MappedText

from .verbaliser import spoken as verbalised

_UNSEEN = "\u200b"  # dropped by the splitter
_MOST_INLINE, _MOST_DISPLAYED = 600, 4000  # characters of a formula in a line, and of one by itself
_OPEN = re.compile(
    r"(?P<code>(?<!\\)`{1,16}|(?:(?<=\n)|\A)[ ]{0,3}~{3,16})|(?P<open>(?<![\\$])\$\$(?!\$)|(?<![\w\\$])\$(?=[^\s$])"
    r"|(?<!\\)\\[(\[]|\\begin\{(?P<name>(?:equation|align|gather|multline|eqnarray|displaymath|math)\*?)\})"
)
_AHEAD = 24  # characters in which an opening sign is certainly whole
_BEGUN = re.compile(r"(?:[`$]{1,16}|\\(?:b[a-z{]{0,8}[a-z*]{0,14})?|\n? {0,3}~{0,16})\Z")
_CLOSE = {
    "$": re.compile(r"(?<!\\)\$"), "$$": re.compile(r"(?<!\\)\$\$"),
    "\\(": re.compile(r"\\\)"), "\\[": re.compile(r"\\\]"),
}  # fmt: skip
_BLANK = re.compile(r"\n[^\S\n]*\n")
_TAIL = re.compile(r"[.,;:]\s{0,20}\Z")
# Commands with the words that they take as text, and the words that stand in formulas: neither makes a formula prose.
_SPOKEN = re.compile(r"\\(?:text\w*|mbox|mathrm|operatorname\*?|begin|end|label|tag)\s*\{[^{}]*\}|\\[A-Za-z]+\*?|\\.")
_FUNCTIONS = "sin|cos|tan|cot|sec|exp|log|ln|lim|max|min|mod|gcd|det|dim|div|arg|sup|inf|sgn|and|or|if|for|to|st"
_WORD = r"(?<![^\W\d_])[^\W\d_]{2,}(?![^\W\d_])"
_PROSE = re.compile(
    rf"(?:{_WORD}|\d)[,;]?\s+(?!(?:{_FUNCTIONS})\b){_WORD}(?=[\s.,;!?$])|{_WORD}\s+{_WORD}|[.!?]\s+[A-Z][a-z]"
)
_MATH = re.compile(r"[\\^_=<>+*/|(){}\[\]≤≥≠−-]|\A[A-Za-z]{1,3}'*\Z|\A\d+(?:[.,]\d+)*\Z|\A[\u0370-\u03ff]\Z")
# Raised numbers and roots in plain text, such as x², 10⁻³, √2; not a unit, nor a footnote's number behind a word.
_UNITS = r"(?:[mckdµn]?m|ft|in|yd|mi|s|h)"
_SCRIPTED = re.compile(
    rf"(?<![^\W_])(?!\d*{_UNITS}[²³])(?:\d+|\d*[A-Za-z\u0370-\u03ff])[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+(?!\w)|√\s?(?:\([^()\n]{{1,80}}\)|\w+)"
)


class Finder:
    """Finds the formulas of one text from the character `at` on, which stands behind the character `before`.
    `formulas`: each by its place, its length and its LaTeX, until it is said."""

    def __init__(self, at: int = 0, before: str = "") -> None:
        self._at, self._before = at, before
        self.formulas: dict[int, tuple[int, str]] = {}

    def hidden(self, slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
        """Yields the slices of a text, each formula of which is a mark; a formula that has begun is held back."""
        held, code = "", ""
        for text, final in slices:
            shown, held, code = self._scan(held + text, code, final=final)
            self._at, self._before = self._at + len(shown), shown[-1:] or self._before
            yield shown, final

    def _scan(self, text: str, code: str, *, final: bool) -> tuple[str, str, str]:
        """Returns the text as far as it is decided, the rest, and the sign that closes the code in which it begins."""
        text, shown, done = self._before + text, "", len(self._before)  # the character before decides, too
        while True:
            if code:
                end = _code_end(text, done, code)
                if end is None:
                    keep = len(text) if final else max(done, len(text) - len(code) - 2)
                    return shown + text[done:keep], text[keep:], code
                shown, done, code = shown + text[done:end], end, ""
            match = _OPEN.search(text, done)
            if match is None:
                begun = None if final else _BEGUN.search(text, max(done, len(text) - _AHEAD))
                keep = begun.start() if begun else len(text)
                return shown + text[done:keep], text[keep:], ""
            start = match.start()
            if not final and match.end() == len(text):
                return shown + text[done:start], text[start:], ""
            if match["code"]:
                shown, done, code = shown + text[done : match.end()], match.end(), match["code"].strip()
                continue
            end = _formula_end(text, match, final=final)
            if end is None:
                return shown + text[done:start], text[start:], ""
            if end == 0:  # text, such as money
                shown, done = shown + text[done : match.end()], match.end()
                continue
            shown += text[done:start]
            shown += self._hide(text[start:end], match, self._at + start - len(self._before))
            done = end

    def _hide(self, formula: str, match: re.Match[str], at: int) -> str:
        size = len(match["open"])
        latex = formula if match["name"] else formula[size:-size]
        tail = _TAIL.search(latex)
        self.formulas[at] = len(formula), latex[: tail.start()] if tail else latex
        hidden = FORMULA + _UNSEEN * (len(formula) - 1)
        place = size + tail.start() if tail and not match["name"] else 0
        return hidden[:place] + formula[place] + hidden[place + 1 :] if place else hidden


def spoken(text: MappedText, formulas: dict[int, tuple[int, str]], language: str) -> MappedText:
    """Returns a text with the words of its formulas, which are taken from `formulas`."""
    text = text.sub(_SCRIPTED, lambda match: _apart(verbalised(match[0], language), match))
    result, taken = MappedText(), 0
    for match in re.finditer(FORMULA, text.text):
        at = text.starts[match.start()]
        length, latex = formulas.pop(at, (1, ""))
        result += text[taken : match.start()]
        result += MappedText.instead(_apart(verbalised(latex, language), match), at, at + length)
        taken = match.end()
        # These stand in an address, or another place that is not read.
        for passed in [place for place in formulas if place < at]:
            del formulas[passed]
    return result + text[taken:]


def _apart(words: str, match: re.Match[str]) -> str:
    """Returns the words for a match apart from the letters beside it."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return " " * before.isalnum() + words + " " * after.isalnum()


def _code_end(text: str, start: int, code: str) -> int | None:
    """Returns the place where code ends: behind its closing sign, or before a blank line if it was opened in a line;
    None if that is still to come."""
    close = re.compile(rf"(?<![{code[0]}]){re.escape(code)}(?![{code[0]}])").search(text, start)
    blank = _BLANK.search(text, start) if len(code) < 3 else None
    ends = [close.end()] if close and close.end() < len(text) else []
    return min([*ends, *([blank.start()] if blank else [])], default=None)


def _formula_end(text: str, match: re.Match[str], *, final: bool) -> int | None:
    """Returns the place behind the formula that `match` opens, 0 if it opens none; None if that is still to be seen."""
    opened, start = match["open"], match.end()
    if match["name"]:
        close = re.compile(re.escape(f"\\end{{{match['name']}}}")).search(text, start, start + _MOST_DISPLAYED)
    else:
        close = _CLOSE[opened].search(text, start, start + (_MOST_INLINE if opened == "$" else _MOST_DISPLAYED))
    content = text[start : close.start() if close else len(text)]
    too_long = len(content) >= (_MOST_INLINE if opened == "$" else _MOST_DISPLAYED)
    prose = _PROSE.search(_SPOKEN.sub("\\\\", content + "$" * bool(close)))  # words side by side, as in no formula
    if too_long or _BLANK.search(content) or prose:
        return 0
    if close is None:
        return 0 if final else None
    if close.end() == len(text) and not final:
        return None  # the text behind it decides
    if opened == "$" and (content[-1:].isspace() or not content or text[close.end() : close.end() + 1].isalnum()):
        return 0
    bare = _SPOKEN.sub("", content).strip()
    return close.end() if _MATH.search(content.strip()) or not bare or match["name"] else 0
