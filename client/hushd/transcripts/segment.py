"""Segments and words of a transcript. Times are seconds from the start of the audio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_LONGEST_S = 1e9  # of any recording


@dataclass(frozen=True, slots=True)
class Word:
    """One word and when it was said."""

    word: str
    start: float
    end: float


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
    def from_data(cls, data: dict[str, Any]) -> Segment:
        """From the data of a worker's `partial` of the kind `segment`.

        Raises:
            ValueError, TypeError, KeyError, AttributeError, OverflowError: the data is of another kind.
        """
        return cls(
            id=int(data.get("id", 0)),
            start=_seconds(data.get("start", 0.0)),
            end=_seconds(data.get("end", 0.0)),
            text=str(data.get("text", "")),
            words=tuple(
                Word(str(word["word"]), _seconds(word["start"]), _seconds(word["end"]))
                for word in data.get("words") or ()
            ),
            speaker=str(data.get("speaker") or ""),
            unlikely=bool(data.get("unlikely")),
        )


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not abs(seconds) <= _LONGEST_S:
        raise ValueError(f"a time is {seconds}")
    return seconds
