"""A finished transcript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import dataclass

from hushd.transport.warning import ResultWarning

from .segment import Segment
from .spacing import joined

if TYPE_CHECKING:
    from hushd_schema.results import SpeakerVoice

    from .cues import Layout


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of one recording, in segments.

    Attributes:
        segments: in order of time.
        language: a code such as `en`; empty where the engine does not say.
        duration: seconds of audio.
        ended: what ended it: `input`, or, live, `endpoint` when the speaker stopped, `silence` when nobody spoke for
            the time set in a continuous session.
        warnings: reasons to doubt the text, such as a language that the model does not know.
        unlikely: the stretches of it, start and end in seconds, that are probably not what was said.
        language_probability: of `language`, from 0 to 1, where nobody named it, and a model found it and tells.
        voices: those of the speakers, with `voiceprints`.
    """

    segments: tuple[Segment, ...]
    language: str = ""
    duration: float = 0.0
    ended: str = "input"
    warnings: tuple[ResultWarning, ...] = ()
    unlikely: tuple[tuple[float, float], ...] = ()
    language_probability: float | None = None
    voices: tuple[SpeakerVoice, ...] = ()

    @property
    def text(self) -> str:
        """The text of all segments in one line."""
        return joined(segment.text for segment in self.segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __str__(self) -> str:
        return self.text

    @property
    def diarized(self) -> bool:
        """True if the segments say who speaks."""
        return any(segment.speaker for segment in self.segments)

    def render(self, form: str, layout: Layout | None = None, doubtful: float | None = None) -> str:
        """As `txt`, `vtt`, `srt`, `tsv` or `json`; `layout` is for subtitles and None means readable ones. Words with a
        probability below `doubtful` are marked, as `hushd.transcripts.formats.render` says.

        Raises:
            HushdError: `bad_request` for another format.
        """
        from .formats import render  # imported by those who need it

        return "".join(render(form, self, layout, doubtful))

    def _repr_html_(self) -> str:
        from hushd.reports.display import clock  # for notebooks

        from .repr_html import table

        caption = ", ".join(filter(None, (self.language, clock(self.duration))))
        return table(self.segments, caption, [warning.message for warning in self.warnings])
