"""Reads subtitles, SubRip's (SRT), WebVTT and Advanced SubStation Alpha (ASS): their words, and their cues in a file.

A cue knows its places in the file, so that its times can be written anew while all else stays to the letter. For
`say`, all but the words becomes unseen signs, cue by cue while the text arrives, and all of it keeps its place. A cue's
lines are one; a sentence goes on where the next cue begins in lower case. A sound such as `[music]` is not spoken.

pysubs2 and srt were tried on thirty foreign files and keep less: pysubs2 takes a line of words with times
(`<00:01.500>`) for a cue, drops WebVTT's settings and speakers, and reads neither times without milliseconds nor LRC;
srt refuses WebVTT; neither knows a cue's place in its file, or reads a stream.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from math import isnan, nan
from typing import NamedTuple

from hushd_protocol.errors import HushdError

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
_LONG_CUE = 4096  # characters
_UNSEEN = "\u200b"
_GLIMPSE_S = 0.05  # seconds in which nobody reads a cue
_TIME = r"-?(?:(?:\d{1,4}:)?\d{1,2}:-?\d{1,2}[.,] ?\d{1,3}|\d{1,4}:\d{1,2}:-?\d{1,2}(?::\d{1,3})?)"
# A line that should have two times, whether they can be read or not.
_TIMES = re.compile(
    r"^[ \t\ufeff]{0,9}(-?\d{1,9}[:.,][\d:., -]{0,30}?)[ \t]*-->[ \t]*"
    r"((?:-?\d[\d:.,-]{0,30}(?:(?<=[.,]) \d+)?(?=\s|\Z))?)[^\n]*(?:\n|\Z)",
    re.MULTILINE,
)
_BEGINS = re.compile(
    r"[\ufeff\s]{0,99}(?:(?P<vtt>WEBVTT(?=\s|\Z))|(?P<ass>(?i:\[(?:Script Info|V4\+? Styles|Events)\]))"
    r"|(?P<lrc>\[(?:\d{1,4}:\d\d\.\d{1,3}\]|(?:al|ar|au|by|length|offset|re|ti|tool|ve):))"
    rf"|(?P<srt>(?:\d{{1,9}}[ \t]{{0,9}}(?:\r\n?|\n))?[ \t]{{0,9}}{_TIME}[ \t]{{0,9}}-->))"
)
_MAY_BEGIN = re.compile(r"[\ufeff\s]{0,99}(?:W(?:E(?:B(?:V(?:TT?)?)?)?)?|[\d:.,\s>-]{1,60}|\[[\w:.,+ ]{0,60})?")
_LYRICS_TAGS = re.compile(
    r"^[ \t\ufeff]{0,9}(?:\[[^\[\]\n]{1,200}\][ \t]{0,9}){1,20}|<\d{1,4}:\d\d[.:]\d{1,3}>[ \t]?", re.MULTILINE
)
_BARE_RETURN = re.compile(r"\r(?=[^\n])")  # ends a line in files of old Macs
_NUMBER = re.compile(r"\n[ \t]*\d+[ \t\r]*\n\Z")
_EMPTY_LINE = re.compile(r"^\r?$", re.MULTILINE)
_ASS = re.compile(r"^\ufeff?\[(?:Script Info|V4\+? Styles|Events)\]", re.IGNORECASE | re.MULTILINE)
_DIALOGUE = re.compile(
    r"Dialogue:[^,\n]*,\s*(\d+:\d\d:\d\d[.:]\d\d)\s*,\s*(\d+:\d\d:\d\d[.:]\d\d)\s*,[^,\n]*,([^,\n]*),(?:[^,\n]*,){4}(.*)$",
    re.MULTILINE,
)
_LIKE_DIALOGUE = re.compile(r"^Dialogue:(?![^\n]{0,300}\\p[1-9]).*", re.MULTILINE)  # those with \p draw
_VOICE = re.compile(r"\s*(?:<v(?:\.[^\s>]{1,80})?[ \t]([^>\n]{1,80})>|\[([^\[\]\n:]{1,80})\]: )")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>\n]{0,199}>|<[\d:.]{5,13}>|\{\\[^{}\n]{0,200}\}|\[[^\[\]\n]{1,80}\]|♪")
_SPEAKER = re.compile(r"(?:\A|(?<=\n))(?:-|>>)\s?")
_ENTITY = re.compile(r"&#?\w{1,12};")


class Cue(NamedTuple):
    """A cue: its seconds, below zero where the file says so; its words in one line, empty where nobody speaks; whom the
    file names as speaking; the first and last character of its two times, and of its text, in the file."""

    start: float
    end: float
    spoken: str
    speaker: str
    times: tuple[tuple[int, int], tuple[int, int]]
    body: tuple[int, int]


class SubtitleFile(NamedTuple):
    """A file's text, its form (`srt`, `vtt` or `ass`), and its cues in the order of the file."""

    text: str
    form: str
    cues: list[Cue]


