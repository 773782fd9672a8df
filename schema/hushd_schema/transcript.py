"""The answers to `transcribe`: segments, live events, and the result.

Times are seconds from the start of the audio, to the millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Required, TypedDict

from hushd_protocol.light_dataclass import dataclass

from .record import Record
from .warned import Warned


@dataclass(frozen=True, slots=True, kw_only=True)
class WordData(Record):
    """A word with its times; `probability` is the model's, None if it has none."""

    word: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentData(Record):
    """A sentence or phrase.

    Attributes:
        kind: `segment`; live events have other kinds.
        id: its number in the answer, from 0.
        speaker: the speaker, such as `SPEAKER_00`; empty without `diarize`.
        words: its words; none if the engine cannot time them.
        rest: the start of a request for the audio after it; None for live audio.
        language: the language of a recording; empty if unknown.
        unlikely: whether its text is probably wrong.
    """

    kind: str
    id: int
    start: float
    end: float
    text: str
    speaker: str = ""
    words: tuple[WordData, ...] = ()
    rest: float | None = None
    language: str = ""
    unlikely: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch(Record):
    """A part of a recording."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerVoice(Record):
    """A speaker's voiceprint (`hushd_schema.voiceprint`), and the seconds of speech from which it was made."""

    speaker: str
    voiceprint: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptResult(Warned):
    """The result of `transcribe`.

    Attributes:
        language: the language; empty if unknown.
        language_probability: the probability, from 0 to 1, of a language that a model has detected.
        duration: the length of the audio.
        segments: the number of segments.
        ended: the end of live audio: `input`, `endpoint` or `silence`.
        unlikely: the stretches whose text is probably wrong.
        speakers: the number of speakers; None without `diarize`.
        voices: the speakers' voices, in the order in which they first speak; none unless requested.
    """

    language: str
    duration: float
    segments: int
    language_probability: float | None = None
    ended: str = ""
    unlikely: tuple[Stretch, ...] = ()
    speakers: int | None = None
    voices: tuple[SpeakerVoice, ...] = ()


class LiveEvent(TypedDict, total=False):
    """An event of live audio besides segments; programs get it as it is sent.

    Attributes:
        kind: `began`, `ended`, `nothing`, `unstable`, `speaker` or `revised`.
        start: in `began`, the start of speech; in `speaker`, the start of that person's speech.
        stable, text: in `unstable`, the final part of the text, and all of the text so far.
        speaker: in `speaker`, the speaker of the speech that has no segment yet; in `revised`, of the `segments`.
        segments: in `revised`, the ids of segments that had another speaker.
    """

    kind: Required[str]
    start: float
    stable: str
    text: str
    speaker: str
    segments: list[int]


OnEvent = Callable[[str, LiveEvent], None]  # takes the kind and the event
