"""Segments and words of a transcript. Times are seconds from the start of the audio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
    """

    id: int
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str = ""

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Segment:
        """From the data of a worker's `partial` of the kind `segment`."""
        return cls(
            id=int(data.get("id", 0)),
            start=float(data.get("start", 0.0)),
            end=float(data.get("end", 0.0)),
            text=str(data.get("text", "")),
            words=tuple(
                Word(str(word["word"]), float(word["start"]), float(word["end"])) for word in data.get("words") or ()
            ),
            speaker=str(data.get("speaker") or ""),
        )
