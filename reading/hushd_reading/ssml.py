"""Reads a text that begins as SSML, with `<speak`, in whatever markup it was sent.

`break` pauses, `prosody` changes rate and volume, `p` and `s` end a sentence, `sub` is read as its alias. Other tags
are skipped and their text is read, since one request has one voice. A `<` that begins no tag is text.
"""

from __future__ import annotations

import html
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping

from .items import MAX_PAUSE_S, Event, MappedText, MarkupReader, Pause, Rate, SentenceEnd, Volume

_BEGINS = re.compile(r"(?:<\?xml[^<>]*>\s*)?<speak[\s/>]", re.IGNORECASE)
_MAY_BEGIN = re.compile(r"(?:<\?[^<>]{0,200}>\s{0,20})?(?:<(?:\?[^<>]{0,200}|s(?:p(?:e(?:ak?)?)?)?)?)?", re.IGNORECASE)
_MARK = re.compile(r"<!\[CDATA\[|\]\]>|&#?\w{1,31};|<(/?)([a-z?!][\w:.-]{0,60}+)([^<>]{0,1000}+)>", re.IGNORECASE)
_UNFINISHED = re.compile(r"(?:<(?:[a-z/?!][^<>]{0,1100})?|&#?\w{0,31}|\]\]?)\Z", re.IGNORECASE)
_GIVEN = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)')""")
_AMOUNT = re.compile(r"([+-]?)(\d{1,7}(?:\.\d{0,9})?|\.\d{1,9})(ms|s|%|db|)")
_UNITS = {"ms": 0.001, "s": 1.0, "%": 0.01, "": 1.0}
_NAMED = {
    "none": 0.0, "x-weak": 0.0, "weak": 0.15, "strong": 0.7, "x-strong": 1.2,
    "x-slow": 0.5, "slow": 0.75, "fast": 1.25, "x-fast": 1.6, "silent": 0.0, "x-soft": 0.25, "soft": 0.5,
}  # fmt: skip


class Ssml:
    """Reads SSML as it arrives, from the sign `at` on, and has `other` read any other text; holds back at most an
    unfinished mark."""

    def __init__(self, other: MarkupReader, at: int = 0) -> None:
        self._other = other
        self._begins: bool | None = None  # whether the text is SSML, once that is known
        self._text, self._at, self._hidden = "", at, False
        self._outer: deque[tuple[float, float]] = deque(maxlen=64)  # rate and volume around each open prosody
        self._now = (1.0, 1.0)

    def add(self, text: str, final: bool = False) -> Iterator[Event]:
        text, self._text = self._text + text, ""
        if self._begins is None and (begun := text.lstrip(" \t\r\n\ufeff\u200b")):
            if not final and _MAY_BEGIN.fullmatch(begun):
                self._text = text
                return
            self._begins = _BEGINS.match(begun) is not None
        if not self._begins:
            self._at += len(text)
            yield from self._other.add(text, final)
            return
        open_mark = None if final else _UNFINISHED.search(text, max(0, len(text) - 1200))
        text, self._text = (text[: open_mark.start()], open_mark[0]) if open_mark else (text, "")
        taken = 0
        for mark in [*_MARK.finditer(text), None]:
            end = mark.start() if mark else len(text)
            if taken < end and not self._hidden:
                yield MappedText.original(text[taken:end], self._at + taken)
            if mark:
                taken = mark.end()
                yield from self._obey(mark)
        self._at += len(text)

    def _obey(self, mark: re.Match[str]) -> Iterator[Event]:
        closes, name, more = mark.groups("")
        name = name.rpartition(":")[2].lower()
        given = {key.lower(): twice or once for key, twice, once in _GIVEN.findall(more)}
        spoken = mark[0] if mark[0][0] == "&" and not self._hidden else ""
        if name:
            self._hidden = name == "sub" and "alias" in given and more[-1] != "/"
            spoken = given["alias"] if self._hidden else ""
        if spoken:
            yield MappedText.instead(html.unescape(spoken), self._at + mark.start(), self._at + mark.end())
        if name in ("speak", "p", "paragraph", "s", "sentence"):
            yield SentenceEnd()
        elif name == "break":
            yield Pause(min(_value(given, "time", _value(given, "strength", 0.35)), MAX_PAUSE_S))
        elif name == "prosody" and more[-1:] != "/":
            if closes:
                self._now = self._outer.pop() if self._outer else (1.0, 1.0)
            else:
                self._outer.append(self._now)
                rate, volume = (
                    now * _value(given, what) for now, what in zip(self._now, ("rate", "volume"), strict=True)
                )
                self._now = (min(max(rate, 0.1), 10.0), min(volume, 1.0))
            yield from (Rate(factor=self._now[0]), Volume(self._now[1]))


def _value(given: Mapping[str, str], what: str, otherwise: float = 1.0) -> float:
    """Returns seconds or a factor: `500ms`, `slow`, `80%`, `+20%`, `-6dB`, or a number, of a volume out of 100."""
    written = given.get(what, "").strip().lower()
    if not (amount := _AMOUNT.fullmatch(written)):
        return _NAMED.get(written, otherwise)
    sign, number, unit = amount.groups()
    if unit == "db":
        return math.pow(10, min(float(sign + number), 0) / 20)
    share = float(number) * _UNITS["%" if what == "volume" else unit]
    return {"": share, "+": 1 + share, "-": max(1 - share, 0.0)}[sign if what != "time" else ""]