def read(text: str, name: str) -> SubtitleFile | None:
    """Returns the subtitles that a text holds, whatever form its name says; None for a text of another kind. Raises
    `input_unreadable` where they have no cue, or one without times."""
    form = begins(text, final=True) or ("ass" if _ASS.search(text, 0, 10_000) else "lrc")
    if form == "lrc":
        if not (_TIMES.search(text, 0, 200) or name.lower().endswith(SUFFIXES)):
            return None
        form = "srt"
    text_of_lines = _BARE_RETURN.sub("\n", text)
    cues = list(_cues(text_of_lines, form, _Shown()))
    for at in (cue.times[0][0] for cue in cues if isnan(cue.start)):  # the first such line
        line = text_of_lines[text_of_lines.rfind("\n", 0, at) + 1 :].partition("\n")[0].strip()
        number = text_of_lines.count("\n", 0, at) + 1
        raise HushdError("input_unreadable", f"Line {number} of {name} has no times: {line[:60]!r}.")
    if not any(cue.spoken for cue in cues):
        raise HushdError("input_unreadable", f"{name} has no cue in which somebody speaks.")
    return SubtitleFile(text, form, cues)


def begins(text: str, *, final: bool = False) -> str | None:
    """Returns the form of the subtitles that a text begins; empty for any other, None while that is still unknown."""
    if not final and _MAY_BEGIN.fullmatch(text):
        return None
    return begun.lastgroup if (begun := _BEGINS.match(text)) else ""


