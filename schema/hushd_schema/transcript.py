"""The answers to `transcribe`: segments as soon as they are known, live events, and the result.

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
    """A word and when it was said; `probability` is the model's, None where it tells none."""

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
        speaker: such as `SPEAKER_00`; empty where nobody asked.
        words: none where the engine does not know their times.
        rest: where a request for what follows it begins; None for live audio.
        language: of a recording; empty where it is not known.
        unlikely: whether it is probably not what was said.
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
    """A speaker's voice, as text (`hushd_schema.voiceprint`), and of how many seconds of speech it was made."""

    speaker: str
    voiceprint: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptResult(Warned):
    """The result of `transcribe`.

    Attributes:
        language: empty where it is not known.
        language_probability: where nobody named it, and a model found it and tells how likely it is, from 0 to 1.
        duration: of the audio.
        segments: their number.
        ended: of live audio, what ended it: `input`, `endpoint` or `silence`.
        unlikely: the stretches whose text is probably not what was said.
        speakers: their number; None where nobody asked.
        voices: those of the speakers, in the order in which they first speak; none where nobody asked.
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
    """News of live audio besides segments, which programs get as it is sent.

    Attributes:
        kind: `began`, `ended`, `nothing`, `unstable`, `echo`, `speaker` or `revised`.
        start: of `began`: since when somebody speaks; of `speaker`: since when it is that person.
        stable, text: of `unstable`: the text so far, and what of it will not change any more.
        gone: of `echo`: whether the loudspeaker's echo is cancelled.
        speaker: of `speaker`: who says what has no segment yet; of `revised`: who says the `segments`.
        segments: of `revised`: the ids of segments that had another speaker.
    """

    kind: Required[str]
    start: float
    stable: str
    text: str
    gone: bool
    speaker: str
    segments: list[int]


OnEvent = Callable[[str, LiveEvent], None]  # takes the kind, and all of the event
