"""Segments and words of a transcript, and the spaces between their texts: none belongs beside Chinese and Japanese.

Times are seconds from the start of the audio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hushd_protocol.errors import HushdError
from hushd_schema.results import SegmentData, WordData

if TYPE_CHECKING:
    from hushd_schema.results import ResultWarning

# The first and the last each of ideographs, kana, their punctuation such as 「 and 。, and forms of full width. Korean
# and Thai put spaces. A pattern of them would take 5 ms to compile, of each command's start.
_ENDS = "\u2e80\u30ff\u31c0\u31ff\u3400\u9fff\uf900\ufaff\ufe30\ufe4f\uff00\uff9f\U00020000\U0003ffff"
_UNSPACED = [*zip(_ENDS[::2], _ENDS[1::2], strict=True)]


def between(before: str, after: str) -> str:
    """Returns the separator between two texts: a space, or nothing.

    >>> between("2024", "年"), between("です。", "2024年"), between("It is.", "2024 was.")
    ('', '', ' ')
    """
    beside = before[max(0, len(before.rstrip()) - 1) :] + after[: len(after) - len(after.lstrip()) + 1]
    return "" if any(first <= each <= last for each in beside for first, last in _UNSPACED) else " "


def joined(texts: Iterable[str]) -> str:
    """Returns the texts in one line; those without a word are left out."""
    line = ""
    for text in filter(None, map(str.strip, texts)):
        line += f"{between(line, text)}{text}" if line else text
    return line


_MAX_RECORDING_S = 1e9  # seconds of any recording
_UNLIKELY = "[unlikely] "


@dataclass(frozen=True, slots=True)
class Word:
    """One word and when it was said; `probability` is the model's, from 0 to 1, None where it tells none."""

    word: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or phrase.

    `words` is empty where the engine knows no word times, `speaker` (such as `SPEAKER_00`) where nobody asked.
    `unlikely`: it is probably not what was said, but in another language than the model knows (`Transcript.unlikely`).
    """

    id: int
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str = ""
    unlikely: bool = False

    @property
    def mark(self) -> str:
        """The mark before its text in formats that have no field for `unlikely`; empty where that is likely."""
        return _UNLIKELY if self.unlikely else ""

    @classmethod
    def of(cls, data: SegmentData) -> Segment:
        """Reads a worker's `partial` of the kind `segment`. Raises `protocol_error` for times that no recording has."""
        return cls(
            id=data.id,
            start=_seconds(data.start),
            end=_seconds(data.end),
            text=data.text,
            words=tuple(
                Word(word.word, _seconds(word.start), _seconds(word.end), word.probability) for word in data.words
            ),
            speaker=data.speaker,
            unlikely=data.unlikely,
        )


def _seconds(value: float) -> float:
    if not abs(value) <= _MAX_RECORDING_S:
        raise HushdError("protocol_error", f"A time in the transcript is {value} s: no recording is so long.")
    return float(value)


class Layout(NamedTuple):
    """The most `columns` of a line of subtitles, and `lines` of a subtitle."""

    columns: int
    lines: int


USUAL = Layout(42, 2)  # the trade's


class Segments(Protocol):
    """A transcript, whole or still being made; all but the segments counts once these have been read.

    `diarized`: whether speakers were requested.
    """

    @property
    def diarized(self) -> bool: ...

    @property
    def language(self) -> str: ...

    @property
    def language_probability(self) -> float | None: ...

    @property
    def warnings(self) -> tuple[ResultWarning, ...]: ...

    @property
    def unlikely(self) -> tuple[tuple[float, float], ...]: ...

    @property
    def model(self) -> str: ...

    def __iter__(self) -> Iterator[Segment]: ...


def data_of(segment: Segment, rest_s: float | None = None, language: str = "") -> SegmentData:
    """Returns a segment without its speaker: transcriptions with speakers are not resumed."""
    words = tuple(map(WordData.like, segment.words))
    return SegmentData.like(segment, kind="segment", speaker="", words=words, rest=rest_s, language=language)


def drop_repeated(segments: list[Segment], rest_s: float) -> None:
    """Removes the last segments, as far as a request for the recording from `rest_s` on returns them again."""
    while segments and segments[-1].start >= rest_s and segments[-1].end > rest_s:
        segments.pop()
