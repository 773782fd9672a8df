"""Reads subtitles, SubRip's (SRT) and WebVTT, for their words: numbers, times, notes and markup are unseen.

The text stays as long as it is, so that all of it keeps its place, and is passed on while it arrives, line by line. A
cue's lines are one; between cues the sentence goes on where the next cue begins in lower case. A sound such as
`[music]` is not spoken. pysubs2 reads more formats, and their times, but only whole files.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

_UNSEEN = "\u200b"
_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_CUE = re.compile(rf"[\ufeff\s]*{_TIME}\s*-->\s*{_TIME}")
_BEGINS = re.compile(
    rf"[\ufeff\s]{{0,99}}(?:WEBVTT(?=\s|\Z)|(?:\d{{1,9}}[ \t]{{0,9}}\r?\n)?[ \t]{{0,9}}{_TIME}[ \t]{{0,9}}-->)"
)
_MAY_BEGIN = re.compile(r"[\ufeff\s]{0,99}(?:W(?:E(?:B(?:V(?:TT?)?)?)?)?|[\d:.,\s>-]{1,60})?")
_BLOCK = re.compile(r"\ufeff?(?:WEBVTT|NOTE|STYLE|REGION)\b")
_MARKUP = re.compile(r"<[^<>\n]{1,200}>|\{\\[^{}\n]{0,200}\}|\[[^\[\]\n]{1,80}\]|♪")
_SPEAKER = re.compile(r"\A(?:-|>>)\s?")
_ENTITY = re.compile(r"&#?\w{1,12};")


def begins(text: str, *, final: bool = False) -> bool | None:
    """Returns whether a text, of which this is the beginning, is subtitles; None while that is still unknown."""
    if not final and _MAY_BEGIN.fullmatch(text):
        return None
    return _BEGINS.match(text) is not None


def spoken(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yields the slices of a text with all unseen but its words, if it begins as subtitles do; else as they are."""
    begun, rest = "", iter(slices)
    for text, final in rest:
        begun += text
        subtitles = begins(begun, final=final)
        if subtitles is None:
            continue
        if not subtitles:
            yield begun, final
            yield from rest
            return
        cues = _Cues()
        yield cues.add(begun, final=final), final
        for text, final in rest:
            yield cues.add(text, final=final), final
        return


class _Cues:
    """The lines of subtitles, one after the other. A line behind an empty one waits for the next, which shows whether
    it is the number of a cue."""

    def __init__(self) -> None:
        self._line, self._waiting = "", ""
        self._inside, self._hidden = False, False  # whether a cue has begun, or a block that nobody says

    def add(self, text: str, *, final: bool) -> str:
        """Returns as much text as is decided."""
        *lines, self._line = _split(self._line + text)
        if final:
            lines, self._line = [*lines, self._line, ""], ""
        return "".join(map(self._take, lines))

    def _take(self, line: str) -> str:
        """Returns a line as it is shown, behind the one that waited."""
        waiting, self._waiting = self._waiting, ""
        if _CUE.match(line):
            self._inside, self._hidden = True, False
            return _UNSEEN * len(waiting) + _UNSEEN * (len(line) - 1) + "\n"
        shown = _words(waiting)
        if not line.strip():
            self._inside = self._hidden = False
            return shown + _UNSEEN * len(line)
        if self._inside:
            return shown + _words(line)
        self._hidden = self._hidden or _BLOCK.match(line) is not None
        if self._hidden:
            return shown + _UNSEEN * len(line)
        self._waiting = line
        return shown


def _words(line: str) -> str:
    """Returns a cue's line, which goes on with the next one unless somebody else speaks there."""
    line = _MARKUP.sub(lambda match: _UNSEEN * len(match[0]), line)
    line = _SPEAKER.sub(lambda match: "\n" + _UNSEEN * (len(match[0]) - 1), _ENTITY.sub(_character, line))
    return line[:1] + re.sub(r"[\r\n]", " ", line[1:])


def _split(text: str) -> list[str]:
    """Returns the lines of a text, each with its end, and behind them the beginning of one, maybe empty."""
    return re.split(r"(?<=\n)", text)


def _character(match: re.Match[str]) -> str:
    """Returns the character of an entity, with unseen ones behind it."""
    character = html.unescape(match[0])
    return character.ljust(len(match[0]), _UNSEEN) if len(character) <= len(match[0]) else match[0]
