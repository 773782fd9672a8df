"""Words that the model itself was not sure of, and how each format marks them. Pure.

A doubtful word is marked in its segment by a character that no transcript has, so that subtitles are laid out as with
one sign more; what writes the format puts its own mark there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import replace

from .segment import Segment, Segments

if TYPE_CHECKING:
    from hushd.transport.warning import ResultWarning

_SIGN = "\ue0d7"  # of Unicode's private use
_SIGNED = re.compile(rf"(?<![^\s<>{_SIGN}])([^\s<>{_SIGN}]++){_SIGN}")
_MARKS = {"vtt": r"<c.doubtful>\1</c>"}  # a class, whose colour the player or the page chooses
_MARK = r"\1(?)"


class Marked:
    """Segments in which each word with a probability below `below` has a sign; `written` makes a mark of it."""

    def __init__(self, segments: Segments, below: float) -> None:
        self._segments = segments
        self._below = below

    @property
    def diarized(self) -> bool:
        return self._segments.diarized

    @property
    def language(self) -> str:
        return self._segments.language

    @property
    def language_probability(self) -> float | None:
        return self._segments.language_probability

    @property
    def warnings(self) -> tuple[ResultWarning, ...]:
        return self._segments.warnings

    @property
    def unlikely(self) -> tuple[tuple[float, float], ...]:
        return self._segments.unlikely

    def __iter__(self) -> Iterator[Segment]:
        return (_signed(segment, self._below) for segment in self._segments)


def marked(segment: Segment, below: float) -> str:
    """The text of `segment`, as a line, with a mark behind each word whose probability is lower."""
    return written(_signed(segment, below).text, "txt")


def written(text: str, form: str) -> str:
    """`text` with the mark of a format in the place of each sign."""
    return _SIGNED.sub(_MARKS.get(form, _MARK), text) if _SIGN in text else text


def _signed(segment: Segment, below: float) -> Segment:
    text, position, words = segment.text, 0, []
    for word in segment.words:
        bare = word.word.strip()
        start = text.find(bare, position)
        if start < 0:  # the text has it otherwise
            words.append(word)
            continue
        position = start + len(bare)
        if bare and word.probability is not None and word.probability < below:
            text, position = f"{text[:position]}{_SIGN}{text[position:]}", position + 1
            word = replace(word, word=f"{word.word.rstrip()}{_SIGN}")
        words.append(word)
    return replace(segment, text=text, words=tuple(words))
