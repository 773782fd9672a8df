"""Segments and words of a transcript. Times are seconds from the start of the audio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass

if TYPE_CHECKING:
    from hushd_schema.results import SegmentData

    from hushd.transport.warning import ResultWarning

_MAX_S = 1e9  # of any recording


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

    @classmethod
    def of(cls, data: SegmentData) -> Segment:
        """From a worker's `partial` of the kind `segment`.

        Raises:
            HushdError: `protocol_error` for times that no recording has.
        """
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
    if not abs(value) <= _MAX_S:
        raise HushdError("protocol_error", f"A time in the transcript is {value} s: no recording is so long.")
    return float(value)


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

    def __iter__(self) -> Iterator[Segment]: ...
