"""What a request gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .segment import Segment

if TYPE_CHECKING:
    from .cues import Layout


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in one recording.

    Attributes:
        segments: in order of time.
        language: a code such as `en`; empty where the engine does not say.
        duration: seconds of audio.
        ended: what ended it: `input`, or, live, `endpoint` when the speaker stopped, `silence` when nobody spoke for
            the time set in a continuous session.
    """

    segments: tuple[Segment, ...]
    language: str = ""
    duration: float = 0.0
    ended: str = "input"

    @property
    def text(self) -> str:
        """All segments in one line."""
        return " ".join(text for segment in self.segments if (text := segment.text.strip()))

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __str__(self) -> str:
        return self.text

    @property
    def diarized(self) -> bool:
        """Whether it is known who spoke."""
        return any(segment.speaker for segment in self.segments)

    def render(self, form: str, layout: Layout | None = None) -> str:
        """As `txt`, `vtt`, `srt`, `tsv` or `json`; `layout` is for subtitles and None means readable ones.

        Raises:
            HushdError: `bad_request` for another format.
        """
        from .formats import render  # only who asks for it pays for it

        return "".join(render(form, self, layout))


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that `synthesize` takes by its name. `sample` is a sentence to try it with."""

    name: str
    language: str
    engine: str
    model: str = ""
    gender: str = ""
    installed: bool = True
    sample: str = ""

    @classmethod
    def from_data(cls, data: dict[str, Any], engine: str) -> Voice:
        """From a voice in the description of `engine`."""
        return cls(
            name=data["name"],
            language=data.get("language", ""),
            engine=data.get("engine", engine),
            model=data.get("model", ""),
            gender=data.get("gender") or "",
            installed=data.get("installed", True),
            sample=data.get("sample") or "",
        )
