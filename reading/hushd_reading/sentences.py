"""Splits text into sentences while it is still arriving, and yields each as soon as it is certainly complete.

Cuts only depend on the text, never on the pieces in which it arrived. Whether a full stop ends a sentence is decided by
the word before it (titles, initials, abbreviations) and by the few characters after it. Memory is bounded: text without
any end is cut at a clause, or else at a space, or else anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from itertools import takewhile
from typing import NamedTuple

from hushd_models import languages

from .abbreviations import abbreviations
from .items import MappedText
from .language import language as named

# Characters of a piece, 18 s of speech: it limits the delay of a cancel, and memory.
MAX_PIECE = 300
# Characters of the first two pieces of a text, of which the first ends at a clause, so that the listener need not wait
# for a long sentence, and the second at the last clause that fits: it is to be made while the first sounds.
MAX_FIRST = 80
MIN_FIRST = 24
# The end of a line with fewer characters is intended: a title, a verse, an item. Text wrapped at 60 columns is not cut.
SHORT_LINE = 40
# Characters that must follow a full stop before it is judged.
_CHARACTERS_AHEAD = 32


_UNIT = re.compile(r"\d\s?[mghlstLVWKAC]\Z")  # 2 m: a unit, not an initial
_INITIALS = re.compile(r"[^\W\d_](?:\.-?[^\W\d_])*")
_STOP = re.compile(
    r"(?P<stop>[.!?…]{1,8})[\"'”’»)\]}*_`]{0,4}(?:\[\d{1,3}\]){0,4}(?=\s|\Z)|(?P<wide>[。！？])|(?P<line>\n)"
)
# A full stop after a complete word counts, too: chat without capitals has no sentences by the other rules.
_CLAUSE = re.compile(r"(?:,(?!(?<=\d,)\s\d)|[;:—–)]|(?<=[^\W\d_]{4})[.!?…])['\"”’]?(?=\s)")
_SPACE = re.compile(r"\s+")
_REST = re.compile(r"\S*")
_WORD = re.compile(r"\s*[^\W\d_]*")
_NUMBERED = re.compile(r"(?:\d|\b[IVXLC]+)\Z")
_OPENING = "\"'“‘«([{*_`¿¡ \n"
_ITEM = r"(?:[-*•‣◦–—]|#{1,6}|\(?(?:\d{1,3}|[A-Za-z])[.)])\s"
_MARKER = re.compile(r"\A(?:[-*•‣◦]|#{1,6})\s+")
_NUMBER_OF_ITEM = re.compile(r"(?:^|\n)[^\S\n]*\(?\d{1,3}$")
# Invisible characters are deleted; other control characters and lone surrogates become a space.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Cut(NamedTuple):
    """A sentence, or a part of one; `ends` is whether the sentence ends with it."""

    text: MappedText
    ends: bool


class _Verdict(Enum):
    END = "the sentence ends here"
    INSIDE = "the sentence goes on"
    UNKNOWN = "more text must be seen"


def ends_sentence(before: str, after: str, language: str) -> bool:
    """Returns whether the full stop with which `before` ends is one of a sentence, and not of an abbreviation or an
    initial. `after`: the text that follows."""
    stopped = before.rstrip()
    return _splitter(language).ends(stopped[:-1], f" {after.lstrip()}"[:_CHARACTERS_AHEAD])


@cache
def _splitter(language: str) -> Splitter:
    return Splitter(language)


class Splitter:
    """Cuts text that arrives in pieces. It holds at most the last piece and about MAX_PIECE characters.
    `first`: the most characters of each of the first two pieces, if the text has clauses."""

    def __init__(self, language: str = "en", first: int = MAX_FIRST) -> None:
        self._first = first
        self._language = named(language)
        # Languages whose ordinals have a full stop: what it belongs to is known once the text around it is classified.
        self._stopped = self._language is not None and self._language.get("ordinal.stop", False)
        # Abbreviations at the end of a longer word: Hauptstr.
        self._compounds = tuple(self._language.words("compounds")) if self._language else ()
        self._known = abbreviations(languages.code(language))
        self._mapped = MappedText()
        self._text = ""  # text of _mapped
        self._column = 0  # column of the first character in _text
        self._pieces = 0  # number of pieces so far
        self._address = False  # whether the text goes on within a long address, whose rest is not spoken

    def add(self, text: MappedText, final: bool = False) -> Iterator[Cut]:
        """Yields the pieces that `text` completes; with `final`, all remaining ones. Exhaust it before the next
        call."""
        text = text.sub(_INVISIBLE, "")
        self._mapped += text.same_length(_CONTROL.sub(" ", text.text))
        self._text = self._mapped.text
        start = 0
        while True:
            if self._address and (rest := _REST.match(self._text, start)):
                start = self._pass(start, rest.end())
                self._address = start == len(self._text)
            if space := _SPACE.match(self._text, start):
                start = self._pass(start, space.end())
            window = self._text[start : start + MAX_PIECE + _CHARACTERS_AHEAD]
            whole = final and start + len(window) == len(self._text)
            cut = self._cut(window, whole)
            if cut is None:
                break
            length, ends = cut
            self._address = not ends and "://" in window[:length].split()[-1] and not window[length].isspace()
            marker = _MARKER.match(window[:length])
            piece = self._mapped[start + (marker.end() if marker else 0) : start + length].strip()
            start = self._pass(start, start + length)
            if piece:
                self._pieces += 1
                yield Cut(piece, ends)
        self._mapped = self._mapped[start:]
        self._text = self._mapped.text
        if final:  # the next text begins a line
            self._column, self._address = 0, False

    def _pass(self, start: int, end: int) -> int:
        """Advances to `end`, counting the column; returns `end`."""
        line = self._text.rfind("\n", start, end)
        self._column = end - line - 1 if line >= 0 else self._column + end - start
        return end

    def _cut(self, window: str, whole: bool) -> tuple[int, bool] | None:
        """Returns the length of the next piece and whether the sentence ends with it; None if that is still unknown, or
        no text is left."""
        if not window:
            return None
        limits = (self._first, MAX_PIECE) if self._pieces < 2 else (MAX_PIECE,)
        for limit in limits:
            for match in _STOP.finditer(window):
                if match.start() >= limit:
                    break
                verdict = self._judge(window, match, whole)
                if verdict is _Verdict.END:
                    return match.end(), True
                if verdict is _Verdict.UNKNOWN:
                    return None
            if len(window) < limit + _CHARACTERS_AHEAD and not whole:
                return None
            if len(window) <= limit:
                return len(window), True
            clauses = [match.end() for match in _CLAUSE.finditer(window, 0, limit)]
            if long := [end for end in clauses if end >= (MIN_FIRST if limit == self._first else MAX_PIECE // 2)]:
                return long[-1 if self._pieces else 0], False
        space = max(window.rfind(" ", 0, MAX_PIECE), window.rfind("\n", 0, MAX_PIECE))
        return (space if space > 0 else MAX_PIECE), False

    def _judge(self, window: str, match: re.Match[str], whole: bool) -> _Verdict:
        """Judges whether the sentence that starts the window ends with `match`."""
        after = window[match.end() : match.end() + _CHARACTERS_AHEAD]
        # Whether the verdict is final, since later text would not be examined.
        certain = whole or len(after) == _CHARACTERS_AHEAD or len(window) == MAX_PIECE + _CHARACTERS_AHEAD
        if match["wide"]:
            return _Verdict.END
        if match["line"]:
            return self._judge_line(window[: match.start()], after, certain)
        return self._judge_stop(window[: match.start()], match["stop"], after, certain)

    def ends(self, before: str, after: str) -> bool:
        """Returns whether a full stop between two texts ends a sentence."""
        return self._judge_stop(before, ".", after, True) is _Verdict.END

    def _judge_stop(self, before: str, stop: str, after: str, certain: bool) -> _Verdict:
        if not after and not certain:
            return _Verdict.UNKNOWN  # more dots or a bracket may follow
        word = _last_word(before)
        if "-" in word and word not in self._known.goes_on:
            word = word.rpartition("-")[2]  # Max-Planck-Str.
        single = stop == "."
        if single and (word in self._known.goes_on or _NUMBER_OF_ITEM.search(before)):
            return _Verdict.INSIDE
        if single and self._stopped and _NUMBERED.search(before):
            if not certain:
                return _Verdict.UNKNOWN
            if (verdict := self._judge_owner(before, after)) is not None:
                return verdict
        doubtful = single and (
            word in self._known.may_end
            or word.endswith(self._compounds)
            or (_INITIALS.fullmatch(word) is not None and not _UNIT.search(before))
        )
        numbered = single and re.split("[-–]", word)[-1] in self._known.before_number  # Mo.-Fr.
        following = after.lstrip()
        if "\n" in after[: len(after) - len(following)] and not doubtful and not numbered:
            return _Verdict.END
        following = after.lstrip(_OPENING).lstrip()
        if not following:
            return _Verdict.END if certain else _Verdict.UNKNOWN
        if following[0].islower() or following[0] in ".!?…,;:":
            return _Verdict.INSIDE
        next_word = "".join(takewhile(lambda c: c.isalnum() or c in "'’", following))
        if (numbered or doubtful) and next_word == following and not certain:
            return _Verdict.UNKNOWN
        if numbered and self._known.numeral(following):
            return _Verdict.INSIDE
        begins = next_word.casefold().replace("’", "'") in self._known.begins and following[len(next_word) :][:1] != "."
        return _Verdict.INSIDE if doubtful and not begins else _Verdict.END

    def _judge_owner(self, before: str, after: str) -> _Verdict | None:
        """Judges a full stop behind a number by the token that has it: within one it ends nothing, as a token's last
        sign only before a word that begins sentences; None if it belongs to no token."""
        from .classify import classify  # noqa: PLC0415 - 25 ms, for a full stop behind a number

        assert self._language is not None
        for token in classify(f"{before}.{after}", self._language):
            if token.start <= len(before) < token.end:
                word = after[: _WORD.match(after).end()].strip()  # type: ignore[union-attr]
                begins = not after.strip() or (word[:1].isupper() and word.lower() in self._known.begins)
                return _Verdict.END if begins and token.end == len(before) + 1 else _Verdict.INSIDE
        return None

    def _judge_line(self, before: str, after: str, certain: bool) -> _Verdict:
        following = after.lstrip(" ")
        if following.startswith("\n"):
            return _Verdict.END
        if len(following) < 8 and not certain:
            return _Verdict.UNKNOWN
        if not following or re.match(_ITEM, following):
            return _Verdict.END
        line = before[before.rfind("\n") + 1 :]
        width = len(line) if "\n" in before else self._column + len(line)
        if width >= SHORT_LINE or following[0].islower() or _last_word(line).removesuffix(".") in self._known.goes_on:
            return _Verdict.INSIDE
        return _Verdict.END


def _last_word(text: str) -> str:
    """Returns the last word in lower case, without opening quotes and brackets; only its last 24 characters."""
    words = text[-24:].replace("’", "'").split()
    return words[-1].lstrip("(\"'“‘[*_").rpartition("'")[2].casefold() if words else ""
