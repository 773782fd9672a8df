"""Reads subtitles, SubRip's (SRT), WebVTT and Advanced SubStation Alpha (ASS): their words, and their cues in a file.

A cue knows its places in the file, so that its times can be written anew while all else stays to the letter. For
`say`, all but the words becomes unseen signs, cue by cue while the text arrives, and all of it keeps its place. A cue's
lines are one; a sentence goes on where the next cue begins in lower case. A sound such as `[music]` is not spoken.

pysubs2 and srt were tried and keep less: pysubs2 takes a line of words with times (`<00:01.500>`) for a cue and an
identifier for text, and drops WebVTT's settings; srt refuses WebVTT; neither reads a stream.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hushd_protocol.errors import HushdError

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
_LONG_CUE = 4096  # characters
_UNSEEN = "\u200b"
_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMES = re.compile(rf"^[ \t\ufeff]*({_TIME})[ \t]*-->[ \t]*({_TIME})[^\n]*(?:\n|\Z)", re.MULTILINE)
_LIKE_TIMES = re.compile(r"^[ \t]{0,9}\d{1,9}[:.,][\d:., ]{0,30}-->[^\n]*", re.MULTILINE)
_BEGINS = re.compile(
    rf"[\ufeff\s]{{0,99}}(?:WEBVTT(?=\s|\Z)|(?:\d{{1,9}}[ \t]{{0,9}}\r?\n)?[ \t]{{0,9}}{_TIME}[ \t]{{0,9}}-->)"
)
_MAY_BEGIN = re.compile(r"[\ufeff\s]{0,99}(?:W(?:E(?:B(?:V(?:TT?)?)?)?)?|[\d:.,\s>-]{1,60}|\[[\w:., ]{0,60})?")
_LYRICS = re.compile(r"[\ufeff\s]{0,99}\[(?:\d{1,4}:\d\d\.\d{1,3}\]|(?:al|ar|au|by|length|offset|re|ti|tool|ve):)")
_LYRICS_TAGS = re.compile(r"^[ \t\ufeff]{0,9}(?:\[[^\[\]\n]{1,200}\][ \t]{0,9}){1,20}", re.MULTILINE)
_NUMBER = re.compile(r"\n[ \t]*\d+[ \t\r]*\n\Z")
_EMPTY_LINE = re.compile(r"^[ \t\r]*$", re.MULTILINE)
_ASS = re.compile(r"^\ufeff?\[(?:Script Info|V4\+? Styles|Events)\]", re.IGNORECASE | re.MULTILINE)
_DIALOGUE = re.compile(
    r"^Dialogue:[^,\n]*,\s*(\d+:\d\d:\d\d[.:]\d\d)\s*,\s*(\d+:\d\d:\d\d[.:]\d\d)\s*,[^,\n]*,([^,\n]*),(?:[^,\n]*,){4}(.*)$",
    re.MULTILINE,
)
_LIKE_DIALOGUE = re.compile(r"^Dialogue:(?![^\n]{0,300}\\p[1-9]).*", re.MULTILINE)  # those with \p draw
_VOICE = re.compile(r"\s*(?:<v(?:\.[^\s>]{1,80})?[ \t]([^>\n]{1,80})>|\[([^\[\]\n:]{1,80})\]: )")
_MARKUP = re.compile(r"<[^<>\n]{1,200}>|\{\\[^{}\n]{0,200}\}|\[[^\[\]\n]{1,80}\]|♪")
_SPEAKER = re.compile(r"(?:\A|(?<=\n))(?:-|>>)\s?")
_ENTITY = re.compile(r"&#?\w{1,12};")


class Cue(NamedTuple):
    """A cue: its seconds; its words in one line, empty where nobody speaks; whom the file names as speaking; the first
    and last character of its two times, and of its text, in the file."""

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


def decoded(content: bytes, name: str) -> str:
    """Returns a file's text, in UTF-8, or in UTF-16 with its mark. Raises `input_unreadable` for any other."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        convert = "convert it, as with `iconv -f latin1 -t utf-8`"
        raise HushdError("input_unreadable", f"{name} is not a text in UTF-8: {convert}.")
    return text


def read(text: str, name: str) -> SubtitleFile | None:
    """Returns the subtitles that a text holds, whatever form its name says; None for a text of another kind. Raises
    `input_unreadable` where they have no cue, or one without times."""
    if _ASS.search(text, 0, 10_000):
        form, cues, like = "ass", _dialogues(text), _LIKE_DIALOGUE
    elif _BEGINS.match(text) or _LIKE_TIMES.search(text, 0, 200) or name.lower().endswith(SUFFIXES):
        form = "vtt" if text.lstrip("\ufeff\r\n \t").startswith("WEBVTT") else "srt"
        cues, like = _cues(text, form == "vtt"), _LIKE_TIMES
    else:
        return None
    file = SubtitleFile(text, form, list(cues))
    timed = {text.rfind("\n", 0, cue.times[0][0]) for cue in file.cues}
    for line in like.finditer(text):
        if line.start() - 1 not in timed:
            number, words = text.count("\n", 0, line.start()) + 1, line[0].strip()[:60]
            raise HushdError("input_unreadable", f"Line {number} of {name} has no times: {words!r}.")
    if not any(cue.spoken for cue in file.cues):
        raise HushdError("input_unreadable", f"{name} has no cue in which somebody speaks.")
    return file


