"""A speech's text with the times of its timeline, as a transcript: sentences are segments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript

if TYPE_CHECKING:
    from hushd_schema.results import Sentence

_UNREAD = re.compile(r"</?[A-Za-z][^<>]{0,200}>|\]\([^()\s]{0,500}\)?|\*+|`+")  # tags, addresses and marks of Markdown
_APART = re.compile("[–—…«»„“”-]+")


def transcript(text: str, timeline: Iterable[Sentence], duration: float) -> Transcript:
    """Returns the words of `text` that are spoken, at the times of its `timeline`."""
    segments: list[Segment] = []
    for words in filter(None, (tuple(_words(text, sentence)) for sentence in timeline)):
        line = "".join(word.word for word in words).strip()
        segments.append(Segment(len(segments), words[0].start, words[-1].end, line, words))
    return Transcript(tuple(segments), duration=duration)


def _words(text: str, sentence: Sentence) -> Iterator[Word]:
    """Yields the words as they stand in the text, where a blank is between them, each with the signs that stand apart
    behind it."""
    starts = [word.text_start for word in sentence.words[1:]]
    written, begins = "", 0.0
    for word, following in zip(sentence.words, [*starts, sentence.text_end], strict=False):
        shown, between = (
            _UNREAD.sub("", text[at:end]) for at, end in ((word.text_start, word.text_end), (word.text_end, following))
        )
        beside = "" if between[:1].isspace() else between.split(maxsplit=1)[0] if between else ""
        apart = between[len(beside) :].strip()
        begins = begins if written else word.start
        written += shown + beside
        if written.strip() and (len(beside) < len(between) or following == sentence.text_end):
            yield Word(f" {_in_one_line(written)}{f' {apart}' * bool(_APART.fullmatch(apart))}", begins, word.end)
            written = ""


def _in_one_line(written: str) -> str:
    if "-\n" in written:
        from hushd_reading.rewriting import without_hyphens  # noqa: PLC0415 - a room that few texts need

        written = without_hyphens(written)
    return " ".join(written.split())
