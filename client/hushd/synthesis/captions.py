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
    """Yields the words as they stand in the text, each with the signs that stand apart behind it."""
    starts = [word.text_start for word in sentence.words[1:]]
    for word, following in zip(sentence.words, [*starts, sentence.text_end], strict=False):
        shown = " ".join(_UNREAD.sub("", text[word.text_start : word.text_end]).split())
        apart = _UNREAD.sub("", text[word.text_end : following]).strip()
        if shown:
            yield Word(f" {shown} {apart}" if _APART.fullmatch(apart) else f" {shown}", word.start, word.end)