def begins(text: str, *, final: bool = False) -> bool | None:
    """Returns whether a text, of which this is the beginning, is subtitles; None while that is still unknown."""
    if not final and _MAY_BEGIN.fullmatch(text):
        return None
    return (_BEGINS.match(text) or _LYRICS.match(text)) is not None


def spoken(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yields the slices of a text with all unseen but its words, if it begins as SRT, WebVTT or lyrics (LRC) do; else
    as they are. A cue is passed on when the next one begins, a line of lyrics at its end."""
    begun, subtitles, lyrics, web, searched = "", None, False, False, 0
    for text, final in slices:
        begun += text
        if not final and len(begun) < 2 * searched:  # a long cue is not searched for its end again and again
            continue
        if subtitles is None and (subtitles := begins(begun, final=final)):
            web, lyrics = "WEBVTT" in begun[:110], _LYRICS.match(begun) is not None
        if subtitles is None:
            continue
        whole = len(begun)
        if lyrics:
            whole = whole if final else begun.rfind("\n") + 1
        elif subtitles and not final:
            *_, last = [0, *(line.start() for line in _TIMES.finditer(begun))]
            whole = max(0, begun.rfind("\n", 0, max(0, last - 1)))  # the place before its number
        yield _hidden(begun[:whole], web, lyrics) if subtitles else begun, final
        begun = begun[whole:]
        searched = len(begun) if len(begun) > _LONG_CUE else 0


def _hidden(text: str, web: bool, lyrics: bool) -> str:
    if lyrics:
        return _LYRICS_TAGS.sub(lambda match: _UNSEEN * len(match[0]), text)
    parts, at = [], 0
    for cue in _cues(text, web):
        first, last = cue.body
        voice = _VOICE.match(text, first, last)
        begins_at = voice.end() if voice else first
        parts += [_UNSEEN * (first - 1 - at), "\n", _UNSEEN * (begins_at - first), _words(text[begins_at:last])]
        at = last
    return "".join([*parts, _UNSEEN * (len(text) - at)])


def _cues(text: str, web: bool) -> Iterator[Cue]:
    lines = [*_TIMES.finditer(text)]
    for line, following in zip(lines, [*lines[1:], None], strict=False):
        start, end = line.end(), following.start() if following else len(text)
        if number := _NUMBER.search(text, start - 1, end):
            end = max(start, number.start())
        empty = _EMPTY_LINE.search(text, start, end) if web else None
        body = text[start : empty.start() if empty else end].rstrip()
        yield _cue(line, body, _VOICE.match(body), start)


def _dialogues(text: str) -> Iterator[Cue]:
    for line in _LIKE_DIALOGUE.finditer(text):
        if dialogue := _DIALOGUE.match(text, *line.span()):
            body = re.sub(r"\\[Nnh]", "  ", dialogue[4])
            yield _cue(dialogue, body, None, dialogue.start(4))._replace(speaker=dialogue[3].strip())


def _cue(times: re.Match[str], body: str, voice: re.Match[str] | None, first: int) -> Cue:
    start, end = seconds_of(times[1]), seconds_of(times[2])
    words = " ".join(_words(body[voice.end() if voice else 0 :]).replace(_UNSEEN, "").split())
    speaker = html.unescape((voice[1] or voice[2]).strip()) if voice else ""
    return Cue(
        start,
        max(start, end),
        words if any(map(str.isalnum, words)) else "",
        speaker,
        (times.span(1), times.span(2)),
        (first, first + len(body)),
    )


def seconds_of(time: str) -> float:
    """Returns the seconds of a time such as `00:01,500`."""
    *parts, fraction = re.split("[:.,]", time)
    return float(f"0.{fraction}") + sum(int(part) * (1, 60, 3600)[n] for n, part in enumerate(reversed(parts)))


def _words(body: str) -> str:
    """Returns a cue's text, of one line unless somebody else speaks in the next, with all unseen but its words."""
    body = _MARKUP.sub(lambda match: _UNSEEN * len(match[0]), body)
    body = re.sub(r"[\r\n](?!-|>>)", " ", _ENTITY.sub(_character, body))
    return _SPEAKER.sub(lambda match: _UNSEEN * len(match[0]), body)


def _character(match: re.Match[str]) -> str:
    """Returns the character of an entity, with unseen ones behind it."""
    character = html.unescape(match[0])
    return character.ljust(len(match[0]), _UNSEEN) if len(character) <= len(match[0]) else match[0]