def spoken(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yields the slices of a text with all unseen but its words, if it begins as SRT, WebVTT, ASS or lyrics (LRC) do;
    else as they are. A cue is passed on when the next one begins, a line of ASS or of lyrics at its end."""
    begun, form, shown, searched = "", None, _Shown(), 0
    for text, final in slices:
        begun += text
        if not final and len(begun) < 2 * searched:  # a long cue is not searched for its end again and again
            continue
        if form is None and (form := begins(begun, final=final)) is None:
            continue
        whole = len(begun)
        if form:
            begun = _BARE_RETURN.sub("\n", begun)
        if form in ("ass", "lrc"):
            whole = whole if final else begun.rfind("\n") + 1
        elif form and not final:
            *_, last = [0, *(line.start() for line in _TIMES.finditer(begun))]
            whole = number.start() if (number := _NUMBER.search(begun, endpos=last)) else last
        yield _hidden(begun[:whole], form, shown) if form else begun, final
        begun = begun[whole:]
        searched = len(begun) if len(begun) > _LONG_CUE else 0


def _hidden(text: str, form: str, shown: _Shown) -> str:
    if form == "lrc":
        return _LYRICS_TAGS.sub(lambda match: _UNSEEN * len(match[0]), text)
    parts, at = [], 0
    for cue in _cues(text, form, shown):
        first, last = cue.body
        voice = _VOICE.match(text, first, last)
        begins_at = voice.end() if voice else first
        parts += [
            _UNSEEN * (first - 1 - at),
            "\n" if first < last else _UNSEEN,
            _UNSEEN * (begins_at - first),
            _words(text[begins_at:last]),
        ]
        at = last
    return "".join([*parts, _UNSEEN * (len(text) - at)])


class _Shown:
    """The lines of the cue before. The captions of YouTube roll: a line is in three cues, of which nobody can read one,
    and stands above the next line in the last."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._rolls = False

    def repeated(self, seconds: float, lines: list[str]) -> int:
        """Returns how many of a cue's first lines were shown before, in a file whose lines roll."""
        counts = range(min(len(lines), len(self._lines)), 0, -1)
        repeated = next((n for n in counts if self._lines[-n:] == lines[:n]), 0)
        self._rolls = self._rolls or (seconds <= _GLIMPSE_S and 0 < len(lines) == repeated)
        self._lines = lines
        return repeated if self._rolls else 0


def _cues(text: str, form: str, shown: _Shown) -> Iterator[Cue]:
    if form == "ass":
        yield from _dialogues(text)
        return
    lines = [*_TIMES.finditer(text)]
    for line, following in zip(lines, [*lines[1:], None], strict=False):
        first, end = line.end(), following.start() if following else len(text)
        if following and (number := _NUMBER.search(text, first - 1, end)):
            end = max(first, number.start())
        empty = _EMPTY_LINE.search(text, first, end) if form == "vtt" else None
        last = first + len(text[first : empty.start() if empty else end].rstrip())
        start_s, end_s = seconds_of(line[1]), seconds_of(line[2])
        places = [each for each in re.finditer("[^\n]+", text[first:last]) if _plain(each[0])]
        if repeated := shown.repeated(end_s - start_s, [_plain(each[0]) for each in places]):
            first = first + places[repeated].start() if repeated < len(places) else last
        voice = _VOICE.match(text, first, last)
        speaker = html.unescape((voice[1] or voice[2]).strip()) if voice else ""
        yield _cue(line, _plain(text[voice.end() if voice else first : last]), speaker, (first, last))


def _dialogues(text: str) -> Iterator[Cue]:
    for line in _LIKE_DIALOGUE.finditer(text):
        if not (dialogue := _DIALOGUE.fullmatch(text, *line.span())):
            yield Cue(nan, nan, "", "", (line.span(), line.span()), (line.end(), line.end()))
            continue
        yield _cue(dialogue, _plain(dialogue[4]), dialogue[3].strip(), dialogue.span(4))


def _cue(times: re.Match[str], words: str, speaker: str, body: tuple[int, int]) -> Cue:
    start, end = seconds_of(times[1]), seconds_of(times[2])
    if isnan(end):
        start = nan
    words = words if any(map(str.isalnum, words)) else ""
    return Cue(start, max(start, end), words, speaker, (times.span(1), times.span(2)), body)


def seconds_of(time: str) -> float:
    """Returns the seconds of a time such as `00:01,500` or `0:00:01`; nan for a text that is none."""
    if not re.fullmatch(_TIME, time):
        return nan
    parts = re.split("[:.,] ?", time.replace("-", ""))
    fraction = parts.pop() if len(parts) == 4 or re.search("[.,]", time) else "0"
    seconds = float(f"0.{fraction}") + sum(float(part) * 60.0**n for n, part in enumerate(reversed(parts)))
    return -seconds if "-" in time else seconds


def _plain(body: str) -> str:
    """Returns the words of a text in one line."""
    return " ".join(_words(body).replace(_UNSEEN, "").split())


def _words(body: str) -> str:
    """Returns a cue's text, of one line unless somebody else speaks in the next, with all unseen but its words."""
    body = _MARKUP.sub(lambda match: _UNSEEN * len(match[0]), re.sub(r"\\[Nnh]", "  ", body))
    body = re.sub(r"[\r\n](?!-|>>)", " ", _ENTITY.sub(_character, body))
    return _SPEAKER.sub(lambda match: _UNSEEN * len(match[0]), body)


def _character(match: re.Match[str]) -> str:
    """Returns the character of an entity, with unseen ones behind it."""
    character = html.unescape(match[0])
    return character.ljust(len(match[0]), _UNSEEN) if len(character) <= len(match[0]) else match[0]
